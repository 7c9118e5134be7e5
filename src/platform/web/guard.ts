/**
 * Two checks on every request that comes over the network: that the page was asked for by a name which is ours
 * (against DNS rebinding), and that a change was sent by our own page (against forged requests from other sites).
 */
import { hostname } from "node:os";
import { isIP } from "node:net";
import { fail } from "../../kernel/errors.ts";

/** True for an address, localhost, this machine's name, *.local, and what is in `names`. */
export function isOwnHost(host: string, names: readonly string[]): boolean {
  const name = hostPart(host);
  if (isIP(name) || name === "localhost" || name.endsWith(".localhost") || name.endsWith(".local")) return true;
  return name === hostname().toLowerCase() || names.includes(name);
}

/** Throws `wrong-host` for a name that is not ours. */
export function checkHost(host: string | undefined, names: readonly string[]): void {
  if (isOwnHost(host ?? "", names)) return;
  throw fail("wrong-host", { params: { host: hostPart(host ?? "").slice(0, 100) } });
}

/** Throws `wrong-origin` when a browser says that the request comes from another site. */
export function checkOrigin(headers: Headers): void {
  const origin = headers.get("origin");
  if (origin !== null && hostOf(origin) !== headers.get("host")) throw fail("wrong-origin");
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") throw fail("wrong-origin");
}

function hostPart(host: string): string {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d+)?$/.exec(host);
  if (bracketed) return bracketed[1]!.toLowerCase();
  return host.replace(/:\d+$/, "").replace(/\.$/, "").toLowerCase();
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
