/** Making a Debian, without making one: mirrors, progress, reasons, and what ends it before it begins. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { systemClock } from "../../kernel/clock.ts";
import { buildDebian, whyNot } from "./build.ts";
import type { BuildLimits, DebianRecipe } from "./build.ts";
import { BUILD_SAID_CHARS_MAX } from "./constants.ts";
import { readMirror, withoutSecrets } from "./mirror.ts";
import { createProgressReader } from "./progress.ts";

const TARGETS = `bookworm|bookworm|main|Debian|http://a.example/debian/
bookworm|bookworm|contrib|Debian|http://a.example/debian/
bookworm-updates|bookworm-updates|main|Debian|http://a.example/debian/
bookworm-security|bookworm-security|main|Debian|http://user:word@b.example/debian-security/
nodistro|nodistro|main|Somebody|http://c.example/
`;

test("the machine's own sources name the mirror, the updates and the proxy", () => {
  const config = 'Acquire::http::Proxy "http://proxy.example:3142";\nAcquire::https::Proxy "DIRECT";\n';
  const mirror = readMirror("bookworm", TARGETS, config, { no_proxy: "localhost" });
  assert.equal(mirror.url, "http://a.example/debian/");
  assert.deepEqual(mirror.sources, [
    "deb http://a.example/debian/ bookworm main",
    "deb http://a.example/debian/ bookworm-updates main",
    "deb http://user:word@b.example/debian-security/ bookworm-security main",
  ]);
  assert.deepEqual(mirror.proxies, { http_proxy: "http://proxy.example:3142", no_proxy: "localhost" });
  assert.equal(withoutSecrets(mirror.sources[2]!), "deb http://b.example/debian-security/ bookworm-security main");
  // An archive has all releases; another release's updates are not this one's.
  assert.deepEqual(readMirror("trixie", TARGETS, "", {}).sources, ["deb http://a.example/debian/ trixie main"]);
  const fresh = "|bookworm|main||http://a.example/debian/\n";
  assert.equal(readMirror("bookworm", fresh, "", {}).url, "http://a.example/debian/");
  for (const none of ["", TARGETS.split("\n")[4]!, TARGETS.split("\n")[2]!]) {
    assert.throws(
      () => readMirror("bookworm", none, "", {}),
      (error) => isFailure(error, "debian-no-mirror"),
    );
  }
});

test("how far it is never falls, whatever the tools say and in whatever pieces", () => {
  const said = [
    ...["P: 0 100 DOWNREL", "PF: Downloading Release file", "P: 0 1000 DOWNDEBS", "P: 500 1000", "I: RETRIEVING"],
    ...["IA: base-files", "P: 88 88 EXTRACTPKGS", "P: 10 20 CONFREQ", "P: 5 20 UNPACKREQ", "S: packages"],
    ...["dlstatus:1:20.5:Retrieving", "pmstatus:nano:50.0000:Installing nano", "pmstatus:nano:10.0000:x", "S: app"],
    ...["C: 0", "C: 1", "S: tidy", "S: nonsense", "nonsense", "P: x y Z"],
  ].join("\n");
  for (const length of [1, 5, 1000]) {
    const told: [string, number][] = [];
    const reader = createProgressReader((stage, percent) => told.push([stage, percent]));
    for (let at = 0; at < said.length + 1; at += length) reader.read(`${said}\n`.slice(at, at + length));
    assert.ok(
      told.every(([, percent], at) => at === 0 || percent >= told[at - 1]![1]),
      JSON.stringify(told),
    );
    const stages = [...new Set(told.map(([stage]) => stage))];
    assert.deepEqual(stages, ["download", "unpack", "configure", "packages", "app", "tidy"]);
    assert.equal(told.find(([stage]) => stage === "tidy")![1], 82);
    assert.equal(reader.command, undefined);
    reader.begin("store");
    assert.deepEqual(told.at(-1), ["store", 95]);
  }
});

test("why it failed is a code, with the line that says so", () => {
  const reader = createProgressReader(() => {});
  reader.read("E: NOGETREL\nEA: http://a.example\nEF: Failed getting release file %s\n");
  assert.equal(reader.problem, "Failed getting release file http://a.example");
  const why = (log: string, problem = "", command?: number) => {
    const failure = whyNot({ problem, command }, log);
    assert.ok(isFailure(failure));
    return [failure.code, failure.params["said"], failure.params["number"]];
  };
  assert.deepEqual(why("", reader.problem), ["debian-mirror-unreachable", reader.problem, undefined]);
  const located = "E: Unable to locate package nosuch";
  assert.deepEqual(why(`Reading…\n${located}\n`), ["debian-package-bad", located, undefined]);
  assert.equal(why("gpgv: x\nE: Invalid Release signature (key id 1)\n")[0], "debian-not-signed");
  assert.equal(why("tar: write error: No space left on device\n")[0], "disk-full");
  assert.deepEqual(why("one\nno such thing\n", "", 1), ["debian-command-failed", "no such thing", 2]);
  assert.deepEqual(why("one\nsomething else\n"), ["debian-failed", "something else", undefined]);
  assert.equal(String(why(`${"x".repeat(1000)}\n`)[1]).length, BUILD_SAID_CHARS_MAX);
});

test("what ends it: no room, no time, an end asked for, no program; and files keep to their folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "comu-debian-"));
  const recipe: DebianRecipe = { suite: "bookworm", packages: [], files: [], commands: [] };
  let count = 0;
  const build = async (
    limits: Partial<BuildLimits>,
    more: Partial<DebianRecipe> = {},
    env = process.env,
    stop = "",
  ) => {
    const place = join(folder, String((count += 1)));
    mkdirSync(place);
    const signal = stop ? AbortSignal.abort(new Error(stop)) : new AbortController().signal;
    const rest = { folder: place, architecture: "x86_64", clock: systemClock(), env, signal, progress: () => {} };
    try {
      await buildDebian({ ...recipe, ...more }, { ...rest, limits });
      return "done";
    } catch (error) {
      return isFailure(error) ? error.code : (error as Error).message;
    }
  };
  if (process.getuid?.() !== 0) {
    assert.equal(await build({}), "debian-needs-root");
  } else if (existsSync("/usr/sbin/debootstrap")) {
    assert.equal(await build({ roomBytes: Number.MAX_SAFE_INTEGER }), "disk-full");
    assert.equal(await build({ timeoutMs: 1 }), "debian-too-slow");
    assert.equal(await build({}, {}, process.env, "asked for"), "asked for");
    const files = [{ path: "/a/b", mode: 0o751, content: Buffer.from("x") }];
    assert.equal(await build({}, { files, commands: ["true"] }, process.env, "asked for"), "asked for");
    const staged = join(folder, String(count));
    assert.equal(statSync(join(staged, "files/a/b")).mode & 0o777, 0o751);
    assert.equal(readFileSync(join(staged, "commands/0"), "utf8"), "true\n");
    assert.doesNotMatch(readFileSync(join(staged, "sources/image.list"), "utf8"), /@/);
    const out = [{ path: "/../../x", mode: 0o644, content: Buffer.from("x") }];
    assert.match(await build({}, { files: out }), /no path/);
  } else assert.equal(await build({}), "debian-missing");
  await rm(folder, { recursive: true });
});
