/** Web sockets over real connections: the gates, the talk and its end, and what a caller can hold. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import { systemClock } from "../../kernel/clock.ts";
import { createLog } from "../../kernel/log.ts";
import { passingFolder, until } from "../waiting.fixture.ts";
import { cookieOfTests, csrfOfTests, sampleApi, sampleService } from "./sample-service.ts";
import { createWeb } from "./server.ts";
import {
  SOCKETS_PER_ACCOUNT_MAX,
  SOCKET_HEARTBEAT_MS,
  SOCKET_MESSAGE_BYTES_MAX,
  SOCKET_UNANSWERED_MAX,
  SOCKET_WAITING_MAX,
} from "./sockets.ts";
import { createStatic } from "./static.ts";

const folder = passingFolder();
const proof = `proof=${csrfOfTests}`;

async function open(t: TestContext, ...more: Parameters<typeof sampleApi>) {
  const made = sampleApi(...more);
  const web = createWeb({
    log: createLog({ clock: systemClock(), level: "debug", write: (line) => made.lines.push(line) }),
    api: (asked, arrival) => made.api.fetch(asked, arrival),
    files: createStatic(folder),
    healthz: () => ({ ok: true, body: {} }),
    metrics: () => [],
  });
  const port = await web.listen(0, "127.0.0.1");
  t.after(() => web.close());
  const host = `127.0.0.1:${port}`;
  const call = (path: string, options: ClientOptions & { role?: string; from?: string } = {}) => {
    const { role = "member", from = `http://${host}`, ...rest } = options;
    const headers = { cookie: `${cookieOfTests}=${role}`, origin: from, ...options.headers };
    return heard(new WebSocket(`ws://${host}/api/v1${path}`, { ...rest, headers }));
  };
  return { ...made, web, host, call };
}

interface Said {
  end?: object;
  error?: { code: string; message: string; advice: string };
}

/** What a line says, and its end: `refused` has the status and the code of an answer that is no web socket's. */
function heard(line: WebSocket) {
  const messages: (string | Buffer)[] = [];
  line.on("message", (data, isBinary) => messages.push(isBinary ? (data as Buffer) : (data as Buffer).toString()));
  line.on("error", () => {});
  const refused = new Promise<string>((resolve, reject) => {
    line.once("open", () => reject(new Error("it was opened")));
    line.once("unexpected-response", (_request, answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.once("end", () => resolve(`${answer.statusCode} ${(JSON.parse(text) as Said).error?.code}`));
    });
  });
  refused.catch(() => {});
  const opened = once(line, "open");
  opened.catch(() => {});
  const closed = new Promise<number>((resolve) => line.once("close", resolve));
  const last = async (): Promise<Said> => {
    await closed;
    return JSON.parse(String(messages.at(-1))) as Said;
  };
  return { line, messages, refused, opened, closed, last };
}

/** Until a number is the same after a while. */
async function standsStill(look: () => number): Promise<void> {
  let before = -1;
  await until(
    "it stands still",
    () => {
      const isStill = look() === before;
      before = look();
      return isStill;
    },
    200,
  );
}

/** What a browser sends to open a web socket, byte by byte. */
function opening(host: string, path: string, ...more: string[]): string {
  const lines = [`GET /api/v1${path} HTTP/1.1`, `Host: ${host}`, "Connection: Upgrade", "Upgrade: websocket"];
  lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...more, "", "");
  return lines.join("\r\n");
}

test("bytes and texts go both ways in order; the answer, as the contract says, is the last message", async (t) => {
  const { call } = await open(t);
  const { line, messages, opened, closed, last } = call(`/talk/Anna?cups=3&${proof}`);
  await opened;
  line.send("hello");
  line.send(Buffer.from([0, 255]));
  line.send("end");
  assert.equal(await closed, 1000);
  assert.deepEqual(messages.slice(0, 2), ["hello", Buffer.from([0, 255])]);
  assert.deepEqual(await last(), { end: { name: "Anna", cups: 3, heard: 3 } });
});

