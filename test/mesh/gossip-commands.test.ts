/**
 * `comu mesh …` on real boxes: members and round trips, the key ring with its roles and its change by hand, the event
 * log over restarts and followed, events and queries within their limits.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { gossipEndpoints } from "../../src/services/mesh/gossip-contract.ts";
import { EVENTS_SENT_PER_MINUTE_MAX } from "../../src/services/mesh/broadcasting.ts";
import { peopleContract } from "../../src/services/people/contract.ts";
import { Caller } from "../endpoints/caller.ts";
import { codeOf } from "../endpoints/verdict.ts";
import type { Box } from "../support/box.ts";
import { COMU_COMMAND, CommandRefused, startBox } from "../support/box.ts";
import { eventually, run, start } from "../support/process.ts";

const SEEN_MS = 60_000;
/** Answers that come later are not counted. */
const QUERY_TIME = "5s";

interface Member {
  id: string;
  name: string;
  kind: string;
  status: string;
  rttMs: number | null;
  rttAgeMs: number | null;
  localHealth: number | null;
  protocol: number;
}
interface Key {
  epoch: number;
  fingerprint: string;
  primary: boolean;
  by: string;
  why: string;
  holding: number;
  boxes: number;
  key?: string;
}
interface Line {
  id: number;
  at: string;
  type: string;
  text: string;
}

const json = <T>(box: Box, ...words: string[]) => box.cli<T>(["mesh", ...words, "--json"]);
const refused = (code: string) => (error: unknown) => error instanceof CommandRefused && error.code === code;

async function startThree(t: TestContext, community: string): Promise<[Box, Box, Box]> {
  const first = await startBox({ name: "First", owner: "Anna", newCommunity: community, until: t });
  const { code } = await first.cli<{ code: string }>(["invite", "--uses", "2", "--json"]);
  const second = await startBox({ name: "Second", owner: "Biel", join: code, until: t });
  const third = await startBox({ name: "Third", owner: "Carme", join: code, until: t });
  for (const box of [first, second, third]) {
    await eventually(`${box.name} sees all`, SEEN_MS, async () => {
      const members = await json<Member[]>(box, "members", "--status", "alive");
      return members.length === 3 && members.every(({ rttMs, kind }) => rttMs !== null && kind === "box");
    });
  }
  return [first, second, third];
}

test("members, round trips, keys, events, queries", { timeout: 300_000 }, async (t) => {
  const [first, second, third] = await startThree(t, "Commands");
  await members(first);
  await roundTrips(first);
  await keys(first, second, third);
  await roles(first);
  await messages(first);
  await log(first, third, t);
});

async function members(first: Box): Promise<void> {
  const all = await json<Member[]>(first, "members");
  assert.deepEqual(
    all.map(({ name }) => name),
    ["First", "Second", "Third"],
  );
  const [own, other] = all as [Member, Member];
  assert.ok(own.localHealth! >= 0 && own.localHealth! <= 7);
  assert.deepEqual([own.protocol, other.localHealth], [4, null]);
  assert.ok(other.rttAgeMs! >= 0 && other.rttAgeMs! < 60_000);
  assert.deepEqual((await json<Member[]>(first, "members", "--name", "^sec"))[0]!.name, "Second");
  assert.equal((await json<Member[]>(first, "members", "--tag", "n=Third")).length, 1);
  assert.deepEqual(await json<Member[]>(first, "members", "--status", "left"), []);
  const shown = await first.cli<string>(["mesh", "members"]);
  assert.match(shown, /^name +shortId +kind +status .*\nFirst .* k=1\.\S+ .*n=First role=comu/);
  const { stdout: help } = await run([...COMU_COMMAND, "mesh", "events", "--help"]);
  assert.match(help.replaceAll(/\s+/g, " "), /--since <value> .*a time ago \(30s, 10m, 2h, 1d\)/);
  await assert.rejects(
    first.cli(["mesh", "members", "--tag", "n"]),
    (error) => (error as CommandRefused).exitCode === 2,
  );
}

