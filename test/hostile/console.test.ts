/**
 * Boxes that open consoles with bad intent, and hosts that answer them with it: frames that are none, floods, silence,
 * slivers of others. Whoever does so hurts its own console, and each limit is reached.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createLog } from "../../src/kernel/log.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import type { SocketLine } from "../../src/kernel/contract.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { Command } from "../../src/platform/engine/commands.ts";
import { encodeConsoleFrame } from "../../src/protocols/compute/console-frames.ts";
import type { ConsoleFrame } from "../../src/protocols/compute/console-frames.ts";
import {
  CONSOLES_MAX,
  CONSOLES_PER_BOX_MAX,
  CONSOLE_BEGIN_TIMEOUT_MS,
  CONSOLE_IDLE_MS,
  CONSOLE_OPEN_TIMEOUT_MS,
  CONSOLE_RESIZE_MS,
} from "../../src/services/compute/constants.ts";
import { serveConsoles } from "../../src/services/compute/host/consoles.ts";
import type { Entry } from "../../src/services/compute/host/books.ts";
import { framesOf } from "../../src/services/compute/messages-console.ts";
import { createConsoles } from "../../src/services/compute/use/console.ts";
import type { Sliver } from "../../src/services/compute/use/slice-store.ts";
import { eventually } from "../support/process.ts";

const SEEDS = 150;
const SEEN_MS = 30_000;
const SLIVER = "abcdefgh";

/** A host with one sliver, of box "home", in which `cat` says back what is typed. */
function hostWith() {
  const clock = virtualClock();
  const lines: string[] = [];
  const log = createLog({ clock, level: "debug", write: (line) => lines.push(line) });
  const seen = { shells: 0, begun: 0, resizes: 0 };
  const consoles = serveConsoles({
    ...{ clock, log, mesh: { serveStreams: () => {} } },
    books: { get: (id) => (id.startsWith(SLIVER) ? ({ borrower: { box: "home" } } as Entry) : undefined) },
    reconciler: {
      isReady: true,
      instanceOf: (sliver) => ({ name: "one", mark: { sliver, booking: "" }, state: "running" }),
    },
    commands: {
      async begin(_name, _words, options) {
        const child = spawn("cat", { stdio: ["pipe", "pipe", "ignore"] });
        seen.shells += 1;
        seen.begun += 1;
        child.stdin.on("error", () => {});
        options?.signal?.addEventListener("abort", () => child.kill("SIGKILL"));
        const ended = new Promise<number>((resolve) => {
          child.once("close", (code) => {
            seen.shells -= 1;
            resolve(code ?? 137);
          });
        });
        const resize = () => void (seen.resizes += 1);
        return {
          stdin: child.stdin,
          stdout: child.stdout,
          stderr: undefined,
          resize,
          kill: () => {},
          ended,
        } as Command;
      },
    },
  });
  return { clock, consoles, seen, lines };
}

/** A stream to it, as the mesh would bring it. */
function open(host: ReturnType<typeof hostWith>, peer = "home"): Duplex {
  const [here, there] = duplexPair();
  here.on("error", () => {});
  here.once("close", () => there.destroy());
  there.once("close", () => here.destroy());
  host.consoles.take(peer, there);
  return here;
}

const beginning = (sliver = SLIVER): ConsoleFrame => ({
  ...{ type: "begin", bytes: Buffer.from(JSON.stringify({ sliver, columns: 80, rows: 24 })) },
});
const data = (text: string): ConsoleFrame => ({ type: "data", bytes: Buffer.from(text) });
const say = (stream: Duplex, ...frames: ConsoleFrame[]) =>
  stream.write(Buffer.concat(frames.map((one) => encodeConsoleFrame(one))));

/** What comes, as it comes; `ended` has all of it, with how it ended. */
function listen(stream: Duplex): { found: string[]; ended: Promise<string[]> } {
  const found: string[] = [];
  const read = async () => {
    try {
      for await (const frame of framesOf(stream)) {
        found.push("bytes" in frame ? `${frame.type} ${Buffer.from(frame.bytes).toString()}` : frame.type);
      }
    } catch {
      found.push("cut");
    }
    return found;
  };
  return { found, ended: read() };
}

