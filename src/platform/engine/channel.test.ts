/** Web sockets of an engine that breaks off, says too much, asks whether we are there, or does not say goodbye. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { WebSocket } from "ws";
import { systemClock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { passingFolder, until } from "../waiting.fixture.ts";
import { byteChannel, messageChannel } from "./channel.ts";
import { EVENT_BYTES_MAX, SOCKET_PONG_DELAY_MS, SOCKET_UNSENT_BYTES_MAX } from "./constants.ts";
import { ENGINE_LIMITS, createTransport } from "./transport.ts";

/** Of RFC 6455. */
const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NONE = Buffer.alloc(0);

/** The engine's end of a web socket as a plain socket, and our line. `head` comes together with the answer. */
async function pair(t: TestContext, head: Uint8Array = NONE): Promise<{ engine: Socket; line: WebSocket }> {
  const path = join(passingFolder(), "s");
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => {
    server.once("upgrade", (request, socket) => {
      const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${ACCEPT_SUFFIX}`);
      const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
      const answer = [...lines, `Sec-WebSocket-Accept: ${accept.digest("base64")}`, "", ""].join("\r\n");
      socket.on("error", () => {});
      socket.write(Buffer.concat([Buffer.from(answer), head]));
      resolve(socket as Socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const options = { clock: systemClock(), socketPath: () => path, limits: ENGINE_LIMITS };
  const transport = createTransport(options, { requests: 0, sockets: 0 });
  const line = await transport.upgrade({ path: "/events", about: { kind: "operation", name: "events" } });
  const engine = await accepted;
  t.after(() => {
    engine.destroy();
    line.terminate();
    server.close();
  });
  return { engine, line };
}

/** A frame as a server writes it. */
function served(opcode: number, payload: Uint8Array, last = true): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (last ? 0x80 : 0) | opcode;
  head[1] = opcode >= OPCODE.close ? payload.length : 127;
  if (opcode >= OPCODE.close) return Buffer.concat([head.subarray(0, 2), payload]);
  head.writeUInt32BE(payload.length, 6);
  return Buffer.concat([head, payload]);
}

/** What the engine hears: the masks of all zeros are four bytes before each payload. */
function heard(engine: Socket): { opcode: number; text: string }[] {
  const found: { opcode: number; text: string }[] = [];
  engine.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      const length = chunk[at + 1]! & 0x7f;
      assert.ok((chunk[at + 1]! & 0x80) !== 0 && length < 126, "masked and short");
      const begin = at + 6;
      found.push({ opcode: chunk[at]! & 0x0f, text: chunk.subarray(begin, begin + length).toString("latin1") });
      at = begin + length;
    }
  });
  return found;
}

test("a stream ends where the engine says so, and what came before the upgrade's end is not lost", async (t) => {
  const { engine, line } = await pair(t, served(OPCODE.binary, Buffer.from("a")));
  const stream = byteChannel(line, virtualClock());
  const said: string[] = [];
  stream.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const ended = new Promise((resolve) => stream.once("end", resolve));
  engine.write(served(OPCODE.binary, Buffer.from("b"), false));
  engine.write(served(OPCODE.more, Buffer.from("c")));
  engine.write(served(OPCODE.text, NONE));
  await ended;
  assert.equal(said.join(""), "abc");
});

test("a stream whose line breaks before its end says so; after a goodbye it has ended", async (t) => {
  const broken = await pair(t);
  const stream = byteChannel(broken.line, virtualClock());
  const failed = new Promise((resolve) => stream.once("error", resolve));
  stream.resume();
  broken.engine.destroy();
  assert.ok(isFailure(await failed, "engine-interrupted"));

  const clean = await pair(t);
  const other = byteChannel(clean.line, virtualClock());
  const ended = new Promise((resolve) => other.once("end", resolve));
  other.resume();
  clean.engine.write(served(OPCODE.close, Buffer.from([0x03, 0xe8])));
  await ended;
});

test("a ping is answered with its own words, after a while", async (t) => {
  const { engine, line } = await pair(t);
  const said = heard(engine);
  const clock = virtualClock();
  byteChannel(line, clock).on("error", () => {});
  engine.write(served(OPCODE.ping, Buffer.from("there?")));
  await until("it is heard", () => clock.waiting() === 1);
  clock.advance(SOCKET_PONG_DELAY_MS - 1);
  assert.equal(said.length, 0);
  clock.advance(1);
  await until("a pong", () => said.length > 0);
  assert.deepEqual(said, [{ opcode: OPCODE.pong, text: "there?" }]);
});

test("what an engine says before it asks, ends and is gone arrives whole", async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const { engine, line } = await pair(t, served(OPCODE.ping, NONE));
    const data = Buffer.alloc(300_000, round);
    const stream = byteChannel(line, systemClock());
    engine.end(Buffer.concat([served(OPCODE.binary, data), served(OPCODE.text, NONE)]), () => engine.destroy());
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(data));
  }
});

test("who writes faster than the engine reads has to wait", async (t) => {
  const { engine, line } = await pair(t);
  engine.pause();
  const stream = byteChannel(line, virtualClock()).on("error", () => {});
  let free = true;
  for (let n = 0; n < 100 && free; n += 1) free = stream.write(Buffer.alloc(65_536));
  assert.equal(free, false);
  assert.ok(stream.writableLength <= SOCKET_UNSENT_BYTES_MAX + 65_536);
});

test("a message over the limit, in one frame or in many, ends the line", async (t) => {
  for (const parts of [1, 8]) {
    const { engine, line } = await pair(t);
    let messages = 0;
    const closed = new Promise((resolve) => {
      messageChannel(line, virtualClock(), { message: () => (messages += 1), closed: resolve });
    });
    const part = Buffer.alloc(Math.ceil((EVENT_BYTES_MAX + 1) / parts));
    for (let n = 0; n < parts; n += 1) engine.write(served(n === 0 ? OPCODE.text : OPCODE.more, part, n === parts - 1));
    assert.ok(isFailure(await closed, "engine-answer-too-large"));
    assert.equal(messages, 0);
  }
});

test("an engine that does not answer a goodbye is cut after the grace", async (t) => {
  const { engine, line } = await pair(t);
  engine.resume();
  let times = 0;
  const closed = new Promise<void>((resolve) => {
    const channel = messageChannel(line, virtualClock(), {
      message: () => {},
      closed: () => resolve(void (times += 1)),
    });
    channel.close();
    channel.close();
  });
  await closed;
  assert.equal(times, 1);
});
