/** The TCP server for requests and answers: places, good-byes, those who do not read, and half-closed connections. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { eventually } from "../support/process.ts";
import { TCP_LINGER_MS, TCP_REFUSED_MAX, TCP_SWEEP_MS, TCP_UNREAD_MS } from "../../src/platform/constants.ts";
import type { TcpConnection, TcpReader, TcpServerOptions } from "../../src/platform/tcp-server.ts";
import { openTcpServer } from "../../src/platform/tcp-server.ts";

const until = (look: () => boolean) => eventually("seen at the server or heard from it", 30_000, look, 2);

/** A server that says back what it hears; `made` has its connections, `heard` what they were told. */
async function serve(t: TestContext, options: Partial<TcpServerOptions> = {}) {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const made: TcpConnection[] = [];
  const told: string[] = [];
  const accept = (connection: TcpConnection): TcpReader => {
    made.push(connection);
    return {
      read: (chunk) => connection.write([chunk.subarray(0, 1), chunk.subarray(1)]),
      drained: () => void told.push("drained"),
      ended: () => {
        told.push("ended");
        connection.finish();
      },
      closed: () => void told.push("closed"),
    };
  };
  const refusal = Buffer.from("full\n");
  const server = await openTcpServer({ address: "127.0.0.1", port: 0, clock, log, accept, refusal, ...options });
  t.after(() => server.close());
  return { clock, server, made, told, call: () => call(t, server.local.port) };
}

async function call(t: TestContext, port: number) {
  const socket: Socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const heard: Buffer[] = [];
  const state = { ended: false, closed: false };
  socket.on("data", (chunk: Buffer) => void heard.push(chunk));
  socket.on("error", () => {});
  socket.once("end", () => void (state.ended = true));
  socket.once("close", () => void (state.closed = true));
  t.after(() => void socket.destroy());
  // One that is cut at once may never see that it was connected.
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return { socket, state, said: () => Buffer.concat(heard).toString() };
}

test("pieces arrive in order; who ends first is told the rest and closed", async (t) => {
  const { server, made, told, call } = await serve(t);
  const one = await call();
  one.socket.end("hello");
  await until(() => one.state.closed);
  assert.equal(one.said(), "hello");
  await until(() => told.includes("closed"));
  assert.deepEqual(told, ["ended", "closed"]);
  assert.equal(made[0]!.remote.address, "127.0.0.1");
  assert.equal(made[0]!.local.port, server.local.port);
  assert.equal(server.stats().open, 0);
});

test("who is over the limit is told, so many at one time; the others are cut", async (t) => {
  const { server, call } = await serve(t, { limits: { connectionsMax: 1 } });
  const first = await call();
  const more: Awaited<ReturnType<typeof call>>[] = [];
  for (let at = 0; at <= TCP_REFUSED_MAX; at += 1) more.push(await call());
  await until(() => server.stats().refused === TCP_REFUSED_MAX + 1);
  await until(() => more.filter((one) => one.said() === "full\n").length === TCP_REFUSED_MAX);
  assert.equal(more.at(-1)!.said(), "");
  first.socket.write("still here");
  await until(() => first.said() === "still here");
});

test("who was told good-bye and does not go is closed, and what it sends is thrown away", async (t) => {
  const { clock, server, made, told, call } = await serve(t);
  const one = await call();
  await until(() => made.length === 1);
  made[0]!.write([Buffer.from("bye")]);
  made[0]!.finish();
  made[0]!.finish();
  one.socket.write("x".repeat(100_000));
  await until(() => one.state.ended);
  assert.equal(one.said(), "bye");
  clock.advance(TCP_LINGER_MS);
  assert.equal(server.stats().open, 1);
  clock.advance(2 * TCP_SWEEP_MS);
  await until(() => server.stats().open === 0);
  assert.deepEqual(told, ["closed"]);
});

test("who takes nothing of its answers for long is cut off; who takes a little is not", async (t) => {
  const { clock, server, made, call } = await serve(t);
  const [stuck, slow] = [await call(), await call()];
  for (const one of [stuck, slow]) one.socket.pause();
  await until(() => made.length === 2);
  const much = Buffer.alloc(32 * 1024 * 1024);
  for (const one of made) one.write([much]);
  for (let waitedMs = 0; waitedMs <= TCP_UNREAD_MS + 2 * TCP_SWEEP_MS; waitedMs += TCP_SWEEP_MS) {
    const unsentBytes = made[1]!.unsentBytes();
    if (waitedMs % (TCP_UNREAD_MS / 3) === 0) {
      slow.socket.resume();
      await until(() => made[1]!.unsentBytes() < unsentBytes || unsentBytes === 0);
      slow.socket.pause();
    }
    clock.advance(TCP_SWEEP_MS);
  }
  await until(() => server.stats().open === 1);
  assert.equal(server.stats().unread, 1);
});

test("pause stops reading, resume goes on", async (t) => {
  const { made, call } = await serve(t);
  const one = await call();
  await until(() => made.length === 1);
  made[0]!.pause();
  one.socket.write("later");
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(one.said(), "");
  made[0]!.resume();
  await until(() => one.said() === "later");
});

test("a port that is taken is a failure with its code", async (t) => {
  const { server } = await serve(t);
  await assert.rejects(serve(t, { port: server.local.port }), (error) => isFailure(error, "port-in-use"));
});