const answers = (stream: Duplex): Promise<string[]> => listen(stream).ended;

test("a sliver of another box is not there, for whoever asks", async () => {
  const host = hostWith();
  for (const [peer, sliver] of [
    ["other", SLIVER],
    ["home", "zzzzzzzz"],
  ] as const) {
    const stream = open(host, peer);
    say(stream, beginning(sliver), data("id\n"));
    assert.deepEqual(await answers(stream), ["refused compute-sliver-unknown"]);
  }
  assert.equal(host.seen.begun, 0);
});

test("a box has so many consoles, a host so many, and whoever wants nothing is cut in time", async () => {
  const host = hostWith();
  const peers = Array.from({ length: CONSOLES_MAX / CONSOLES_PER_BOX_MAX }, (_one, at) => `box${at}`);
  for (const peer of peers) {
    for (let at = 0; at < CONSOLES_PER_BOX_MAX; at += 1) open(host, peer).resume();
    assert.deepEqual(await answers(open(host, peer)), ["refused compute-busy"]);
  }
  assert.equal(host.consoles.open(), CONSOLES_MAX);
  assert.deepEqual(await answers(open(host, "one more")), ["refused compute-busy"]);
  host.clock.advance(CONSOLE_BEGIN_TIMEOUT_MS);
  await eventually("all are cut", SEEN_MS, () => host.consoles.open() === 0);
  const stream = open(host);
  say(stream, beginning(), data("hello"));
  await eventually("a shell", SEEN_MS, () => host.seen.shells === 1);
  host.consoles.stop();
  await eventually("none is left", SEEN_MS, () => host.consoles.open() + host.seen.shells === 0);
});

test("a console that is idle is ended with its reason, and one that is not stays", async () => {
  const host = hostWith();
  const stream = open(host);
  const said = listen(stream);
  const isSaid = (text: string) => () => said.found.includes(`data ${text}`);
  say(stream, beginning(), data("a"));
  await eventually("it is said back", SEEN_MS, isSaid("a"));
  host.clock.advance(CONSOLE_IDLE_MS - 1);
  say(stream, data("b"));
  await eventually("it is said back", SEEN_MS, isSaid("b"));
  host.clock.advance(CONSOLE_IDLE_MS - 1);
  assert.equal(host.seen.shells, 1);
  // Frames that only keep the line alive are no use of it.
  say(stream, { type: "alive" });
  await turn();
  host.clock.advance(CONSOLE_IDLE_MS);
  assert.equal((await said.ended).at(-1), "refused compute-console-idle");
  await eventually("no shell is left", SEEN_MS, () => host.seen.shells === 0);
});

test("a flood of windows is few for the engine", async () => {
  const host = hostWith();
  const stream = open(host);
  stream.resume();
  say(stream, beginning());
  for (let at = 0; at < 20_000; at += 1) say(stream, { type: "window", columns: 1 + (at % 900), rows: 10 });
  say(stream, data("end"));
  await eventually("all are read", SEEN_MS, () => stream.writableLength === 0);
  host.clock.advance(CONSOLE_RESIZE_MS);
  assert.ok(host.seen.resizes >= 1 && host.seen.resizes <= 3, `${host.seen.resizes} sizes`);
  stream.destroy();
  await eventually("no shell is left", SEEN_MS, () => host.seen.shells === 0);
});

/** Bits flipped, bytes cut out, doubled, or put from elsewhere. */
function spoil(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  const to = Math.min(bytes.length, at + 1 + random.below(40));
  switch (random.below(4)) {
    case 0: {
      const copy = Buffer.from(bytes);
      for (let flips = 1 + random.below(4); flips > 0; flips -= 1)
        copy[random.below(copy.length)]! ^= 1 << random.below(8);
      return copy;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(random.bytes(1 + random.below(60))),
        bytes.subarray(at),
      ]);
  }
}

