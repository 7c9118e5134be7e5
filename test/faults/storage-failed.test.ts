/**
 * A disk that fails although it has room (the kernel refuses every write that makes a file grow): the error says so and
 * not that the disk is full, nothing that was acknowledged is lost, pages go on, and so does everything afterwards.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, run } from "../support/process.ts";
import { figure, openCopy, pidOf } from "./direct.ts";

const AGAIN_MS = 60_000;
const TRIES = 40;

const service = (port: number) => ({ type: "_http._tcp", port, title: `Port ${port}`, check: "none" });

async function limitFiles(box: Box, soft: string): Promise<void> {
  const { code, stderr } = await run(["prlimit", "--pid", String(pidOf(box)), `--fsize=${soft}:`]);
  assert.equal(code, 0, stderr);
}

test("a disk that fails is told apart from a full one, and loses nothing", { timeout: 180_000 }, async (t) => {
  await needDebian(["util-linux"]);
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t });
  await box.api("/services", { method: "POST", body: service(4000) });
  const titles = async () =>
    (await box.api<{ title: string; state: string }[]>("/services?all=true"))
      .filter(({ state }) => state === "up")
      .map(({ title }) => title)
      .sort();
  await limitFiles(box, "4096");
  const done = ["Port 4000"];
  const codes = new Set<string>();
  for (let n = 0; n < TRIES; n += 1) {
    const port = 5000 + n;
    const { status, body } = await box.ask<{ error?: { code: string; advice: string } }>("/api/v1/services", {
      method: "POST",
      body: service(port),
    });
    if (status === 200) done.push(`Port ${port}`);
    else {
      codes.add(`${status} ${body.error!.code}`);
      assert.ok(body.error!.advice.length > 20);
    }
  }
  assert.deepEqual([...codes], ["500 storage-failed"]);
  assert.deepEqual(await titles(), done.toSorted());
  const parts = await box.api<{ crashes: number }[]>("/parts");
  assert.ok(parts.every(({ crashes }) => crashes === 0));
  await limitFiles(box, "unlimited");
  const again = async () => (await box.ask("/api/v1/services", { method: "POST", body: service(6000) })).status === 200;
  await eventually("changes are taken again", AGAIN_MS, again);
  done.push("Port 6000");
  assert.deepEqual(await titles(), done.toSorted());
  await box.kill();
  const problems = openCopy(box).prepare("PRAGMA integrity_check").all();
  assert.deepEqual(
    problems.map((row) => row["integrity_check"]),
    ["ok"],
  );
  figure(`a failing disk: ${TRIES - done.length + 2} of ${TRIES} changes refused with storage-failed, nothing lost`);
});
