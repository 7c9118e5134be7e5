/**
 * The commands of compute as a person has them in a terminal, on two real boxes: how a sliver is named, what is said
 * beside an answer, what is in the way in words, and what is left of an upload that is broken off.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FOLDER_ENTRIES_MAX, INSIDE_PIECE_BYTES_MAX } from "../../src/services/compute/constants.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { openPty } from "../support/pty.ts";
import { MADE_MS, homeAndHost } from "./home-and-host.ts";

const SIZE = { columns: 100, rows: 30 };
const DAY_MS = 86_400_000;
const here = temporaryFolder("commands");

let home: Box;
const ends: (() => Promise<void> | void)[] = [];

after(async () => {
  for (const end of ends.toReversed()) await end();
});

before(async () => {
  ({ home } = await homeAndHost({ after: (end) => void ends.push(end) }));
});

/** As typed into a terminal, in English. */
const comu = (...words: string[]) =>
  run([...COMU_COMMAND, ...words, "--data", home.data], { env: { LC_ALL: "C.UTF-8" } });
async function code(...words: string[]): Promise<string> {
  const { stdout } = await comu(...words, "--json");
  return (JSON.parse(stdout) as { error?: { code: string } }).error?.code ?? "done";
}

test("what a command in a sliver says is said here, with its code, wherever the number stands", async () => {
  for (const words of [["web"], ["web/0"], ["web", "--number", "0"]]) {
    const [name, ...number] = words as [string, ...string[]];
    const ran = await comu("compute", "exec", name, "echo out; echo wrong >&2; exit 3", ...number);
    assert.deepEqual([ran.stdout, ran.stderr, ran.code], ["out\n", "wrong\n", 3], words.join(" "));
  }
  const ran = await comu("compute", "exec", "web/0", "exit 3", "--json");
  assert.deepEqual(JSON.parse(ran.stdout), { exitCode: 3, stdout: "", stderr: "" });
  const pty = openPty(`${COMU_COMMAND.join(" ")} compute exec web/0 'exit 4' --tty --data ${home.data}`, SIZE, {
    after: (end) => void ends.push(() => void end()),
  });
  assert.equal(await pty.ended, 4);
});

test("a number that is none, or not there, is refused in the same words by every command", async () => {
  const file = join(here, "one");
  writeFileSync(file, "1");
  const commands = (place: string) => [
    ["exec", place, "true"],
    ["logs", place],
    ["figures", place],
    ["console", place],
    ["files", "ls", place, "/"],
    ["files", "get", place, "/etc/passwd"],
    ["files", "put", place, "/tmp/one", file],
    ["snapshot", "ls", place],
    ["snapshot", "take", place],
    ["publish", place, "80"],
    ["unpublish", place, "80"],
  ];
  for (const words of commands("web/x"))
    assert.equal(await code("compute", ...words), "compute-bad-place", words.join(" "));
  for (const words of commands("web/5"))
    assert.equal(await code("compute", ...words), "compute-sliver-unknown", words.join(" "));
  assert.equal(await code("compute", "exec", "web/0", "true", "--number", "0"), "compute-bad-place");
  const said = await comu("compute", "exec", "web/64", "true");
  assert.match(said.stderr, /compute-bad-place: web\/64 does not name a sliver\.\n.* from 0 to 63, such as web\/1/);
});

test("a list of files that is cut says so, and one that is not says nothing", async () => {
  await comu(
    "compute",
    "exec",
    "web",
    `mkdir /tmp/many; cd /tmp/many; for i in $(seq ${FOLDER_ENTRIES_MAX + 1}); do : > f$i; done`,
  );
  const cut = await comu("compute", "files", "ls", "web", "/tmp/many");
  assert.equal(cut.stderr, `There are more than ${FOLDER_ENTRIES_MAX}; the rest is not shown.\n`);
  assert.equal(cut.code, 0);
  const whole = await comu("compute", "files", "ls", "web", "/etc");
  assert.equal(whole.stderr, "");
  const told = await comu("compute", "files", "ls", "web", "/tmp/many", "--json");
  assert.equal((JSON.parse(told.stdout) as { isCut: boolean }).isCut, true);
});

test("a slice that is renewed shows when it ends now", async () => {
  const { stdout } = await comu("compute", "renew", "web", "--days", "40");
  const endsAt = /^endsAt\s+(\S+)$/m.exec(stdout)?.[1] ?? "";
  assert.ok(Math.abs(Date.parse(endsAt) - (Date.now() + 40 * DAY_MS)) < MADE_MS, stdout);
  assert.match((await comu("compute", "show", "web")).stdout, new RegExp(`endsAt +${endsAt}`));
});

test("what is in the way is told in words, with what can be done; programs get the code", async () => {
  const file = join(here, "web.yaml");
  writeFileSync(file, "name: web\nimage: tiny\nmemory: 64GiB\ndisk: 64MiB\n");
  await comu("slice", "apply", file);
  const words = /^no-room: It has no room for this\.\n {2}Ask for less, or wait until somebody gives room back\.$/m;
  for (const command of [["show", "web"], ["ls"]]) {
    const { stdout } = await comu("compute", ...command);
    assert.match(stdout, words, command.join(" "));
  }
  const catalan = await comu("compute", "show", "web", "--lang", "ca");
  assert.match(catalan.stdout, /^no-room: No hi té lloc\.$/m);
  const asked = JSON.parse((await comu("compute", "show", "web", "--json")).stdout) as {
    slivers: { trouble: string }[];
  };
  assert.equal(asked.slivers[0]!.trouble, "no-room");
  writeFileSync(file, "name: web\nimage: tiny\nmemory: 64MiB\ndisk: 64MiB\n");
  const mended = await comu("slice", "apply", file);
  assert.doesNotMatch(mended.stdout, /no-room/);
});

test("an upload that Ctrl-C breaks off between two pieces leaves nothing in the sliver", async () => {
  const names = async () => (await comu("compute", "exec", "web", "ls -A /srv")).stdout;
  const words = ["compute", "files", "put", "web", "/srv/big", "-", "--data", home.data];
  const [program, ...first] = [...COMU_COMMAND, ...words];
  const putting = spawn(program!, first, { stdio: ["pipe", "ignore", "ignore"] });
  const ended = new Promise<number | null>((resolve) => putting.once("exit", resolve));
  // One piece, and a little of the next, which never gets whole.
  putting.stdin.write(Buffer.alloc(INSIDE_PIECE_BYTES_MAX + 1));
  await eventually("a piece is there", MADE_MS, async () => (await names()).includes(".part"));
  putting.kill("SIGINT");
  assert.equal(await ended, 130);
  assert.equal(await names(), "");
});
