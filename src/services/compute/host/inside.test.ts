/**
 * The host's side of questions about the inside of slivers, without an engine: who may ask, how many at once, and
 * what comes of questions that are none.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createLog } from "../../../kernel/log.ts";
import { virtualClock, settled } from "../../../kernel/virtual-clock.ts";
import { engineErrors } from "../../../platform/engine/errors.ts";
import {
  CONSOLE_KEPT_CHARS,
  INSIDE_PIECE_BYTES_MAX,
  INSIDE_QUESTION_BYTES_MAX,
  INSIDE_STREAMS_MAX,
  INSIDE_STREAMS_PER_BOX_MAX,
  LOG_ALIVE_MS,
  LOG_BYTES_MAX,
  LOG_LINES_MAX,
  MESSAGE_TIMEOUT_MS,
} from "../constants.ts";
import { serveInside } from "./inside.ts";
import type { InsideNeeds } from "./inside.ts";
import { ConsoleLogs, lastLines } from "./inside-logs.ts";

const SLIVER = "abcdefgh";
const PIECE = { upload: "abcdefgh", at: 0, bytes: 3, isLast: true };

function host(more: { console?: () => Promise<string> } = {}) {
  const clock = virtualClock();
  const written: Buffer[] = [];
  const removed: string[] = [];
  const tree = {
    list: async () => ({ entries: [], isCut: false }),
    async write(_name: string, _path: string, _at: number, content: AsyncIterable<Uint8Array>) {
      for await (const piece of content) written.push(Buffer.from(piece));
      return 0;
    },
    facts: async () => ({ kind: "file", bytes: Buffer.concat(written).length, mode: 0, modifiedS: 0 }),
    rename: async () => {},
    remove: async (_name: string, path: string) => void removed.push(path),
    read: async () => Promise.reject(engineErrors.fail("engine-failed", { params: { said: "in the guest's words" } })),
  };
  const commands = { consoleLog: more.console ?? (async () => "login:") };
  const restored: string[] = [];
  const state = { now: "running", hear: () => {} };
  const instances = { snapshots: async () => [{ name: "monday", createdAt: new Date(0).toISOString() }] };
  const needs = {
    ...{ clock, log: createLog({ clock, level: "error", write: () => {} }), mesh: { serveStreams: () => {} } },
    books: {
      get: (sliver: string) => (sliver === SLIVER ? { borrower: { box: "biel" }, wanted: "running" } : undefined),
      noteSnapshots: () => {},
    },
    reconciler: {
      ...{ isReady: true, instanceOf: () => ({ name: "one", state: state.now }) },
      ...{ during: async (_sliver: string, work: () => Promise<void>) => work(), stateOf: () => state.now },
      onLooked: (hear: () => void) => {
        state.hear = hear;
        return () => {};
      },
    },
    async restore(_entry: object, instance: string, snapshot: string) {
      restored.push(`${instance} ${snapshot}`);
      state.now = "stopped";
    },
    ...{ engine: { tree, commands, instances }, figures: {} },
  };
  const { take } = serveInside(needs as unknown as InsideNeeds);
  const open = (peer = "biel"): Duplex => {
    const [here, there] = duplexPair();
    here.once("close", () => there.destroy());
    here.on("error", () => {});
    take(peer, there);
    return here;
  };
  const ask = async (question: object, peer = "biel", bytes = ""): Promise<string> => {
    const stream = open(peer);
    stream.write(`${JSON.stringify({ sliver: SLIVER, ...question })}\n${bytes}`);
    return text(stream);
  };
  return { clock, written, removed, open, ask, restored, state };
}

const refused = (code: string) => `{"error":{"code":"${code}"}}\n`;

test("for whoever did not reserve it, a sliver is not there", async () => {
  const { ask, written } = host();
  const list = { do: "list", path: "/" };
  assert.equal(await ask(list), '{"done":{"entries":[],"isCut":false}}\n');
  const put = { do: "put", path: "/x", ...PIECE };
  for (const question of [
    list,
    { do: "get", path: "/etc/shadow" },
    put,
    { do: "take", name: "a" },
    { do: "figures" },
  ]) {
    assert.equal(await ask(question, "anna", "abc"), refused("compute-sliver-unknown"));
  }
  assert.equal(await ask({ ...list, sliver: "ijklmnop" }), refused("compute-sliver-unknown"));
  assert.deepEqual(written, []);
});

test("what is no question ends the stream, and nothing is done", async () => {
  const { open, clock } = host();
  const nonsense = [
    ...["{", "[]", "{}", `{"do":"list","sliver":"${SLIVER}"}`, `{"do":"list","sliver":"${SLIVER}","path":"x"}`],
    `{"do":"list","sliver":"${SLIVER}","path":"/a/../b"}`,
    `{"do":"take","sliver":"${SLIVER}","name":"../a"}`,
    `{"do":"log","sliver":"${SLIVER}","source":"console","follow":false,"lines":${LOG_LINES_MAX + 1}}`,
    JSON.stringify({ ...{ do: "put", sliver: SLIVER, path: "/x" }, ...PIECE, bytes: INSIDE_PIECE_BYTES_MAX + 1 }),
    "x".repeat(INSIDE_QUESTION_BYTES_MAX + 1),
  ];
  for (const line of nonsense) {
    const stream = open();
    stream.write(`${line}\n`);
    assert.equal(await text(stream), "", line.slice(0, 100));
  }
  const silent = open();
  const ended = once(silent.resume(), "close");
  clock.advance(MESSAGE_TIMEOUT_MS);
  await ended;
});

test("more streams than one box may have are refused, and so are more than all may have", async () => {
  const { open, ask } = host();
  const list = { do: "list", path: "/" };
  const silent: Duplex[] = [];
  for (let count = 0; count < INSIDE_STREAMS_PER_BOX_MAX; count += 1) silent.push(open());
  assert.equal(await ask(list), refused("compute-busy"));
  assert.equal(await ask(list, "anna"), refused("compute-sliver-unknown"));
  for (let count = silent.length; count < INSIDE_STREAMS_MAX; count += 1) silent.push(open(`box-${count}`));
  assert.equal(await ask(list, "anna"), refused("compute-busy"));
  for (const one of silent) one.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  await settled();
  assert.match(await ask(list), /done/);
});

test("a piece is as long as was announced, or the file is none", async () => {
  const { open, ask, written, removed } = host();
  const put = { do: "put", path: "/srv/x", ...PIECE };
  assert.equal(await ask(put, "biel", "abc"), '{"done":{}}\n');
  assert.equal(String(Buffer.concat(written)), "abc");
  assert.deepEqual(removed, []);
  const stream = open();
  stream.write(`${JSON.stringify({ sliver: SLIVER, ...put, bytes: 9 })}\nabc`);
  stream.end();
  await once(stream.resume(), "close");
  assert.deepEqual(removed, ["/srv/.comu-abcdefgh.part"]);
  assert.equal(await ask({ do: "get", path: "/x" }), refused("compute-file-refused"));
});

test("going back to a snapshot: an unknown one stops nothing; it has come back when it runs again", async () => {
  const { ask, restored, state } = host();
  assert.equal(await ask({ do: "restore", name: "tuesday" }), refused("compute-snapshot-unknown"));
  assert.deepEqual(restored, []);
  let isAnswered = false;
  const answer = ask({ do: "restore", name: "monday" }).then((said) => {
    isAnswered = true;
    return said;
  });
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([restored, isAnswered], [["one monday"], false]);
  state.now = "running";
  state.hear();
  assert.match(await answer, /monday/);
});

test("a log is cut at its limit; one that is followed tells that the line lives", async () => {
  const long = "x".repeat(2 * CONSOLE_KEPT_CHARS);
  const whole = await host({ console: async () => long }).ask({
    ...{ do: "log", source: "console", lines: LOG_LINES_MAX, follow: false },
  });
  assert.equal(whole.length, '{"done":{}}\n'.length + CONSOLE_KEPT_CHARS);
  assert.ok(CONSOLE_KEPT_CHARS * 4 <= LOG_BYTES_MAX);
  const { open, clock } = host({ console: async () => "" });
  const stream = open();
  let said = "";
  stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  stream.write(`${JSON.stringify({ do: "log", sliver: SLIVER, source: "console", lines: 9, follow: true })}\n`);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await clock.advanceSettled(LOG_ALIVE_MS + 1, 500);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(said, '{"done":{}}\n\0');
  stream.destroy();
});

test("what a console said once is there for the next who looks, up to a limit", async () => {
  const says = ["one\n", "two\n", "", "x".repeat(CONSOLE_KEPT_CHARS)];
  const consoles = new ConsoleLogs({ commands: { consoleLog: async () => says.shift() ?? "" } } as never);
  assert.deepEqual(await consoles.read(SLIVER, "one", true), { text: "one\n", end: 4 });
  const [first, second] = await Promise.all([consoles.read(SLIVER, "one", true), consoles.read(SLIVER, "one", true)]);
  assert.deepEqual([first, second], Array(2).fill({ text: "one\ntwo\n", end: 8 }));
  const full = await consoles.read(SLIVER, "one", true);
  assert.deepEqual([full.text.length, full.end], [CONSOLE_KEPT_CHARS, 8 + CONSOLE_KEPT_CHARS]);
  // It stops while it is asked: all that it wrote comes once more.
  says.push(`one\ntwo\n${"x".repeat(CONSOLE_KEPT_CHARS)}last`);
  assert.equal((await consoles.read(SLIVER, "one", true)).end, 12 + CONSOLE_KEPT_CHARS);
  consoles.keepOnly(() => false);
  assert.deepEqual(await consoles.read(SLIVER, "one", true), { text: "", end: 0 });
});

test("the last lines of a text, with or without an end", () => {
  assert.equal(lastLines("a\nb\nc\n", 2), "b\nc\n");
  assert.equal(lastLines("a\nb\nc", 2), "b\nc");
  assert.equal(lastLines("a\nb\n", 9), "a\nb\n");
  assert.equal(lastLines("", 3), "");
  assert.equal(lastLines("\n\n", 1), "\n");
});
