/**
 * Keys changed among real Serf agents and our core: `serf keys` by an agent, "manage-keys" by us, and after each the
 * rings of all three. What an agent writes into its keyring file is what it has.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { KeyOp, KeyReport } from "../../src/protocols/membership/types.ts";
import { KEYS_REFUSED } from "../../src/services/mesh/gossip.ts";
import { SEEN_MS, assertNothingRefused, effectOf, scene, until } from "./agents.ts";
import type { Agent, Scene } from "./agents.ts";

const base64 = (key: Uint8Array) => Buffer.from(key).toString("base64");
let asked = 0;

async function manage(stage: Scene, op: KeyOp, secret?: Buffer): Promise<KeyReport> {
  const key = `k${++asked}`;
  stage.driver.dispatch(
    op === "list" ? { type: "manage-keys", key, op } : { type: "manage-keys", key, op, secret: secret! },
  );
  return (await effectOf(stage, "key-report", SEEN_MS, (effect) => effect.key === key)).report;
}

function assertRings({ one, two, driver }: Scene, expected: Buffer[]): void {
  const rings = [one.ring(), two.ring(), driver.seal.keys.map(base64)];
  for (const ring of rings) assert.deepEqual(ring, expected.map(base64));
}

/** Packets and streams still open everywhere. */
async function assertTalking({ one, two, driver, effects }: Scene, word: string): Promise<void> {
  driver.dispatch({ type: "set-tags", tags: { zone: word } });
  for (const agent of [one, two]) {
    const seen = async () => (await agent.members()).get("our-box")?.tags.zone === word;
    await until(`${agent.name} sees the tag ${word}`, SEEN_MS, seen);
  }
  await two.ok("event", "-coalesce=false", word);
  await until("we hear the event", SEEN_MS, () => effects.some((e) => e.type === "user-event" && e.name === word));
}

/** Lines of `serf keys -list`: key and "[members/of]". */
async function listedBy(agent: Agent): Promise<Map<string, string>> {
  const lines = (await agent.ok("keys", "-list")).matchAll(/^([A-Za-z0-9+/=]{24,})\s+(\[\d+\/\d+\])$/gm);
  return new Map([...lines].map((line) => [line[1]!, line[2]!]));
}

test("keys come, change and go by an agent's word and by ours", { timeout: 180_000 }, async (t) => {
  const [first, second, third] = [randomBytes(32), randomBytes(16), randomBytes(32)];
  const stage = await scene(t, { net: 22, keys: [first], ringFile: true });
  const { one } = stage;
  assert.deepEqual(await listedBy(one), new Map([[base64(first), "[3/3]"]]));

  await one.ok("keys", `-install=${base64(second)}`);
  assertRings(stage, [first, second]);
  const both = await manage(stage, "list");
  assert.deepEqual([both.nodes, both.responses, both.errors, both.messages.size], [3, 3, 0, 0]);
  assert.deepEqual(both.keys, new Map([first, second].map((key) => [base64(key), 3])));
  assert.deepEqual(both.primaryKeys, new Map([[base64(first), 3]]));

  await one.ok("keys", `-use=${base64(second)}`);
  assertRings(stage, [second, first]);
  await assertTalking(stage, "agents-key");

  const removed = await manage(stage, "remove", first);
  assert.deepEqual([removed.nodes, removed.responses, removed.errors], [3, 3, 0]);
  assertRings(stage, [second]);

  assert.equal((await manage(stage, "install", third)).errors, 0);
  assert.equal((await manage(stage, "use", third)).responses, 3);
  assertRings(stage, [third, second]);
  await assertTalking(stage, "our-key");
  await one.ok("keys", `-remove=${base64(second)}`);
  assertRings(stage, [third]);
  await assertTalking(stage, "one-key");
  assertNothingRefused(stage);
});

