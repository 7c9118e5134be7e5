/**
 * Measuring real services on real sockets: what is sent and what is not, where it does not go, and hosts that redirect,
 * trickle, never end, pour, or hang up.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../kernel/clock.ts";
import { createResolver } from "../../platform/resolve.ts";
import { checkService, measureService, SYN_RETRY_MS } from "./check.ts";
import type { Measured } from "./check.ts";
import { serviceUrl } from "./kinds.ts";

const clock = systemClock();
const resolver = createResolver({ clock });
const HERE = "127.0.0.1";
/** As for boxes that share one machine: the only way that loopback is measured. */
const SHARED = { box: HERE, self: HERE };
/** For those that answer, or end by themselves; and for those that would hold a measurement for ever. */
const PATIENCE_MS = 30_000;
const TIMEOUT_MS = 400;
const open: Server[] = [];
after(() => open.forEach((one) => one.close()));

async function listen(server: Server): Promise<number> {
  open.push(server);
  server.listen(0, HERE);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}
const pages = (answer: RequestListener) => listen(createHttp({ maxHeaderSize: 64 * 1024 }, answer));
const sockets = (run: (socket: Socket) => void) =>
  listen(createServer((socket) => void run(socket.on("error", () => {}))));

interface Wish {
  timeoutMs?: number;
  host?: string;
  path?: string;
  type?: string;
  where?: typeof SHARED | { box: string | null; self: string | null };
}

async function measure(port: number, wish: Wish = {}) {
  const { host = HERE, path = "/", type = "_http._tcp", where = SHARED, timeoutMs = PATIENCE_MS } = wish;
  const scheme = type === "_http._tcp" ? "http" : "x";
  const service = { host, port, path, url: serviceUrl(scheme, host, port, path), type, own: false };
  return measureService(service, { clock, resolver, where, timeoutMs });
}
const sampleOf = (found: Measured) => {
  assert.ok(typeof found === "object", String(found));
  return found.sample;
};

test("the request: exactly the published path, once, without cookie, password or account", async () => {
  const heard: IncomingMessage[] = [];
  const port = await pages((request, response) => void (heard.push(request), response.end("fine")));
  const sample = sampleOf(await measure(port, { path: "/ràdio/a%20b?q=1 2#top" }));
  assert.ok(sample.ok && sample.rttMs! >= 0 && sample.firstByteMs! > 0 && !sample.lost);
  assert.equal(heard.length, 1);
  assert.deepEqual([heard[0]!.method, heard[0]!.url], ["GET", "/r%C3%A0dio/a%20b?q=1%202"]);
  assert.deepEqual(heard[0]!.rawHeaders, [
    "host",
    `${HERE}:${port}`,
    "connection",
    "close",
    "user-agent",
    "comu-probe",
  ]);
  sampleOf(await measure(port, { path: "/../..//\ud800" }));
  assert.equal(heard[1]!.url, "//%EF%BF%BD");
});

test("a redirect to another's door: it counts as an answer, and nobody knocks there", async () => {
  const knocks: string[] = [];
  const other = await pages((request, response) => void (knocks.push(request.url!), response.end()));
  const port = await pages((_request, response) => {
    response.writeHead(302, { location: `http://${HERE}:${other}/delete-everything` }).end();
  });
  assert.ok(sampleOf(await measure(port)).ok);
  assert.deepEqual(knocks, []);
});

test("doors of this machine: not opened, not even connected to", async () => {
  let connections = 0;
  const port = await sockets(() => (connections += 1));
  const elsewhere = { box: "10.9.9.9", self: "10.1.1.1" };
  for (const where of [elsewhere, { box: HERE, self: "10.1.1.1" }, { box: null, self: HERE }]) {
    assert.equal(await measure(port, { where }), "refused");
    assert.equal(await measure(port, { where, host: "localhost" }), "refused", "a name that leads here");
    assert.equal(await measure(port, { where, type: "_ssh._tcp" }), "refused");
    assert.equal(await measure(port, { where, type: "_ntp._udp" }), "refused");
  }
  assert.equal(
    await measure(port, { host: "169.254.169.254", where: { box: "169.254.169.254", self: HERE } }),
    "refused",
  );
  assert.equal(await measure(port, { type: "_quake._udp" }), "refused", "a kind that cannot be asked");
  assert.equal(connections, 0);
});

