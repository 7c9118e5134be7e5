/** Links over real sockets and over a plain Duplex: identity, limits, deadlines, slow and hostile peers, exclusion. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, createServer } from "node:net";
import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { connect as connectTls } from "node:tls";
import { systemClock } from "../kernel/clock.ts";
import { fail as kernelFail, isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { settled, virtualClock } from "../kernel/virtual-clock.ts";
import { LINK_LIGHT_BYTES, LINK_REFUSED_PAUSE_MS } from "./constants.ts";
import { newIdentity } from "./identity.ts";
import type { LinkAnswer, LinkRequest } from "./link-messages.ts";
import type { Links, LinksOptions } from "./links.ts";
import { createLinks } from "./links.ts";
import { openPort } from "./port.ts";

const clock = systemClock();
const log = createLog({ clock, level: "warn", write: () => {} });
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (from: Uint8Array) => new TextDecoder().decode(from);
/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;

const echo = async (request: LinkRequest): Promise<LinkAnswer> => ({ status: 200, body: request.body });

interface Box {
  id: string;
  links: Links;
  target: { boxId: string; address: string; port: number };
  close(): Promise<void>;
}

async function box(more: Partial<LinksOptions> = {}): Promise<Box> {
  const identity = newIdentity();
  const links = createLinks({ identity, clock, log, handler: echo, authorize: () => true, ...more });
  const onStream = (socket: Duplex) => socket.destroy();
  const port = await openPort({ address: "127.0.0.1", port: 0, clock, log, onLink: links.accept, onStream });
  const close = async () => {
    await links.close();
    await port.close();
  };
  return {
    id: identity.boxId,
    links,
    target: { boxId: identity.boxId, address: "127.0.0.1", port: port.local.port },
    close,
  };
}

async function pair(
  more: Partial<LinksOptions> = {},
  own: Partial<LinksOptions> = {},
): Promise<[Box, Box, () => Promise<void>]> {
  const [a, b] = await Promise.all([box(own), box(more)]);
  return [a, b, async () => void (await Promise.all([a.close(), b.close()]))];
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !holds();) {
    assert.ok(performance.now() < endMs, "waited too long");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a request passes, both sides know each other, and one link serves many", async () => {
  let seen: LinkRequest | undefined;
  const startedMs = performance.now();
  const [a, b, close] = await pair({ handler: (request) => ((seen = request), echo(request)) });
  const reply = await a.links.request({
    peer: b.target,
    path: "/x?y=1",
    body: bytes("hello"),
    headers: { "comu-kind": "k" },
  });
  assert.deepEqual([reply.status, text(reply.body), reply.peer], [200, "hello", b.id]);
  assert.ok(reply.rttMs >= 0 && reply.rttMs <= performance.now() - startedMs);
  assert.deepEqual([seen!.peer, seen!.method, seen!.path, seen!.headers["comu-kind"]], [a.id, "POST", "/x?y=1", "k"]);
  const many = await Promise.all(
    Array.from({ length: 200 }, (_, n) => a.links.request({ peer: b.target, path: "/", body: bytes(String(n)) })),
  );
  assert.deepEqual(
    many.map((one) => text(one.body)),
    Array.from({ length: 200 }, (_, n) => String(n)),
  );
  assert.deepEqual([a.links.stats().sessionsOut, b.links.stats().sessionsIn], [1, 1]);
  assert.ok(a.links.stats().bytesOut > 500 && b.links.stats().bytesIn > 500);
  const empty = await a.links.request({ peer: { ...b.target, boxId: undefined }, path: "/" });
  assert.deepEqual([empty.peer, empty.body.length], [b.id, 0]);
  await close();
  assert.ok(a.links.stats().bytesIn > 500, "bytes of closed connections stay counted");
});

test("links run over any Duplex", async () => {
  const server = await box();
  const connect = async () => {
    const [near, far] = duplexPair();
    server.links.accept(far);
    return near;
  };
  const client = await box({ connect });
  const reply = await client.links.request({
    peer: { boxId: server.id, address: "relay", port: 0 },
    path: "/",
    body: bytes("tunnel"),
  });
  assert.equal(text(reply.body), "tunnel");
  await Promise.all([client.close(), server.close()]);
});

test("a wrong box at the address gets no request", async () => {
  let asked = 0;
  const [a, b, close] = await pair({ handler: (request) => (asked++, echo(request)) });
  const wrong = { ...b.target, boxId: newIdentity().boxId };
  await assert.rejects(
    a.links.request({ peer: wrong, path: "/", body: bytes("secret") }),
    (error) => isFailure(error, "peer-identity") && error.params["actual"] === b.id,
  );
  assert.equal(asked, 0);
  await until(() => b.links.stats().sessionsIn === 0);
  await close();
});

test("nobody there, nobody speaking, and an abort have their own errors", async () => {
  const times = virtualClock();
  const limits = { handshakeTimeoutMs: 60, connectTimeoutMs: 1_000_000 };
  const [a, b, close] = await pair({ handler: () => new Promise(() => {}) }, { clock: times, limits });
  await assert.rejects(a.links.request({ peer: { address: "127.0.0.1", port: 1 }, path: "/" }), {
    code: "peer-unreachable",
  });
  const mute = createServer((socket) => void socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(mute, "listening");
  const nobody = { address: "127.0.0.1", port: (mute.address() as { port: number }).port };
  const unheard = assert.rejects(a.links.request({ peer: nobody, path: "/" }), { code: "peer-timeout" });
  const [socket] = (await once(mute, "connection")) as [Socket];
  await once(socket, "readable");
  times.advance(60);
  await unheard;
  const late = assert.rejects(a.links.request({ peer: b.target, path: "/", timeoutMs: 80 }), { code: "peer-timeout" });
  await until(() => b.links.stats().requests === 1);
  times.advance(80);
  await late;
  const stop = new AbortController();
  const asked = a.links.request({ peer: b.target, path: "/", signal: stop.signal });
  await until(() => b.links.stats().requests === 2);
  stop.abort(new Error("no longer wanted"));
  await assert.rejects(asked, /no longer wanted/);
  await assert.rejects(a.links.request({ peer: b.target, path: "/", signal: stop.signal }), /no longer wanted/);
  assert.equal(b.links.stats().requests, 2);
  assert.equal(a.links.stats().sessionsOut, 1, "the link itself stays");
  mute.close();
  await close();
});

test("the caller's abort reaches the handler, and so does the deadline", async () => {
  const aborted: string[] = [];
  const handler = ({ path, signal }: LinkRequest) =>
    new Promise<LinkAnswer>((resolve) =>
      signal.addEventListener("abort", () => (aborted.push(path), resolve({ status: 200 }))),
    );
  const times = virtualClock();
  const [a, b, close] = await pair({ handler, clock: times, limits: { requestDeadlineMs: 80 } }, { clock: times });
  const gone = a.links.request({ peer: b.target, path: "/gone", timeoutMs: 40 });
  await until(() => b.links.stats().requests === 1);
  times.advance(40);
  await assert.rejects(gone, { code: "peer-timeout" });
  await until(() => aborted.includes("/gone") && b.links.stats().requests === 0);
  const slow = a.links.request({ peer: b.target, path: "/slow" });
  await until(() => b.links.stats().requests === 1);
  times.advance(80);
  assert.equal((await slow).status, 504);
  assert.deepEqual(aborted, ["/gone", "/slow"]);
  await close();
});

test("bodies are limited: in a request, in an answer, and all together", async () => {
  const handler = async ({ path }: LinkRequest) => ({
    status: 200,
    body: new Uint8Array(path === "/big" ? 200_000 : 0),
  });
  const limits = { bodyBytesMax: 100_000 };
  const [a, b, close] = await pair({ handler, limits }, { limits });
  const send = (length: number) => a.links.request({ peer: b.target, path: "/", body: new Uint8Array(length) });
  assert.equal((await send(100_000)).status, 200);
  assert.equal((await send(100_001)).status, 413);
  assert.equal((await send(3_000_000)).status, 413);
  await assert.rejects(a.links.request({ peer: b.target, path: "/big" }), { code: "peer-answer-too-large" });
  assert.equal((await send(10)).status, 200, "the link survives");
  await close();
  const [c, d, closeBoth] = await pair({ limits: { bodiesBytesMax: 1000 } });
  const reply = await c.links.request({ peer: d.target, path: "/", body: new Uint8Array(1001) });
  assert.equal(reply.status, 503);
  for (let n = 0; n < 5; n++) {
    assert.equal((await c.links.request({ peer: d.target, path: "/", body: new Uint8Array(900) })).status, 200);
  }
  await closeBoth();
});

test("requests at one moment are limited on both sides", async () => {
  const release: (() => void)[] = [];
  const handler = () => new Promise<LinkAnswer>((resolve) => release.push(() => resolve({ status: 200 })));
  const [a, b, close] = await pair({ handler, limits: { requestsMax: 3 } }, { limits: { requestsPerLinkMax: 4 } });
  const ask = () => a.links.request({ peer: b.target, path: "/" });
  const open = [ask(), ask(), ask()];
  await until(() => release.length === 3);
  const fourth = ask();
  await assert.rejects(ask(), { code: "links-full" });
  assert.equal((await fourth).status, 503);
  for (const run of release) run();
  assert.deepEqual(
    (await Promise.all(open)).map((one) => one.status),
    [200, 200, 200],
  );
  await close();
});

test("one peer takes no more than its share of what there is for all", async () => {
  const release: (() => void)[] = [];
  const handler = () => new Promise<LinkAnswer>((resolve) => release.push(() => resolve({ status: 200 })));
  const limits = { requestsPerPeerMax: 2, bodiesBytesMax: 3000, bodiesPerPeerBytesMax: 2000 };
  const [greedy, asked, close] = await pair({ handler, limits });
  const other = await box();
  const ask = (from: Box, length: number) =>
    from.links.request({ peer: asked.target, path: "/", body: new Uint8Array(length) });
  assert.equal((await ask(greedy, 2001)).status, 503, "one body of more than its share");
  const open = [ask(greedy, 1000), ask(greedy, 1000)];
  await until(() => release.length === 2);
  assert.equal((await ask(greedy, 0)).status, 503, "a request too many");
  open.push(ask(other, 1000));
  await until(() => release.length === 3);
  for (const run of release) run();
  assert.deepEqual(
    (await Promise.all(open)).map((one) => one.status),
    [200, 200, 200],
  );
  const again = ask(greedy, 1000);
  await until(() => release.length === 4);
  release[3]!();
  assert.equal((await again).status, 200, "its share is free again");
  await other.close();
  await close();
});

test("who asks too much is not read for a moment, but for what is light; others are", async () => {
  const seen: string[] = [];
  const handler = async ({ peer, body }: LinkRequest) => {
    seen.push(`${peer === greedy.id ? "greedy" : "other"} ${body.length}`);
    return { status: body.length === LINK_LIGHT_BYTES + 1 ? 429 : 200, body: bytes("too many") };
  };
  const times = virtualClock();
  const [greedy, asked, close] = await pair({ handler, clock: times });
  const other = await box();
  const ask = (from: Box, length: number) =>
    from.links.request({ peer: asked.target, path: "/", body: new Uint8Array(length) });
  assert.equal((await ask(greedy, LINK_LIGHT_BYTES + 1)).status, 429);
  let isTold = false;
  const paused = ask(greedy, LINK_LIGHT_BYTES + 2).finally(() => (isTold = true));
  assert.equal((await ask(greedy, LINK_LIGHT_BYTES)).status, 200);
  assert.equal((await ask(other, LINK_LIGHT_BYTES + 3)).status, 200);
  times.advance(LINK_REFUSED_PAUSE_MS - 1);
  assert.equal((await ask(greedy, LINK_LIGHT_BYTES)).status, 200);
  assert.equal(isTold, false, "it is told so at the end of the pause");
  times.advance(1);
  const { status, body } = await paused;
  assert.deepEqual([status, text(body)], [429, "too many"]);
  assert.deepEqual(seen, [
    `greedy ${LINK_LIGHT_BYTES + 1}`,
    `greedy ${LINK_LIGHT_BYTES}`,
    `other ${LINK_LIGHT_BYTES + 3}`,
    `greedy ${LINK_LIGHT_BYTES}`,
  ]);
  assert.equal((await ask(greedy, LINK_LIGHT_BYTES + 2)).status, 200, "the pause is over");
  assert.equal(asked.links.stats().requests, 0);
  await other.close();
  await close();
});

test("authorization is asked for the link and for each path; failures of the handler are answers", async () => {
  let excluded = "";
  const authorize = ({ peer, path }: { peer: string; path?: string }) => peer !== excluded && path !== "/secret";
  const handler = async ({ path }: LinkRequest): Promise<LinkAnswer> => {
    if (path === "/bug") throw new Error("a bug");
    throw kernelFail("conflict", { params: { port: 7 } });
  };
  const [a, b, close] = await pair({ authorize, handler });
  const status = async (path: string) => (await a.links.request({ peer: b.target, path })).status;
  assert.equal(await status("/secret"), 403);
  assert.equal(await status("/bug"), 500);
  const conflict = await a.links.request({ peer: b.target, path: "/" });
  assert.deepEqual(JSON.parse(text(conflict.body)), { error: { code: "conflict", params: { port: 7 } } });
  excluded = a.id;
  b.links.dropPeer(a.id);
  await until(() => a.links.stats().sessionsOut === 0);
  await assert.rejects(
    status("/"),
    (error) => isFailure(error, "peer-unreachable") || isFailure(error, "peer-refused"),
  );
  assert.equal(b.links.stats().sessionsIn, 0);
  await close();
});

test("dropPeer cuts what is under way, at once", async () => {
  // On a clock that stands still: nothing of it waits for the end of a time.
  const stopped = virtualClock();
  const [a, b, close] = await pair({ handler: () => new Promise(() => {}), clock: stopped }, { clock: stopped });
  const asked = a.links.request({ peer: b.target, path: "/" });
  await until(() => b.links.stats().requests === 1);
  a.links.dropPeer(b.id);
  await assert.rejects(asked, { code: "peer-unreachable" });
  await until(() => b.links.stats().sessionsIn === 0);
  await close();
});

test("links per peer and links of ours are limited; the one idle longest makes room", async () => {
  const [a, b, close] = await pair({ limits: { sessionsPerPeerMax: 2 } }, { limits: { poolMax: 3 } });
  const via = (address: string) => a.links.request({ peer: { ...b.target, address }, path: "/" });
  await via("127.0.0.1");
  await via("localhost");
  await assert.rejects(via("127.1"), { name: "Failure" });
  assert.equal(b.links.stats().sessionsIn, 2);
  const others = await Promise.all([box(), box()]);
  for (const other of others) await a.links.request({ peer: other.target, path: "/" });
  assert.equal(a.links.stats().sessionsOut, 3);
  await until(() => b.links.stats().sessionsIn === 1);
  await close();
  for (const other of others) await other.close();
  const handler = () => new Promise<LinkAnswer>(() => {});
  const [c, d, closeBoth] = await pair({ handler }, { limits: { poolMax: 1 } });
  const pending = assert.rejects(c.links.request({ peer: d.target, path: "/" }), { code: "peer-unreachable" });
  await until(() => d.links.stats().requests === 1);
  await assert.rejects(c.links.request({ peer: { ...d.target, address: "localhost" }, path: "/" }), {
    code: "links-full",
  });
  c.links.dropPeer(d.id);
  await pending;
  await closeBoth();
});

test("an idle link is closed; a link whose ping is not answered too; and a new one opens", async () => {
  const times = virtualClock();
  const [a, b, close] = await pair({}, { clock: times, limits: { pingIntervalMs: 20, idleMs: 60 } });
  await a.links.request({ peer: b.target, path: "/" });
  times.advance(59);
  await settled();
  assert.equal(a.links.stats().sessionsOut, 1);
  times.advance(1);
  await until(() => a.links.stats().sessionsOut === 0 && b.links.stats().sessionsIn === 0);
  assert.equal((await a.links.request({ peer: b.target, path: "/" })).status, 200);
  await close();
  // A path that swallows everything after a while, as a NAT that has forgotten the connection does.
  const server = await box({ clock: times, limits: { closeGraceMs: 50 } });
  let swallow = false;
  const connect = async () => {
    const [near, far] = duplexPair();
    const [inner, outer] = duplexPair();
    near.on("data", (chunk) => void (swallow || inner.write(chunk)));
    inner.on("data", (chunk) => void (swallow || near.write(chunk)));
    server.links.accept(outer);
    return far;
  };
  const client = await box({ connect, clock: times, limits: { pingIntervalMs: 20, pingTimeoutMs: 40 } });
  const peer = { boxId: server.id, address: "nat", port: 0 };
  await client.links.request({ peer, path: "/" });
  times.advance(20);
  await settled();
  swallow = true;
  const swallowed = assert.rejects(client.links.request({ peer, path: "/" }), { code: "peer-unreachable" });
  // The next ping, and its time.
  times.advance(20 + 40);
  await swallowed;
  swallow = false;
  assert.equal((await client.links.request({ peer, path: "/" })).status, 200);
  // The server cannot know that its first link is dead: closing waits for the grace time, and no longer.
  let isClosed = false;
  const closing = Promise.all([client.close(), server.close()]).then(() => (isClosed = true));
  times.advance(49);
  await settled();
  assert.equal(isClosed, false);
  times.advance(1);
  await closing;
});

test("a server link that carries nothing is closed by the server", async () => {
  const [a, b, close] = await pair({ limits: { serverIdleMs: 1000 } });
  await a.links.request({ peer: b.target, path: "/" });
  await until(() => b.links.stats().sessionsIn === 0 && a.links.stats().sessionsOut === 0);
  await close();
});

function dialTls(to: Box, more: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const { port } = to.target;
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ALPNProtocols: ["h2"], ...more });
    socket.on("error", () => {});
    socket.resume().once("close", () => resolve("closed"));
  });
}

test("no certificate, another kind of key, old TLS, no HTTP/2, garbage: all closed, none becomes a link", async () => {
  const b = await box();
  const { privateKeyPem: key, certificatePem: cert } = newIdentity();
  const stranger = newIdentity();
  assert.equal(await dialTls(b, {}), "closed");
  assert.equal(await dialTls(b, { key, cert, maxVersion: "TLSv1.2" }), "closed");
  assert.equal(await dialTls(b, { key, cert, ALPNProtocols: ["http/1.1"] }), "closed");
  assert.equal(await dialTls(b, { key, cert, ALPNProtocols: undefined }), "closed");
  assert.throws(() => connectTls({ port: b.target.port, key, cert: stranger.certificatePem }), /mismatch/);
  const garbage = connectTcp(b.target.port, "127.0.0.1")
    .on("error", () => {})
    .resume();
  garbage.write(Buffer.concat([Buffer.of(0x16), Buffer.alloc(5000, 7)]));
  await once(garbage, "close");
  const half = connectTcp(b.target.port, "127.0.0.1")
    .on("error", () => {})
    .resume();
  half.end(Buffer.of(0x16, 3, 1));
  await once(half, "close");
  await until(() => b.links.stats().refused >= 6);
  assert.deepEqual([b.links.stats().sessionsIn, b.links.stats().handshakes], [0, 0]);
  await b.close();
});

// Registered only where the command exists: Node alone cannot make a certificate of another kind.
const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "-"];
const made = spawnSync("openssl", [...request, "-subj", "/CN=x"], { encoding: "utf8" });
if (made.status === 0) {
  test("a certificate of another kind of key is refused: only Ed25519 names a box", async () => {
    const b = await box();
    assert.equal(await dialTls(b, { key: made.stdout, cert: made.stdout }), "closed");
    await until(() => b.links.stats().refused === 1);
    assert.equal(b.links.stats().sessionsIn, 0);
    await b.close();
  });
}

test("a handshake that drips byte by byte is cut at its absolute deadline", async () => {
  const times = virtualClock();
  const b = await box({ clock: times, limits: { handshakeTimeoutMs: 100 } });
  const drip = connectTcp(b.target.port, "127.0.0.1")
    .on("error", () => {})
    .resume();
  const hello = Buffer.concat([Buffer.of(0x16, 3, 1, 2, 0), Buffer.alloc(512)]);
  // Not `once` of events, which rejects on the reset that the cut may be.
  const cut = new Promise((resolve) => drip.once("close", resolve));
  drip.write(hello.subarray(0, 1));
  await until(() => b.links.stats().handshakes === 1);
  for (let sent = 1; sent < 10; sent++) {
    times.advance(10);
    const { bytesIn } = b.links.stats();
    drip.write(hello.subarray(sent, sent + 1));
    await until(() => b.links.stats().bytesIn > bytesIn);
  }
  assert.deepEqual([b.links.stats().handshakes, b.links.stats().refused], [1, 0]);
  times.advance(10);
  await cut;
  assert.equal(b.links.stats().refused, 1);
  await b.close();
});

test("garbage and floods inside HTTP/2 end the link, not the box", async () => {
  const [a, b, close] = await pair();
  const { privateKeyPem: key, certificatePem: cert } = newIdentity();
  const options = {
    host: "127.0.0.1",
    port: b.target.port,
    key,
    cert,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  };
  const socket = connectTls(options).on("error", () => {});
  await once(socket, "secureConnect");
  socket.write(Buffer.alloc(100_000, "garbage "));
  await once(socket.resume(), "close");
  const session = connectHttp2("https://x", { createConnection: () => connectTls(options) }).on("error", () => {});
  for (let n = 0; n < 5000 && !session.destroyed; n++) {
    const stream = session.request({ ":method": "POST", ":path": "/" }).on("error", () => {});
    stream.close();
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  session.destroy();
  assert.equal((await a.links.request({ peer: b.target, path: "/", body: bytes("still here") })).status, 200);
  await until(() => b.links.stats().requests === 0 && b.links.stats().sessionsIn === 1);
  await close();
});

test("a byte stream carries both ways with flow control, and ends cleanly", async () => {
  const streamHandler = (_: unknown, stream: Duplex) => void stream.pipe(stream);
  const [a, b, close] = await pair({ streamHandler });
  const { stream, peer } = await a.links.openStream({ peer: b.target, path: "/pipe" });
  assert.equal(peer, b.id);
  const block = Buffer.alloc(65_536, "x");
  let back = 0;
  stream.on("data", (chunk: Buffer) => (back += chunk.length));
  for (let n = 0; n < 160; n++) if (!stream.write(block)) await once(stream, "drain");
  stream.end();
  await once(stream, "end");
  assert.equal(back, 160 * 65_536);
  await close();
  const [c, d, closeBoth] = await pair();
  await assert.rejects(c.links.openStream({ peer: d.target, path: "/" }), { code: "peer-refused" });
  await closeBoth();
});

test("closing ends everything, and later calls fail", async () => {
  const [a, b, close] = await pair();
  await a.links.request({ peer: b.target, path: "/" });
  await close();
  await assert.rejects(a.links.request({ peer: b.target, path: "/" }), { code: "links-full" });
  assert.deepEqual([b.links.stats().sessionsIn, a.links.stats().sessionsOut], [0, 0]);
});
