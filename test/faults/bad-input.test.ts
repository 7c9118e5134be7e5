/**
 * Bad flags, names, ports, codes, files and JSON: each gets an exit code, a stable error code and, with --json, one
 * JSON object; and afterwards nothing is different from before.
 */
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { freePort, run } from "../support/process.ts";
import { DIRECT_COMMAND, figure, openCopy } from "./direct.ts";

const RUN_TIMEOUT_MS = 60_000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface Outcome {
  exit: number | null;
  /** First word of standard error. */
  code: string;
  json: { error?: { code: string; message: string; advice: string } };
}

const folder = temporaryFolder("input");
const passwordFile = join(folder, "password");
writeFileSync(passwordFile, "correct horse battery\n", { mode: 0o600 });
const shortPassword = join(folder, "short");
writeFileSync(shortPassword, "short\n");
let cases = 0;

/** Runs the program with --json and checks the form of an error: one object, the same code, an advice. */
async function refused(words: readonly string[], program: readonly string[] = DIRECT_COMMAND): Promise<Outcome> {
  cases += 1;
  const result = await run([...program, ...words, "--json"], { timeoutMs: RUN_TIMEOUT_MS, env: { LANG: "C" } });
  const shown = `${words.join(" ")}: ${result.stdout}${result.stderr}`;
  const lines = result.stdout.trim().split("\n");
  assert.equal(lines.length, 1, shown);
  const json = JSON.parse(lines[0]!) as Outcome["json"];
  assert.deepEqual(Object.keys(json), ["error"], shown);
  assert.ok(json.error!.message.length > 3 && json.error!.advice.length > 3, shown);
  const error = result.stderr.split("\n").find((line) => !line.startsWith("{")) ?? "";
  const code = /^[a-z][a-z0-9-]*(?=: )/.exec(error)?.[0] ?? "";
  assert.equal(code, json.error!.code, shown);
  assert.doesNotMatch(result.stdout + result.stderr, /^\s+at |node:internal/m);
  assert.notEqual(code, "internal", shown);
  return { exit: result.code, code, json };
}

/** Everything in a box that a refused command could have changed. */
async function stateOf(box: Box): Promise<string> {
  const paths = [
    "/services?all=true",
    "/invitations",
    "/people-invitations",
    "/people",
    "/settings",
    "/community",
    "/boxes",
  ];
  const answers = await Promise.all(paths.map((path) => box.api<unknown>(path)));
  const { values } = answers[4] as { values: unknown };
  const steady = [...answers.slice(0, 4), values, answers[5], (answers[6] as object[]).length];
  // What the quality says changes by itself.
  return JSON.stringify(steady, (key, value: unknown) => (/quality|lastSeen|seenAt|rtt|load/.test(key) ? 0 : value));
}

function upFlags(data: string, more: Record<string, string | undefined>): string[] {
  const flags: Record<string, string | undefined> = {
    "--name": "Forn",
    "--owner": "Anna",
    "--password-file": passwordFile,
    "--new-community": "Barri",
    "--port": "0",
    "--mesh-port": "0",
    "--bind": "127.0.0.1",
    "--data": data,
    ...more,
  };
  return ["up", ...Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]))];
}

