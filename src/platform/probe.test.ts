/** Probes of real servers on loopback, good, bad and hostile. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { RequestListener, Server } from "node:http";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { PROBE_HEAD_BYTES_MAX } from "./constants.ts";
import { newIdentity } from "./identity.ts";
import { probe } from "./probe.ts";

const clock = systemClock();
/** For probes that come to an end by themselves; shorter times are for those that do not. */
const PATIENCE_MS = 30_000;
const host = "127.0.0.1";
const open: { close(): unknown }[] = [];
after(() => open.forEach((one) => one.close()));

async function listen(server: {
  listen(port: number, host: string): unknown;
  close(): unknown;
  address(): unknown;
}): Promise<number> {
  open.push(server);
  server.listen(0, host);
  await once(server as Server, "listening");
  return (server.address() as { port: number }).port;
}

const answer: RequestListener = (request, response) => {
  if (request.url === "/ok") return void response.end("fine");
  if (request.url === "/away") return void response.writeHead(302, { location: "http://192.0.2.1/" }).end();
  if (request.url === "/login") return void response.writeHead(401).end();
  if (request.url === "/missing") return void response.writeHead(404).end();
  if (request.url === "/broken") return void response.writeHead(500).end();
  if (request.url === "/stall") return void response.writeHead(200).write("a");
  if (request.url === "/cut") return void response.destroy();
  if (request.url === "/endless") {
    const timer = setInterval(() => response.write(Buffer.alloc(16_384)), 1);
    return void response.once("close", () => clearInterval(timer));
  }
};

test("HTTP and HTTPS: status, times, no redirect followed, endless and broken answers", async () => {
  const plain = await listen(createHttp(answer));
  const { privateKeyPem: key, certificatePem: cert } = newIdentity();
  const secure = await listen(createHttps({ key, cert }, answer));
  const look = (path: string, scheme = "http", port = plain) =>
    probe({ scheme, host, port, path }, { clock, timeoutMs: PATIENCE_MS });
  for (const [scheme, port] of [
    ["http", plain],
    ["https", secure],
  ] as const) {
    const good = await look("/ok", scheme, port);
    assert.ok(good.ok && good.rttMs! >= 0 && good.firstByteMs! > 0, JSON.stringify(good));
    // A radio that drips ("stall") is there, too: the status line is all that counts.
    for (const path of ["/away", "/login", "/endless", "/stall"]) assert.ok((await look(path, scheme, port)).ok, path);
    assert.equal((await look("/missing", scheme, port)).reason, "http-404");
    assert.equal((await look("/broken", scheme, port)).reason, "http-500");
    assert.equal((await look("/cut", scheme, port)).reason, "reset");
  }
  assert.equal((await look("/ok", "https", plain)).reason, "bad-answer");
  assert.equal((await look("/ok", "http", secure)).ok, false);
  assert.equal((await look("ok")).reason, "bad-target");
  assert.equal((await look("/ok HTTP/1.1\r\nx: y")).reason, "bad-target");
});

test("a server that is not HTTP, one that says nothing, one that drips headers", async () => {
  const speaking = (run: (socket: Socket) => void) =>
    listen(createServer((socket) => run(socket.on("error", () => {}))));
  const ssh = await speaking((socket) => socket.write("SSH-2.0-x\r\n"));
  const mute = await speaking(() => {});
  const drip = await speaking((socket) => {
    const timer = setInterval(() => socket.write("H"), 20);
    socket.once("close", () => clearInterval(timer));
  });
  const look = (port: number, timeoutMs: number) => probe({ scheme: "http", host, port }, { clock, timeoutMs });
  assert.equal((await look(ssh, PATIENCE_MS)).reason, "bad-answer");
  assert.equal((await look(mute, 150)).reason, "timeout");
  assert.equal((await look(drip, 150)).ok, false);
  assert.ok((await probe({ scheme: "ssh", host, port: ssh }, { clock, timeoutMs: PATIENCE_MS })).ok);
});

test("TCP: nobody listens, no such host, no route, abort", async () => {
  const look = (target: string, port = 1) =>
    probe({ scheme: "tcp", host: target, port }, { clock, timeoutMs: PATIENCE_MS });
  assert.equal((await look(host)).reason, "refused");
  assert.equal((await look(`${"a".repeat(64)}.invalid`)).reason, "no-such-host"); // never leaves the machine: too long
  assert.equal((await look("")).reason, "bad-target");
  assert.equal((await look(host, 70_000)).reason, "bad-target");
  const gone = await probe({ scheme: "tcp", host, port: 1 }, { clock, signal: AbortSignal.abort() });
  assert.equal(gone.reason, "timeout");
});

