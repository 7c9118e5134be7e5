/** The shared TCP port with real sockets: both protocols, every limit, half-open peers, closing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import { createLog } from "../kernel/log.ts";
import { virtualClock } from "../kernel/virtual-clock.ts";
import { PORT_FIRST_BYTE_TIMEOUT_MS } from "./constants.ts";
import type { Port, PortOptions } from "./port.ts";
import { openPort } from "./port.ts";

const clock = systemClock();
const log = createLog({ clock, level: "error", write: (line) => console.error(line) });

/** Only a test that fails waits so long. */
const PATIENCE_MS = 30_000;

/** A stream that answers with what it got, once the peer has ended. */
function answerAll(socket: Socket, firstBytes: Uint8Array): void {
  const chunks: Uint8Array[] = [firstBytes];
  socket.on("data", (bytes: Buffer) => chunks.push(bytes));
  socket.on("end", () => socket.end(Buffer.concat(chunks)));
  socket.resume();
}

function open(more: Partial<PortOptions> = {}): Promise<Port> {
  const onLink = (socket: Socket) => socket.destroy();
  return openPort({ address: "127.0.0.1", port: 0, clock, log, onLink, onStream: answerAll, ...more });
}

async function dial(port: Port): Promise<Socket> {
  const socket = connect(port.local.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));

async function until(true_: () => boolean): Promise<void> {
  for (const endMs = performance.now() + PATIENCE_MS; !true_();) {
    assert.ok(performance.now() < endMs, "waited too long");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("the first byte decides, and no byte is lost either way", async () => {
  const hello = new Promise<Uint8Array>((resolve) => {
    void open({
      onLink: (socket) => socket.once("data", (bytes: Buffer) => (resolve(bytes), socket.destroy())).resume(),
    }).then(async (port) => {
      (await dial(port)).write(Buffer.of(0x16, 3, 1, 0));
      await hello;
      await port.close();
    });
  });
  assert.deepEqual(Buffer.from(await hello), Buffer.of(0x16, 3, 1, 0));
  const port = await open();
  const socket = await dial(port);
  socket.write("\x06push");
  setTimeout(() => socket.end("pull"), 20);
  const answer: Buffer[] = [];
  for await (const bytes of socket) answer.push(bytes as Buffer);
  assert.equal(Buffer.concat(answer).toString(), "\x06pushpull");
  await until(() => port.stats().open === 0);
  await port.close();
});

test("a silent connection is closed, and so is a stream that falls silent, and one that ends at once", async () => {
  const times = virtualClock();
  const port = await open({ clock: times, limits: { firstByteTimeoutMs: 30, streamIdleMs: 60 } });
  const [mute, stalled, gone] = [await dial(port), await dial(port), await dial(port)];
  stalled.write("\x06");
  gone.end();
  for (const socket of [mute, stalled, gone]) socket.resume();
  await Promise.all([closed(stalled), closed(gone)]);
  await until(() => port.stats().open === 1);
  times.advance(29);
  assert.deepEqual([port.stats().open, port.stats().silent], [1, 1]);
  times.advance(1);
  await closed(mute);
  assert.equal(port.stats().silent, 2);
  await port.close();
});

test("connections are limited per address and in total; places become free again", async () => {
  for (const limits of [{ connectionsPerAddressMax: 3 }, { connectionsMax: 3 }]) {
    const port = await open({ limits });
    const sockets = await Promise.all([dial(port), dial(port), dial(port)]);
    await until(() => port.stats().open === 3);
    const fourth = connect(port.local.port, "127.0.0.1")
      .on("error", () => {})
      .resume();
    await closed(fourth);
    assert.deepEqual([port.stats().refused, port.stats().open], [1, 3]);
    sockets[0]!.destroy();
    await until(() => port.stats().open === 2);
    const fifth = await dial(port);
    fifth.end("\x06x");
    assert.equal(String((await once(fifth, "data"))[0]), "\x06x");
    await port.close();
  }
});

test("600 idle connections leave the port at its limit and answering afterwards", async () => {
  const times = virtualClock();
  const port = await open({ clock: times, limits: { connectionsPerAddressMax: 1000 } });
  const crowd: Socket[] = [];
  // In parts, so that the kernel's queue does not overflow: it would make a client wait a second.
  while (crowd.length < 600) {
    crowd.push(
      ...Array.from({ length: 100 }, () =>
        connect(port.local.port, "127.0.0.1")
          .on("error", () => {})
          .resume(),
      ),
    );
    await until(() => port.stats().open + port.stats().refused >= crowd.length);
  }
  await until(() => port.stats().refused >= 88);
  assert.ok(port.stats().open <= 512);
  times.advance(PORT_FIRST_BYTE_TIMEOUT_MS);
  await Promise.all(crowd.map(closed));
  await until(() => port.stats().open === 0);
  const socket = await dial(port);
  socket.end("\x06late");
  assert.equal(String((await once(socket, "data"))[0]), "\x06late");
  await port.close();
});

test("closing lets a stream finish for a moment, then ends it; twice is harmless", async () => {
  const times = virtualClock();
  const port = await open({ clock: times, limits: { closeGraceMs: 60 } });
  const [finishing, stubborn] = [await dial(port), await dial(port)];
  finishing.write("\x06a");
  stubborn.write("\x06b");
  stubborn.resume();
  await until(() => port.stats().streams === 2);
  const closing = Promise.all([port.close(), port.close()]);
  finishing.end("z");
  assert.equal(String((await once(finishing, "data"))[0]), "\x06az");
  times.advance(60);
  await closing;
  await closed(stubborn);
});

test("a taken port and a foreign address are failures", async () => {
  const port = await open();
  await assert.rejects(open({ port: port.local.port }), (error) => isFailure(error, "port-in-use"));
  await assert.rejects(open({ address: "192.0.2.1" }), (error) => isFailure(error, "address-not-local"));
  await port.close();
});
