/** Bodies and answers that are bytes: what is read, what is refused, what is held, and when an answer ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { BytesAnswer, Service } from "../../kernel/contract.ts";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { drink } from "../../kernel/cup.fixture.ts";
import { defineErrors } from "../../kernel/errors.ts";
import type { Arrival } from "./api.ts";
import { BODIES_HELD_BYTES_MAX, BODIES_KEPT_BYTES_MAX, createBodies } from "./bytes.ts";
import { openApi } from "./openapi.ts";
import { cookieOfTests, csrfOfTests, sampleApi } from "./sample-service.ts";

const MAX = 8;
const errors = defineErrors({ "cup-too-small": 413 });
const contract = defineContract({
  name: "bytes",
  summary: "For tests",
  optional: true,
  errors: errors.table,
  words: { ca: {}, es: {}, en: { "error.cup-too-small": "x", "advice.cup-too-small": "y" } },
  events: {},
  endpoints: {
    pour: endpoint({
      method: "PUT",
      path: "/cup/:name",
      role: "member",
      summary: "Pours",
      input: z.strictObject({ name: z.string(), only: z.string().optional() }),
      output: z.object({ name: z.string(), only: z.string(), hex: z.string() }),
      bytes: { max: MAX, tooLarge: () => errors.fail("cup-too-small") },
      headers: { only: "if-match" },
    }),
    plain: endpoint({
      method: "POST",
      path: "/plain",
      role: "member",
      summary: "With the usual refusal",
      input: z.strictObject({}),
      output: z.object({}),
      bytes: { max: MAX },
    }),
    drink,
  },
});

function bench(answer: () => BytesAnswer = () => ({ body: new Uint8Array() }), heldBytesMax?: number) {
  let hold = Promise.resolve();
  const service: Service<typeof contract.endpoints> = {
    contract,
    handlers: {
      async pour({ name, only }, { bytes }) {
        await hold;
        return { name, only: only ?? "", hex: Buffer.from(bytes).toString("hex") };
      },
      plain: () => ({}),
      drink: answer,
    },
    start: async () => {},
    stop: async () => {},
  };
  const made = sampleApi({
    services: [service],
    ...(heldBytesMax === undefined ? {} : { bodiesHeldBytesMax: heldBytesMax }),
  });
  const call = (method: string, path: string, body?: RequestInit["body"], more: Record<string, string> = {}) => {
    const headers = { cookie: `${cookieOfTests}=member`, "x-comu-csrf": csrfOfTests, host: "box.local:7000", ...more };
    const init = { method, headers, body: body ?? null, duplex: "half" } as RequestInit;
    const arrival: Arrival = { address: "10.0.0.9", local: false };
    return made.api.fetch(new Request(`http://box.local:7000/api/v1${path}`, init), arrival);
  };
  const code = async (answer: Response | Promise<Response>) => {
    const given = await answer;
    const { error } = (await given.json()) as { error?: { code: string } };
    return `${given.status} ${error?.code ?? ""}`.trim();
  };
  return { ...made, call, code, service, holdWith: (until: Promise<void>) => void (hold = until) };
}

function streamOf(pieces: readonly Uint8Array[]): ReadableStream {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}

/** A body without a length. */
function inPieces(...pieces: string[]): ReadableStream {
  return streamOf(pieces.map((piece) => new TextEncoder().encode(piece)));
}

test("the handler gets the bytes, whatever their type, and inputs from path, query and headers", async () => {
  const { call, code } = bench();
  const bytes = new Uint8Array([0, 255, 10]);
  const types = ["image/png", "application/json"];
  for (const type of types) {
    const answer = await call("PUT", "/cup/blue?only=a", bytes, { "content-type": type });
    assert.deepEqual(await answer.json(), { name: "blue", only: "a", hex: "00ff0a" });
  }
  assert.deepEqual(await (await call("PUT", "/cup/blue", undefined, { "if-match": "b" })).json(), {
    name: "blue",
    only: "b",
    hex: "",
  });
  // What stands in the query counts.
  const both = await call("PUT", "/cup/blue?only=a", inPieces("a", "b"), { "if-match": "b" });
  assert.deepEqual(await both.json(), { name: "blue", only: "a", hex: "6162" });
  assert.equal(await code(call("PUT", "/cup/blue?surplus=1", bytes)), "400 bad-input");
});

