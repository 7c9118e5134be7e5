/** Events and queries: what is sent and how often, what comes back, which questions a box answers, and how often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { settled, virtualClock } from "../../kernel/virtual-clock.ts";
import { QUERY_BYTES_MAX, USER_EVENT_BYTES_MAX } from "../../protocols/membership/constants.ts";
import { MembershipError } from "../../protocols/membership/errors.ts";
import { seededRandom } from "../../kernel/random.ts";
import {
  ANSWERS_PER_MINUTE_MAX,
  EVENTS_SENT_PER_MINUTE_MAX,
  QUERIES_SENT_PER_MINUTE_MAX,
  createBroadcasting,
  readable,
} from "./broadcasting.ts";
import { QUERY_TIMEOUT_MS_MAX } from "./gossip-contract.ts";
import { createGossip } from "./gossip.ts";
import type { Gossip, GossipNews } from "./gossip.ts";
import { createSealing } from "./sealing.ts";
import { createLog } from "../../kernel/log.ts";

const ID = "a".repeat(52);

/** A box alone in its gossip: it hears itself, as every member does. */
function alone() {
  const clock = virtualClock();
  const random = seededRandom(3);
  const news: GossipNews[] = [];
  const asked: string[] = [];
  const gossip: Gossip = createGossip({
    clock,
    random,
    log: createLog({ clock, level: "error", write: () => {} }),
    name: ID,
    advertise: { address: "10.0.0.1", port: 7946 },
    profile: "lan",
    tags: { n: "Forn", zone: "a.b" },
    sealing: createSealing(() => [new Uint8Array(32)], random),
    send: () => {},
    dial: () => Promise.reject(new Error("nobody")),
    admit: () => true,
    onMember: () => {},
    onNews(one) {
      news.push(one);
      broadcasting.hear(one);
    },
  });
  const broadcasting = createBroadcasting({
    clock,
    gossip: () => gossip,
    answers: { "comu-ping": () => "pong" },
    onAsked: ({ name, tag }) => void asked.push(`${name} ${tag ?? "all"}`),
  });
  return { clock, gossip, broadcasting, news, asked };
}

const here = new AbortController().signal;
const failsWith = (code: string) => (error: unknown) => isFailure(error, code);

test("a query ends at its time with who acknowledged and who answered", async () => {
  const { clock, broadcasting } = alone();
  const known = broadcasting.ask({ name: "comu-ping", payload: "", timeoutMs: 1_000 }, here);
  const unknown = broadcasting.ask({ name: "weather", payload: "now", timeoutMs: 1_000 }, here);
  const inherited = broadcasting.ask({ name: "constructor", payload: "", timeoutMs: 1_000 }, here);
  await clock.advanceSettled(1_000);
  assert.deepEqual(await known, { acks: [ID], answers: [{ from: ID, text: "pong", encoding: "utf8" }] });
  assert.deepEqual(await unknown, { acks: [ID], answers: [] });
  assert.deepEqual(await inherited, { acks: [ID], answers: [] });
});

test("what goes out is told, also when it is not for this box; what is refused is not", async () => {
  const { clock, broadcasting, asked, news } = alone();
  const ask = (tag?: string) => broadcasting.ask({ name: "comu-ping", payload: "", tag, timeoutMs: 500 }, here);
  const going = [ask(), ask("n=Forn"), ask("n=Hort")];
  await clock.advanceSettled(500);
  await Promise.all(going);
  await assert.rejects(ask(`n=${"x".repeat(130)}`), failsWith("bad-input"));
  assert.deepEqual(asked, ["comu-ping all", "comu-ping n=Forn", "comu-ping n=Hort"]);
  const heard = news.flatMap((one) => (one.type === "query" ? [one.filtered] : []));
  assert.deepEqual(heard, [false, true], "all, and some");
});

test("a tag is the whole value, whatever letters it has", async () => {
  const { clock, broadcasting } = alone();
  const ask = (tag: string) => broadcasting.ask({ name: "comu-ping", payload: "", tag, timeoutMs: 500 }, here);
  const asked = ["n=Forn", "n=For", "zone=a.b", "zone=axb", "none="].map(ask);
  await clock.advanceSettled(500);
  const acks = (await Promise.all(asked)).map((result) => result.acks.length);
  assert.deepEqual(acks, [1, 0, 1, 0, 1]);
  await assert.rejects(ask(`n=${"x".repeat(130)}`), failsWith("bad-input"));
});

