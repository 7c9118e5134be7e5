/** Servers that lie, stand still, never end or are somebody else: what our client makes of them, in time and memory. */
import assert from "node:assert/strict";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:tls";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { newIdentity, openIdentity } from "../../src/platform/identity.ts";
import {
  ANSWER_ITEMS_MAX,
  DATA_ANSWER_MAX_BYTES,
  MEMORY_MIN_BYTES,
  SERVER_CONNECTIONS_MAX,
  SMALL_ANSWER_MAX_BYTES,
} from "../../src/services/files/grid/storage-client-constants.ts";
import type { ClientLimits } from "../../src/services/files/grid/storage-client.ts";
import { pinOf } from "../../src/services/files/storage/announcement.ts";
import { StorageBox, contentOf, secret } from "../grid/storage-box.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { eventually, start } from "../support/process.ts";
import type { Owner } from "../support/process.ts";
import { clientAt, clientOf, nurlAt } from "./storage-clients.ts";

const SI = "abcdefghijklmnopqrstuvwxya";
const MIB = 2 ** 20;
/** For what comes to an end by itself; and for what does not. */
const LIMITS: Partial<ClientLimits> = {
  ...{ connectMs: 30_000, silenceMs: 30_000, smallMs: 60_000, dataMs: 60_000, pollMs: 400 },
};
const SHORT = { ...LIMITS, connectMs: 1000, silenceMs: 400, smallMs: 1500, dataMs: 1500 };
const lease = { renewSecret: secret("renew"), cancelSecret: secret("cancel") };
const failsWith = (code: string) => ({ name: "ServerError", code });
const { certificatePem: cert, privateKeyPem: key } = newIdentity();
const PIN = pinOf(cert);

interface Seen {
  /** Also those that went no further. */
  tcpConnections: number;
  connections: number;
  open: number;
  receivedBytes: number;
}

/** A TLS server that does as it is told with each connection. */
async function serve(owner: Owner, talk: (socket: Socket) => void): Promise<{ port: number; seen: Seen }> {
  const seen = { tcpConnections: 0, connections: 0, open: 0, receivedBytes: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ cert, key }, (socket) => {
    seen.connections += 1;
    seen.open += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => (seen.receivedBytes += data.length));
    socket.once("close", () => (seen.open -= 1));
    talk(socket);
  });
  server.on("connection", () => (seen.tcpConnections += 1));
  return { port: await listen(owner, server, sockets), seen };
}

