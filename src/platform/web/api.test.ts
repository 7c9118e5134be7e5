/** The API's gates, one after the other: host, origin, rate, role, csrf, input, output; and the form of errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROLES } from "../../kernel/contract.ts";
import type { Arrival } from "./api.ts";
import { BODY_BYTES_MAX, CALLS_PER_MINUTE_MAX } from "./api.ts";
import { cookieOfTests, csrfOfTests, sampleApi } from "./sample-service.ts";

type Raw = string | Uint8Array<ArrayBuffer> | ReadableStream;

interface Call {
  role?: string;
  body?: unknown;
  raw?: Raw;
  headers?: Record<string, string>;
  csrf?: string | null;
  host?: string;
  address?: string;
  local?: boolean;
}
interface ErrorAnswer {
  error: { code: string; message: string; advice: string; params: Record<string, unknown> };
}

function client(made = sampleApi()) {
  const call = async (method: string, path: string, asked: Call = {}) => {
    const headers = new Headers({ host: asked.host ?? "box.local:7000" });
    if (asked.role) headers.set("cookie", `${cookieOfTests}=${asked.role}`);
    if (asked.role && asked.csrf !== null) headers.set("x-comu-csrf", asked.csrf ?? csrfOfTests);
    const body = asked.raw ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body));
    if (body !== undefined) headers.set("content-type", "application/json");
    for (const [name, value] of Object.entries(asked.headers ?? {})) headers.set(name, value);
    const init = { method, headers, body, duplex: "half" } as RequestInit;
    const arrival: Arrival = { address: asked.address ?? "10.0.0.9", local: asked.local ?? false };
    return made.api.fetch(new Request(`http://box.local:7000/api/v1${path}`, init), arrival);
  };
  const json = async (method: string, path: string, asked?: Call) =>
    (await (await call(method, path, asked)).json()) as never;
  const code = async (method: string, path: string, asked?: Call) => {
    const answer = await call(method, path, asked);
    const { error } = (await answer.json()) as Partial<ErrorAnswer>;
    return error ? `${answer.status} ${error.code}` : `${answer.status}`;
  };
  return { ...made, call, json, code };
}

test("an answer has what the contract says, no more, and is not to be stored", async () => {
  const { call } = client();
  const answer = await call("GET", "/cups?q=tea&all=true", { role: "member" });
  assert.deepEqual([answer.status, answer.headers.get("cache-control")], [200, "no-store"]);
  assert.deepEqual(await answer.json(), [{ name: "tea true" }]);
});

test("every endpoint with every role: the weaker are refused, and told whether signing in would help", async () => {
  const { code } = client();
  const table = [
    ["GET", "/cups", "member"],
    ["POST", "/cups/a", "guest"],
    ["DELETE", "/cups/a", "host"],
    ["GET", "/open", "public"],
  ] as const;
  for (const [method, path, needed] of table) {
    for (const [is, role] of ROLES.entries()) {
      const asked = { ...(role === "public" ? {} : { role }), ...(method === "POST" ? { body: { ml: 1 } } : {}) };
      const refused = role === "public" ? "401 not-signed-in" : "403 not-allowed";
      assert.equal(
        await code(method, path, asked),
        is >= ROLES.indexOf(needed) ? "200" : refused,
        `${method} ${path} as ${role}`,
      );
    }
  }
  assert.equal(await code("GET", "/cups", { role: "a token that nobody has" }), "401 not-signed-in");
  assert.equal(await code("DELETE", "/cups/a", { local: true, host: "evil.example" }), "200");
});

test("the cookie alone reads and changes nothing; the socket and calls before sign-in need no proof", async () => {
  const { code } = client();
  const body = { ml: 1 };
  assert.equal(await code("POST", "/cups/a", { role: "guest", body, csrf: null }), "403 wrong-origin");
  assert.equal(await code("POST", "/cups/a", { role: "guest", body, csrf: "another" }), "403 wrong-origin");
  assert.equal(await code("DELETE", "/cups/a", { role: "host", csrf: null }), "403 wrong-origin");
  assert.equal(await code("POST", "/cups/a", { role: "guest", body }), "200");
  assert.equal(await code("POST", "/cups/a", { local: true, body }), "200");
  assert.equal(await code("GET", "/cups", { role: "member" }), "200");
  for (const csrf of [null, "another"]) {
    assert.equal(await code("GET", "/cups", { role: "member", csrf }), "401 not-signed-in");
  }
  assert.equal(await code("POST", "/join", { role: "member", csrf: null }), "200");
});

test("requests that another site's page sends are refused", async () => {
  const { code } = client();
  const as = (headers: Record<string, string>) => code("PUT", "/boil", { body: { how: "expected" }, headers });
  assert.equal(await as({ origin: "http://box.local:7000" }), "409 kettle-empty");
  assert.equal(await as({ "sec-fetch-site": "same-origin" }), "409 kettle-empty");
  for (const origin of ["http://evil.example", "http://box.local:7001", "http://box.local", "null", "garbage"]) {
    assert.equal(await as({ origin }), "403 wrong-origin", origin);
  }
  for (const site of ["cross-site", "same-site", "none of these"]) {
    assert.equal(await as({ "sec-fetch-site": site }), "403 wrong-origin", site);
  }
  assert.equal(
    await code("GET", "/open", { headers: { origin: "http://evil.example", "sec-fetch-site": "cross-site" } }),
    "200",
  );
});

test("names that are not ours are refused, against DNS rebinding", async () => {
  const { code, call } = client();
  for (const host of [
    "box.local",
    "BOX.LOCAL.:80",
    "10.1.2.3:7000",
    "[fd00::1]:7000",
    "[::1]",
    "localhost:1",
    "a.localhost",
    "box.example",
  ]) {
    assert.equal(await code("GET", "/open", { host }), "200", host);
  }
  const foreign = [
    "evil.example",
    "box.local.evil.example",
    "notlocal",
    "localhost.evil.example:80",
    "",
    "[fd00::1",
    "10.1.2.3.evil.example",
    "box.local@evil.example",
  ];
  for (const host of foreign) assert.equal(await code("GET", "/open", { host }), "403 wrong-host", host);
  assert.equal((await call("GET", "/open", { host: "evil.example" })).headers.get("cache-control"), "no-store");
});

test("bodies: too large, announced or not; another type; broken; not an object; none", async () => {
  const { code } = client();
  const send = (raw: Raw, headers: Record<string, string> = {}) =>
    code("POST", "/cups/a", { role: "guest", raw, headers });
  const note = (bytes: number) =>
    JSON.stringify({ ml: 1, note: "x".repeat(bytes - JSON.stringify({ ml: 1, note: "" }).length) });
  assert.equal(await send(note(BODY_BYTES_MAX)), "200");
  assert.equal(await send(note(BODY_BYTES_MAX + 1)), "413 too-large");
  assert.equal(await send("{}", { "content-length": String(BODY_BYTES_MAX + 1) }), "413 too-large");
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(8192).fill(32)) });
  assert.equal(await send(endless), "413 too-large");
  assert.equal(await send('{"ml":1}', { "content-type": "application/json; charset=utf-8" }), "200");
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]) {
    assert.equal(await send('{"ml":1}', { "content-type": type }), "400 bad-input", type);
  }
  for (const raw of ["{", '{"ml":1}}', "[1]", "3", "null", '"text"', new Uint8Array([0x7b, 0xff, 0x7d]), '{"ml":1,}']) {
    assert.equal(await send(raw), "400 bad-input", String(raw));
  }
  assert.equal(await code("POST", "/cups/a", { role: "guest" }), "400 bad-input");
  assert.equal(await code("POST", "/join"), "200");
});

test("input that does not fit is refused with the field; unknown keys are refused", async () => {
  const { json, code } = client();
  const { error } = (await json("POST", "/cups/a", { role: "guest", body: { ml: "much" } })) as ErrorAnswer;
  assert.deepEqual([error.code, error.params["field"]], ["bad-input", "ml"]);
  assert.equal(await code("POST", "/cups/a", { role: "guest", body: { ml: 1, colour: "red" } }), "400 bad-input");
  assert.equal(await code("GET", "/cups?colour=red", { role: "member" }), "400 bad-input");
  assert.equal(await code("GET", "/cups?all=perhaps", { role: "member" }), "400 bad-input");
  const path = await json("POST", "/cups/from%20path%2F", { role: "guest", body: { name: "from body", ml: 1 } });
  assert.deepEqual(path, { name: "from path/", ml: 1, note: "" });
});

test("keys that reach for the prototype are refused and change nothing", async () => {
  const { code } = client();
  for (const raw of [
    '{"__proto__":{"ml":5}}',
    '{"ml":1,"__proto__":{"x":1}}',
    '{"ml":1,"constructor":{"prototype":{"x":1}}}',
  ]) {
    assert.equal(await code("POST", "/cups/a", { role: "guest", raw }), "400 bad-input", raw);
  }
  assert.notEqual(await code("GET", "/cups?constructor=1", { role: "member" }), "200");
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

test("the endpoint's own rate: refused beyond it, per address, with the time to wait, and again after it", async () => {
  const { code, call, clock } = client();
  for (let n = 0; n < 3; n += 1) assert.equal(await code("POST", "/join"), "200");
  const refused = await call("POST", "/join");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "20"]);
  assert.equal(((await refused.json()) as ErrorAnswer).error.code, "too-many");
  assert.equal(await code("POST", "/join", { address: "10.0.0.10" }), "200");
  assert.equal(await code("POST", "/join", { local: true }), "200");
  clock.advance(20_000);
  assert.deepEqual([await code("POST", "/join"), await code("POST", "/join")], ["200", "429 too-many"]);
});

test("the rate over all calls of one address", async () => {
  const { call, code } = client();
  let refused = 0;
  for (let n = 0; n < CALLS_PER_MINUTE_MAX + 1; n += 1)
    refused += Number((await call("GET", "/nothing")).status === 429);
  assert.equal(refused, 1);
  assert.equal(await code("GET", "/open"), "429 too-many");
  assert.equal(await code("GET", "/open", { address: "10.0.0.10" }), "200");
});

test("errors in three languages, by header, by browser, and by the box's own wish", async () => {
  const { json } = client();
  const say = async (headers: Record<string, string>) =>
    ((await json("PUT", "/boil", { body: { how: "expected" }, headers })) as ErrorAnswer).error;
  const english = { code: "kettle-empty", message: "Kettle empty: 3", advice: "Fill it", params: { cups: 3 } };
  assert.deepEqual(await say({ "accept-language": "en-GB" }), english);
  assert.equal((await say({ "accept-language": "es-ES,en;q=0.5" })).message, "Hervidor vacío: 3");
  assert.equal((await say({})).message, "Bullidor buit: 3");
  assert.equal((await say({ "x-comu-language": "en", "accept-language": "es" })).advice, "Fill it");
});

test("a bug and an output that breaks the contract are internal: told to the log, not to the caller", async () => {
  for (const how of ["bug", "output"]) {
    const { call, lines } = client();
    const answer = await call("PUT", "/boil", { body: { how }, headers: { "accept-language": "en" } });
    const text = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get("cache-control")], [500, "no-store"]);
    assert.deepEqual(JSON.parse(text), {
      error: { code: "internal", message: "The box made a mistake.", advice: "Try again.", params: {} },
    });
    assert.match(lines.join(), how === "bug" ? /hidden cause/ : /expected boolean/);
  }
  const { call } = client();
  assert.doesNotMatch(await (await call("PUT", "/boil", { body: { how: "expected" } })).text(), /hidden/);
});

test("a part that is off, a path or method that nobody serves, a store that fails", async () => {
  const { code, state, api } = client();
  state.running = false;
  assert.equal(await code("GET", "/open"), "503 unavailable");
  state.running = true;
  assert.equal(await code("GET", "/nothing"), "404 not-found");
  assert.equal(await code("PATCH", "/open", { body: {} }), "404 not-found");
  assert.equal(await code("GET", "/cups", { role: "broken" }), "507 disk-full");
  const elsewhere = await api.fetch(
    new Request("http://box.local/", { method: "POST", headers: { host: "box.local" } }),
    { address: "10.0.0.9", local: false },
  );
  assert.equal(((await elsewhere.json()) as ErrorAnswer).error.code, "not-found");
});

test("who calls: the context that a handler gets, and the session cookie that it sets", async () => {
  const { json, call } = client();
  assert.deepEqual(await json("GET", "/open", { headers: { "accept-language": "es" } }), {
    role: "public",
    address: "10.0.0.9",
    language: "es",
    origin: "http://box.local:7000",
  });
  const cookie = (await call("POST", "/join")).headers.get("set-cookie")!;
  assert.match(cookie, new RegExp(`^${cookieOfTests}=a%20new%20token; `));
  for (const word of ["HttpOnly", "SameSite=Strict", "Path=/"]) assert.ok(cookie.includes(word), cookie);
  assert.match((await call("POST", "/join", { body: { leave: true } })).headers.get("set-cookie")!, /Max-Age=0/);
});
