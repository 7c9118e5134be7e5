/**
 * How many containers can have ids of their own on this machine. Engines take them from what `/etc/subuid` and
 * `/etc/subgid` give to root, 65,536 for each; the first ones are those of containers that share theirs. Found out with
 * LXD 5.0.2: of 10,000,001 ids 151 containers, and then "Not enough uid/gid available for the container".
 */
import { readFile } from "node:fs/promises";

const IDS = 65_536;
const FILES = ["/etc/subuid", "/etc/subgid"];

/** Undefined where nobody says it: then engines have thousands. */
export async function idRanges(files: readonly string[] = FILES): Promise<number | undefined> {
  const found = await Promise.all(files.map(async (file) => rangesIn(await readFile(file, "utf8").catch(() => ""))));
  const said = found.filter((one) => one !== undefined);
  return said.length > 0 ? Math.min(...said) : undefined;
}

/** Of the first entry of root's that is of use, as engines take it. */
function rangesIn(text: string): number | undefined {
  const counts = Array.from(text.matchAll(/^root:\d+:(\d+)\s*$/gm), ([, count]) => Number(count));
  const ids = counts.find((count) => count >= IDS);
  return ids === undefined ? undefined : Math.max(0, Math.ceil(ids / IDS) - 2);
}