async function listen(owner: Owner, server: Server, sockets: Set<Socket>): Promise<number> {
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  owner.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers each request with the same bytes. */
function answering(...parts: (string | Uint8Array)[]) {
  return (socket: Socket) => socket.on("data", () => parts.forEach((part) => socket.write(part)));
}

function reply(status: string, type: string, body: string | Uint8Array, more = ""): (string | Uint8Array)[] {
  const head = `HTTP/1.1 ${status} x\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n${more}\r\n`;
  return [head, body];
}

const cborReply = (body: Uint8Array) => reply("200", "application/cbor", body);

async function took(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

/** Writes as long as the other side reads. */
function endlessly(socket: Socket, piece: Uint8Array): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

test("whoever has another key hears not a byte of a request", { timeout: 180_000 }, async (t) => {
  const { port, seen } = await serve(t, answering(...cborReply(Buffer.of(0xd9, 1, 2, 0x80))));
  assert.deepEqual(await clientAt(t, PIN, port, LIMITS).shares("immutable", SI), []);
  const before = { ...seen };
  const client = clientAt(t, pinOf(newIdentity().certificatePem), port, LIMITS);
  const wish = { shares: [0], bytes: 10, uploadSecret: secret("up"), lease };
  const tries = Array.from({ length: 20 }, () => client.allocate(SI, wish));
  for (const one of await Promise.allSettled(tries)) {
    assert.equal(one.status, "rejected");
    assert.equal((one.reason as { code: string }).code, "identity");
  }
  assert.equal(seen.receivedBytes, before.receivedBytes);
  assert.equal(seen.tcpConnections - before.tcpConnections, 20);
});

test("what is not the protocol is refused", { timeout: 180_000 }, async (t) => {
  const octets = "application/octet-stream";
  const ten = "x".repeat(10);
  const cases: Record<string, (string | Uint8Array)[]> = {
    "no HTTP": ["\u0000\u0001 whatever\r\n\r\n"],
    "headers without end": ["HTTP/1.1 206 x\r\n", `a: ${"x".repeat(200_000)}`],
    "another range": reply("206", octets, ten, "content-range: bytes 5-14/*\r\n"),
    "a longer range": reply("206", octets, `${ten}y`, "content-range: bytes 0-10/*\r\n"),
    "a range and other bytes": reply("206", octets, "xy", "content-range: bytes 0-9/*\r\n"),
    "no range": reply("206", octets, ten),
    "all of it": reply("200", octets, ten),
    "another kind": reply("206", "text/html", ten, "content-range: bytes 0-9/*\r\n"),
    "a redirect": reply("302", octets, ten, "location: https://example.org/\r\n"),
  };
  for (const [name, parts] of Object.entries(cases)) {
    const { port } = await serve(t, answering(...parts));
    const client = clientAt(t, PIN, port, LIMITS);
    await assert.rejects(client.read("immutable", SI, 0, { at: 0, length: 10 }), failsWith("garbled"), name);
  }
  const set = (...bytes: number[]) => Buffer.of(0xd9, 1, 2, ...bytes);
  const bodies = {
    nothing: Buffer.alloc(0),
    "a list, no set": Buffer.of(0x80),
    "a share 256": set(0x81, 0x19, 1, 0),
    "half of it": set(0x82, 1),
    more: set(0x80, 0x80),
    "a map": Buffer.of(0xa0),
    depth: Buffer.alloc(SMALL_ANSWER_MAX_BYTES, 0x81),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const { port } = await serve(t, answering(...cborReply(body)));
    await assert.rejects(clientAt(t, PIN, port, LIMITS).shares("mutable", SI), failsWith("garbled"), name);
  }
  const plain = await listen(
    t,
    createTcpServer((socket) => socket.write("220 mail\r\n")),
    new Set(),
  );
  await assert.rejects(clientAt(t, PIN, plain, LIMITS).shares("mutable", SI), failsWith("garbled"));
});

test("an answer of very many items costs little", { timeout: 180_000 }, async (t) => {
  const bomb = Buffer.alloc(20 * MIB, 0x80);
  const body = Buffer.concat([Buffer.of(0xa1, 0x64), Buffer.from("data"), Buffer.of(0x9a, 1, 0, 0, 0), bomb]);
  assert.ok(bomb.length > ANSWER_ITEMS_MAX);
  const { port } = await serve(t, (socket) =>
    socket.once("data", () => cborReply(body).map((one) => socket.write(one))),
  );
  const client = clientAt(t, PIN, port, LIMITS);
  const ask = { writeEnabler: secret("we"), lease, shares: new Map(), read: [] };
  const before = process.memoryUsage().heapUsed;
  await assert.rejects(client.readTestWrite(SI, ask), failsWith("garbled"));
  assert.ok(process.memoryUsage().heapUsed - before < 40 * MIB);
});

test("bodies without end are cut where their limit is", { timeout: 180_000 }, async (t) => {
  const piece = Buffer.alloc(64 * 1024, 7);
  const head = (status: number, type: string) => `HTTP/1.1 ${status} x\r\ncontent-type: ${type}\r\n\r\n`;
  for (const [status, code] of [
    [206, "garbled"],
    [200, "garbled"],
    [500, "failed"],
  ] as const) {
    let sentBytes = 0;
    const { port, seen } = await serve(t, (socket) => {
      socket.once("close", () => (sentBytes = socket.bytesWritten));
      socket.once("data", () => {
        socket.write(head(status, "application/octet-stream"));
        endlessly(socket, piece);
      });
    });
    const client = clientAt(t, PIN, port, LIMITS);
    await assert.rejects(client.read("immutable", SI, 0, { at: 0, length: 1000 }), failsWith(code));
    await eventually("the connection is cut", 30_000, () => seen.connections === 1 && seen.open === 0);
    // What the two kernels had in their buffers comes on top.
    assert.ok(sentBytes < 20 * MIB, `${status}: ${sentBytes} bytes`);
  }
  const length = `content-length: ${DATA_ANSWER_MAX_BYTES + 1}`;
  const long = `HTTP/1.1 200 x\r\ncontent-type: application/cbor\r\n${length}\r\n\r\n`;
  const { port } = await serve(t, (socket) =>
    socket.once("data", () => (socket.write(long), endlessly(socket, piece))),
  );
  const client = clientAt(t, PIN, port, LIMITS);
  const ask = { writeEnabler: secret("we"), lease, shares: new Map(), read: [] };
  await assert.rejects(client.readTestWrite(SI, ask), failsWith("garbled"));
  const tooMuch = client.read("immutable", SI, 0, { at: 0, length: DATA_ANSWER_MAX_BYTES + 1 });
  await assert.rejects(tooMuch, /more than one answer may have/);
});

test("silence, half answers and drips end in their time", { timeout: 180_000 }, async (t) => {
  const half = "HTTP/1.1 200 x\r\ncontent-type: application/cbor\r\ncontent-length: 100\r\n\r\nabc";
  const drip = (socket: Socket) =>
    socket.once("data", () => {
      socket.write(half);
      const timer = setInterval(() => socket.write("x"), 150);
      socket.once("close", () => clearInterval(timer));
    });
  const cases: Record<string, [(socket: Socket) => void, string, number, Partial<ClientLimits>]> = {
    "nothing at all": [() => {}, "timeout", 400, SHORT],
    "half, then nothing": [answering(half), "timeout", 400, SHORT],
    "half, then gone": [(socket) => socket.once("data", () => socket.end(half)), "unreachable", 0, LIMITS],
    "gone at once": [(socket) => socket.once("data", () => socket.destroy()), "unreachable", 0, LIMITS],
    "a byte now and then": [drip, "timeout", 1500, { ...SHORT, silenceMs: 10_000 }],
  };
  for (const [name, [talk, code, afterMs, limits]] of Object.entries(cases)) {
    const { port, seen } = await serve(t, talk);
    const client = clientAt(t, PIN, port, { ...limits, connectMs: 30_000 });
    const ms = await took(() => assert.rejects(client.shares("mutable", SI), failsWith(code), name));
    assert.ok(ms > afterMs - 50 && ms < afterMs + 15_000, `${name}: ${ms} ms`);
    await eventually(`${name}: closed`, 30_000, () => seen.open === 0);
  }
  const mute = await listen(t, createTcpServer(), new Set());
  const ms = await took(() =>
    assert.rejects(clientAt(t, PIN, mute, SHORT).shares("mutable", SI), failsWith("timeout")),
  );
  assert.ok(ms < 15_000, `no handshake: ${ms} ms`);
  await assert.rejects(clientAt(t, PIN, 1, LIMITS).shares("mutable", SI), failsWith("unreachable"));
});

test("a large answer is written where the asker wants it, and that comes back when it breaks off", async (t) => {
  const large = Buffer.alloc(MEMORY_MIN_BYTES + 1000, 9);
  const small = Buffer.alloc(MEMORY_MIN_BYTES - 1, 9);
  const range = (data: Uint8Array) => `content-range: bytes 0-${data.length - 1}/*\r\n`;
  const whole = (data: Uint8Array) => reply("206", "application/octet-stream", data, range(data));
  const [head] = whole(large);
  const given: Uint8Array[] = [];
  const taken: Uint8Array[] = [];
  const memory = {
    take: (bytes: number) => {
      const buffer = new Uint8Array(new SharedArrayBuffer(bytes));
      taken.push(buffer);
      return buffer;
    },
    giveBack: (buffer: Uint8Array) => given.push(buffer),
  };
  const read = async (talk: (socket: Socket) => void, length: number) => {
    const { port } = await serve(t, talk);
    return clientAt(t, PIN, port, LIMITS).read("immutable", SI, 0, { at: 0, length }, undefined, memory);
  };
  const came = await read(answering(...whole(large)), large.length);
  assert.ok(large.equals(came) && came.buffer === taken[0]!.buffer);
  assert.ok(small.equals(await read(answering(...whole(small)), small.length)));
  assert.deepEqual([taken.length, given.length], [1, 0]);
  const torn = (socket: Socket) =>
    socket.once("data", () => (socket.write(head!), socket.end(large.subarray(0, 10_000))));
  await assert.rejects(read(torn, large.length), failsWith("unreachable"));
  assert.ok(taken.length === 2 && given[0] === taken[1]);
});

test("who speaks without being asked is cut off, and the next answer is not mixed up with it", async (t) => {
  const connections: Socket[] = [];
  const { port, seen } = await serve(t, (socket) => {
    connections.push(socket);
    answering(...cborReply(Buffer.from("d9010280", "hex")))(socket);
  });
  const client = clientAt(t, PIN, port, LIMITS);
  assert.deepEqual(await client.shares("mutable", SI), []);
  for (const part of cborReply(Buffer.from("d902588107", "hex"))) connections[0]!.write(part);
  await eventually("the connection is cut", 30_000, () => seen.open === 0);
  assert.deepEqual(await client.shares("mutable", SI), []);
  assert.equal(seen.connections, 2);
});

test("a refusal is heard before the whole body has gone out", { timeout: 180_000 }, async (t) => {
  const text = "HTTP/1.1 507 x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nfull";
  const { port } = await serve(t, (socket) => {
    socket.pause();
    socket.once("readable", () => {
      socket.read(100);
      socket.write(text);
    });
  });
  const client = clientAt(t, PIN, port, LIMITS);
  const chunk = { uploadSecret: secret("up"), offset: 0, data: Buffer.alloc(20 * MIB), total: 20 * MIB };
  const error = await client.writeChunk(SI, 0, chunk).catch((one: unknown) => one as Error);
  assert.match(String(error), /507 full/);
});

test("a kept connection that breaks when it is used is no failure", { timeout: 180_000 }, async (t) => {
  const { port, seen } = await serve(t, (socket) => {
    let requests = 0;
    socket.on("data", () => {
      if ((requests += 1) > 1) socket.destroy();
      else for (const part of cborReply(Buffer.of(0xd9, 1, 2, 0x80))) socket.write(part);
    });
  });
  const client = clientAt(t, PIN, port, LIMITS);
  for (let count = 0; count < 5; count += 1) {
    assert.deepEqual(await client.shares("immutable", SI), []);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(client.state(), "up");
  assert.equal(seen.connections, 5);
});

test("so many connections and no more, so many requests and no more", { timeout: 180_000 }, async (t) => {
  const { port, seen } = await serve(t, () => {});
  const client = clientAt(t, PIN, port, { ...LIMITS, requestsMax: 40 });
  const stop = new AbortController();
  const asked = Array.from({ length: 40 }, () => client.shares("immutable", SI, stop.signal));
  await eventually("all connections", 30_000, () => seen.open === SERVER_CONNECTIONS_MAX);
  await assert.rejects(client.shares("immutable", SI), failsWith("failed"));
  const reason = new Error("enough");
  stop.abort(reason);
  for (const one of await Promise.allSettled(asked)) assert.equal(one.status === "rejected" && one.reason, reason);
  await eventually("all are closed", 30_000, () => seen.open === 0);
  assert.equal(seen.connections, SERVER_CONNECTIONS_MAX);
  await assert.rejects(client.shares("immutable", SI, AbortSignal.abort(reason)), reason);
});

test("a frozen server is slow, then away, and comes back", { timeout: 180_000 }, async (t) => {
  const folder = temporaryFolder("storage");
  const program = fileURLToPath(new URL("../grid/storage-process.ts", import.meta.url));
  const running = start([process.execPath, program, folder], { name: "storage", owner: t });
  const port = Number(/\d+/.exec(String(await running.waitForLine(/^port \d+/)))![0]);
  const pin = pinOf((await openIdentity(folder)).certificatePem);
  const client = clientAt(t, pin, port, { pollMs: 1000 });
  client.start();
  const total = 64 * MIB;
  const uploadSecret = secret("up");
  await client.allocate(SI, { shares: [0], bytes: total, uploadSecret, lease });
  await eventually("it is up", 30_000, () => client.state() === "up");
  running.signal("SIGSTOP");
  const frozenMs = performance.now();
  const data = contentOf(MIB);
  const asked = Array.from({ length: 40 }, (_, index) =>
    client.writeChunk(SI, 0, { uploadSecret, offset: index * MIB, data, total }),
  );
  await eventually("it is slow", 30_000, () => client.state() === "slow");
  for (const one of await Promise.allSettled(asked)) {
    assert.equal(one.status === "rejected" && (one.reason as { code: string }).code, "timeout");
  }
  assert.ok(performance.now() - frozenMs < 60_000, `${performance.now() - frozenMs} ms`);
  assert.equal(client.state(), "away");
  const ms = await took(() => assert.rejects(client.shares("immutable", SI), failsWith("unreachable")));
  assert.ok(ms < 10_000, `${ms} ms`);
  running.signal("SIGCONT");
  await eventually("it is up again", 30_000, async () => (await client.shares("immutable", SI)).length === 0);
  assert.equal(client.state(), "up");
});

test("of several addresses the one that works is used", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  const pin = pinOf(box.identity.certificatePem);
  const impostor = await serve(t, answering(...cborReply(Buffer.of(0xd9, 1, 2, 0x80))));
  const bytes = new Uint8Array(20);
  const place = { id: "v0-test", name: "test", seed: bytes, tubId: bytes, owner: undefined, zone: undefined };
  const nurls = [1, impostor.port, box.port].map((port) => nurlAt(pin, port));
  const client = clientOf(t, { ...place, nurls }, LIMITS);
  client.start();
  await eventually("the third is found", 30_000, () => client.state() === "up");
  assert.deepEqual(await client.shares("immutable", SI), []);
  assert.equal(impostor.seen.receivedBytes, 0);
  const refused = clientOf(t, { ...place, nurls: nurls.slice(0, 1) }, LIMITS);
  refused.start();
  await eventually("nobody is there", 30_000, () => refused.state() === "away");
  assert.equal(refused.problem(), "unreachable");
});

test("who leaves the list ends what is under way", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  const { port } = await serve(t, () => {});
  const client = clientAt(t, PIN, port, LIMITS);
  const asked = client.shares("immutable", SI);
  setTimeout(() => client.close(), 100);
  await assert.rejects(asked, failsWith("unreachable"));
  const good = clientAt(t, pinOf(box.identity.certificatePem), box.port, LIMITS);
  assert.deepEqual(await good.shares("immutable", SI), []);
});
