/**
 * The children of tests: waited for, stopped, bounded, and gone when the test process ends in any way.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./at-exit.ts";
import { OUTPUT_KEPT_CHARS, eventually, freePort, run, start } from "./process.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

test("waits for a line and for a port, and stops with SIGTERM", async (t) => {
  const port = await freePort();
  const script = `require("net").createServer().listen(${port}, "127.0.0.1", () => console.log("ready at " + ${port}))`;
  const child = start([process.execPath, "-e", script], { owner: t });
  const match = await child.waitForLine(/ready at (\d+)/);
  assert.equal(match[1], String(port));
  await child.waitForPort(port);
  assert.deepEqual(await child.stop(), { code: null, signal: "SIGTERM" });
});

test("a child that ignores SIGTERM is killed after the grace, with what it started", async (t) => {
  const child = start(["sh", "-c", "trap '' TERM; sleep 1000 & echo child $!; wait; wait; sleep 1000"], { owner: t });
  const [, grandchild] = await child.waitForLine(/child (\d+)/);
  assert.equal((await child.stop(200)).signal, "SIGKILL");
  await eventually("the grandchild is gone", 30_000, () => !alive(Number(grandchild)));
});

test("says what a child printed when it ends too early or too late", async (t) => {
  const early = start(["sh", "-c", "echo no such disk; exit 3"], { owner: t, name: "early" });
  await assert.rejects(early.waitForLine(/ready/), /early ended \(3\) before a line like .*no such disk/s);
  const late = start(["sleep", "1000"], { owner: t, name: "late" });
  await assert.rejects(late.waitForLine(/ready/, 50), /late took over 50 ms/);
  await assert.rejects(late.waitForPort(1, "tcp", 50), /late took over 50 ms before tcp port 1/);
  await assert.rejects(run(["sleep", "1000"], { timeoutMs: 50 }), /took over 50 ms/);
  await assert.rejects(
    eventually("the moon", 60, () => false),
    /not within 60 ms: the moon/,
  );
});

test("keeps only the newest output", async (t) => {
  const child = start(["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo end"], { owner: t });
  await child.exited;
  await child.waitForLine(/end$/);
  assert.ok(child.output().length <= OUTPUT_KEPT_CHARS);
  await assert.rejects(run(["cat", "/dev/zero"]), /cat \/dev\/zero printed over 16777216 characters/);
});

for (const [how, signal] of [
  ["killed", "SIGKILL"],
  ["interrupted", "SIGINT"],
  ["ended", undefined],
] as const) {
  test(`children and folders do not outlive a test process that was ${how}`, async (t) => {
    const folder = temporaryFolder("outlive");
    const script = join(folder, "forgets.ts");
    writeFileSync(
      script,
      `import { temporaryFolder } from "${here}at-exit.ts";
       import { start } from "${here}process.ts";
       const child = start(["sleep", "1000"]);
       console.log("forgot", child.pid, temporaryFolder("forgotten"));
       ${signal ? "setInterval(() => {}, 1000);" : ""}`,
    );
    const forgetful = start([process.execPath, script], { owner: t });
    const [, pid, left] = await forgetful.waitForLine(/forgot (\d+) (\S+)/);
    if (signal) process.kill(forgetful.pid, signal);
    await forgetful.exited;
    await eventually("the forgotten child is gone", 30_000, () => !alive(Number(pid)));
    // A killed process cannot remove its folder; that is what the system's temporary folder is for.
    if (signal !== "SIGKILL") assert.equal(existsSync(left as string), false);
    else await run(["rm", "-rf", left as string]);
  });
}

/** A zombie that init has not collected yet is dead. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