test("wrong words of `up` are refused before anything is made", { timeout: 300_000 }, async () => {
  const long = "x".repeat(200);
  const usage: [Record<string, string | undefined>, string][] = [
    [{ "--port": "99999" }, "usage"],
    [{ "--port": "abc" }, "usage"],
    [{ "--port": "-1" }, "usage"],
    [{ "--port": "80.5" }, "usage"],
    [{ "--port": "" }, "usage"],
    [{ "--mesh-port": "0x1f" }, "usage"],
    [{ "--nonsense": "1" }, "usage"],
    [{ "--name": "" }, "bad-input"],
    [{ "--name": "   " }, "bad-input"],
    [{ "--name": long }, "bad-input"],
    [{ "--name": "Forn\u0007" }, "bad-input"],
    [{ "--name": "Forn\nserver" }, "bad-input"],
    [{ "--name": "Forn\u202Egnp.exe" }, "bad-input"],
    [{ "--name": "Forn\u200B" }, "bad-input"],
    [{ "--owner": "" }, "bad-input"],
    [{ "--owner": long }, "bad-input"],
    [{ "--owner": "Anna\u2066" }, "bad-input"],
    [{ "--zone": "../etc" }, "bad-input"],
    [{ "--new-community": "" }, "bad-input"],
    [{ "--new-community": long }, "bad-input"],
    [{ "--new-community": "Barri\u202E" }, "bad-input"],
    [{ "--password-file": shortPassword }, "bad-input"],
    [{ "--join": "comu-abc" }, "bad-input"],
  ];
  const failed: [Record<string, string | undefined>, string][] = [
    [{ "--password-file": join(folder, "none") }, "password-file-unreadable"],
    [{ "--password-file": folder }, "password-file-unreadable"],
    [{ "--name": undefined }, "setup-incomplete"],
    [{ "--owner": undefined }, "setup-incomplete"],
    [{ "--password-file": undefined }, "setup-incomplete"],
    [{ "--new-community": undefined }, "setup-incomplete"],
  ];
  for (const [list, exit] of [
    [usage, EXIT_USAGE],
    [failed, EXIT_FAILED],
  ] as const) {
    for (const [more, code] of list) {
      const data = join(folder, `none-${cases}`);
      const outcome = await refused(upFlags(data, more));
      assert.deepEqual([outcome.code, outcome.exit], [code, exit], JSON.stringify(more));
      assert.equal(existsSync(data), false, `${JSON.stringify(more)} made the data folder`);
    }
  }
});

test("places that cannot be used are named", { timeout: 300_000 }, async (t) => {
  const other = createServer();
  const taken = await freePort();
  await new Promise<void>((resolve) => other.listen(taken, "127.0.0.1", resolve));
  t.after(() => void other.close());
  const file = join(folder, "a-file");
  writeFileSync(file, "mine\n");
  const places: [Record<string, string>, string][] = [
    [{ "--port": String(taken) }, "port-in-use"],
    [{ "--mesh-port": String(taken) }, "port-in-use"],
    [{ "--bind": "203.0.113.1" }, "address-not-local"],
    [{ "--bind": "not an address" }, "address-not-local"],
    [{ "--data": file }, "data-folder-unusable"],
    [{ "--data": "/proc/comu" }, "data-folder-unusable"],
    [{ "--join": "no-code-at-all", "--new-community": "" }, "code-malformed"],
  ];
  for (const [more, code] of places) {
    const { "--new-community": dropped, ...rest } = more;
    const flags = upFlags(join(folder, `place-${cases}`), {
      ...rest,
      ...(dropped === "" ? { "--new-community": undefined } : {}),
    });
    const outcome = await refused(flags);
    assert.deepEqual([outcome.code, outcome.exit], [code, EXIT_FAILED], JSON.stringify(more));
  }
  assert.equal(readFileSync(file, "utf8"), "mine\n");
});

