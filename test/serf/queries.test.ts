/**
 * Queries between real Serf agents and our core, in both directions: answers and acknowledgements, filters by node
 * and by tag, copies of answers through other members (the direct way is cut), and Serf's own ping.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { QueryFilter } from "../../src/protocols/membership/serf.ts";
import type { QueryRequest } from "../../src/protocols/membership/types.ts";
import { SEEN_MS, assertNothingRefused, effectOf, scene, utf8 } from "./agents.ts";
import type { Scene } from "./agents.ts";

const QUERY_TIMEOUT_MS = 900;
/** Answers come in UDP and within a time: when some are late, it is asked again with more of it. */
const LATE_TIMEOUT_MS = 6_000;
/**
 * An agent picks whom it gives a copy by nine throws among three members: in one of forty questions it never throws
 * the one that the test waits for. It is asked again then.
 */
const RELAY_TRIES_MAX = 6;
const AGENT_TRIES_MAX = 3;
const AGENTS = { "agent-one": "I am agent-one", "agent-two": "I am agent-two" };
let keys = 0;

/** Asks with our core; gives answers by name, and who acknowledged. */
async function askOurs(stage: Scene, more: Partial<QueryRequest>) {
  const key = `q${++keys}`;
  const query = { name: "whoami", payload: Buffer.from("abc"), wantAck: true, timeoutMs: QUERY_TIMEOUT_MS, ...more };
  stage.driver.dispatch({ type: "query", key, query });
  const done = await effectOf(stage, "query-done", SEEN_MS, (effect) => effect.key === key);
  const answers: Record<string, string> = {};
  const acks: string[] = [];
  for (const effect of stage.effects) {
    if (effect.type === "query-response" && effect.key === key) answers[effect.from] = utf8(effect.payload);
    if (effect.type === "query-ack" && effect.key === key) acks.push(effect.from);
  }
  assert.deepEqual([done.acks, done.responses], [acks.length, Object.keys(answers).length]);
  return { answers, acks: acks.sort() };
}

const EVERYBODY = ["agent-one", "agent-two", "our-box"];

/** The same with more time, when not all of these have answered and acknowledged. */
async function askOursFor(stage: Scene, expected: readonly string[], more: Partial<QueryRequest>) {
  const first = await askOurs(stage, more);
  const isWhole = expected.every((name) => first.acks.includes(name) && name in first.answers);
  return isWhole ? first : askOurs(stage, { ...more, timeoutMs: LATE_TIMEOUT_MS });
}

async function everybody(stage: Scene): Promise<void> {
  const answer = await askAgent(stage, EVERYBODY);
  assert.deepEqual(answer.Acks!.sort(), EVERYBODY);
  assert.deepEqual(answer.Responses, { ...AGENTS, "our-box": "box heard f" });
  const ours = await askOursFor(stage, EVERYBODY, {});
  assert.deepEqual(ours, { answers: { ...AGENTS, "our-box": "box heard abc" }, acks: EVERYBODY });
}

/** Each filter, given to the agent as arguments and to our core: the same members answer and acknowledge. */
const FILTERS: [args: string[], filters: QueryFilter[], expected: string[]][] = [
  [["-node=our-box"], [{ type: "nodes", nodes: ["our-box"] }], ["our-box"]],
  [
    ["-node=agent-one", "-node=agent-two"],
    [{ type: "nodes", nodes: ["agent-one", "agent-two"] }],
    ["agent-one", "agent-two"],
  ],
  [["-tag=zone=^Gr.cia$"], [{ type: "tag", tag: "zone", expression: "^Gr.cia$" }], ["our-box"]],
  [["-tag=kind=[a-c]ox"], [{ type: "tag", tag: "kind", expression: "[a-c]ox" }], ["our-box"]],
  [["-tag=role=^agent-t"], [{ type: "tag", tag: "role", expression: "^agent-t" }], ["agent-two"]],
  [
    ["-node=agent-one", "-tag=role=two"],
    [
      { type: "nodes", nodes: ["agent-one"] },
      { type: "tag", tag: "role", expression: "two" },
    ],
    [],
  ],
];

/**
 * Two questions that an agent is asked in the same moment may get one logical time, and then the answers of one of
 * them are lost in the agent: not even its own comes. Others may be late. It is asked again then, with more time.
 */
async function askAgent(stage: Scene, expected: readonly string[], ...args: string[]) {
  const ask = (timeoutMs: number) => stage.one.ask(`-timeout=${timeoutMs}ms`, ...args, "whoami", "f");
  let answer = await ask(QUERY_TIMEOUT_MS);
  const isWhole = () => expected.every((name) => answer.Acks?.includes(name) && name in answer.Responses);
  for (let tries = 1; tries < AGENT_TRIES_MAX && !isWhole(); tries++) answer = await ask(LATE_TIMEOUT_MS);
  return answer;
}