test("what a page of another origin, a stranger or a weaker member opens is refused before it is open", async (t) => {
  const { call, host } = await open(t);
  const table: [string, Parameters<typeof call>[1], string][] = [
    [`/talk/a?${proof}`, { from: "http://evil.example" }, "403 wrong-origin"],
    [`/talk/a?${proof}`, { from: "null" }, "403 wrong-origin"],
    [`/talk/a?${proof}`, { from: "http://127.0.0.1:1" }, "403 wrong-origin"],
    [`/talk/a?${proof}`, { headers: { "sec-fetch-site": "cross-site" } }, "403 wrong-origin"],
    [`/talk/a?${proof}`, { headers: { host: "evil.example", origin: "http://evil.example" } }, "403 wrong-host"],
    // The cookie alone is sent to every program on the address.
    ["/talk/a", {}, "401 not-signed-in"],
    ["/talk/a?proof=wrong", {}, "401 not-signed-in"],
    [`/talk/a?${proof}`, { role: "nobody" }, "401 not-signed-in"],
    [`/talk/a?${proof}`, { role: "guest" }, "403 not-allowed"],
    [`/talk/a?cups=x&${proof}`, {}, "400 bad-input"],
    [`/talk/a?more=1&${proof}`, {}, "400 bad-input"],
    [`/none?${proof}`, {}, "404 not-found"],
    // These are there, and none is a web socket: the second would never end.
    [`/cups?${proof}`, {}, "404 not-found"],
    [`/events?${proof}`, {}, "404 not-found"],
  ];
  for (const [path, options, wanted] of table) assert.equal(await call(path, options).refused, wanted, path);
  const answer = await fetch(`http://${host}/api/v1/talk/a`, {
    headers: { cookie: `${cookieOfTests}=member`, "x-comu-csrf": csrfOfTests },
  });
  assert.deepEqual([answer.status, ((await answer.json()) as Required<Said>).error.code], [426, "upgrade-needed"]);
  const older = request(`http://${host}/api/v1/talk/a`, {
    headers: { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "8", "sec-websocket-key": "x" },
  }).end();
  const [{ statusCode }] = (await once(older, "response")) as [{ statusCode: number }];
  assert.equal(statusCode, 401);
});

test("over the box's own socket the caller is its host", async (t) => {
  const { web } = await open(t);
  const path = join(folder, "s");
  await web.listenLocal(path);
  const { line, opened, last } = heard(
    new WebSocket("ws://localhost/api/v1/talk/b", { createConnection: () => connect(path) }),
  );
  await opened;
  line.send("end");
  assert.deepEqual(await last(), { end: { name: "b", cups: 1, heard: 1 } });
});

test("a failure is said in the caller's language, a bug says nothing of itself", async (t) => {
  const { call, lines } = await open(t);
  const expected = call(`/talk/a?cups=4&language=en&${proof}`);
  await expected.opened;
  expected.line.send("fail");
  const { error } = await expected.last();
  assert.deepEqual([error?.code, error?.message, error?.advice], ["kettle-empty", "Kettle empty: 4", "Fill it"]);
  const other = call(`/talk/a?cups=4&language=es&${proof}`);
  await other.opened;
  other.line.send("fail");
  assert.equal((await other.last()).error?.advice, "Llénelo");
  const bug = call(`/talk/a?${proof}`);
  await bug.opened;
  bug.line.send("bug");
  const said = JSON.stringify(await bug.last());
  assert.ok(said.includes('"internal"') && !said.includes("hidden"));
  assert.ok(lines.some((line) => line.includes("hidden cause")));
});

