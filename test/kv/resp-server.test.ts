/** Connections of the Redis front end over real sockets: order in a pipeline, and each limit, with a virtual clock. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { TCP_SWEEP_MS } from "../../src/platform/constants.ts";
import { memoryStore } from "./memory-store.ts";
import { eventually } from "../support/process.ts";
import * as limit from "../../src/services/kv/resp-limits.ts";
import { hashRespPassword } from "../../src/services/kv/resp-password.ts";
import type { RespServerOptions } from "../../src/services/kv/resp-server.ts";
import { openRespServer } from "../../src/services/kv/resp-server.ts";

const until = (look: () => boolean) => eventually("seen at the server or heard from it", 30_000, look, 2);

async function serve(t: TestContext, options: Partial<RespServerOptions> = {}) {
  const clock = virtualClock();
  const store = memoryStore(() => clock.wallMs());
  const log = createLog({ clock, level: "error", write: () => {} });
  const server = await openRespServer({
    ...{ store, clock, log, random: seededRandom(3), version: "1", port: 0 },
    ...options,
  });
  t.after(() => server.close());
  return { clock, store, server, talk: () => talker(t, server.local.port) };
}

/** A bare socket and what it has heard. */
async function talker(t: TestContext, port: number) {
  const socket: Socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const heard: Buffer[] = [];
  const state = { ended: false };
  socket.on("data", (chunk: Buffer) => void heard.push(chunk));
  socket.on("error", () => {});
  socket.once("end", () => void (state.ended = true));
  // Cut off in the middle of its own request it sees a reset, else an end.
  socket.once("close", () => void (state.ended = true));
  t.after(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const said = () => Buffer.concat(heard).toString("latin1");
  /** Waits until it has heard this, and no more. */
  const hears = (text: string) => until(() => said().length >= text.length).then(() => assert.equal(said(), text));
  return { socket, state, said, hears, say: (text: string) => socket.write(text, "latin1") };
}

test("answers come in the order of the requests, also when the store is slow with some", async (t) => {
  const { store, talk } = await serve(t);
  const gates: (() => void)[] = [];
  store.before = (key) => (key.startsWith("slow") ? new Promise((resolve) => gates.push(resolve)) : undefined);
  const one = await talk();
  one.say("SET slow1 a\r\nSET b b\r\nPING\r\nSET slow2 c\r\nGET b\r\n");
  await until(() => gates.length === 2);
  assert.equal(one.said(), "");
  gates[1]!();
  gates[0]!();
  await one.hears("+OK\r\n+OK\r\n+PONG\r\n+OK\r\n$1\r\nb\r\n");
});

test("a pipeline reads its own writes; readers run together, writers too", async (t) => {
  const { store, talk } = await serve(t);
  const open: (() => void)[] = [];
  let most = 0;
  store.before = (key) => {
    if (!key.startsWith("k")) return undefined;
    most = Math.max(most, open.length + 1);
    return new Promise((resolve) => open.push(resolve));
  };
  const one = await talk();
  one.say("SET k 1\r\nSET k 2\r\nGET k\r\nGET k\r\nSET k 3\r\nMGET a k\r\nDBSIZE\r\n");
  const answers = "+OK\r\n+OK\r\n$1\r\n2\r\n$1\r\n2\r\n+OK\r\n*2\r\n$-1\r\n$1\r\n3\r\n:1\r\n";
  const counts: number[] = [];
  const isAnswered = () => one.said().length >= answers.length;
  while (!isAnswered()) {
    await until(() => open.length > 0 || isAnswered());
    counts.push(open.length);
    for (const go of open.splice(0)) go();
  }
  assert.equal(one.said(), answers);
  assert.deepEqual(counts.slice(0, 4), [2, 2, 1, 1]);
  assert.equal(most, 2);
});

test("only so many operations of a connection run at one time, and fewer while their size is not known", async (t) => {
  const { store, talk } = await serve(t);
  const open: (() => void)[] = [];
  let holding = true;
  let most = 0;
  store.before = () => {
    most = Math.max(most, open.length + 1);
    return holding ? new Promise((resolve) => open.push(resolve)) : undefined;
  };
  const one = await talk();
  one.say("GET a\r\n".repeat(1000));
  await until(() => open.length >= limit.RESP_EXPECTED_BYTES_MAX / limit.RESP_EXPECTED_FIRST_BYTES);
  assert.equal(most, limit.RESP_EXPECTED_BYTES_MAX / limit.RESP_EXPECTED_FIRST_BYTES);
  await until(() => {
    if (open.length >= limit.RESP_IN_FLIGHT_MAX) return true;
    for (const go of open.splice(0, 4)) go();
    return false;
  });
  assert.equal(most, limit.RESP_IN_FLIGHT_MAX);
  holding = false;
  for (const go of open.splice(0)) go();
  await one.hears("$-1\r\n".repeat(1000));
});

test("answers that wait for an earlier one, and what is read ahead, are bounded", async (t) => {
  const { store, server, talk } = await serve(t);
  let go = () => {};
  store.before = () => new Promise((resolve) => (go = resolve));
  const one = await talk();
  one.say(`GET slow\r\n${"PING\r\n".repeat(500_000)}`);
  await until(() => server.stats().commands === limit.RESP_QUEUED_MAX);
  await until(() => server.stats().heldBytes > limit.RESP_READ_AHEAD_BYTES);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  // What one read of the socket may bring comes on top.
  assert.ok(server.stats().heldBytes <= 2 * limit.RESP_READ_AHEAD_BYTES + 32 * limit.RESP_QUEUED_MAX);
  assert.equal(server.stats().commands, limit.RESP_QUEUED_MAX);
  go();
  await one.hears(`$-1\r\n${"+PONG\r\n".repeat(500_000)}`);
});

test("who does not read is not read any more, is bounded, and is cut off in the end", async (t) => {
  const { store, clock, server, talk } = await serve(t);
  await store.run("big", { type: "put", value: new Uint8Array(1024 * 1024), expiry: { type: "never" } });
  const one = await talk();
  one.socket.pause();
  one.say("GET big\r\n".repeat(2000));
  await until(() => server.stats().heldBytes > limit.RESP_WAITING_BYTES_MAX);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const most = 2 * limit.RESP_EXPECTED_BYTES_MAX + limit.RESP_WAITING_BYTES_MAX;
  assert.ok(server.stats().heldBytes < most, `${server.stats().heldBytes} bytes held`);
  assert.ok(store.asked.get < 40, `${store.asked.get} reads`);
  clock.advance(31 * TCP_SWEEP_MS);
  await until(() => server.stats().connections === 0);
  assert.equal(server.stats().unread, 1);
  assert.equal(server.stats().heldBytes, 0);
});

test("a connection with too much unsent is cut off", async (t) => {
  const { store, server, talk } = await serve(t, { limits: { outputBytesMax: 5_000_000 } });
  await store.run("big", { type: "put", value: new Uint8Array(8 * 1024 * 1024), expiry: { type: "never" } });
  const one = await talk();
  one.socket.pause();
  one.say("GET big\r\nGET big\r\nGET big\r\n");
  await until(() => server.stats().connections === 0);
});

test("of all connections, the one that holds most is cut off when together they hold too much", async (t) => {
  const { server, talk } = await serve(t, { limits: { heldBytesMax: 300_000 } });
  const small = await talk();
  const large = await talk();
  small.say(`*2\r\n$4\r\nECHO\r\n$100000\r\n${"s".repeat(90_000)}`);
  await until(() => server.stats().heldBytes > 90_000);
  large.say(`*2\r\n$4\r\nECHO\r\n$400000\r\n${"l".repeat(250_000)}`);
  await until(() => large.state.ended);
  small.say(`${"s".repeat(10_000)}\r\n`);
  await small.hears(`$100000\r\n${"s".repeat(100_000)}\r\n`);
  assert.equal(server.stats().cutOff, 1);
});

test("too many connections are told so as Redis does", async (t) => {
  const { server, talk } = await serve(t, { limits: { connectionsMax: 2 } });
  const [one] = [await talk(), await talk()];
  const third = await talk();
  await third.hears("-ERR max number of clients reached\r\n");
  await until(() => third.state.ended);
  one.say("PING\r\n");
  await one.hears("+PONG\r\n");
  one.socket.destroy();
  await until(() => server.stats().connections === 1);
  const fourth = await talk();
  fourth.say("PING\r\n");
  await fourth.hears("+PONG\r\n");
  assert.equal(server.stats().connectionsRefused, 1);
});

test("silent, slow and idle connections are closed in their time", async (t) => {
  const { clock, talk, server } = await serve(t);
  const [silent, slow, idle] = [await talk(), await talk(), await talk()];
  for (const one of [slow, idle]) {
    one.say("PING\r\n");
    await one.hears("+PONG\r\n");
  }
  slow.say("*2\r\n$3\r\nGET\r\n$5\r\n");
  await until(() => server.stats().heldBytes > 0);
  clock.advance(limit.RESP_FIRST_MS - TCP_SWEEP_MS);
  assert.equal(server.stats().connections, 3);
  clock.advance(2 * TCP_SWEEP_MS);
  await until(() => silent.state.ended && slow.state.ended);
  assert.equal(server.stats().connections, 1);
  clock.advance(limit.RESP_IDLE_MS);
  await until(() => idle.state.ended);
});

test("after a protocol error the answers before it and the error are heard, then it is closed", async (t) => {
  const { talk } = await serve(t);
  const one = await talk();
  one.say(`SET a b\r\n*1\r\n:5\r\n${"garbage".repeat(10_000)}`);
  await one.hears("+OK\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  await until(() => one.state.ended);
  const web = await talk();
  web.say("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a evil\r\n");
  await until(() => web.state.ended);
  assert.equal(web.said(), "");
});

test("who ends after its requests still hears all answers; QUIT ends", async (t) => {
  const { talk } = await serve(t);
  const one = await talk();
  one.socket.end("SET a b\r\nGET a\r\nGE");
  await one.hears("+OK\r\n$1\r\nb\r\n");
  await until(() => one.state.ended);
  const two = await talk();
  two.say("QUIT\r\nSET a c\r\n");
  await two.hears("+OK\r\n");
  await until(() => two.state.ended);
});

test("requests behind the password in a pipeline are done after it; big ones before it are refused", async (t) => {
  const password = await hashRespPassword("sesame", seededRandom(1));
  const { talk, clock } = await serve(t, { password });
  const one = await talk();
  one.say(`GET a\r\nAUTH sesame\r\nSET a b\r\n*2\r\n$4\r\nECHO\r\n$20000\r\n${"e".repeat(20_000)}\r\n`);
  await one.hears(`-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n$20000\r\n${"e".repeat(20_000)}\r\n`);
  const two = await talk();
  two.say("*2\r\n$4\r\nECHO\r\n$20000\r\n");
  await two.hears("-ERR Protocol error: unauthenticated bulk length\r\n");
  const three = await talk();
  three.say("PING\r\n");
  await three.hears("-NOAUTH Authentication required.\r\n");
  clock.advance(limit.RESP_FIRST_MS + TCP_SWEEP_MS);
  await until(() => three.state.ended);
});

test("without a password nobody from another machine is let in", async (t) => {
  const { server } = await serve(t, { address: "0.0.0.0" });
  const { localAddresses } = await import("../../src/platform/addresses.ts");
  const own = localAddresses().find((one) => one.family === 4);
  assert.ok(own, "this test needs an address besides loopback");
  const said = await new Promise<string>((resolve) => {
    const socket = connect({ host: own.address, port: server.local.port });
    let heard = "";
    socket.on("data", (chunk) => (heard += chunk.toString()));
    socket.once("close", () => resolve(heard));
  });
  assert.match(said, /^-DENIED /);
});
