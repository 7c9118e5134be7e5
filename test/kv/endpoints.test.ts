/** The endpoints about keys over HTTP, with a store in memory: bytes in and out, encodings, conditions, limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../src/protocols/kv/constants.ts";
import { JSON_VALUE_CHARS_MAX } from "../../src/services/kv/shapes.ts";
import { kvBench } from "./kv-bench.ts";

async function bench(t: TestContext) {
  const made = kvBench();
  t.after(() => made.service.stop());
  await made.service.start();
  await made.call("POST", "take-part", {}, "host");
  assert.equal(made.state.now, "running");
  return made;
}

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64url");

test("bytes go in and come out as they are, with their version as ETag", async (t) => {
  const { send, json } = await bench(t);
  const value = new Uint8Array([0, 255, 10, 13]);
  const put = await json(send("PUT", "value?key=a%2Fb%20c&ttl=10s", value, { "content-type": "image/png" }));
  assert.equal(put.status, 200);
  const got = await send("GET", "value?key=a%2Fb%20c");
  assert.deepEqual(new Uint8Array(await got.arrayBuffer()), value);
  assert.equal(got.headers.get("etag"), `"${String(put.body["version"])}"`);
  assert.equal(got.headers.get("x-comu-expires-at"), put.body["expiresAt"]);
  assert.equal(got.headers.get("content-type"), "application/octet-stream");
  assert.equal((await send("PUT", "value?key=empty")).status, 200);
  assert.equal((await (await send("GET", "value?key=empty")).arrayBuffer()).byteLength, 0);
});

test("If-None-Match and If-Match: 412, and nothing is changed", async (t) => {
  const { send, json, code } = await bench(t);
  const absent = { "if-none-match": "*" };
  assert.equal(await code(send("PUT", "value?key=k", "1", { "if-match": "*" })), "412 kv-condition");
  const { body } = await json(send("PUT", "value?key=k", "1", absent));
  assert.equal(await code(send("PUT", "value?key=k", "2", absent)), "412 kv-condition");
  const match = { "if-match": `"${String(body["version"])}"` };
  assert.equal(await code(send("PUT", "value?key=k", "2", match)), "200");
  assert.equal(await code(send("PUT", "value?key=k", "3", match)), "412 kv-condition");
  assert.equal(await code(send("DELETE", "value?key=k", undefined, match)), "412 kv-condition");
  assert.equal(await (await send("GET", "value?key=k")).text(), "2");
  assert.equal(await code(send("DELETE", "value?key=k", undefined, { "if-match": "*" })), "200");
  assert.equal(await code(send("PUT", "value?key=k", "3", { "if-match": 'W/"x"' })), "400 bad-input");
  assert.equal(await code(send("PUT", "value?key=k", "3", { ...absent, "if-match": "*" })), "400 bad-input");
});

test("keys and values that are no text stand in base64url, and are said to", async (t) => {
  const { send, call, code } = await bench(t);
  const key = base64url(new Uint8Array([0xff, 0]));
  await send("PUT", `value?key=${key}&keyEncoding=base64url`, new Uint8Array([0xfe]));
  // A mark of byte order is a part of the key.
  await call("POST", "entry", { key: "\ufeffx", value: "ñ" });
  const { body } = await call("GET", "keys");
  assert.deepEqual(body["keys"], [
    { key: "\ufeffx", keyEncoding: "text" },
    { key, keyEncoding: "base64url" },
  ]);
  const entry = await call("GET", `entry?key=${key}&keyEncoding=base64url`);
  assert.equal(entry.body["value"], base64url(new Uint8Array([0xfe])));
  assert.deepEqual([entry.body["valueEncoding"], entry.body["sizeBytes"]], ["base64url", 1]);
  assert.equal((await call("GET", `entry?key=${encodeURIComponent("\ufeffx")}`)).body["value"], "ñ");
  for (const bad of ["a.b", "abcde"]) {
    assert.equal(await code(send("GET", `value?key=${bad}&keyEncoding=base64url`)), "400 bad-input");
  }
  assert.equal(await code(call("POST", "entry", { key: "\ud800", value: "" })), "400 bad-input");
});

test("limits: a key, a value, a value in JSON", async (t) => {
  const { send, call, code } = await bench(t);
  const long = "k".repeat(KEY_BYTES_MAX);
  assert.equal(await code(send("PUT", `value?key=${long}`, "1")), "200");
  assert.equal(await code(send("PUT", `value?key=${long}k`, "1")), "400 kv-key-too-long");
  const wide = "ñ".repeat(KEY_BYTES_MAX / 2);
  assert.equal(await code(call("POST", "entry", { key: wide, value: "" })), "200");
  assert.equal(await code(call("POST", "entry", { key: `${wide}a`, value: "" })), "400 kv-key-too-long");
  assert.equal(await code(send("GET", "value?key=")), "400 bad-input");
  assert.equal(await code(send("PUT", "value?key=v", new Uint8Array(VALUE_BYTES_MAX))), "200");
  const over = await send("PUT", "value?key=v", new Uint8Array(VALUE_BYTES_MAX + 1));
  assert.equal(await code(over), "413 kv-value-too-large");
  assert.equal((await call("GET", "entry?key=v")).body["value"], null, "too long for JSON");
  const most = "v".repeat(JSON_VALUE_CHARS_MAX);
  assert.equal(await code(call("POST", "entry", { key: "j", value: most })), "200");
  assert.equal((await call("GET", "entry?key=j")).body["value"], most);
  assert.equal(await code(call("POST", "entry", { key: "j", value: `${most}v` })), "400 bad-input");
});

test("compare and set, numbers, ends, removing", async (t) => {
  const { call, code, clock } = await bench(t);
  await call("POST", "entry", { key: "k", value: "old" });
  assert.equal(await code(call("POST", "cas", { key: "k", value: "x", expect: "other" })), "412 kv-condition");
  const done = await call("POST", "cas", { key: "k", value: "new", expect: "old" });
  const ifVersion = done.body["version"];
  assert.equal(await code(call("POST", "cas", { key: "k", value: "newer", ifVersion })), "200");
  assert.equal(await code(call("POST", "cas", { key: "k", value: "x", ifVersion })), "412 kv-condition");
  for (const both of [{}, { expect: "a", ifVersion }]) {
    assert.equal(await code(call("POST", "cas", { key: "k", value: "x", ...both })), "400 bad-input");
  }

  assert.equal((await call("POST", "add", { key: "n" })).body["value"], "1");
  const big = "9223372036854775806";
  assert.equal((await call("POST", "add", { key: "n", by: big })).body["value"], "9223372036854775807");
  assert.equal(await code(call("POST", "add", { key: "n" })), "409 kv-not-an-integer");
  assert.equal(await code(call("POST", "add", { key: "k" })), "409 kv-not-an-integer");
  assert.equal(await code(call("POST", "add", { key: "n", by: "9999999999999999999" })), "400 bad-input");

  assert.equal((await call("GET", "ttl?key=n")).body["leftMs"], null);
  assert.equal(await code(call("POST", "expire", { key: "nothing", ttl: "1s" })), "404 kv-key-unknown");
  assert.equal(await code(call("POST", "expire", { key: "n", ttl: "0s" })), "400 bad-input");
  await call("POST", "expire", { key: "n", ttl: "2s" });
  clock.advance(500);
  assert.equal((await call("GET", "ttl?key=n")).body["leftMs"], 1500);
  await call("POST", "expire", { key: "k", ttl: "1s" });
  await call("POST", "expire", { key: "k", ttl: "never" });
  clock.advance(1500);
  assert.equal(await code(call("GET", "ttl?key=n")), "404 kv-key-unknown");
  assert.equal((await call("GET", "entry?key=k")).body["value"], "newer");

  assert.equal((await call("DELETE", "value?key=k")).body["removed"], true);
  assert.equal((await call("DELETE", "value?key=k")).body["removed"], false);
});

test("a list goes on where it ended", async (t) => {
  const { call } = await bench(t);
  for (const key of ["a1", "a2", "a3", "b"]) await call("POST", "entry", { key, value: key });
  const first = await call("GET", "keys?prefix=a&limit=2");
  const names = (body: Record<string, unknown>) => (body["keys"] as { key: string }[]).map((one) => one.key);
  assert.deepEqual(names(first.body), ["a1", "a2"]);
  const rest = await call("GET", `keys?prefix=a&limit=2&cursor=${String(first.body["cursor"])}`);
  assert.deepEqual([names(rest.body), rest.body["cursor"]], [["a3"], null]);
});

test("what the store cannot do is told by its own code", async (t) => {
  const { call, code, memory } = await bench(t);
  const table = [
    ["unknown", "504 kv-unknown"],
    ["no-majority", "503 kv-no-majority"],
    ["too-many", "429 kv-too-many"],
    ["full", "507 kv-full"],
  ] as const;
  for (const [failure, told] of table) {
    memory.before = () => failure;
    assert.equal(await code(call("POST", "entry", { key: "a", value: "" })), told);
  }
});

test("guests see the ring and nothing else; members may do all with keys; the rest is the host's", async (t) => {
  const { call, code } = await bench(t);
  assert.equal(await code(call("GET", "status", undefined, "guest")), "200");
  for (const path of ["keys", "entry?key=a", "value?key=a", "ttl?key=a", "watch"]) {
    assert.equal(await code(call("GET", path, undefined, "guest")), "403 not-allowed", path);
  }
  for (const path of ["take-part", "leave"]) {
    assert.equal(await code(call("POST", path, {}, "steward")), "403 not-allowed", path);
  }
  assert.equal(await code(call("GET", "export", undefined, "steward")), "403 not-allowed");
  assert.equal(await code(call("PUT", "redis-password", { password: "long enough" }, "steward")), "403 not-allowed");
});

test("a box that takes no part says so", async (t) => {
  const { call, code } = await bench(t);
  await call("POST", "leave", {}, "host");
  for (const path of ["keys", "entry?key=a", "watch"]) assert.equal(await code(call("GET", path)), "409 kv-off", path);
  assert.equal(await code(call("GET", "export", undefined, "host")), "409 kv-off");
  assert.equal(await code(call("POST", "import", {}, "host")), "409 kv-off");
  assert.equal(await code(call("POST", "entry", { key: "a", value: "" })), "409 kv-off");
  assert.equal((await call("GET", "status")).body["state"], "off");
});

test("a store that has failed says that, and not that it was never switched on", async (t) => {
  const { call, code, state } = await bench(t);
  state.now = "failed";
  for (const path of ["keys", "entry?key=a", "watch"]) {
    assert.equal(await code(call("GET", path)), "503 kv-failed", path);
  }
  assert.equal(await code(call("GET", "export", undefined, "host")), "503 kv-failed");
  assert.equal(await code(call("POST", "import", {}, "host")), "503 kv-failed");
});

test("a read may be asked for that may be behind; a change may not", async (t) => {
  const { send, code, memory } = await bench(t);
  const asked: unknown[] = [];
  memory.before = (_key, command) => {
    asked.push(command);
    return undefined;
  };
  await send("PUT", "value?key=a", new Uint8Array([7]));
  for (const query of ["value?key=a&stale=1", "entry?key=a&stale=true", "value?key=a"]) {
    assert.equal((await send("GET", query)).status, 200, query);
  }
  const stale = { type: "get", stale: true };
  assert.deepEqual(asked.slice(1), [stale, stale, { type: "get" }]);
  assert.equal(await code(send("GET", "value?key=a&stale=maybe")), "400 bad-input");
  assert.equal(await code(send("DELETE", "value?key=a&stale=1")), "400 bad-input");
});