test("a line ends with the session that opened it", async (t) => {
  const { call, clock, state } = await open(t);
  const { line, messages, opened, last } = call(`/talk/a?${proof}`);
  await opened;
  line.send("hello");
  await until("it is said back", () => messages.length === 1);
  state.sessions.delete("member");
  clock.advance(SOCKET_HEARTBEAT_MS);
  assert.equal((await last()).error?.code, "not-signed-in");
});

test("a caller that answers no heartbeat is gone; one that does stays", async (t) => {
  const { call, clock } = await open(t);
  const mute = call(`/talk/a?${proof}`, { autoPong: false });
  const well = call(`/talk/a?${proof}`);
  await Promise.all([mute.opened, well.opened]);
  // Both have been heard once, so that their handlers run.
  mute.line.send("a");
  well.line.send("a");
  let beats = 0;
  well.line.on("ping", () => (beats += 1));
  await until("both talk", () => mute.messages.length + well.messages.length === 2);
  for (let beat = 1; beat <= SOCKET_UNANSWERED_MAX + 1; beat += 1) {
    clock.advance(SOCKET_HEARTBEAT_MS);
    if (beat <= SOCKET_UNANSWERED_MAX) await until("a heartbeat", () => beats === beat);
    well.line.send("a");
    await until("it is said back", () => well.messages.length === 1 + beat);
  }
  assert.equal(await mute.closed, 1006);
  assert.equal(well.line.readyState, WebSocket.OPEN);
});

test("a caller that lets us wait is there, however long it reads nothing", async (t) => {
  const service = sampleService();
  let sent = 0;
  const many = 600;
  const talk: typeof service.handlers.talk = async ({ name, cups }, { socket }) => {
    for (; sent < many; sent += 1) await socket!.send(Buffer.alloc(SOCKET_MESSAGE_BYTES_MAX));
    return { name, cups, heard: 0 };
  };
  const { call, clock } = await open(t, { services: [{ ...service, handlers: { ...service.handlers, talk } }] });
  const { line, messages, opened, last } = call(`/talk/a?${proof}`);
  await opened;
  line.pause();
  await standsStill(() => sent);
  assert.ok(sent < many, "it does not wait for its reader");
  for (let beat = 0; beat < 2 * SOCKET_UNANSWERED_MAX; beat += 1) clock.advance(SOCKET_HEARTBEAT_MS);
  line.resume();
  assert.deepEqual(await last(), { end: { name: "a", cups: 1, heard: 0 } });
  assert.equal(messages.length, many + 1);
});

test("a caller that went while we let it wait gives its place back", async (t) => {
  const { call, clock } = await open(t, { socketLimits: { socketsMax: 1, perAccountMax: 1 } });
  const { line, opened } = call(`/talk/a?${proof}`);
  await opened;
  line.send("sleep");
  for (let at = 0; at < 400; at += 1) line.send(Buffer.alloc(SOCKET_MESSAGE_BYTES_MAX));
  await standsStill(() => line.bufferedAmount);
  assert.ok(line.bufferedAmount > 0);
  line.terminate();
  await until("its place is free", async () => {
    clock.advance(SOCKET_HEARTBEAT_MS);
    return await call(`/talk/a?${proof}`).refused.then(
      () => false,
      () => true,
    );
  });
});

test("an account has so many places, all have so many, and they come back", async (t) => {
  const { call } = await open(t);
  const held = Array.from({ length: SOCKETS_PER_ACCOUNT_MAX }, () => call(`/talk/a?${proof}`));
  await Promise.all(held.map(({ opened }) => opened));
  assert.equal(await call(`/talk/a?${proof}`).refused, "507 limit-reached");
  await call(`/talk/a?${proof}`, { role: "steward" }).opened;
  held[0]!.line.close();
  await until("a place is free", async () => {
    return await call(`/talk/a?${proof}`).refused.then(
      () => false,
      () => true,
    );
  });

  const small = await open(t, { socketLimits: { socketsMax: 1, perAccountMax: 5 } });
  await small.call(`/talk/a?${proof}`).opened;
  assert.equal(await small.call(`/talk/a?${proof}`, { role: "steward" }).refused, "507 limit-reached");
});