test("DNS: an answer, a refusal, garbage, silence, nobody", async () => {
  let behave: (bytes: Buffer) => Buffer | undefined = () => undefined;
  const server = createSocket("udp4").on("message", (bytes, from) => {
    const reply = behave(bytes);
    if (reply) server.send(reply, from.port, from.address);
  });
  server.bind(0, host);
  await once(server, "listening");
  const look = (timeoutMs = PATIENCE_MS) => probe({ scheme: "dns", host, port }, { clock, timeoutMs });
  const { port } = server.address();
  behave = (bytes) => ((bytes[2]! |= 0x80), bytes);
  assert.ok((await look()).ok);
  behave = (bytes) => ((bytes[2]! |= 0x80), (bytes[3]! |= 5), bytes);
  assert.ok((await look()).ok, "a server that refuses is alive");
  behave = () => Buffer.from("x");
  assert.equal((await look()).reason, "bad-answer");
  behave = () => undefined;
  assert.equal((await look(150)).reason, "timeout");
  server.close();
  await once(server, "close");
  assert.equal((await look()).reason, "refused");
});

test("a name that was looked up before: the address is asked, the name is said", async () => {
  const heard: string[] = [];
  const port = await listen(
    createHttp((request, response) => void (heard.push(request.headers.host!), response.end("fine"))),
  );
  const look = (scheme: string) =>
    probe({ scheme, host: "radio.invalid", address: host, port, path: "/do" }, { clock, timeoutMs: PATIENCE_MS });
  assert.ok((await look("http")).ok);
  assert.ok((await look("tcp")).ok);
  assert.deepEqual(heard, [`radio.invalid:${port}`]);
});

test("NTP and CoAP: an answer to our question, one to another, silence", async () => {
  let behave: (bytes: Buffer) => Buffer | undefined = () => undefined;
  const server = createSocket("udp4").on("message", (bytes, from) => {
    const reply = behave(bytes);
    if (reply) server.send(reply, from.port, from.address);
  });
  open.push(server);
  server.bind(0, host);
  await once(server, "listening");
  const { port } = server.address();
  const look = (scheme: string, timeoutMs = PATIENCE_MS) => probe({ scheme, host, port }, { clock, timeoutMs });
  behave = (bytes) => {
    assert.deepEqual([bytes.length, bytes[0]], [48, 0x23]);
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    bytes.copy(answer, 24, 40, 48);
    return answer;
  };
  const good = await look("ntp");
  assert.ok(good.ok && good.rttMs! >= 0);
  behave = () => Buffer.alloc(48, 0x24);
  assert.equal((await look("ntp")).reason, "bad-answer");
  behave = (bytes) => Buffer.from([0x70, 0, bytes[2]!, bytes[3]!]);
  assert.ok((await look("coap")).ok);
  behave = (bytes) => Buffer.from([0x70, 0, bytes[2]! ^ 1, bytes[3]!]);
  assert.equal((await look("coap")).reason, "bad-answer");
  behave = () => undefined;
  assert.equal((await look("coap", 150)).reason, "timeout");
});

test("an endless head, endless interim answers, a change of protocol: cut off before the time is over", async () => {
  /** Writes for ever, as fast as the other side takes it. */
  const pour = (text: string) => (socket: Socket) => {
    socket.on("error", () => {});
    const more = () => {
      while (!socket.destroyed && socket.write(text));
    };
    socket.on("drain", more);
    socket.once("data", more);
  };
  const look = async (run: (socket: Socket) => void) => {
    const port = await listen(createServer(run));
    return probe({ scheme: "http", host, port }, { clock, timeoutMs: PATIENCE_MS });
  };
  const endlessHead = await look(pour(`X-A: ${"a".repeat(1000)}\r\n`));
  assert.equal(endlessHead.reason, "bad-answer");
  const largeHead = await look((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(PROBE_HEAD_BYTES_MAX)}\r\n\r\n`));
  });
  assert.equal(largeHead.reason, "bad-answer");
  const interim = await look(pour("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
  assert.equal(interim.reason, "bad-answer");
  const upgrade = await look((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"));
  });
  assert.equal(upgrade.ok, false);
});
