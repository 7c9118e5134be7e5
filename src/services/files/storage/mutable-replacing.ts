/**
 * What versions before the journal of small shares (`pending-shares.ts`) left when they were killed: small mutable
 * shares of one write as new files, of which one renamed to ".go" said that they are to take the places of the shares.
 * What was decided so is done at the start.
 */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../../platform/files.ts";
import { makeSlotFolder, namesIn, shareNumber } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";

const DECIDED = /^(?<group>(?<si>[a-z2-7]{26})\.[0-9a-f]{24})\.(?<number>[0-9]{1,3})\.go$/;
const NEW = /^(?<group>[a-z2-7]{26}\.[0-9a-f]{24})\.(?<number>[0-9]{1,3})\.new$/;

export async function finishReplacements(paths: SharePaths): Promise<void> {
  const names = await namesIn(paths.writes);
  for (const name of names) {
    const { group = "", si = "", number = "" } = DECIDED.exec(name)?.groups ?? {};
    const first = shareNumber(number);
    if (first === undefined) continue;
    await makeSlotFolder(paths, si);
    for (const other of names) {
      const found = NEW.exec(other)?.groups;
      const share = found && found["group"] === group ? shareNumber(found["number"]!) : undefined;
      if (share !== undefined) await rename(join(paths.writes, other), paths.share(si, share));
    }
    await rename(join(paths.writes, name), paths.share(si, first));
    await syncFolder(paths.slot(si));
  }
}