test("a message that is too long ends the line, and one that is as long as may be does not", async (t) => {
  const { call } = await open(t);
  const { line, messages, opened, closed } = call(`/talk/a?${proof}`);
  await opened;
  line.send(Buffer.alloc(SOCKET_MESSAGE_BYTES_MAX));
  await until("it is said back", () => messages.length === 1);
  line.send(Buffer.alloc(SOCKET_MESSAGE_BYTES_MAX + 1));
  assert.equal(await closed, 1009);
});

test("who sends faster than the handler reads has to wait, and nothing of it is lost in memory", async (t) => {
  const { call } = await open(t);
  const { line, opened } = call(`/talk/a?${proof}`);
  await opened;
  line.send("sleep");
  // More than the system's buffers take, beside what waits.
  const many = 400;
  for (let at = 0; at < many; at += 1) line.send(Buffer.alloc(SOCKET_MESSAGE_BYTES_MAX));
  await standsStill(() => line.bufferedAmount);
  const taken = many * SOCKET_MESSAGE_BYTES_MAX - line.bufferedAmount;
  assert.ok(line.bufferedAmount > 0, `${taken} bytes were taken`);
  assert.ok(taken < (SOCKET_WAITING_MAX + many / 2) * SOCKET_MESSAGE_BYTES_MAX, `${taken} bytes were taken`);
  line.terminate();
});

test("garbled frames end their own line only", async (t) => {
  const { call, host } = await open(t);
  const well = call(`/talk/a?${proof}`);
  await well.opened;
  const [, port] = host.split(":");
  for (const junk of [
    [0xff, 0xff],
    [0x81, 0x05, 1, 2],
    [0x83, 0x80, 0, 0, 0, 0],
    [0x01, 0xfe, 0xff, 0xff],
  ]) {
    const socket = connect(Number(port), "127.0.0.1");
    const head = opening(host, `/talk/a?${proof}`, `Cookie: ${cookieOfTests}=member`, `Origin: http://${host}`);
    socket.write(Buffer.concat([Buffer.from(head), Buffer.from(junk)]));
    socket.end();
    socket.resume();
    await once(socket, "close");
  }
  well.line.send("end");
  assert.deepEqual(await well.last(), { end: { name: "a", cups: 1, heard: 1 } });
});

test("who was refused and does not hang up holds no place, and lets the server close", async (t) => {
  const { host, web } = await open(t);
  const [, port] = host.split(":");
  const sockets = Array.from({ length: 3 }, () => connect({ port: Number(port), allowHalfOpen: true }));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  for (const socket of sockets) {
    socket.write(opening(host, "/talk/a"));
    let text = "";
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
    assert.match(text, /^HTTP\/1\.1 401 .*"not-signed-in"/s);
  }
  await until("their places are free", () => web.connections() === 0);
  await web.close();
});

test("a handshake that breaks off is no mistake of ours", async (t) => {
  const { host, lines, call } = await open(t);
  const [, port] = host.split(":");
  const socket = connect(Number(port), "127.0.0.1");
  const who = [`Cookie: ${cookieOfTests}=member`, `Origin: http://${host}`];
  socket.write(opening(host, `/talk/a?${proof}`, ...who, "Sec-WebSocket-Protocol: ,"));
  socket.resume();
  await once(socket, "close");
  // Its place is free at once, too.
  const { line, opened, last } = call(`/talk/a?${proof}`);
  await opened;
  line.send("end");
  await last();
  assert.deepEqual(
    lines.filter((one) => one.includes("error")),
    [],
  );
});

test("when the web server closes, all lines do", async (t) => {
  const { call, web } = await open(t);
  const { opened, closed } = call(`/talk/a?${proof}`);
  await opened;
  await web.close();
  assert.equal(await closed, 1006);
});
