/** Watching, exporting and importing over HTTP, with a store in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { VALUE_BYTES_MAX } from "../../src/protocols/kv/constants.ts";
import { EXPIRES_MS_MAX } from "../../src/services/kv/client.ts";
import { IMPORT_BYTES_MAX, IMPORT_REFUSED_MAX } from "../../src/services/kv/contract.ts";
import { EXPORT_AT_ONCE, IMPORT_AT_ONCE } from "../../src/services/kv/copies.ts";
import { WATCHED_WAITING_MAX, WATCHES_MAX, WATCH_HEARTBEAT_MS } from "../../src/services/kv/following.ts";
import { kvChange, kvExported } from "../../src/services/kv/shapes.ts";
import { kvBench } from "./kv-bench.ts";

async function bench(t: TestContext) {
  const made = kvBench();
  t.after(() => made.service.stop());
  await made.service.start();
  await made.call("POST", "take-part", {}, "host");
  const watch = async (query = "") => {
    const reader = (await made.send("GET", `watch${query}`)).body!.getReader();
    const next = async () => {
      const { value, done } = await reader.read();
      return done ? undefined : new TextDecoder().decode(value);
    };
    assert.equal(await next(), "\n", "it says that it has begun");
    return { next, cancel: () => reader.cancel() };
  };
  const put = (key: string, value: string, more: object = {}) => made.call("POST", "entry", { key, value, ...more });
  return { ...made, watch, put };
}

function rows(text: string | undefined) {
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => kvChange.parse(JSON.parse(line)));
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const base64url = (text: string) => Buffer.from(text).toString("base64url");

test("a watch tells changes of one key, or of all that begin so", async (t) => {
  const { watch, put, call } = await bench(t);
  const [one, some, all] = [await watch("?key=a"), await watch("?prefix=a"), await watch()];
  const wait = one.next();
  await put("ab", "1");
  await put("b", "1");
  await put("a", "1");
  await call("DELETE", "value?key=ab");
  assert.deepEqual(
    rows(await wait).map((row) => [row.event, "key" in row && row.key, "value" in row && row.value]),
    [["set", "a", "1"]],
  );
  const told = rows(await some.next()).map((row) => [row.event, "key" in row && row.key]);
  assert.deepEqual(told, [
    ["removed", "ab"],
    ["set", "a"],
  ]);
  assert.equal(rows(await all.next()).length, 3);
});

test("a removal that is heard again is told once; one after the key was there again is told", async (t) => {
  const { watch, put, call, watches } = await bench(t);
  const one = await watch("?key=a");
  const events = async () => rows(await one.next()).map(({ event }) => event);
  await put("a", "1");
  await call("DELETE", "value?key=a");
  assert.deepEqual(await events(), ["removed"]);
  for (const tell of watches) tell("a", undefined);
  await put("a", "2");
  assert.deepEqual(await events(), ["set"]);
  for (const tell of watches) tell("a", undefined);
  assert.deepEqual(await events(), ["removed"]);
});

test("who reads slowly gets the newest state of each key, and is told when some were lost", async (t) => {
  const { watch, put } = await bench(t);
  const slow = await watch();
  await put("same", "1");
  await put("same", "2");
  assert.deepEqual(
    rows(await slow.next()).map((row) => "value" in row && row.value),
    ["2"],
  );
  for (let n = 0; n <= WATCHED_WAITING_MAX; n++) await put(`k${n}`, "");
  const told = rows(await slow.next());
  assert.equal(told[0]!.event, "lost");
  assert.equal(told.length, WATCHED_WAITING_MAX + 1);
  await put("after", "");
  assert.deepEqual(
    rows(await slow.next()).map((row) => row.event),
    ["set"],
  );
});

test("a quiet watch is kept alive, and ends when the box takes no part any more", async (t) => {
  const { watch, clock, call } = await bench(t);
  const quiet = await watch();
  const beat = quiet.next();
  await settled();
  clock.advance(WATCH_HEARTBEAT_MS);
  assert.equal(await beat, "\n");
  await call("POST", "leave", {}, "host");
  assert.equal(await quiet.next(), undefined);
});

test("watches are limited, and a place is free again when one hangs up", async (t) => {
  const { watch, watches, send, code, call } = await bench(t);
  const open = [];
  for (let n = 0; n < WATCHES_MAX; n++) open.push(await watch());
  assert.equal(await code(send("GET", "watch")), "429 kv-watches-full");
  // It hangs up while it sleeps.
  const waiting = open[0]!.next();
  await settled();
  await open[0]!.cancel();
  assert.equal(await waiting, undefined);
  assert.equal(watches.size, WATCHES_MAX - 1);
  await watch();
  assert.equal(await code(call("GET", "watch?key=a&prefix=b")), "400 bad-input");
});

test("what was exported is imported: nothing is overwritten unless it is wished", async (t) => {
  const { send, put, call, clock, json } = await bench(t);
  const count = EXPORT_AT_ONCE * 2 + 1;
  for (let n = 0; n < count; n++) await put(`k${n}`, `value ${n}`);
  await put("ends", "soon", { ttl: "10s" });
  const text = await (await send("GET", "export", undefined, {}, "host")).text();
  const lines = text.trim().split("\n");
  assert.equal(lines.length, count + 1);
  for (const line of lines) kvExported.parse(JSON.parse(line));
  assert.equal((await (await send("GET", "export?prefix=k1", undefined, {}, "host")).text()).split("\n").length, 9);

  const back = (query = "") => json(send("POST", `import${query}`, text, {}, "host"));
  const none = { written: 0, kept: 0, expired: 0, refused: 0, refusals: [] };
  assert.deepEqual((await back()).body, { ...none, kept: count + 1 });
  await put("k3", "changed");
  await call("DELETE", "value?key=k4");
  assert.deepEqual((await back()).body, { ...none, written: 1, kept: count });
  assert.equal((await call("GET", "entry?key=k3")).body["value"], "changed");
  clock.advance(10_000);
  assert.deepEqual((await back("?overwrite=true")).body, { ...none, written: count, expired: 1 });
  assert.equal((await call("GET", "entry?key=k3")).body["value"], "value 3");
});

test("whatever end a key has, its exported line is one that import takes", async (t) => {
  const { send, json, memory, call } = await bench(t);
  const ends = [253_402_300_800_000, EXPIRES_MS_MAX, 2 ** 48 - 1];
  for (const ms of ends) {
    const put = { type: "put", value: new Uint8Array(), expiry: { type: "at", ms } } as const;
    await memory.run(`at ${ms}`, put);
  }
  const text = await (await send("GET", "export", undefined, {}, "host")).text();
  assert.match(text, /"\+010889-08-02/);
  for (const ms of ends) await call("DELETE", `value?key=at%20${ms}`);
  const { body } = await json(send("POST", "import", text, {}, "host"));
  assert.deepEqual([body["written"], body["refused"]], [ends.length, 0]);
  const { body: kept } = await call("GET", `ttl?key=at%20${EXPIRES_MS_MAX}`);
  assert.equal(kept["expiresAt"], "5138-11-16T09:46:40.000Z");
  const bad = JSON.stringify({ key: "YQ", value: "", expiresAt: "+010889-13-02T00:00:00.000Z" });
  assert.equal((await json(send("POST", "import", bad, {}, "host"))).body["refused"], 1);
});

test("lines that cannot be are counted and told by number; what stops all stops the import", async (t) => {
  const { send, json, memory, code } = await bench(t);
  const line = (key: string, value = "") => JSON.stringify({ key: base64url(key), value, expiresAt: null });
  const bad = [
    "no JSON",
    JSON.stringify({ key: "a", value: "a b", expiresAt: null }),
    line("k".repeat(513)),
    line("large", "A".repeat(Math.ceil(((VALUE_BYTES_MAX + 1) * 4) / 3))),
  ];
  const { body } = await json(send("POST", "import?firstLine=11", [line("good"), "", ...bad].join("\n"), {}, "host"));
  assert.deepEqual([body["written"], body["refused"]], [1, bad.length]);
  assert.deepEqual(
    (body["refusals"] as { line: number; code: string }[]).toSorted((a, b) => a.line - b.line),
    [
      { line: 13, code: "bad-input" },
      { line: 14, code: "bad-input" },
      { line: 15, code: "kv-key-too-long" },
      { line: 16, code: "kv-value-too-large" },
    ],
  );
  const many = await json(send("POST", "import", "x\n".repeat(IMPORT_REFUSED_MAX + 5), {}, "host"));
  assert.equal(many.body["refused"], IMPORT_REFUSED_MAX + 5);
  assert.equal((many.body["refusals"] as unknown[]).length, IMPORT_REFUSED_MAX);

  memory.before = () => "no-majority";
  memory.asked.put = 0;
  const thousand = Array.from({ length: 1000 }, (_, n) => line(`n${n}`)).join("\n");
  assert.equal(await code(send("POST", "import", thousand, {}, "host")), "503 kv-no-majority");
  assert.ok(memory.asked.put <= IMPORT_AT_ONCE, "it does not go on");
  assert.equal(await code(send("POST", "import", new Uint8Array(IMPORT_BYTES_MAX + 1), {}, "host")), "413 too-large");
});

test("at most so many keys are written at one time", async (t) => {
  const { send, memory } = await bench(t);
  let now = 0;
  let most = 0;
  memory.before = () => {
    most = Math.max(most, ++now);
    return settled().then(() => void (now -= 1));
  };
  const lines = Array.from({ length: 300 }, (_, n) =>
    JSON.stringify({ key: base64url(`k${n}`), value: "", expiresAt: null }),
  );
  await send("POST", "import", lines.join("\n"), {}, "host");
  assert.ok(most > 1 && most <= IMPORT_AT_ONCE, String(most));
});
