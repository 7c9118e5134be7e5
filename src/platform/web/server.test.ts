/** The web server over real sockets: what strangers can hold, and for how long; the Unix socket of the host. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { collectGarbage } from "../heap.fixture.ts";
import { systemClock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import { createLog } from "../../kernel/log.ts";
import { BODY_BYTES_MAX } from "./api.ts";
import { sampleApi } from "./sample-service.ts";
import type { WebLimits, WebOptions } from "./server.ts";
import { CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, createWeb, HEAD_BYTES_MAX, HEAD_TIMEOUT_MS } from "./server.ts";
import { KEEP_ALIVE_MS } from "./server.ts";
import { shortSocketPath } from "./socket-path.ts";
import { createStatic } from "./static.ts";
import { EVENTS_WAITING_MAX } from "./stream.ts";

/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), "comu-web-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "ui"));
writeFileSync(join(folder, "ui", "index.html"), "<html>");

function open(limits: Partial<WebLimits> = {}, more: Partial<WebOptions> = {}) {
  const made = sampleApi();
  const lines: string[] = [];
  const web = createWeb({
    log: createLog({ clock: systemClock(), level: "debug", write: (line) => lines.push(line) }),
    api: (asked, arrival) => made.api.fetch(asked, arrival),
    files: createStatic(join(folder, "ui")),
    healthz: () => ({ ok: made.state.running, body: { ok: made.state.running } }),
    metrics: () => [{ name: "boxes", type: "gauge", help: "Boxes.", value: 1 }],
    limits,
    ...more,
  });
  return { ...made, web, lines };
}

interface Caller {
  socket: Socket;
  text: () => string;
  closed: Promise<number>;
  isClosed: () => boolean;
}

/** A raw connection that notes what it hears and when it was closed. */
function dial(port: number, localAddress = "127.0.0.1"): Caller {
  const startMs = performance.now();
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  let text = "";
  let gone = false;
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => {
    socket.on("close", () => {
      gone = true;
      resolve(performance.now() - startMs);
    });
  });
  return { socket, text: () => text, closed, isClosed: () => gone };
}

async function until(what: string, check: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!check()) {
    assert.ok(performance.now() < endMs, `in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const GET = "GET /api/v1/open HTTP/1.1\r\nhost: localhost\r\n\r\n";

test("pages, API, health and figures on one port; heads without bodies", async () => {
  const { web, state } = open();
  const port = await web.listen(0, "127.0.0.1");
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  try {
    assert.equal(await (await get("/boxes")).text(), "<html>");
    assert.equal(((await (await get("/api/v1/open")).json()) as { address: string }).address, "127.0.0.1");
    assert.match(await (await get("/metrics")).text(), /^comu_boxes 1$/m);
    assert.deepEqual([(await get("/healthz")).status, (await get("/gone.js")).status], [200, 404]);
    state.running = false;
    assert.deepEqual([(await get("/healthz")).status, await (await get("/healthz")).json()], [503, { ok: false }]);
    const head = await get("/", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    const large = await get("/api/v1/join", {
      method: "POST",
      body: "x".repeat(BODY_BYTES_MAX * 4),
      headers: { "content-type": "application/json" },
    });
    assert.equal(large.status, 503);
    state.running = true;
    const refused = await get("/api/v1/join", {
      method: "POST",
      body: "x".repeat(BODY_BYTES_MAX * 4),
      headers: { "content-type": "application/json" },
    });
    assert.equal(refused.status, 413);
  } finally {
    await web.close();
  }
});

test("a connection that sends nothing, or half a head, or half a body, is closed in time", async () => {
  const { web } = open({ headTimeoutMs: 200, requestTimeoutMs: 400, timeoutCheckMs: 20 });
  const port = await web.listen(0, "127.0.0.1");
  try {
    const [silent, half, slow, body] = [dial(port), dial(port), dial(port), dial(port)];
    half.socket.write("GET / HTTP/1.1\r\nhost: loc");
    // One more header now and then does not prolong it.
    slow.socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n");
    const drip = setInterval(() => slow.socket.write("x-more: 1\r\n"), 30);
    body.socket.write(
      "PUT /api/v1/boil HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
    );
    const times = await Promise.all([silent.closed, half.closed, slow.closed, body.closed]);
    clearInterval(drip);
    for (const [index, ms] of times.entries())
      assert.ok(ms > 150 && ms < HEAD_TIMEOUT_MS, `connection ${index} after ${ms} ms`);
    await until("no place held", () => web.connections() === 0);
  } finally {
    await web.close();
  }
});

test("a kept connection is closed when it stays idle", async () => {
  const { web } = open({ keepAliveMs: 100, timeoutCheckMs: 20 });
  const port = await web.listen(0, "127.0.0.1");
  try {
    const caller = dial(port);
    caller.socket.write(GET);
    await until("the answer", () => caller.text().includes('"role":"public"'));
    assert.ok((await caller.closed) < KEEP_ALIVE_MS);
  } finally {
    await web.close();
  }
});

test("heads over HEAD_BYTES_MAX and what is no HTTP are refused without an answer from the API", async () => {
  const { web } = open();
  const port = await web.listen(0, "127.0.0.1");
  try {
    for (const sent of [
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(HEAD_BYTES_MAX)}\r\n\r\n`,
      "\x16\x03\x01 hello\r\n\r\n",
    ]) {
      const caller = dial(port);
      caller.socket.write(sent);
      await caller.closed;
      assert.doesNotMatch(caller.text(), /200 OK/);
    }
    const odd = dial(port);
    odd.socket.write("GET //%zz/..//%00 HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n");
    await odd.closed;
    assert.doesNotMatch(odd.text(), /^HTTP\/1.1 5/);
    assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  } finally {
    await web.close();
  }
});

