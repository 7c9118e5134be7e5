/**
 * The key-value store of one real box by its commands: every command, a watch, export and import into a second box,
 * and what is there after kill -9.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { VALUE_BYTES_MAX } from "../../src/protocols/kv/constants.ts";
import { IMPORT_BYTES_MAX } from "../../src/services/kv/contract.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run, start } from "../support/process.ts";

const folder = temporaryFolder("kv-files");
const file = (name: string) => join(folder, name);
const TOLD_TIMEOUT_MS = 30_000;

async function refusal(box: Box, words: readonly string[]): Promise<string> {
  try {
    await box.cli(words);
  } catch (error) {
    if (error instanceof CommandRefused) return error.code;
    throw error;
  }
  return "done";
}

/** What a command says to people, without the end of the line. */
async function said(box: Box, ...words: string[]): Promise<string> {
  return (await box.cli<string>(["kv", ...words])).trimEnd();
}

test("one box: every command, and all is there after kill -9", async (t) => {
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  assert.equal(await refusal(box, ["kv", "get", "a"]), "kv-off");
  const on = await box.cli<{ state: string; quotaBytes: number }>(["kv", "on", "--quota", "64MiB", "--json"]);
  assert.deepEqual([on.state, on.quotaBytes], ["running", 64 * 1024 * 1024]);

  const watch = start([...COMU_COMMAND, "kv", "watch", "--prefix", "gre", "--data", box.data], { name: "watch" });
  t.after(() => watch.stop());
  const first = await said(box, "put", "greeting", "hola");
  assert.match(first, /^\d+\.\d+\.\d+$/);
  await eventually("the watch runs", TOLD_TIMEOUT_MS, async () => {
    await said(box, "put", "greeting", "hola");
    return watch.output().includes('"greeting"');
  });
  assert.equal(await said(box, "get", "greeting"), "hola");
  assert.equal(await refusal(box, ["kv", "put", "greeting", "x", "--if-absent"]), "kv-condition");
  assert.equal(await refusal(box, ["kv", "put", "greeting", "x", "--if-version", first]), "kv-condition");
  assert.equal(await refusal(box, ["kv", "cas", "greeting", "x", "--expect", "adéu"]), "kv-condition");
  await said(box, "cas", "greeting", "bon dia", "--expect", "hola");
  assert.equal(await said(box, "incr", "visits", "41"), "41");
  assert.equal(await said(box, "incr", "visits"), "42");
  assert.equal(await refusal(box, ["kv", "incr", "greeting"]), "kv-not-an-integer");

  writeFileSync(file("value"), randomBytes(VALUE_BYTES_MAX));
  await said(box, "put", "bytes", "--file", file("value"));
  writeFileSync(file("large"), new Uint8Array(VALUE_BYTES_MAX + 1));
  assert.equal(await refusal(box, ["kv", "put", "bytes", "--file", file("large")]), "kv-value-too-large");
  assert.equal(await refusal(box, ["kv", "put", "bytes", "--file", file("missing")]), "file-unreadable");
  assert.equal(await refusal(box, ["kv", "put", "bytes"]), "value-missing");
  const shown = await run([...COMU_COMMAND, "kv", "get", "bytes", "--lang", "en", "--data", box.data]);
  assert.deepEqual(
    [shown.code, shown.stderr],
    [0, "The value is too long to be shown. With --raw it is written as it is.\n"],
  );
  await assert.rejects(box.cli(["kv", "cas", "greeting", "x"]), /--expect or --if-version/);
  for (const ttl of ["1000000d", "1.5h", "5w"])
    await assert.rejects(box.cli(["kv", "put", "a", "x", "--ttl", ttl]), /ms, s, m, h or d.*999999d/, ttl);
  writeFileSync(file("password"), "long enough\n");
  await said(box, "redis-password", "--password-file", file("password"));
  assert.match(await said(box, "redis-password-rm"), /set +no/);

  await said(box, "put", "lease", "mine", "--ttl", "1s");
  await said(box, "expire", "visits", "1h");
  const { leftMs } = await box.cli<{ leftMs: number }>(["kv", "ttl", "visits", "--json"]);
  assert.ok(leftMs > 3_500_000 && leftMs <= 3_600_000, String(leftMs));
  await eventually("the lease ends", TOLD_TIMEOUT_MS, async () => {
    return (await refusal(box, ["kv", "get", "lease"])) === "kv-key-unknown";
  });
  await said(box, "del", "greeting");
  await eventually("the watch tells it", TOLD_TIMEOUT_MS, () => watch.output().includes('{"event":"removed"'));
  assert.deepEqual(await names(box), ["bytes", "visits"]);

  for (const cursor of ["9999:", "-1:a", "a", "1:\u{1F600}"]) {
    const { status } = await box.ask(`/api/v1/kv/keys?cursor=${encodeURIComponent(cursor)}`);
    assert.equal(status, 400, cursor);
  }
  assert.equal((await box.ask("/api/v1/kv/keys?cursor=0%3Aa")).status, 200);

  await box.kill();
  await box.restart();
  await eventually("the store runs", TOLD_TIMEOUT_MS, async () => {
    return (await box.cli<{ state: string }>(["kv", "ring", "--json"])).state === "running";
  });
  assert.deepEqual(await names(box), ["bytes", "visits"]);
  assert.equal(await said(box, "incr", "visits"), "43");
  await said(box, "export", file("copy"));
  await copyInto(t, box);
  await checkBytes(box);
});

