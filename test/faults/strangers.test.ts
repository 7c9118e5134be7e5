/**
 * Strangers against one box, over loopback and within bounds: garbage and claims of size on the mesh port, floods of
 * connections and slow requests on the port of the pages. Memory is sampled throughout; people are still served.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { seededRandom } from "../../src/kernel/random.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { figure, metric, pidOf, residentMiB } from "./direct.ts";

const SEED = 7;
const PACKETS = 20_000;
const PACKETS_MOST = 200_000;
const STREAMS_PER_ADDRESS = 32;
const ADDRESSES = 4;
const STREAM_CLAIM_BYTES = 19 * 1024 * 1024;
const IDLE_CONNECTIONS = 10_000;
const SLOW_PER_ADDRESS = 100;
const SLOW_ADDRESSES = 20;
const SLOW_MS = 8_000;
/** A page while all that goes on. */
const PAGE_MS_MAX = 2_000;
/** Any one of them, on a machine that does other things, too. */
const SLOWEST_MS_MAX = 20_000;
const GROWTH_MIB_MAX = 220;

let box: Box;
let startMiB = 0;
let peakMiB = 0;
let sampler: NodeJS.Timeout;
const open = new Set<Socket>();

before(async () => {
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri" });
  await page();
  startMiB = residentMiB(pidOf(box));
  sampler = setInterval(() => (peakMiB = Math.max(peakMiB, residentMiB(pidOf(box)))), 50);
});

after(async () => {
  clearInterval(sampler);
  hangUp();
  await box.stop();
});

/** A page as a person gets it, from the address that the flood does not use. Gives the milliseconds. */
async function page(): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(`${box.url}/`, { headers: { connection: "close" } });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  return performance.now() - startedMs;
}

/** Half of them are quick, and nobody is kept out. */
function slowestOf(times: number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  const [median, slowest] = [sorted[sorted.length >> 1]!, sorted.at(-1)!];
  assert.ok(median < PAGE_MS_MAX && slowest < SLOWEST_MS_MAX, `pages took ${median.toFixed(0)} to ${slowest} ms`);
  return slowest;
}

function dial(port: number, localAddress = "127.0.0.1"): Socket {
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", () => {});
  open.add(socket);
  socket.once("close", () => open.delete(socket));
  return socket;
}

function hangUp(): void {
  for (const socket of open) socket.resetAndDestroy();
}

/** After each flood: the box stands, no part crashed, memory stayed within bounds. */
async function standing(what: string): Promise<void> {
  hangUp();
  assert.equal(box.process?.exit, undefined, `it said: ${box.process?.output()}`);
  const parts = await box.api<{ name: string; crashes: number; state: string }[]>("/parts");
  assert.ok(
    parts.every((part) => part.crashes === 0 && part.state === "running"),
    JSON.stringify(parts),
  );
  assert.equal(peakMiB - startMiB < GROWTH_MIB_MAX, true, `${what}: ${peakMiB.toFixed(0)} MiB at the peak`);
  figure(
    `${what}: RSS ${startMiB.toFixed(0)} MiB before, ${peakMiB.toFixed(0)} peak so far, ` +
      `${residentMiB(pidOf(box)).toFixed(0)} after`,
  );
}

test("garbage in UDP is never answered", { timeout: 300_000 }, async () => {
  const random = seededRandom(SEED);
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  let answers = 0;
  socket.on("message", () => answers++);
  const before = await metric(box, "mesh_gossip_unopened_total");
  const counted = async () => (await metric(box, "mesh_gossip_unopened_total")) - before;
  let sent = 0;
  // A box that gets little of the processor misses some: then there are more.
  for (; sent < PACKETS || (sent < PACKETS_MOST && (await counted()) <= PACKETS / 4); sent += 1) {
    const bytes = random.bytes(1 + random.below(sent % 50 === 0 ? 60_000 : 1400));
    // Every memberlist type, the sealed form, labels, compound, compressed and checksummed packets.
    bytes[0] = sent % 256;
    socket.send(bytes, box.meshPort, "127.0.0.1");
    if (sent % 100 === 0) await sleep(1);
  }
  for (const text of [lzwBomb(), Buffer.from([0, 0x82, 0xa5]), Buffer.alloc(0)])
    socket.send(text, box.meshPort, "127.0.0.1");
  await sleep(500);
  socket.close();
  assert.equal(answers, 0, "an unauthenticated packet was answered");
  const arrived = await counted();
  assert.ok(arrived > PACKETS / 4, `only ${arrived} packets arrived`);
  await standing(`${sent} packets of garbage, ${arrived} counted, 0 answered`);
});

/** A compressed message: a small LZW stream of one repeated string, which unpacks to much more than its size. */
function lzwBomb(): Buffer {
  const head = Buffer.from([9, 0x82, 0xa4, ...Buffer.from("Algo"), 0, 0xa3, ...Buffer.from("Buf"), 0xc5, 0xea, 0x60]);
  return Buffer.concat([head, Buffer.alloc(60_000, 0x5a)]);
}

