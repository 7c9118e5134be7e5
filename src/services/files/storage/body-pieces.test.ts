/** A body whose sender goes away ends with a refusal, whenever that is: before its first piece, or in the midst. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../../kernel/clock.ts";
import { bodyPieces } from "./body-pieces.ts";
import { Refusal } from "./refusal.ts";

const PROMISED = 10_000;

/** What reading says when the sender goes away once `isTime` has resolved. */
async function readWhile(isTime: (request: IncomingMessage) => Promise<unknown>, begin: "before" | "after") {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: ${PROMISED}\r\n\r\nonly this`);
  const [request] = (await once(server, "request")) as [IncomingMessage];
  request.on("error", () => {});
  const gone = new Promise((resolve) => request.on("close", resolve));
  const read = async () => {
    let bytes = 0;
    for await (const piece of bodyPieces(request, { maxBytes: PROMISED, clock: systemClock() })) bytes += piece.length;
    return bytes;
  };
  const cut = async () => {
    await isTime(request);
    socket.destroy();
    await gone;
  };
  try {
    if (begin === "before") return await Promise.all([read(), cut()]);
    await cut();
    return await read();
  } finally {
    server.close();
  }
}

const brokenOff = (error: unknown) => error instanceof Refusal && error.status === 400;

test("a sender that goes away while its body is read", async () => {
  await assert.rejects(
    readWhile(async () => {}, "before"),
    (error: unknown) => brokenOff(error) || (error as NodeJS.ErrnoException).code === "ECONNRESET",
  );
});

test("a sender that is gone before anybody asks for the first piece", { timeout: 60_000 }, async () => {
  await assert.rejects(
    readWhile(async () => {}, "after"),
    brokenOff,
  );
});
