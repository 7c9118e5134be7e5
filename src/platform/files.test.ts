/** Atomic writing, the full disk, the folder lock with a real kill -9, free space. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, readdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "../kernel/errors.ts";
import { asDiskFailure, diskSpace, ensureFolder, freeBytes, lockFolder, writeAtomic } from "./files.ts";

const folder = await mkdtemp(join(tmpdir(), "comu-files-"));
after(() => rm(folder, { recursive: true }));

test("an atomic write replaces the file, keeps its mode and leaves nothing beside it", async () => {
  const inner = join(folder, "atomic");
  await ensureFolder(inner);
  const path = join(inner, "a.json");
  await writeAtomic(path, "one");
  await writeAtomic(path, new TextEncoder().encode("two"));
  assert.equal(await readFile(path, "utf8"), "two");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(inner)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(inner), ["a.json"]);
});

test("a write that fails keeps the old file and removes its own", async () => {
  const path = join(folder, "gone", "a.json");
  await assert.rejects(writeAtomic(path, "x"), { code: "ENOENT" });
  // A folder in the file's place: the rename fails after the temporary file was written.
  await ensureFolder(join(folder, "taken", "a.json"));
  await assert.rejects(writeAtomic(join(folder, "taken", "a.json"), "x"), { code: "EISDIR" });
  assert.deepEqual(await readdir(join(folder, "taken")), ["a.json"]);
});

test("the kernel's full disk is the failure disk-full", async () => {
  const handle = await open("/dev/full", "w");
  try {
    await assert.rejects(
      handle.writeFile("x").catch((error: unknown) => Promise.reject(asDiskFailure(error))),
      (error) => isFailure(error, "disk-full"),
    );
  } finally {
    await handle.close();
  }
});

test("a folder that cannot be written is refused", async () => {
  await symlink("/proc/self", join(folder, "not-ours"));
  for (const path of ["/proc/comu", join(folder, "not-ours"), "/dev/null/x"]) {
    await assert.rejects(ensureFolder(path), (error) => isFailure(error, "data-folder-unusable"), path);
  }
});

test("one daemon per folder, also within one process; release frees it", async () => {
  const lock = await lockFolder(folder);
  await assert.rejects(
    lockFolder(folder),
    (error) => isFailure(error, "data-folder-busy") && error.params.pid === process.pid,
  );
  await lock.release();
  await lock.release();
  await (await lockFolder(folder)).release();
});

test("a lock of a killed process is free at once, its pid file notwithstanding", async () => {
  const program = `import { lockFolder } from ${JSON.stringify(new URL("./files.ts", import.meta.url).href)};
    globalThis.held = await lockFolder(${JSON.stringify(folder)}); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await assert.rejects(
    lockFolder(folder),
    (error) => isFailure(error, "data-folder-busy") && error.params.pid === child.pid,
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal((await readFile(join(folder, "daemon.pid"), "utf8")).trim(), String(child.pid));
  await (await lockFolder(folder)).release();
});

test("free space is positive and below the total", async () => {
  const space = await diskSpace(folder);
  assert.ok(space.freeBytes > 0 && space.freeBytes <= space.totalBytes);
  assert.ok((await freeBytes(folder)) > 0);
});
