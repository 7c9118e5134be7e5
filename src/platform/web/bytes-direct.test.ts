/** Bodies and answers of bytes past the streams of the web: through Node's server, as a box has them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import type { BytesAnswer, Service } from "../../kernel/contract.ts";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { drink } from "../../kernel/cup.fixture.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createLog } from "../../kernel/log.ts";
import { passOn } from "../memory.ts";
import { BODY_BYTES_MAX } from "./api.ts";
import { sampleApi } from "./sample-service.ts";
import { createWeb } from "./server.ts";
import { createStatic } from "./static.ts";

const MAX = 40 * 1024 * 1024;
const MIB = 1024 * 1024;
/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), "comu-bytes-"));
after(() => rmSync(folder, { recursive: true }));

const contract = defineContract({
  name: "cups",
  summary: "For tests",
  optional: true,
  errors: {},
  words: { ca: {}, es: {}, en: {} },
  events: {},
  endpoints: {
    pour: endpoint({
      method: "PUT",
      path: "/cup",
      role: "member",
      summary: "Pours",
      input: z.strictObject({}),
      output: z.object({ length: z.number(), sum: z.number() }),
      bytes: { max: MAX, isPassing: true },
    }),
    name: endpoint({
      method: "POST",
      path: "/cup",
      role: "member",
      summary: "Names",
      input: z.strictObject({ name: z.string() }),
      output: z.object({ name: z.string() }),
    }),
    drink,
  },
});

async function bench(t: TestContext, answer: () => BytesAnswer = () => ({ body: new Uint8Array() })) {
  const poured: { length: number; arrayBuffers: number }[] = [];
  const service: Service<typeof contract.endpoints> = {
    contract,
    handlers: {
      pour: (_input, { bytes }) => {
        poured.push({ length: bytes.length, arrayBuffers: process.memoryUsage().arrayBuffers });
        return { length: bytes.length, sum: bytes.reduce((sum, byte) => sum + byte, 0) };
      },
      name: ({ name }) => ({ name }),
      drink: answer,
    },
    start: async () => {},
    stop: async () => {},
  };
  const { api, lines } = sampleApi({ services: [service], bodiesHeldBytesMax: MAX });
  const web = createWeb({
    log: createLog({ clock: systemClock(), level: "debug", write: (line) => lines.push(line) }),
    api: (asked, arrival) => api.fetch(asked, arrival),
    files: createStatic(folder),
    healthz: () => ({ ok: true, body: {} }),
    metrics: () => [],
  });
  const socketPath = join(folder, "box.sock");
  await web.listenLocal(socketPath);
  t.after(() => web.close());
  const ask = (method: string, headers: Record<string, string> = {}) =>
    request({ socketPath, method, path: "/api/v1/cup", headers, agent: false });
  return { ask, poured, lines };
}

function answerOf(call: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => call.once("response", resolve).once("error", reject));
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return text;
}

async function until(what: string, check: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  for (; !check(); await nextTurn()) assert.ok(performance.now() < endMs, what);
}

test("a body of JSON is taken from Node's server, and bounded; no stream of the web is made for it", async (t) => {
  const { ask } = await bench(t);
  const streams = t.mock.method(Readable, "toWeb");
  const told = async (body: string | undefined, headers: Record<string, string> = {}) => {
    const call = ask("POST", { "content-type": "application/json", ...headers });
    call.end(body);
    const answer = await answerOf(call);
    return [answer.statusCode, JSON.parse(await textOf(answer)) as { error?: { code: string } }] as const;
  };
  assert.deepEqual(await told('{"name":"tè"}'), [200, { name: "tè" }]);
  assert.deepEqual((await told(undefined))[0], 400);
  const long = JSON.stringify({ name: "x".repeat(BODY_BYTES_MAX) });
  for (const length of [[], [["content-length", String(long.length)]]]) {
    const headers = Object.fromEntries(length) as Record<string, string>;
    const [status, { error }] = await told(long, headers);
    assert.deepEqual([status, error?.code], [413, "too-large"]);
  }
  assert.equal(streams.mock.callCount(), 0);
});

test("a body is whole, with and without a length, and no second copy of it is made", async (t) => {
  const { ask, poured } = await bench(t);
  const body = Buffer.alloc(32 * MIB, 1);
  const before = process.memoryUsage().arrayBuffers;
  const call = ask("PUT", { "content-length": String(body.length) });
  call.end(body);
  assert.deepEqual(JSON.parse(await textOf(await answerOf(call))), { length: body.length, sum: body.length });
  const takenBytes = poured[0]!.arrayBuffers - before;
  assert.ok(takenBytes < body.length + 16 * MIB, `${takenBytes} bytes`);
  const chunked = ask("PUT");
  chunked.write("ab");
  chunked.end(Buffer.alloc(100_000, 1));
  assert.deepEqual(JSON.parse(await textOf(await answerOf(chunked))), { length: 100_002, sum: 97 + 98 + 100_000 });
});

test("a body that is too long is refused; one that breaks off reaches nobody, and gives its room back", async (t) => {
  const { ask, poured, lines } = await bench(t);
  const refused = ask("PUT");
  refused.on("error", () => {});
  const said = answerOf(refused);
  for (let sent = 0; sent <= MAX; sent += MIB) refused.write(Buffer.alloc(MIB));
  assert.equal((await said).statusCode, 413);
  refused.destroy();
  const broken = ask("PUT", { "content-length": String(MAX) });
  broken.on("error", () => {});
  broken.write(Buffer.alloc(MAX - 1));
  await new Promise((resolve) => broken.once("drain", resolve));
  broken.destroy();
  const statusOfTwo = async () => {
    const call = ask("PUT", { "content-length": "2" });
    call.end("ab");
    return (await answerOf(call)).statusCode;
  };
  const endMs = performance.now() + PATIENCE_MS;
  while ((await statusOfTwo()) !== 200) assert.ok(performance.now() < endMs, "its room is given back");
  assert.deepEqual([poured.map(({ length }) => length), lines.filter((line) => line.includes("error"))], [[2], []]);
});

test("an answer in pieces: its headers, its bytes, and memory that was handed on is given back", async (t) => {
  const [kept, passed] = [new Uint8Array(10_000).fill(107), passOn(new Uint8Array(200_000).fill(112))];
  async function* pieces() {
    yield kept;
    yield passed.subarray(0, 150_000);
    yield passed.subarray(150_000);
  }
  const { ask } = await bench(t, () => ({ body: pieces(), length: 210_000, headers: { etag: '"1"' } }));
  const call = ask("GET");
  call.end();
  const answer = await answerOf(call);
  const { etag, "cache-control": cache, "content-length": length, "content-type": type } = answer.headers;
  assert.deepEqual([etag, cache, length, type], ['"1"', "no-store", "210000", "application/octet-stream"]);
  assert.equal(await textOf(answer), "k".repeat(10_000) + "p".repeat(200_000));
  await until("given back", () => passed.length === 0);
  assert.equal(kept.length, 10_000);
});

test("who hangs up ends the answer, before its first piece, too", async (t) => {
  const state = { given: 0, ended: 0 };
  const gate = Promise.withResolvers<void>();
  async function* pieces() {
    try {
      await gate.promise;
      for (; ; state.given += 1) yield Buffer.alloc(MIB);
    } finally {
      state.ended += 1;
    }
  }
  const { ask, lines } = await bench(t, () => ({ body: pieces() }));
  const early = ask("GET");
  early.on("error", () => {});
  early.end();
  (await answerOf(early)).destroy();
  gate.resolve();
  await until("the early one", () => state.ended === 1);
  const late = ask("GET");
  late.on("error", () => {});
  late.end();
  const answer = await answerOf(late);
  await new Promise((resolve) => answer.once("readable", resolve));
  answer.destroy();
  await until("the late one", () => state.ended === 2);
  assert.deepEqual(
    lines.filter((line) => line.includes("error")),
    [],
  );
});

test("an answer that breaks off is no whole one, and what broke it is in the log", async (t) => {
  async function* pieces() {
    yield Buffer.from("ab");
  }
  const { ask, lines } = await bench(t, () => ({ body: pieces(), length: 3 }));
  const call = ask("GET");
  call.end();
  await assert.rejects(textOf(await answerOf(call)), /aborted/);
  await until("in the log", () => lines.some((line) => line.includes("2 bytes of an answer of 3")));
});
