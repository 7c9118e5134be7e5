/**
 * From what a stranger announces to what may be shown and published: titles without hidden signs, paths that a page can
 * open, addresses that mean something beyond this link. Pure.
 */
import { isIP } from "node:net";
import type { HeardService } from "../../platform/mdns.ts";

const PATH_LENGTH_MAX = 200;

/** Without signs that nobody sees. */
export function plainTitle({ name, type }: HeardService): string {
  return name.replace(/\p{C}/gu, "").trim() || type;
}

/** The path of its TXT record, with a slash in front and without spaces; empty when there is none that would do. */
export function pathOf({ txt }: HeardService): string {
  const said = (txt["path"] ?? "").replace(/\p{C}/gu, "").trim();
  if (said === "") return "";
  const path = (said.startsWith("/") ? said : `/${said}`).replace(/\s/g, (sign) => encodeURIComponent(sign));
  return path.length <= PATH_LENGTH_MAX ? path : "";
}

/** Whether other boxes could reach it there. */
export function isPublishable(address: string): boolean {
  if (isIP(address) === 4) return !/^(0|127|169\.254|22[4-9]|23\d|24\d|25\d)\./.test(address);
  return isIP(address) === 6 && !/^(::|fe[89ab]|ff)/i.test(address);
}