test("a body over the limit is refused by the endpoint's own failure, with or without a length", async () => {
  const { call, code } = bench();
  assert.equal(await code(call("PUT", "/cup/a", "x".repeat(MAX))), "200");
  assert.equal(await code(call("PUT", "/cup/a", "x".repeat(MAX + 1))), "413 cup-too-small");
  assert.equal(await code(call("PUT", "/cup/a", inPieces("12345", "6789"))), "413 cup-too-small");
  assert.equal(await code(call("POST", "/plain", "x".repeat(MAX + 1))), "413 too-large");
});

test("who may not, or shows no proof, is refused before anything is read", async () => {
  const { call, code } = bench();
  const cookie = `${cookieOfTests}=guest`;
  assert.equal(await code(call("PUT", "/cup/a", "x".repeat(MAX + 1), { cookie })), "403 not-allowed");
  assert.equal(await code(call("PUT", "/cup/a", "x", { "x-comu-csrf": "wrong" })), "403 wrong-origin");
});

test("all bodies together are bounded, and what is done gives its room back", async () => {
  const { call, code, holdWith } = bench(undefined, MAX + 2);
  let release = () => {};
  holdWith(new Promise((resolve) => (release = resolve)));
  const first = call("PUT", "/cup/a", "x".repeat(MAX));
  await new Promise((resolve) => setImmediate(resolve));
  const refused = await call("PUT", "/cup/b", "xyz");
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(await code(refused), "429 too-many");
  release();
  assert.equal(await code(first), "200");
  for (let n = 0; n < 3; n++) assert.equal(await code(call("PUT", "/cup/c", "x".repeat(MAX))), "200");
});

test("the bound that a box ships with", async () => {
  const bodies = createBodies();
  const mebibyte = 1024 * 1024;
  const body = streamOf(Array.from({ length: BODIES_HELD_BYTES_MAX / mebibyte + 1 }, () => new Uint8Array(mebibyte)));
  const request = new Request("http://box.local/", { method: "PUT", body, duplex: "half" } as RequestInit);
  await assert.rejects(
    bodies.with(request, { max: BODIES_HELD_BYTES_MAX * 2 }, async () => {}),
    /too-many/,
  );
});