async function names(box: Box): Promise<string[]> {
  const { keys } = await box.cli<{ keys: { key: string }[] }>(["kv", "ls", "--json"]);
  return keys.map(({ key }) => key).toSorted();
}

/** A second box, of another community, takes over what the first one exported; in more than one request. */
async function copyInto(t: TestContext, box: Box): Promise<void> {
  const other = await startBox({ name: "Molí", owner: "Pau", newCommunity: "Riu", until: t });
  await other.cli(["kv", "on"]);
  await said(other, "put", "visits", "mine");
  const copy = readFileSync(file("copy"), "utf8");
  const large = copy.split("\n").find((line) => line.includes(Buffer.from("bytes").toString("base64url")))!;
  const twice = `${copy}bad\n${large.replace('"Ynl0ZXM"', '"Ynl0ZXMy"')}\n`;
  assert.ok(twice.length > IMPORT_BYTES_MAX);
  writeFileSync(file("twice"), twice);
  const command = [...COMU_COMMAND, "kv", "import", file("twice"), "--json", "--data", other.data];
  const taken = await run(command, { env: { LANG: "C" } });
  assert.deepEqual(JSON.parse(taken.stdout), {
    written: 2,
    kept: 1,
    expired: 0,
    refused: 1,
    refusals: [{ line: 3, code: "bad-input" }],
  });
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /^lines-refused: Refused lines: 1\. The others were taken\./);
  assert.equal(await said(other, "get", "visits"), "mine");
  const path = "/api/v1/kv/entry?key=bytes2";
  const size = async (one: Box, at: string) => (await one.ask<{ sizeBytes: number }>(at)).body.sizeBytes;
  assert.equal(await size(other, path), await size(box, path.replace("bytes2", "bytes")));
  assert.equal(await refusal(other, ["kv", "export", "/nowhere/copy"]), "file-not-written");
  // It was the only one: what it holds stays on its disk.
  assert.equal((await other.cli<{ state: string }>(["kv", "off", "--yes", "--json"])).state, "off");
  assert.equal(await refusal(other, ["kv", "get", "visits"]), "kv-off");
}

async function checkBytes(box: Box): Promise<void> {
  await said(box, "export", file("again"), "--prefix", "bytes");
  const line = JSON.parse(readFileSync(file("again"), "utf8")) as { value: string };
  assert.deepEqual(Buffer.from(line.value, "base64url"), readFileSync(file("value")));
  assert.ok(!existsSync(`${file("again")}.part`));
}