test("spoiled frames cut their own console, and leave no shell", async () => {
  const host = hostWith();
  const well = open(host, "home");
  const heard = listen(well);
  say(well, beginning(`${SLIVER}well`));
  const frames = [
    beginning(),
    data("echo hello\n"),
    { type: "window", columns: 90, rows: 20 } as const,
    data("x".repeat(500)),
  ];
  const whole = Buffer.concat([...frames, { type: "alive" } as const].map((one) => encodeConsoleFrame(one)));
  const random = seededRandom(20);
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const stream = open(host, "home");
    stream.resume();
    stream.end(spoil(whole, random));
    await eventually("it has ended", SEEN_MS, () => host.consoles.open() === 1, 1);
  }
  await eventually("no other shell is left", SEEN_MS, () => host.seen.shells === 1);
  assert.ok(host.seen.begun > 5 && host.seen.begun < SEEDS, `${host.seen.begun} of ${SEEDS} got a shell`);
  say(well, data("still here"));
  await eventually("it is said back", SEEN_MS, () => heard.found.includes("data still here"));
  well.destroy();
  await heard.ended;
  assert.ok(!host.lines.some((line) => line.includes('"level":"error"')));
});

/** The home box against a host that does as `act` says; gives the failure's code, and what the page was sent. */
function homeWith(act: (stream: Duplex) => void) {
  const clock = virtualClock();
  const [here, there] = duplexPair();
  there.on("error", () => {});
  here.once("close", () => there.destroy());
  there.once("close", () => here.destroy());
  const mesh = { selfId: "home", box: () => undefined, openStream: async () => here };
  const consoles = createConsoles({ clock, mesh, own: () => {} });
  const stop = new AbortController();
  const sent: (string | Uint8Array)[] = [];
  const gate = { reads: true };
  const line: SocketLine = {
    messages: (async function* () {
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
      yield "";
    })(),
    send: (message) => {
      sent.push(message);
      return gate.reads ? Promise.resolve() : new Promise(() => {});
    },
  };
  const wish = { columns: 80, rows: 24, paced: false };
  const ended = consoles.open({ id: SLIVER, host: "host", index: 0 } as Sliver, wish, line, stop.signal).then(
    (code) => `exit ${code}`,
    (error: unknown) => (isFailure(error) ? error.code : "aborted"),
  );
  act(there);
  return { clock, there, ended, sent, gate, stop };
}

test("a host that is silent, says nonsense, or goes, is told as what it is", async () => {
  const opened: ConsoleFrame = { type: "opened" };
  const mute = homeWith(() => {});
  await turn();
  mute.clock.advance(CONSOLE_OPEN_TIMEOUT_MS);
  assert.equal(await mute.ended, "compute-host-away");
  const junk = Buffer.from("HTTP/1.1 200 OK");
  assert.equal(await homeWith((there) => there.write(junk)).ended, "compute-host-away");
  const later = homeWith((there) => {
    say(there, opened, data("hello"));
    there.write(junk);
  });
  assert.equal(await later.ended, "compute-console-cut");
  assert.equal(later.sent.length, 2);
  assert.equal(await homeWith((there) => say(there, opened, beginning())).ended, "compute-console-cut");
  assert.equal(await homeWith((there) => say(there, opened, { type: "exit", code: 9 })).ended, "exit 9");
  const strange: ConsoleFrame = { type: "refused", bytes: Buffer.from("<script>") };
  assert.equal(await homeWith((there) => say(there, strange)).ended, "compute-engine-failed");
  const gone = homeWith((there) => say(there, opened));
  await eventually("it is open", SEEN_MS, () => gone.sent.length === 1);
  gone.there.destroy();
  assert.equal(await gone.ended, "compute-console-cut");
});

test("a host that floods waits for whoever reads slowly", async () => {
  const flood = homeWith((there) => say(there, { type: "opened" }));
  await eventually("it is open", SEEN_MS, () => flood.sent.length === 1);
  flood.gate.reads = false;
  let written = 0;
  const piece = data("y".repeat(16_000));
  while (say(flood.there, piece) && written < 1_000) written += 1;
  await turn();
  assert.ok(written < 100, `${written} pieces were taken`);
  assert.ok(flood.sent.length <= 2, `${flood.sent.length} messages`);
  flood.stop.abort(new Error("gone"));
  flood.there.destroy();
});