test("memory of large bodies that nobody keeps is used again, and has nothing of the one before in it", async () => {
  const bodies = createBodies();
  const seen: { buffer: ArrayBufferLike; first: number; length: number }[] = [];
  const put = async (body: Uint8Array<ArrayBuffer>, isPassing: boolean, said = body.length) => {
    const headers = { "content-length": String(said) };
    const request = new Request("http://box.local/", { method: "PUT", body, headers });
    await bodies.with(request, { max: BODIES_KEPT_BYTES_MAX * 2, isPassing }, async (bytes) => {
      seen.push({ buffer: bytes.buffer, first: bytes[0]!, length: bytes.length });
    });
  };
  const large = (byte: number, length = 1024 * 1024) => new Uint8Array(length).fill(byte);
  await put(large(1), true);
  const [{ buffer } = assert.fail()] = seen;
  assert.equal(new Uint8Array(buffer)[0], 0);
  await put(large(2), true);
  await put(large(3), false);
  assert.ok(seen[1]!.buffer === buffer && seen[2]!.buffer !== buffer);
  await put(large(4, 1000), true, 1024 * 1024);
  await put(large(5), true);
  assert.notEqual(seen[4]!.buffer, buffer, "what did not come whole is not used again");
  await put(large(6, BODIES_KEPT_BYTES_MAX + 1), true);
  await put(large(7, BODIES_KEPT_BYTES_MAX + 1), true);
  assert.notEqual(seen[5]!.buffer, seen[6]!.buffer, "that much is not kept");
  assert.deepEqual(
    seen.map(({ first }) => first),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

test("an answer of bytes has its own headers, and is never a page", async () => {
  const { call } = bench(() => ({ body: new Uint8Array([1, 0, 255]), headers: { etag: '"7"' } }));
  const answer = await call("GET", "/cup");
  assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], [1, 0, 255]);
  const header = (name: string) => answer.headers.get(name);
  assert.deepEqual(["etag", "content-type", "x-content-type-options", "cache-control"].map(header), [
    '"7"',
    "application/octet-stream",
    "nosniff",
    "no-store",
  ]);
  assert.match(header("content-security-policy")!, /sandbox/);
});

test("an answer may say what it is, how long, and that it is a part", async () => {
  const part = (): BytesAnswer => ({
    body: inTurn("ab", "c"),
    status: 206,
    type: "text/plain",
    length: 3,
    headers: { "content-range": "bytes 1-3/9" },
  });
  const answer = await bench(part).call("GET", "/cup");
  const header = (name: string) => answer.headers.get(name);
  assert.equal(answer.status, 206);
  assert.deepEqual(["content-type", "content-length", "content-range", "transfer-encoding"].map(header), [
    "text/plain",
    "3",
    "bytes 1-3/9",
    null,
  ]);
  assert.match(header("content-security-policy")!, /sandbox/);
  assert.equal(header("cross-origin-resource-policy"), "same-origin");
  assert.equal(await answer.text(), "abc");
  const pdf = await bench(() => ({ body: new Uint8Array(), type: "application/pdf" })).call("GET", "/cup");
  assert.doesNotMatch(pdf.headers.get("content-security-policy")!, /sandbox|script/);
});

test("an answer that ends before its length is broken off, not taken for whole", async () => {
  const answer = await bench(() => ({ body: inTurn("ab"), length: 3 })).call("GET", "/cup");
  await assert.rejects(answer.text(), /2 bytes of an answer of 3/);
});

async function* inTurn(...pieces: string[]) {
  for (const piece of pieces) yield new TextEncoder().encode(piece);
}

/** Counts up for ever; tells when nobody reads any more. */
function counting() {
  const state = { given: 0, ended: false };
  async function* pieces() {
    try {
      for (;;) yield new TextEncoder().encode(`${++state.given}\n`);
    } finally {
      state.ended = true;
    }
  }
  return { state, answer: () => ({ body: pieces() }) };
}

test("an answer piece by piece waits for its reader and ends when that hangs up", async () => {
  const { state, answer } = counting();
  const { call } = bench(answer);
  const reader = (await call("GET", "/cup")).body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "1\n");
  await reader.read();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(state.given, 2, "nothing is made that nobody asked for");
  await reader.cancel();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(state.ended, true);
});

test("an answer to HEAD is ended, since nobody reads it", async () => {
  let ended = 0;
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => ({ done: false, value: new Uint8Array(1) }),
    return: async () => ({ done: true, value: void (ended += 1) }),
  };
  const { call } = bench(() => ({ body: { [Symbol.asyncIterator]: () => iterator }, length: 3 }));
  const answer = await call("HEAD", "/cup");
  assert.deepEqual([answer.status, answer.headers.get("content-length"), await answer.text()], [200, "3", ""]);
  assert.equal(ended, 1);
});

test("an answer piece by piece ends with the session", async () => {
  const { state, answer } = counting();
  const made = bench(answer);
  const reader = (await made.call("GET", "/cup")).body!.getReader();
  await reader.read();
  made.state.sessions.delete("member");
  assert.equal((await reader.read()).done, true);
  assert.equal(state.ended, true);
});

test("the description of the API tells of bytes", () => {
  const { paths } = openApi([bench().service], "1") as {
    paths: Record<
      string,
      Record<
        string,
        {
          parameters: { name: string; in: string }[];
          requestBody?: { content: object };
          responses: { 200: { content: object } };
        }
      >
    >;
  };
  const pour = paths["/cup/{name}"]!["put"]!;
  assert.deepEqual(
    pour.parameters.map((one) => `${one.in} ${one.name}`),
    ["path name", "query only", "header if-match"],
  );
  assert.deepEqual(Object.keys(pour.requestBody!.content), ["application/octet-stream"]);
  assert.deepEqual(Object.keys(paths["/cup"]!["get"]!.responses[200].content), ["application/octet-stream"]);
});
