/** The system's programs for its network, counted: each is called through one of the same name that writes it down. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/at-exit.ts";
import { runOk } from "../support/process.ts";

/** `path`: with these before the others. `calls`: since it was asked last. */
export async function countedTools(): Promise<{ path: string; calls: () => string[] }> {
  const folder = temporaryFolder("tools");
  const log = join(folder, "calls");
  writeFileSync(log, "");
  for (const tool of ["ip", "nft", "wg"]) {
    const real = (await runOk(["sh", "-c", `PATH=$PATH:/usr/sbin:/sbin; command -v ${tool}`])).trim();
    writeFileSync(join(folder, tool), `#!/bin/sh\necho "${tool} $*" >> ${log}\nexec ${real} "$@"\n`);
    chmodSync(join(folder, tool), 0o755);
  }
  const calls = () => {
    const lines = readFileSync(log, "utf8").split("\n").filter(Boolean);
    writeFileSync(log, "");
    // One that listens is there all the time.
    return lines.filter((line) => !line.startsWith("nft monitor"));
  };
  return { path: `${folder}:${process.env["PATH"]}`, calls };
}