test("one address holds no more than its share; the others are served", async () => {
  const { web, lines } = open({ connectionsPerAddressMax: 3 });
  const port = await web.listen(0, "127.0.0.1");
  try {
    const held = [dial(port), dial(port), dial(port)];
    await until("three places", () => web.connections() === 3);
    await dial(port).closed;
    assert.ok(lines.some((line) => line.includes("connections refused")));
    const other = dial(port, "127.0.0.2");
    other.socket.write(GET);
    await until("the other's answer", () => other.text().includes("200 OK"));
    held[0]!.socket.destroy();
    await until("a place again", () => web.connections() === 3);
    const next = dial(port);
    next.socket.write(GET);
    await until("the next one's answer", () => next.text().includes("200 OK"));
  } finally {
    await web.close();
  }
});

test("all places taken: the longest idle makes room, never one that works; if all work, the new one goes", async () => {
  const { web } = open({ connectionsMax: 3 });
  const port = await web.listen(0, "127.0.0.1");
  try {
    const stream = dial(port);
    stream.socket.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until("the stream", () => stream.text().includes("hello"));
    const older = dial(port);
    await until("two", () => web.connections() === 2);
    const younger = dial(port);
    await until("three", () => web.connections() === 3);
    // The older one is used: now the younger one has been idle longest.
    older.socket.write(GET);
    await until("its answer", () => older.text().includes("200 OK"));
    const next = dial(port);
    await younger.closed;
    assert.deepEqual([stream.isClosed(), older.isClosed(), web.connections()], [false, false, 3]);
    for (const caller of [older, next]) {
      caller.socket.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await until("another stream", () => caller.text().includes("hello"));
    }
    await dial(port).closed;
    assert.deepEqual(
      [stream, older, next].map((caller) => caller.isClosed()),
      [false, false, false],
    );
  } finally {
    await web.close();
  }
});