test("who goes away early gets what came so far; a session that ends lets nobody wait", async () => {
  const { clock, broadcasting } = alone();
  const caller = new AbortController();
  const asked = broadcasting.ask({ name: "comu-ping", payload: "", timeoutMs: 60_000 }, caller.signal);
  await settled();
  caller.abort();
  assert.equal((await asked).acks.length, 1);
  const waiting = broadcasting.ask({ name: "comu-ping", payload: "", timeoutMs: 60_000 }, here);
  const ping = broadcasting.ping("nobody");
  broadcasting.close();
  assert.equal((await waiting).answers.length, 1);
  assert.equal(await ping, undefined);
  clock.advance(QUERY_TIMEOUT_MS_MAX);
});

test("no query lasts longer than QUERY_TIMEOUT_MS_MAX", async () => {
  const { clock, broadcasting } = alone();
  let done = false;
  void broadcasting
    .ask({ name: "x", payload: "", timeoutMs: 10 * QUERY_TIMEOUT_MS_MAX }, here)
    .then(() => (done = true));
  await clock.advanceSettled(QUERY_TIMEOUT_MS_MAX - 1, 5_000);
  assert.equal(done, false);
  await clock.advanceSettled(1);
  assert.equal(done, true);
});

test("so many events and queries a minute, and no larger than membership takes", async () => {
  const { clock, broadcasting } = alone();
  assert.throws(() => broadcasting.sendEvent("x", "y".repeat(USER_EVENT_BYTES_MAX)), failsWith("message-too-large"));
  const tooLarge = broadcasting.ask({ name: "x", payload: "y".repeat(QUERY_BYTES_MAX) }, here);
  await assert.rejects(tooLarge, failsWith("message-too-large"));
  for (let n = 1; n < EVENTS_SENT_PER_MINUTE_MAX; n += 1) broadcasting.sendEvent("x", String(n));
  assert.throws(() => broadcasting.sendEvent("x", "more"), failsWith("too-many"));
  for (let n = 1; n < QUERIES_SENT_PER_MINUTE_MAX; n += 1) void broadcasting.ask({ name: "x", payload: "" }, here);
  await assert.rejects(broadcasting.ask({ name: "x", payload: "" }, here), failsWith("too-many"));
  clock.advance(60_000 / EVENTS_SENT_PER_MINUTE_MAX);
  broadcasting.sendEvent("x", "later");
});

test("membership's own limits come back as too many; a stranger has no round trip", async () => {
  const { broadcasting, clock } = alone();
  assert.equal(await broadcasting.ping("nobody"), undefined);
  for (const code of ["too-many-pings", "too-many-queries"] as const) {
    const command = () => {
      throw new MembershipError(code, "in the test");
    };
    const busy = createBroadcasting({ clock, gossip: () => ({ command }) as unknown as Gossip, answers: {} });
    await assert.rejects(busy.ping("somebody"), failsWith("too-many"));
    await assert.rejects(busy.ask({ name: "x", payload: "" }, here), failsWith("too-many"));
  }
});

test("ANSWERS_PER_MINUTE_MAX answers; the rest are acknowledged only", () => {
  const { clock } = alone();
  const answered: string[] = [];
  const gossip = { command: (wanted: { type: string; query: string }) => void answered.push(wanted.query) };
  const box = createBroadcasting({
    clock,
    gossip: () => gossip as unknown as Gossip,
    answers: { "comu-ping": () => "pong" },
  });
  const hear = (key: string) =>
    box.hear({
      type: "query",
      key,
      name: "comu-ping",
      payload: new Uint8Array(),
      from: ID,
      filtered: false,
      deadlineMs: 1,
    });
  for (let n = 0; n < ANSWERS_PER_MINUTE_MAX + 5; n += 1) hear(String(n));
  assert.equal(answered.length, ANSWERS_PER_MINUTE_MAX);
  clock.advance(60_000);
  hear("later");
  assert.equal(answered.at(-1), "later");
});

test("without a community nothing is sent", async () => {
  const box = createBroadcasting({ clock: virtualClock(), gossip: () => undefined, answers: {} });
  assert.throws(() => box.sendEvent("x", ""), failsWith("no-community"));
  await assert.rejects(box.ask({ name: "x", payload: "" }, here), failsWith("no-community"));
});

test("bytes of others are text where they are text", () => {
  assert.deepEqual(readable(Buffer.from("Bon dia\n")), { text: "Bon dia\n", encoding: "utf8" });
  assert.deepEqual(readable(Uint8Array.of(0xff, 1)), { text: "/wE=", encoding: "base64" });
  assert.equal(readable(Buffer.from("\u001b[2J")).encoding, "base64", "nothing that steers a terminal");
});
