/** A file system of its own, small enough to be filled: a tmpfs, which only root may mount. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { atExit, temporaryFolder } from "./at-exit.ts";
import { runOk } from "./process.ts";

const PIECES_BYTES = [1024 * 1024, 4096, 1];

/** Its folder; it goes away with the test, however that ends. */
export async function smallDisk(mib: number): Promise<string> {
  const folder = temporaryFolder("disk");
  await runOk(["mount", "-t", "tmpfs", "-o", `size=${mib}m,mode=700`, "comu-test", folder]);
  atExit(() => spawnSync("umount", ["--lazy", folder]));
  return folder;
}

/** Somebody else takes all that is left, to the last byte, into the file `filler`. */
export function fillDisk(disk: string): void {
  const file = join(disk, "filler");
  writeFileSync(file, "");
  for (const size of PIECES_BYTES) {
    for (;;) {
      try {
        appendFileSync(file, Buffer.alloc(size, 1));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
        break;
      }
    }
  }
}
