/** Which names that are no box's may be in the gossip, and how many: asked of the rule, and of real membership. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { lan } from "../../protocols/membership/constants.ts";
import { createMembership } from "../../protocols/membership/membership.ts";
import { AGENTS_KNOWN_MAX, AGENTS_MAX, AGENT_NAME_LENGTH_MAX, createAgents, isAgentName } from "./agents.ts";

const BOX = "a".repeat(52);

test("a box's id is no agent's name; what cannot be shown is nobody's", () => {
  const agents = createAgents(() => true);
  assert.equal(isAgentName(BOX), false);
  assert.equal(isAgentName("laptop"), true);
  for (const name of ["", "two\nlines", "turned\u202eround", "x".repeat(AGENT_NAME_LENGTH_MAX + 1)]) {
    assert.equal(agents.admit(name), false, JSON.stringify(name));
  }
  assert.equal(agents.admit("x".repeat(AGENT_NAME_LENGTH_MAX)), true);
});

test("AGENTS_MAX at one time; who leaves makes room; the setting shuts the door", () => {
  let allowed = true;
  const agents = createAgents(() => allowed);
  for (let n = 0; n < AGENTS_MAX; n += 1) assert.ok(agents.admit(`agent-${n}`));
  assert.equal(agents.admit("one-more"), false);
  assert.ok(agents.admit("agent-0"), "with new tags");
  agents.changed("failed", "agent-3");
  assert.equal(agents.count(), AGENTS_MAX - 1);
  assert.ok(agents.admit("one-more"));
  assert.equal(agents.admit("agent-3"), false, "its place is taken");
  agents.changed("leave", "one-more");
  assert.ok(agents.admit("agent-3"));
  allowed = false;
  assert.equal(agents.admit("agent-3"), false);
});

test("AGENTS_KNOWN_MAX names, until gossip forgets some", () => {
  const agents = createAgents(() => true);
  for (let n = 0; n < AGENTS_KNOWN_MAX; n += 1) {
    assert.ok(agents.admit(`agent-${n}`));
    agents.changed("leave", `agent-${n}`);
  }
  assert.equal(agents.count(), 0);
  assert.equal(agents.admit("new"), false);
  assert.ok(agents.admit("agent-5"), "an old one may come back");
  agents.changed("reap", "agent-7");
  assert.ok(agents.admit("new"));
  assert.equal(agents.names().length, AGENTS_KNOWN_MAX);
  agents.changed("join", BOX);
  assert.equal(agents.names().includes(BOX), false);
});

test("one message with more agents than may be in fills no more places", () => {
  const agents = createAgents(() => true);
  const advertise = { address: "10.0.0.1", port: 7946 };
  const config = { name: BOX, advertise, profile: lan, admit: (name: string) => agents.admit(name) };
  const core = createMembership(config, { random: seededRandom(1) });
  core.step(0, { type: "tick" });
  for (let n = 0; n < AGENTS_MAX + 5; n += 1) {
    const address = { address: "10.0.1.1", port: 8000 + n };
    const agent = createMembership(
      { name: `agent-${n}`, advertise: address, profile: lan },
      { random: seededRandom(n) },
    );
    agent.step(0, { type: "tick" });
    const effects = core.step(1, { type: "stream-received", id: n, from: address, bytes: agent.snapshot() });
    for (const effect of effects) if (effect.type === "member") agents.changed(effect.change, effect.member.name);
  }
  assert.equal(core.members().length, 1 + AGENTS_MAX);
  assert.equal(core.counts().refused["not-admitted"], 5);
  assert.equal(agents.count(), AGENTS_MAX);
});