test("hosts that trickle, never answer, never end, pour: none holds it longer than its time", async () => {
  const drip = (text: string) => (socket: Socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(text[(at += 1) % text.length]!), 5);
    socket.once("close", () => clearInterval(timer));
  };
  const pour =
    (chunk: string, head = "") =>
    (socket: Socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on("drain", more).once("data", () => {
        socket.write(head);
        more();
      });
    };
  const header = `X-Padding: ${"x".repeat(500)}\r\n`;
  const ways: Record<string, { run: (socket: Socket) => void; ok: boolean; timeoutMs?: number }> = {
    "one byte at a time": { run: drip("HTTP/1.1 200 OK\r\nA: b\r\n"), ok: false, timeoutMs: TIMEOUT_MS },
    "not a word": { run: () => {}, ok: false, timeoutMs: TIMEOUT_MS },
    "headers without end": { run: pour(header, "HTTP/1.1 200 OK\r\n"), ok: false },
    "interim answers without end": { run: pour("HTTP/1.1 102 Processing\r\n\r\n"), ok: false },
    "a body without end": { run: pour("x".repeat(65_536), "HTTP/1.1 200 OK\r\n\r\n"), ok: true },
    "another protocol": { run: (socket) => void socket.write("SSH-2.0-x\r\n"), ok: false },
    "hangs up": { run: (socket) => void socket.destroy(), ok: false },
  };
  for (const [name, { run, ok, timeoutMs }] of Object.entries(ways)) {
    const port = await sockets(run);
    const startedMs = clock.monotonicMs();
    const sample = sampleOf(await measure(port, { timeoutMs }));
    const tookMs = clock.monotonicMs() - startedMs;
    assert.equal(sample.ok, ok, name);
    assert.ok(tookMs < PATIENCE_MS / 2, `${name}: ${tookMs.toFixed(0)} ms`);
    assert.equal(sample.lost, false, `${name}: it did connect`);
  }
});

test("a quick first byte before a slow head gains nothing", async () => {
  const port = await sockets((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\n");
      setTimeout(() => socket.write("A: b\r\n\r\n"), 150);
    });
  });
  assert.ok(sampleOf(await measure(port)).firstByteMs! >= 145);
});

test("what does not count as lost: a refusal, an error page, an unknown name", async () => {
  const closed = await sockets(() => {});
  open.pop()!.close();
  const refused = sampleOf(await measure(closed));
  assert.deepEqual([refused.ok, refused.lost], [false, false]);
  const broken = await pages((_request, response) => void response.writeHead(500).end());
  const error = sampleOf(await measure(broken));
  assert.deepEqual([error.ok, error.lost, error.rttMs! >= 0], [false, false, true]);
  const unknown = sampleOf(await measure(broken, { host: `${"a".repeat(64)}.invalid` }));
  assert.deepEqual([unknown.ok, unknown.lost], [false, false]);
});

test("packets lost on the way: no answer is a loss, and so is one that came only to the second try", async () => {
  // A program that stands still takes no connections; when its queue is full the kernel drops the packets of more.
  const program = `const s = require("node:net").createServer((c) => c.on("error", () => {}));
    s.listen({ port: 0, host: "${HERE}", backlog: 1 }, () => console.log(s.address().port));`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const queue: Socket[] = [];
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(String(line));
    child.kill("SIGSTOP");
    for (let turn = 0; turn < 4; turn += 1) queue.push(connect({ port, host: HERE }).on("error", () => {}));
    await sleep(50);
    const type = "_ssh._tcp";
    const silent = sampleOf(await measure(port, { type, timeoutMs: TIMEOUT_MS }));
    assert.deepEqual([silent.ok, silent.lost, silent.rttMs], [false, true, null]);
    const second = measure(port, { type, timeoutMs: 4 * SYN_RETRY_MS });
    await sleep(SYN_RETRY_MS / 4);
    for (const socket of queue) socket.destroy();
    child.kill("SIGCONT");
    const late = sampleOf(await second);
    assert.ok(late.ok && late.lost && late.rttMs! >= SYN_RETRY_MS, JSON.stringify(late));
  } finally {
    for (const socket of queue) socket.destroy();
    child.kill("SIGKILL");
  }
});

test("the host's own check is a measurement, too", async () => {
  const port = await pages((_request, response) => void response.end());
  const shown = { type: "_http._tcp", title: "a", description: "", category: "web", scope: "community" } as const;
  const body = { ...shown, open: false, host: null, port, path: "/", scheme: "http", version: "", sinceMs: 0 };
  const good = await checkService(clock, body, "http", HERE);
  assert.deepEqual([good.result.ok, sampleOf(good.measured).ok], [true, true]);
  assert.deepEqual(await checkService(clock, body, "none", HERE), { result: { ok: true }, measured: "refused" });
});