async function filtered(stage: Scene): Promise<void> {
  await Promise.all(
    FILTERS.map(async ([args, filters, expected]) => {
      const theirs = await askAgent(stage, expected, ...args);
      assert.deepEqual(Object.keys(theirs.Responses).sort(), expected, args.join(" "));
      assert.deepEqual((theirs.Acks ?? []).sort(), expected, args.join(" "));
      const ours = await askOursFor(stage, expected, { filters });
      assert.deepEqual(Object.keys(ours.answers).sort(), expected, args.join(" "));
      assert.deepEqual(ours.acks, expected, args.join(" "));
    }),
  );
}

/** No packet between agent-one and us: answers arrive through agent-two, or not at all. */
async function relayed(stage: Scene): Promise<void> {
  const { one, driver } = stage;
  const oneAndUs = ["agent-one", "our-box"];
  // Its query comes round by way of agent-two, and our answer goes back that way.
  driver.cut.add(one.address);
  const nodes = oneAndUs.map((name) => `-node=${name}`);
  const alone = await one.ask(`-timeout=${QUERY_TIMEOUT_MS}ms`, ...nodes, "whoami", "d");
  const ask = (timeoutMs: number) => one.ask(`-timeout=${timeoutMs}ms`, "-relay-factor=2", ...nodes, "whoami", "r");
  let helped = await ask(QUERY_TIMEOUT_MS);
  if (!helped.Responses["our-box"]) helped = await ask(LATE_TIMEOUT_MS);
  const filters: QueryFilter[] = [{ type: "nodes", nodes: oneAndUs }];
  const aloneOurs = await askOurs(stage, { filters });
  let helpedOurs = await askOurs(stage, { filters, relayFactor: 2 });
  for (let tries = 1; tries < RELAY_TRIES_MAX && !helpedOurs.answers["agent-one"]; tries++) {
    helpedOurs = await askOurs(stage, { filters, relayFactor: 2 });
  }
  driver.cut.clear();
  assert.deepEqual(Object.keys(alone.Responses), ["agent-one"]);
  assert.equal(helped.Responses["our-box"], "box heard r");
  assert.deepEqual(Object.keys(aloneOurs.answers), ["our-box"]);
  assert.equal(helpedOurs.answers["agent-one"], "I am agent-one");
}

/** Agent-one asks for copies; agent-two gives us its answer to pass on, and we do. */
async function relaying({ one, driver }: Scene): Promise<void> {
  const passedOn: string[] = [];
  driver.onSend = (to, bytes) => {
    if (Buffer.from(bytes).includes("I am agent-two")) passedOn.push(to.address);
  };
  let answered: string | undefined;
  for (let tries = 0; tries < RELAY_TRIES_MAX && (passedOn.length === 0 || answered === undefined); tries++) {
    const { Responses } = await one.ask(`-timeout=${QUERY_TIMEOUT_MS}ms`, "-relay-factor=2", "whoami", "p");
    answered ??= Responses["agent-two"];
  }
  driver.onSend = () => {};
  assert.equal(answered, "I am agent-two");
  assert.deepEqual([...new Set(passedOn)], [one.address]);
}

async function pinged(stage: Scene): Promise<void> {
  const reached = await stage.one.ok("reachability", "-verbose");
  for (const name of ["agent-one", "agent-two", "our-box"]) assert.match(reached, new RegExp(`Ack from '${name}'`));
  assert.match(reached, /Successfully contacted all live nodes/);
  const ours = await askOurs(stage, { name: "_serf_ping", payload: Buffer.alloc(0) });
  assert.deepEqual(ours, { answers: {}, acks: ["agent-one", "agent-two", "our-box"] });
  assert.ok(!stage.effects.some((effect) => effect.type === "query" && effect.name.startsWith("_serf_")));
}

// Most of their time is waiting, so all go at one time.
describe("queries with real agents", { concurrency: true }, () => {
  for (const sealed of [false, true]) {
    test(`queries with two agents, ${sealed ? "sealed" : "in the clear"}`, { timeout: 180_000 }, async (t) => {
      const stage = await scene(t, { net: 21, keys: sealed ? [randomBytes(32)] : [] });
      await everybody(stage);
      await filtered(stage);
      await relaying(stage);
      await pinged(stage);
      await relayed(stage);
      assertNothingRefused(stage);
    });
  }
});