test("damaged and exposed files stop the start and stay as they are", { timeout: 300_000 }, async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  await box.stop();
  const damages: [string, string, number | null, string][] = [
    ["settings.json", "{ not json", null, "bad-input"],
    ["settings.json", '"text"', null, "bad-input"],
    ["settings.json", '{"version":1,"box":{"port":"many"}}', null, "bad-input"],
    ["settings.json", '{"version":99}', null, "bad-input"],
    ["comu.db", "this was a database, once upon a time".repeat(200), null, "store-damaged"],
    ["identity.key", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", null, "identity-broken"],
    ["identity.key", "", 0o644, "identity-exposed"],
  ];
  for (const [name, content, mode, code] of damages) {
    const data = join(folder, `damaged-${cases}`);
    cpSync(box.data, data, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    const file = join(data, name);
    if (mode === null) writeFileSync(file, content);
    else chmodSync(file, mode);
    const before = readFileSync(file);
    const flags = ["up", "--data", data, "--port", "0", "--mesh-port", "0", "--bind", "127.0.0.1"];
    const outcome = await refused(flags);
    const exit = code === "bad-input" ? EXIT_USAGE : EXIT_FAILED;
    assert.deepEqual([outcome.code, outcome.exit], [code, exit], `${name} ${content.slice(0, 30)}`);
    assert.deepEqual(readFileSync(file), before, `${name} was changed`);
  }
});

test("commands to a box that runs, and to none", { timeout: 300_000 }, async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  const at = ["--data", box.data];
  const before = await stateOf(box);
  const wrong: [string[], string, number][] = [
    [["fly"], "usage", EXIT_USAGE],
    [["services", "fly"], "usage", EXIT_USAGE],
    [["fly", "--help"], "usage", EXIT_USAGE],
    [["mesh", "bogus", "--help"], "usage", EXIT_USAGE],
    [["mesh", "events", "--since", "yesterday"], "bad-input", EXIT_USAGE],
    [["mesh", "query", "x", "--timeout", "61s"], "bad-input", EXIT_USAGE],
    [["mesh", "members", "--name", "[a"], "bad-input", EXIT_USAGE],
    [["status", "--loud"], "usage", EXIT_USAGE],
    [["services", "publish", "--port", "80", "--title", "x"], "usage", EXIT_USAGE],
    [["services", "publish", "--type", "_http._tcp", "--port", "many", "--title", "x"], "usage", EXIT_USAGE],
    [["services", "publish", "--type", "_http._tcp", "--port", "0", "--title", "x"], "bad-input", EXIT_USAGE],
    [["services", "publish", "--type", "http", "--port", "80", "--title", "x"], "bad-input", EXIT_USAGE],
    [["services", "publish", "--type", "_http._tcp", "--port", "80", "--title", "a\u202Eb"], "bad-input", EXIT_USAGE],
    [
      ["services", "publish", "--type", "_http._tcp", "--port", "80", "--title", "x", "--scheme", "javascript"],
      "service-unacceptable",
      EXIT_FAILED,
    ],
    [
      ["services", "publish", "--type", "_http._tcp", "--port", "80", "--title", "x", "--scope", "moon"],
      "bad-input",
      EXIT_USAGE,
    ],
    [["services", "show", "nothing"], "service-unknown", EXIT_FAILED],
    [["services", "withdraw", "nothing"], "service-unknown", EXIT_FAILED],
    [["boxes", "show", "nobody"], "box-unknown", EXIT_FAILED],
    [["boxes", "exclude", "Forn", "--reason", "x", "--yes"], "founder-stays", EXIT_FAILED],
    [["boxes", "admit", "Forn"], "box-unknown", EXIT_FAILED],
    [["invite", "--uses", "0"], "bad-input", EXIT_USAGE],
    [["invite", "--hours", "1e9"], "bad-input", EXIT_USAGE],
    [["invitations", "revoke", "nothing"], "invitation-unknown", EXIT_FAILED],
    [["community", "join", "comu-aaaa"], "code-malformed", EXIT_FAILED],
    [["community", "found", "Again"], "already-in-community", EXIT_FAILED],
    [["settings", "set", "box", "port", "99999"], "bad-input", EXIT_USAGE],
    [["settings", "set", "box", "colour", "red"], "bad-input", EXIT_USAGE],
    [["settings", "set", "moon", "port", "1"], "bad-input", EXIT_USAGE],
    [["settings", "set", "lan", "announceServices", "everything"], "bad-input", EXIT_USAGE],
    [["settings", "set", "lan", "announceCategories", "radio,moon"], "bad-input", EXIT_USAGE],
    [["rename", ""], "bad-input", EXIT_USAGE],
    [["rename", "a\u0000b"].map((word) => word.replace("\u0000", "\u0085")), "bad-input", EXIT_USAGE],
    [["people", "rm", "Anna", "--yes"], "last-host", EXIT_FAILED],
    [["people", "role", "Nobody", "guest"], "account-unknown", EXIT_FAILED],
    [upFlags(box.data, {}), "data-folder-busy", EXIT_FAILED],
  ];
  for (const [words, code, exit] of wrong) {
    const outcome = await refused(words[0] === "up" ? words : [...words, ...at]);
    assert.deepEqual([outcome.code, outcome.exit], [code, exit], words.join(" "));
  }
  assert.equal(await stateOf(box), before);
  assert.equal(box.process?.exit, undefined);
  for (const words of [["status"], ["services", "ls"], ["invite"]]) {
    const outcome = await refused([...words, "--data", join(folder, "nobody-here")], COMU_COMMAND);
    assert.deepEqual([outcome.code, outcome.exit], ["box-not-running", EXIT_FAILED]);
  }
  await checkBodies(box);
  assert.equal(await stateOf(box), before);
  figure(`bad input: ${cases} cases refused with their code, nothing changed`);
});

