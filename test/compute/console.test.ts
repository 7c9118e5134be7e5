/**
 * Consoles on real boxes: a home without an engine, and a host with one. From a terminal of a person, through the web
 * socket, and against whoever has no business there.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { CONSOLES_PER_SLIVER_MAX, CONSOLE_UNSHOWN_BYTES_MAX } from "../../src/services/compute/constants.ts";
import { COMU_COMMAND } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { openPty } from "../support/pty.ts";
import { MADE_MS, homeAndHost } from "./home-and-host.ts";

const SEEN_MS = 60_000;
const SIZE = { columns: 100, rows: 30 };

let home: Box;
let host: Box;
const ends: (() => Promise<void> | void)[] = [];

after(async () => {
  for (const end of ends.toReversed()) await end();
});

before(async () => {
  ({ home, host } = await homeAndHost({ after: (end) => void ends.push(end) }));
});

const cli = (box: Box, words: string) => `${COMU_COMMAND.join(" ")} ${words} --data ${box.data}`;

/** What a line says by text, and all its bytes. */
function dial(box: Box, query = "") {
  const line = new WebSocket(`ws://localhost/api/v1/compute/slivers/web%2F0/console${query}`, {
    createConnection: () => connect(join(box.data, "comu.sock")),
  });
  let shown = "";
  let bytes = 0;
  const texts: { opened?: true; end?: { exitCode: number }; error?: { code: string } }[] = [];
  line.on("error", () => {});
  line.on("message", (data, isBinary) => {
    if (!isBinary) return void texts.push(JSON.parse((data as Buffer).toString()) as object);
    bytes += (data as Buffer).length;
    shown = (shown + (data as Buffer).toString()).slice(-10_000);
  });
  const closed = new Promise<void>((resolve) => line.once("close", () => resolve()));
  return {
    ...{ line, texts, shown: () => shown, bytes: () => bytes },
    opened: () => eventually("it is open", SEEN_MS, () => texts[0]?.opened || line.readyState === line.CLOSED),
    last: async () => {
      await closed;
      return texts.at(-1);
    },
  };
}

/** How many shells run in the sliver. */
async function shells(): Promise<number> {
  const ran = await home.cli<{ stdout: string }>(["compute", "exec", "web", "ps -o comm,args", "--json"]);
  return ran.stdout.split("\n").filter((one) => /\bsh\b.*-l$/.test(one)).length;
}

