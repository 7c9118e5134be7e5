/** A server, a silent one, nobody, and a proxy in front of nobody are told apart. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { after, test } from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { isPortListened } from "./port-listened.ts";

const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
});

async function server(take: (socket: Socket) => void): Promise<number> {
  const made = createServer(take).listen(0, "127.0.0.1");
  await once(made, "listening");
  ends.push(() => made.close());
  return (made.address() as AddressInfo).port;
}

const is = (port: number) => isPortListened(systemClock(), port);

test("who says something, or waits, listens; who closes at once does not, nor does nobody", async () => {
  assert.equal(await is(await server((socket) => socket.end("220 hello\r\n"))), true);
  assert.equal(await is(await server(() => {})), true);
  assert.equal(await is(await server((socket) => socket.end())), false);
  assert.equal(await is(await server((socket) => socket.resetAndDestroy())), false);
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  assert.equal(await is(port), false);
});
