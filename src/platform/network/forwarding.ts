/**
 * Lets the kernel pass packets on between our interfaces. Where it can be said for single interfaces (Linux 6.17 and
 * later for IPv6, all for IPv4) the rest of the machine stays as it is; else it is said for all, and interfaces that
 * learn their addresses from a router go on doing so.
 */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "./errors.ts";
import { runTool } from "./tools.ts";

/** IPv6 between these interfaces. Those that are not there are left out. */
export async function forward6(devices: readonly string[], folder = "/proc/sys/net/ipv6/conf"): Promise<void> {
  if ((await read(join(folder, "all/forwarding"))) !== "0") return;
  if ((await read(join(folder, "all/force_forwarding"))) !== undefined) {
    for (const device of devices) await set(join(folder, device, "force_forwarding"), "1");
    return;
  }
  for (const name of await readdir(folder)) {
    if (name === "all") continue;
    // A router takes no addresses from routers, unless it is told to.
    const accept = join(folder, name, "accept_ra");
    if ((await read(accept)) === "1") await set(accept, "2");
  }
  await set(join(folder, "all/forwarding"), "1");
}

/** IPv4 that comes in on these. */
export async function forward4(devices: readonly string[], folder = "/proc/sys/net/ipv4/conf"): Promise<void> {
  for (const device of devices) await set(join(folder, device, "forwarding"), "1");
}

/** The interfaces that lead to the rest of the world. */
export async function uplinks(): Promise<string[]> {
  const said = await Promise.all(
    ["-4", "-6"].map((family) => runTool("ip", [family, "-o", "route", "show", "default"])),
  );
  const named = said.join("\n").matchAll(/\bdev (\S+)/g);
  return [...new Set(Array.from(named, ([, device]) => device!))];
}

async function set(file: string, value: string): Promise<void> {
  const before = await read(file);
  if (before === undefined || before === value) return;
  await writeFile(file, value).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return;
    throw fail("network-not-allowed", { params: { tool: "sysctl", said: cause.message }, cause });
  });
}

/** Undefined when there is none. */
async function read(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}