async function roundTrips(first: Box): Promise<void> {
  type Rtt = { from: string; to: string; rttMs: number; ageMs: number; measuredMs: number | null };
  const own = await json<Rtt>(first, "rtt", "Second", "--measure");
  assert.deepEqual([own.from, own.to], ["First", "Second"]);
  assert.ok(own.rttMs > 0 && own.ageMs >= 0 && own.measuredMs! > 0, JSON.stringify(own));
  console.log(`figure: round trip on loopback: estimated ${own.rttMs} ms, measured ${own.measuredMs} ms`);
  const others = await json<Rtt>(first, "rtt", "Second", "Third");
  assert.deepEqual([others.from, others.to, others.measuredMs], ["Second", "Third", null]);
  await assert.rejects(first.cli(["mesh", "rtt", "Second", "Third", "--measure"]), refused("rtt-not-from-here"));
  await assert.rejects(first.cli(["mesh", "rtt", "First", "--measure"]), refused("rtt-not-from-here"));
  await assert.rejects(first.cli(["mesh", "rtt", "Nobody"]), refused("member-unknown"));
}

async function keys(first: Box, second: Box, third: Box): Promise<void> {
  const [before] = await json<Key[]>(first, "keyring");
  assert.deepEqual([before!.why, before!.by, before!.holding, before!.boxes], ["with the community", "First", 3, 3]);
  assert.equal(before!.key, undefined, "not unless it is asked for");
  const [revealed] = await json<Key[]>(second, "keyring", "--reveal");
  assert.equal(Buffer.from(revealed!.key!, "base64").length, 32);
  const { stderr } = await run([...COMU_COMMAND, "mesh", "keyring", "--reveal", "--data", second.data]);
  assert.match(stderr, /^Who has this key can listen to all gossip/, "the warning goes where it is not parsed");
  await assert.rejects(second.cli(["mesh", "keyring", "rotate", "--yes"]), refused("not-steward"));
  await assert.rejects(first.cli(["mesh", "keyring", "rotate"]), refused("yes-needed"));
  const made = await json<Key>(first, "keyring", "rotate", "--yes");
  assert.deepEqual([made.epoch, made.why, made.boxes], [2, "changed by hand", 3]);
  for (const box of [first, second, third]) {
    await eventually(`${box.name} sees the new key everywhere`, SEEN_MS, async () => {
      const [newest] = await json<Key[]>(box, "keyring");
      return newest!.fingerprint === made.fingerprint && newest!.holding === 3 && newest!.primary;
    });
  }
  await assert.rejects(first.cli(["mesh", "keyring", "rotate", "--yes"]), refused("key-change-running"));
  const [now] = await json<Key[]>(third, "keyring", "--reveal");
  assert.deepEqual([now!.by, now!.key === revealed!.key], ["First", false]);
}

/** A steward's account sees the keys' list and may change them, and never sees the keys. */
async function roles(first: Box): Promise<void> {
  const { link } = await first.api<{ link: string }>("/people-invitations", {
    method: "POST",
    body: { role: "steward" },
  });
  const steward = new Caller("steward", first.url, "127.0.77.9");
  const input = { token: new URL(link).hash.slice(1), name: "Biel", password: "correct horse battery" };
  assert.equal((await steward.call(peopleContract.endpoints.accept, input)).status, 200);
  const listed = await steward.call(gossipEndpoints.keyring, {});
  assert.equal(listed.status, 200);
  assert.ok((listed.body as Key[]).every(({ key }) => key === undefined));
  const revealed = await steward.call(gossipEndpoints.keyring, { reveal: "true" });
  assert.deepEqual([revealed.status, codeOf(revealed)], [403, "not-allowed"]);
  assert.ok(!JSON.stringify(revealed.body).includes("="), "no key in the refusal");
}