test("a person's terminal: typed, shown, resized, interrupted, and the shell's exit code", async (t) => {
  const pty = openPty(cli(home, "compute console web"), SIZE, t);
  await pty.see(/~\./);
  await pty.see(/# /);
  pty.type("stty size; echo $TERM\n");
  await pty.see(/30 100\s+xterm-256color/);
  await pty.resize({ columns: 90, rows: 31 });
  await eventually("the new size", SEEN_MS, async () => {
    pty.type("stty size\n");
    await pty.see(/\d+ \d+[\r\n]/);
    return pty.shown().includes("31 90");
  });
  pty.type("echo sleeping-$((6*7)); sleep 987\n");
  await pty.see(/sleeping-42/);
  pty.type("\u0003");
  await pty.see(/# /);
  pty.type("hostname; exit 7\n");
  await pty.see(/sliver-/);
  assert.equal(await pty.ended, 7);
});

test("left by its escape, and nothing is left behind", async (t) => {
  const pty = openPty(cli(home, "compute console web/0"), SIZE, t);
  await pty.see(/# /);
  pty.type("\n~.");
  assert.equal(await pty.ended, 0);
  await eventually("no shell is left", SEEN_MS, async () => (await shells()) === 0);
});

test("a command with a terminal, a pipe for a keyboard, and what there is not", async (t) => {
  const pty = openPty(cli(home, "compute exec web 'test -t 0 && stty size; exit 5' --tty"), SIZE, t);
  await pty.see(/30 100/);
  assert.equal(await pty.ended, 5);
  const words = [...COMU_COMMAND, "compute", "console", "web", "--columns", "70", "--data", home.data];
  const piped = await run(words, { input: "stty size\nexit 3\n" });
  assert.deepEqual([piped.code, piped.stdout.includes("24 70")], [3, true], piped.stdout);
  const unknown = await run([...COMU_COMMAND, "compute", "console", "web/5", "--json", "--data", home.data]);
  assert.equal(unknown.code, 1);
  const { error } = JSON.parse(unknown.stdout) as { error: { code: string } };
  assert.equal(error.code, "compute-sliver-unknown");
});

test("on its host, which is another box, the slice is nobody's", async () => {
  const line = dial(host);
  assert.equal((await line.last())?.error?.code, "compute-slice-unknown");
});

test("a sliver has so many consoles; one that is closed makes room", async () => {
  const open = Array.from({ length: CONSOLES_PER_SLIVER_MAX }, () => dial(home));
  for (const one of open) await one.opened();
  const more = dial(home);
  assert.equal((await more.last())?.error?.code, "compute-busy");
  open[0]!.line.close();
  await eventually("there is room", SEEN_MS, async () => {
    const again = dial(home);
    await again.opened();
    const isOpen = again.texts[0]?.opened === true;
    again.line.close();
    return isOpen;
  });
  for (const one of open) one.line.close();
  await eventually("no shell is left", SEEN_MS, async () => (await shells()) === 0);
});

test("who does not read lets the sliver wait; Ctrl-C is heard meanwhile", async () => {
  const slow = dial(home, "?paced=true");
  await slow.opened();
  slow.line.send(Buffer.from("yes\n"));
  let before = -1;
  await eventually(
    "it stands still",
    SEEN_MS,
    () => {
      const isStill = slow.bytes() >= CONSOLE_UNSHOWN_BYTES_MAX && slow.bytes() === before;
      before = slow.bytes();
      return isStill;
    },
    500,
  );
  assert.ok(slow.bytes() < CONSOLE_UNSHOWN_BYTES_MAX + 32 * 1024, `${slow.bytes()} bytes`);
  slow.line.send(Buffer.from([3]));
  slow.line.send(Buffer.from("exit 4\n"));
  let told = 0;
  const telling = setInterval(() => {
    slow.line.send(JSON.stringify({ shown: slow.bytes() - told }));
    told = slow.bytes();
  }, 20);
  assert.deepEqual((await slow.last())?.end, { exitCode: 4 });
  clearInterval(telling);
  // What was on its way, not what `yes` would have said.
  assert.ok(slow.bytes() < 16 * 2 ** 20, `${slow.bytes()} bytes`);
});

test("a message that is none ends its own console only", async () => {
  const well = dial(home);
  await well.opened();
  for (const text of ["{", '{"columns":0,"rows":1}', '{"columns":1e9,"rows":1}', '{"shown":-1}', "[]", '"\\u0000"']) {
    const bad = dial(home);
    await bad.opened();
    bad.line.send(text);
    assert.equal((await bad.last())?.error?.code, "bad-input", text);
  }
  well.line.send(Buffer.from("exit 2\n"));
  assert.deepEqual((await well.last())?.end, { exitCode: 2 });
});

test("the sliver is stopped, and the host dies, while somebody looks", async () => {
  const stopped = dial(home);
  await stopped.opened();
  await home.cli(["compute", "stop", "web", "--json"]);
  const said = await stopped.last();
  assert.ok(said?.end || said?.error, JSON.stringify(said));
  assert.equal((await dial(home).last())?.error?.code, "compute-not-running");
  await home.cli(["compute", "start", "web", "--json"]);
  await eventually("it runs again", MADE_MS, async () => {
    return (await home.cli<{ running: number }>(["compute", "show", "web", "--json"])).running === 1;
  });
  const cut = dial(home);
  await cut.opened();
  await host.kill();
  assert.equal((await cut.last())?.error?.code, "compute-console-cut");
  assert.equal((await dial(home).last())?.error?.code, "compute-host-away");
  await host.restart();
  await eventually("a console again", MADE_MS, async () => {
    const again = dial(home);
    await again.opened();
    const isOpen = again.texts[0]?.opened === true;
    again.line.close();
    return isOpen;
  });
});
