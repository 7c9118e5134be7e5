/** A call over the box's socket: slow readers, a box that is stuck, and errors as they are told. */
import assert from "node:assert/strict";
import { createServer, globalAgent } from "node:http";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { drink } from "../kernel/cup.fixture.ts";
import { isFailure } from "../kernel/errors.ts";
import { passingFolder, until } from "../platform/waiting.fixture.ts";
import { openAnswer } from "./call.ts";

const SIZE = 8 * 1024 * 1024;

/** A box that answers like this; gives its data folder. */
async function boxThat(t: TestContext, answer: RequestListener): Promise<string> {
  const data = passingFolder();
  const server = createServer(answer).listen(join(data, "comu.sock"));
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return data;
}

/** As Node says it when a connection was still for as long as a call may be. */
async function timeOut(): Promise<void> {
  const sockets = () => Object.values(globalAgent.sockets).flatMap((some) => some ?? []) as Socket[];
  await until("a connection", () => sockets().length === 1);
  const [socket] = sockets();
  let before = -1;
  await until("it stands still", async () => {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    const isStill = socket!.bytesRead === before;
    before = socket!.bytesRead;
    return isStill;
  });
  socket!.emit("timeout");
}

test("whoever reads slowly reads all: what waits is no box that does not answer", async (t) => {
  const data = await boxThat(t, (_request, response) => void response.end(Buffer.alloc(SIZE)));
  let size = 0;
  for await (const piece of await openAnswer(data, drink, {}, "en")) {
    if (size === 0) await timeOut();
    size += piece.length;
  }
  assert.equal(size, SIZE);
});

test("a box that does not answer, or not to the end, is given up", async (t) => {
  const isGone = (error: unknown) => isFailure(error, "box-not-running");
  const mute = await boxThat(t, () => {});
  await Promise.all([assert.rejects(openAnswer(mute, drink, {}, "en"), isGone), timeOut()]);
  const stuck = await boxThat(t, (_request, response) => void response.write("half"));
  const pieces = await openAnswer(stuck, drink, {}, "en");
  assert.equal(String((await pieces.next()).value), "half");
  await Promise.all([assert.rejects(pieces.next(), isGone), timeOut()]);
});

test("an error is thrown as the box tells it", async (t) => {
  const error = { code: "too-many", message: "Too many.", advice: "Wait.", params: { seconds: 3 } };
  const data = await boxThat(t, (_request, response) => {
    response.writeHead(429, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  });
  await assert.rejects(openAnswer(data, drink, {}, "en"), { code: "too-many", status: 429, params: { seconds: 3 } });
  await assert.rejects(openAnswer(passingFolder(), drink, {}, "en"), { code: "box-not-running" });
});