test("what no ring allows is refused by all, and both sides hear why", { timeout: 180_000 }, async (t) => {
  const first = randomBytes(32);
  const stage = await scene(t, { net: 23, keys: [first], ringFile: true });
  const [primary, unknown] = ["Removing the primary key is not allowed", "Requested key is not in the keyring"];
  const names = ["agent-one", "agent-two", "our-box"];

  const removing = await stage.one.command("keys", `-remove=${base64(first)}`);
  const using = await stage.one.command("keys", `-use=${base64(randomBytes(32))}`);
  assert.deepEqual([removing.code, using.code], [1, 1]);
  for (const name of names) {
    assert.match(removing.stdout, new RegExp(`${name}\\s+${primary}`));
    assert.match(using.stdout, new RegExp(`${name}\\s+${unknown}`));
  }
  const ours = await manage(stage, "remove", first);
  assert.deepEqual([ours.nodes, ours.responses, ours.errors], [3, 3, 3]);
  assert.deepEqual(ours.messages, new Map(names.map((name) => [name, primary])));
  assert.equal((await manage(stage, "use", randomBytes(24))).messages.get("agent-two"), unknown);
  // A key of no size that AES has: our core says what memberlist says.
  const odd = await stage.one.command("keys", `-install=${base64(randomBytes(20))}`);
  for (const name of names) assert.match(odd.stdout, new RegExp(`${name}\\s+key size must be 16, 24 or 32 bytes`));
  assertRings(stage, [first]);
});

test("a member may refuse, as a box of Comú does", { timeout: 180_000 }, async (t) => {
  const first = randomBytes(32);
  const stage = await scene(t, { net: 24, keys: [first], ringFile: true, ours: { refuseKeys: KEYS_REFUSED } });
  for (const args of [["-list"], [`-install=${base64(randomBytes(32))}`], [`-use=${base64(first)}`]]) {
    const { code, stdout } = await stage.one.command("keys", ...args);
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`failed:\\s+our-box\\s+${KEYS_REFUSED}`));
    assert.match(stdout, /1\/3 nodes reported failure/);
  }
  assert.deepEqual(stage.driver.seal.keys.map(base64), [base64(first)]);
  const report = await manage(stage, "list");
  assert.deepEqual([report.errors, report.keys.get(base64(first))], [1, 2]);
  assert.deepEqual(report.messages, new Map([["our-box", KEYS_REFUSED]]));
});

test("in the clear there is no keyring, here or there", { timeout: 180_000 }, async (t) => {
  const stage = await scene(t, { net: 25 });
  const words = "Keyring is empty (encryption not enabled)";
  const report = await manage(stage, "list");
  assert.deepEqual(report.messages, new Map(["agent-one", "agent-two", "our-box"].map((name) => [name, words])));
  const ours = await manage(stage, "install", randomBytes(32));
  assert.deepEqual([...ours.messages.values()], Array(3).fill("No keyring to modify (encryption not enabled)"));
  const theirs = await stage.one.command("keys", `-install=${base64(randomBytes(32))}`);
  assert.equal(theirs.code, 1);
  assert.match(theirs.stdout, /our-box\s+No keyring to modify \(encryption not enabled\)/);
  assert.equal(stage.driver.seal.on, false);
});

test("more keys than an answer holds are cut, with a word about it, on both sides", { timeout: 180_000 }, async (t) => {
  const keys = Array.from({ length: 40 }, () => randomBytes(32));
  const stage = await scene(t, { net: 26, keys });
  const report = await manage(stage, "list");
  const cut = /^truncated key list response, showing first (\d+) of 40 keys$/;
  assert.deepEqual([report.nodes, report.responses, report.errors], [3, 3, 0]);
  const shown = ["agent-one", "agent-two", "our-box"].map((name) => Number(cut.exec(report.messages.get(name)!)![1]));
  // From the same bytes of room, and names of nearly one length, both make nearly as much.
  assert.ok(Math.min(...shown) >= 15 && Math.max(...shown) - Math.min(...shown) <= 1, shown.join(" "));
  assert.equal(
    [...report.keys.values()].reduce((sum, count) => sum + count),
    shown.reduce((sum, count) => sum + count),
  );
  const listed = await listedBy(stage.one);
  assert.equal(listed.size, Math.max(...shown));
  assert.equal(listed.get(base64(keys[0]!)), "[3/3]");
  assert.match(stage.one.output(), new RegExp(`truncated key list response, showing first ${shown[2]} of 40 keys`));
});