test("claims of size on the mesh port hold no memory", { timeout: 300_000 }, async () => {
  const claim = Buffer.alloc(5);
  claim[0] = 10;
  claim.writeUInt32BE(STREAM_CLAIM_BYTES, 1);
  const chunk = Buffer.alloc(256 * 1024, 7);
  const sockets: Socket[] = [];
  for (let address = 2; address < 2 + ADDRESSES; address += 1) {
    for (let n = 0; n < STREAMS_PER_ADDRESS; n += 1) sockets.push(dial(box.meshPort, `127.0.0.${address}`));
  }
  for (const socket of sockets) socket.write(claim);
  // Nearly all of what was claimed, so that nothing is ever complete.
  const rounds = Math.floor((STREAM_CLAIM_BYTES * 0.9) / chunk.length);
  for (let round = 0; round < rounds; round += 1) {
    for (const socket of sockets) if (!socket.destroyed && socket.writableLength < chunk.length) socket.write(chunk);
    await sleep(20);
  }
  assert.ok((await page()) < SLOWEST_MS_MAX);
  await standing(`${sockets.length} streams that claim ${STREAM_CLAIM_BYTES >> 20} MiB each`);
});

test(
  "plain streams, TLS hellos that fall silent, and random bytes end by themselves",
  { timeout: 300_000 },
  async () => {
    const random = seededRandom(SEED);
    const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    for (let n = 0; n < 200; n += 1) {
      const socket = dial(box.meshPort, `127.0.0.${2 + (n % ADDRESSES)}`);
      if (n % 3 === 0) socket.write(hello);
      else if (n % 3 === 1) socket.write(Buffer.concat([Buffer.from([n % 16]), random.bytes(2000)]));
      else socket.write(Buffer.concat([Buffer.from([6, 0xdf, 0xff, 0xff, 0xff, 0xff]), random.bytes(5000)]));
    }
    await sleep(1000);
    assert.ok((await page()) < SLOWEST_MS_MAX);
    const endMs = performance.now() + 60_000;
    while (open.size > 0 && performance.now() < endMs) await sleep(100);
    assert.equal(open.size, 0, `${open.size} connections are still held`);
    await standing("silent hellos and random streams");
  },
);

test("a stranger with a key of its own reaches the join endpoint only", { timeout: 300_000 }, async () => {
  const identity = newIdentity();
  const tls = () =>
    connectTls({
      host: "127.0.0.1",
      port: box.meshPort,
      key: identity.privateKeyPem,
      cert: identity.certificatePem,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
    });
  const session = connectHttp2("https://box", { createConnection: tls });
  session.on("error", () => {});
  const ask = (path: string, body: string | Buffer) =>
    new Promise<{ status: number; text: string }>((resolve) => {
      const stream = session.request({ ":method": "POST", ":path": path });
      let status = 0;
      let text = "";
      stream.on("response", (headers) => (status = Number(headers[":status"])));
      stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
      stream.on("error", () => {});
      stream.on("close", () => resolve({ status, text }));
      stream.end(body);
    });
  for (const path of ["sync", "push", "key", "reach", "hello", "nothing", "../key", "key?x=1", "join/../key", ""]) {
    const { status, text } = await ask(`/mesh/1/${path}`, JSON.stringify({ epoch: 1, records: [] }));
    assert.ok(status >= 400, `${path}: ${status} ${text}`);
    assert.doesNotMatch(text, /"key":"|"records"|"nodes"/, path);
  }
  for (const path of ["/", "/api/v1/settings", "/discovery", "/mesh/2/sync"]) {
    assert.equal((await ask(path, "{}")).status, 403, path);
  }
  for (const body of ["", "null", "[]", "{", '{"community":1}', '{"step":"enter"}', "x".repeat(300_000)]) {
    const { status, text } = await ask("/mesh/1/join", body);
    assert.ok((status >= 400 && status < 500) || status === 502, `${body.slice(0, 20)}: ${status} ${text}`);
  }
  assert.equal((await ask("/mesh/1/join", Buffer.alloc(3 * 1024 * 1024))).status, 413);
  // More requests at one time than a link may have: each is answered or reset, none hangs.
  const many = await Promise.all(Array.from({ length: 500 }, () => ask("/mesh/1/join", "{}")));
  assert.ok(many.every((one) => one.status === 0 || one.status >= 400));
  session.destroy();
  assert.equal((await box.api<unknown[]>("/boxes")).length, 1);
  await standing("a stranger on a link");
});

test("ten thousand idle connections leave room for people", { timeout: 300_000 }, async () => {
  const times: number[] = [];
  for (let n = 0; n < IDLE_CONNECTIONS; n += 1) {
    dial(box.port, `127.0.0.${2 + (n % 40)}`);
    if (n % 100 === 99) await sleep(10);
    if (n % 500 === 499) times.push(await page());
  }
  await sleep(500);
  for (let n = 0; n < 10; n += 1) times.push(await page());
  const slowest = slowestOf(times);
  const held = open.size;
  await standing(`${IDLE_CONNECTIONS} idle connections, ${held} kept, slowest page ${slowest.toFixed(0)} ms`);
});

test("slow heads and slow bodies do not keep people out", { timeout: 300_000 }, async () => {
  const sockets: Socket[] = [];
  const post = (path: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`;
  const kinds = [
    "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ",
    post("/api/v1/session"),
    post("/api/v1/setup"),
    post("/nothing"),
    "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ];
  for (let n = 0; n < SLOW_PER_ADDRESS * SLOW_ADDRESSES; n += 1) {
    const socket = dial(box.port, `127.0.0.${50 + (n % SLOW_ADDRESSES)}`);
    socket.write(kinds[n % kinds.length]!);
    sockets.push(socket);
    if (n % 100 === 99) await sleep(10);
  }
  const times: number[] = [];
  const endMs = performance.now() + SLOW_MS;
  while (performance.now() < endMs) {
    for (const socket of sockets) if (!socket.destroyed) socket.write("a");
    times.push(await page());
    await sleep(200);
  }
  const slowest = slowestOf(times);
  await standing(`${sockets.length} slow requests, ${times.length} pages, slowest ${slowest.toFixed(0)} ms`);
});