test("2,000 idle connections: never more than CONNECTIONS_MAX held, memory bounded, people still served", async () => {
  const { web } = open();
  const port = await web.listen(0, "127.0.0.1");
  const callers: Caller[] = [];
  try {
    collectGarbage();
    const beforeBytes = process.memoryUsage().rss;
    let most = 0;
    for (let n = 0; n < 2000; n += 1) {
      callers.push(dial(port, `127.0.1.${1 + (n % 16)}`));
      if (n % 100 === 99) {
        const [from, to] = [callers.length - 100, callers.length];
        await Promise.all(
          callers
            .slice(from, to)
            .map((caller) => (caller.socket.connecting ? once(caller.socket, "connect") : undefined)),
        );
      }
      most = Math.max(most, web.connections());
    }
    await until("1,000 closed", () => callers.filter((caller) => caller.isClosed()).length >= 2000 - CONNECTIONS_MAX);
    assert.equal(web.connections(), CONNECTIONS_MAX);
    assert.ok(most <= CONNECTIONS_MAX, `at most ${most}`);
    // Both ends live in this process, so the figure is for 2,000 ends and more.
    collectGarbage();
    const grownBytes = process.memoryUsage().rss - beforeBytes;
    assert.ok(grownBytes < 120 * 1024 * 1024, `grew by ${grownBytes} bytes`);
    assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    assert.ok(CONNECTIONS_PER_ADDRESS_MAX < CONNECTIONS_MAX);
  } finally {
    for (const caller of callers) caller.socket.destroy();
    await web.close();
  }
});

test("CONNECTIONS_PER_ADDRESS_MAX, as shipped", async () => {
  const { web } = open();
  const port = await web.listen(0, "127.0.0.1");
  const callers = Array.from({ length: CONNECTIONS_PER_ADDRESS_MAX + 20 }, () => dial(port));
  try {
    await until("20 refused", () => callers.filter((caller) => caller.isClosed()).length === 20);
    assert.equal(web.connections(), CONNECTIONS_PER_ADDRESS_MAX);
  } finally {
    for (const caller of callers) caller.socket.destroy();
    await web.close();
  }
});

test("a tab that does not read its events is broken off and its memory given back", async () => {
  const { web, events } = open();
  const port = await web.listen(0, "127.0.0.1");
  try {
    const caller = dial(port);
    caller.socket.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until("the stream", () => caller.text().includes("hello"));
    caller.socket.pause();
    const data = { filler: "x".repeat(100_000) };
    let sent = 0;
    await until("broken off", () => {
      events.emit("sample.large", "public", data);
      sent += 1;
      return web.connections() === 0;
    });
    assert.ok(sent > EVENTS_WAITING_MAX);
    caller.socket.destroy();
  } finally {
    await web.close();
  }
});

test("the Unix socket: mode 0600, its caller is the host, a leftover file is replaced, long paths work", async () => {
  const long = join(folder, "a".repeat(60), "b".repeat(60), "c".repeat(60));
  mkdirSync(long, { recursive: true });
  for (const path of [join(folder, "comu.sock"), join(long, "comu.sock")]) {
    writeFileSync(path, "left over");
    const { web } = open();
    await web.listenLocal(path);
    const short = shortSocketPath(path);
    try {
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const text = await new Promise<string>((resolve, reject) => {
        request({ socketPath: short.path, path: "/api/v1/open", headers: { host: "localhost" } }, async (answer) => {
          let all = "";
          for await (const chunk of answer) all += String(chunk);
          resolve(all);
        })
          .on("error", reject)
          .end();
      });
      assert.match(text, /"role":"host","address":"local"/);
      assert.equal(web.connections(), 0);
    } finally {
      short.release();
      await web.close();
    }
  }
});

test("a port that is in use, and an address that is not ours, are expected failures", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const { web } = open();
  try {
    await assert.rejects(
      web.listen(port, "127.0.0.1"),
      (error) => isFailure(error, "port-in-use") && error.params["port"] === port,
    );
    await assert.rejects(web.listen(0, "192.0.2.1"), (error) => isFailure(error, "address-not-local"));
    assert.ok((await web.listen(0, "127.0.0.1")) > 0);
  } finally {
    await web.close();
    taken.close();
  }
});

test("closing ends streams and idle connections at once", async () => {
  const { web } = open();
  const port = await web.listen(0, "127.0.0.1");
  const [stream, idle] = [dial(port), dial(port)];
  stream.socket.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await until("the stream", () => stream.text().includes("hello"));
  await web.close();
  await Promise.all([stream.closed, idle.closed]);
  await until("no place held", () => web.connections() === 0);
});
