/**
 * A terminal of the command line on a real terminal, and a real web server at the other end: how one leaves what hangs,
 * and what becomes of much that is typed.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { SocketLine } from "../../src/kernel/contract.ts";
import { createLog } from "../../src/kernel/log.ts";
import { sampleApi, sampleService } from "../../src/platform/web/sample-service.ts";
import { createWeb } from "../../src/platform/web/server.ts";
import { createStatic } from "../../src/platform/web/static.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { eventually } from "../support/process.ts";
import { openPty } from "../support/pty.ts";

const SIZE = { columns: 80, rows: 24 };
const SEEN_MS = 30_000;
const OPEN = fileURLToPath(new URL("./open-terminal.ts", import.meta.url));
/** More than the system and the box hold of it, and less than the command does. */
const TYPED_BYTES = 768 * 1024;

/** A box whose terminal is this; gives the command that opens it. */
async function boxWith(t: TestContext, talk: (line: SocketLine, gone: AbortSignal) => Promise<void>): Promise<string> {
  const data = temporaryFolder("terminal");
  const service = sampleService();
  const handlers: typeof service.handlers = {
    ...service.handlers,
    talk: async ({ name, cups }, { socket, signal }) => {
      await socket!.send(JSON.stringify({ opened: true }));
      await talk(socket!, signal);
      return { name, cups, heard: 0 };
    },
  };
  const { api } = sampleApi({ services: [{ ...service, handlers }] });
  const web = createWeb({
    log: createLog({ clock: systemClock(), level: "error", write: () => {} }),
    api: (asked, arrival) => api.fetch(asked, arrival),
    files: createStatic(data),
    healthz: () => ({ ok: true, body: {} }),
    metrics: () => [],
  });
  await web.listenLocal(`${data}/comu.sock`);
  t.after(() => web.close());
  return `${process.execPath} ${OPEN} ${data}`;
}

test("what hangs is left by its escape, though nothing that is typed is read any more", async (t) => {
  const isOpen = Promise.withResolvers<void>();
  const command = await boxWith(t, async (_line, gone) => {
    isOpen.resolve();
    await new Promise((resolve) => gone.addEventListener("abort", resolve));
  });
  const pty = openPty(command, SIZE, t);
  await isOpen.promise;
  for (let bytes = 0; bytes < TYPED_BYTES; bytes += 1024) pty.type(`${"x".repeat(1023)}\n`);
  pty.type("~.");
  assert.equal(await pty.ended, 0);
});

test("much that is typed arrives whole and in order", async (t) => {
  let heard = "";
  const command = await boxWith(t, async (line) => {
    for await (const said of line.messages) if (typeof said !== "string") heard += Buffer.from(said).toString();
  });
  const pty = openPty(command, SIZE, t);
  await eventually("it is open", SEEN_MS, () => {
    pty.type("a");
    return heard.startsWith("a");
  });
  const lines = Array.from({ length: 2_000 }, (_, at) => `${at} ${"y".repeat(100)}\n`).join("");
  pty.type(`\n${lines}`);
  await eventually("all of it", SEEN_MS, () => heard.replace(/^a+\n/, "").length >= lines.length);
  assert.equal(heard.replace(/^a+\n/, ""), lines);
  pty.type("~.");
  assert.equal(await pty.ended, 0);
});