async function messages(first: Box): Promise<void> {
  type Result = { asked: number; acks: string[]; answers: { member: string; payload: string }[] };
  const uptime = await json<Result>(first, "query", "comu-uptime", "--timeout", QUERY_TIME);
  assert.deepEqual([uptime.asked, uptime.acks.length, uptime.answers.length], [3, 3, 3]);
  for (const { payload } of uptime.answers) assert.match(payload, /^\d+ s$/);
  const some = await json<Result>(first, "query", "comu-ping", "--tag", "n=Second", "--timeout", QUERY_TIME);
  assert.deepEqual([some.asked, some.acks], [1, ["Second"]]);
  const asked = (await json<Line[]>(first, "events", "--type", "query")).map(({ text }) => text);
  assert.deepEqual(asked, ["First asked all: comu-uptime", "First asked some: comu-ping"]);
  await assert.rejects(first.cli(["mesh", "event", "_serf_x"]), (error) => (error as CommandRefused).exitCode === 2);
  await assert.rejects(first.cli(["mesh", "event", "big", "é".repeat(300)]), refused("message-too-large"));
  const send = (n: number) =>
    first.ask("/api/v1/mesh/events", { method: "POST", body: { name: "tick", payload: `${n}` } });
  // The event that was too large counted, too.
  for (let n = 2; n <= EVENTS_SENT_PER_MINUTE_MAX; n += 1) assert.equal((await send(n)).status, 200);
  const { status } = await send(EVENTS_SENT_PER_MINUTE_MAX + 1);
  assert.equal(status, 429, "also over the socket");
}

async function log(first: Box, third: Box, t: TestContext): Promise<void> {
  const command = [...COMU_COMMAND, "mesh", "events", "--follow", "--json", "--data", first.data];
  const follower = start(command, { name: "follower" });
  t.after(() => follower.kill());
  await follower.waitForLine(/"type":"join".*Second is here/, SEEN_MS);
  await third.kill();
  await follower.waitForLine(/"type":"failed".*Third does not answer/, SEEN_MS);
  await third.restart();
  const failedId = (await json<Line[]>(first, "events", "--type", "failed")).at(-1)!.id;
  await eventually("Third is here again", SEEN_MS, async () =>
    (await json<Line[]>(first, "events", "--after", String(failedId))).some(
      ({ type, text }) => type === "join" && /Third/.test(text),
    ),
  );
  const before = await json<Line[]>(first, "events", "--limit", "2000");
  assert.deepEqual(
    before.map(({ id }) => id),
    before.map((_, index) => before[0]!.id + index),
  );
  for (const type of ["join", "key", "event", "query", "failed"])
    assert.ok(
      before.some((line) => line.type === type),
      type,
    );
  await first.stop();
  assert.equal((await follower.exited).code, 1, "the box has stopped");
  const printed = follower
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  assert.deepEqual(new Set(printed.map((line) => (JSON.parse(line) as Line).id)).size, printed.length, "no line twice");
  await first.restart();
  const after = await json<Line[]>(first, "events", "--limit", "2000");
  assert.deepEqual(after.slice(0, before.length), before, "a restart keeps the log");
  assert.deepEqual(await json<Line[]>(first, "events", "--since", "2100-01-01T00:00:00Z"), []);
  assert.ok((await json<Line[]>(first, "events", "--since", "1d", "--type", "key")).length > 0);
  await assert.rejects(
    first.cli(["mesh", "events", "--since", "tomorrow"]),
    (error) => (error as CommandRefused).exitCode === 2,
  );
}

test("without a community there is no gossip, and it says so", { timeout: 300_000 }, async (t) => {
  const box = await startBox({ name: "Alone", owner: "Anna", newCommunity: "Short", until: t });
  await box.cli(["community", "leave", "--yes", "--json"]);
  for (const words of [["members"], ["info"], ["keyring"], ["rtt", "Alone"], ["event", "x"], ["query", "x"]]) {
    await assert.rejects(box.cli(["mesh", ...words]), refused("no-community"), words.join(" "));
  }
  assert.deepEqual(await json<Line[]>(box, "events"), [], "the log of a left community is forgotten");
});
