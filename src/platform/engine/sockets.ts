/**
 * Where the engine's socket is. Incus and LXD each have a usual place and variables to name another; Incus is asked
 * first, since it is the one that Debian goes on with.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const USUAL = ["/var/lib/incus/unix.socket", "/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket"];

/** In the order in which they are tried. What a variable names is the only one: its owner meant that engine. */
export function engineSockets(env: Readonly<Record<string, string | undefined>>): string[] {
  if (env["INCUS_SOCKET"]) return [env["INCUS_SOCKET"]];
  if (env["INCUS_DIR"]) return [join(env["INCUS_DIR"], "unix.socket")];
  if (env["LXD_SOCKET"]) return [env["LXD_SOCKET"]];
  if (env["LXD_DIR"]) return [join(env["LXD_DIR"], "unix.socket")];
  return USUAL;
}

/** The first that is there. */
export function findEngineSocket(
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean = existsSync,
): string | undefined {
  return engineSockets(env).find(exists);
}