/** Raw JSON and headers over the socket, where the caller is the host. */
async function checkBodies(box: Box): Promise<void> {
  const publish = { type: "_http._tcp", port: 80, title: "x" };
  const bodies: [unknown, number, string][] = [
    [[], 400, "bad-input"],
    ["text", 400, "bad-input"],
    [null, 400, "bad-input"],
    [{}, 400, "bad-input"],
    [{ ...publish, extra: 1 }, 400, "bad-input"],
    [{ ...publish, port: "80" }, 400, "bad-input"],
    [{ ...publish, port: 1e308 }, 400, "bad-input"],
    [{ ...publish, title: { toString: 1 } }, 400, "bad-input"],
    [{ ...publish, title: "x".repeat(70_000) }, 413, "too-large"],
    [{ ...publish, host: "a b" }, 400, "bad-input"],
    [{ ...publish, path: "//evil example" }, 400, "bad-input"],
    [JSON.parse('{"type":"_http._tcp","port":80,"__proto__":{"title":"x"}}'), 400, "bad-input"],
    [JSON.parse(`${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`), 400, "bad-input"],
  ];
  for (const [body, status, code] of bodies) {
    cases += 1;
    const answer = await box.ask<{ error: { code: string; advice: string } }>("/api/v1/services", {
      method: "POST",
      body,
    });
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], JSON.stringify(body)?.slice(0, 100));
    assert.ok(answer.body.error.advice.length > 3);
  }
}

test("a set-up that fails leaves the box as new, and the next one works", { timeout: 300_000 }, async (t) => {
  const founder = await startBox({ name: "Veí", owner: "Biel", newCommunity: "Barri", until: t });
  const { code } = await founder.api<{ code: string }>("/invitations", { method: "POST", body: {} });
  await founder.stop();
  const data = join(folder, "second-try");
  mkdirSync(data);
  const flags = upFlags(data, { "--name": "Primer", "--new-community": undefined, "--join": code });
  assert.equal((await refused(flags)).code, "community-unreachable");
  const left = join(data, "settings.json");
  const name = existsSync(left) ? (JSON.parse(readFileSync(left, "utf8")) as { box: { name: string } }).box.name : "";
  assert.equal(name, "", "the name of the failed set-up was kept");
  const box = await startBox({ name: "Segon", owner: "Anna", newCommunity: "Altre", data, until: t });
  assert.equal((await box.api<{ name: string }>("/status")).name, "Segon");
  await box.stop();
  const stored = openCopy(box).prepare("SELECT name FROM people_accounts").all();
  assert.deepEqual(
    stored.map((row) => row["name"]),
    ["Anna"],
  );
});
