/** Programs of the system: what they print, what they refuse, and how long and how much is waited for. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import type { Failure } from "../../kernel/errors.ts";
import { NETWORK_SAID_CHARS_MAX } from "./constants.ts";
import { runTool } from "./tools.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-tools-"));
after(() => rmSync(folder, { recursive: true }));

/** Puts a program of this name before all others. */
function program(name: string, script: string): string {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  return `${folder}:${process.env["PATH"]}`;
}

async function failure(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    if (isFailure(error)) return error;
    throw error;
  }
  throw new Error("it was done");
}

test("what it prints is given; words are no shell", async () => {
  const path = program("ip", 'printf "%s|" "$@"');
  assert.equal(await runTool("ip", ["a b", "$(id)", ";"], { path }), "a b|$(id)|;|");
});

test("one that is not installed is named with its package", async () => {
  const { code, params } = await failure(runTool("wg", [], { path: "/nowhere" }));
  assert.deepEqual([code, params], ["network-tool-missing", { tool: "wg", package: "wireguard-tools" }]);
});

test("what it refuses is told, but not at length", async () => {
  const long = await failure(runTool("ip", [], { path: program("ip", "yes | head -c 5000 >&2; exit 3") }));
  assert.equal(long.code, "network-refused");
  assert.equal(String(long.params["said"]).length, NETWORK_SAID_CHARS_MAX);
  const denied = failure(runTool("ip", [], { path: program("ip", "echo Operation not permitted >&2; exit 1") }));
  assert.equal((await denied).code, "network-not-allowed");
});

test("one that does not end, or says too much, is ended", async () => {
  const slow = failure(runTool("ip", [], { path: program("ip", "exec sleep 600"), timeoutMs: 50 }));
  assert.equal((await slow).code, "network-refused");
  const loud = failure(runTool("ip", [], { path: program("ip", "exec yes"), outputBytesMax: 10_000 }));
  assert.equal((await loud).code, "network-refused");
});
