/**
 * One table of nftables, replaced as a whole or taken away; no other table is read or touched. Its comment says which
 * rules it has, so that equal ones are not loaded again.
 */
import { createHash } from "node:crypto";
import { isFailure } from "../../kernel/errors.ts";
import { writeAtomic } from "../files.ts";
import { runTool } from "./tools.ts";

export interface RulesPlace {
  /** Of the table, in the family `inet`. */
  table: string;
  /** Where the rules are written for `nft` to read. */
  file: string;
}

/** What the table holds, without its name: sets and chains. True when it had to be loaded. */
export async function applyRules(place: RulesPlace, rules: string): Promise<boolean> {
  if ((await markOf(place.table)) === markFor(rules)) return false;
  await loadRules(place, rules);
  return true;
}

/** As `applyRules`, where it is known that the table has others. */
export async function loadRules({ table, file }: RulesPlace, rules: string): Promise<void> {
  // One transaction: there is no moment without rules. The first line lets the second one work when there is none.
  const first = `table inet ${table}\ndelete table inet ${table}\n`;
  const text = `${first}table inet ${table} {\ncomment "${markFor(rules)}"\n${rules}}\n`;
  await writeAtomic(file, text);
  await runTool("nft", ["-f", file]);
}

const markFor = (rules: string) => createHash("sha256").update(rules).digest("hex").slice(0, 32);

export async function removeRules(table: string): Promise<void> {
  if ((await markOf(table)) !== undefined) await runTool("nft", ["delete", "table", "inet", table]);
}

/** Undefined when there is no such table. */
async function markOf(table: string): Promise<string | undefined> {
  try {
    // Terse: without the elements of sets.
    return /comment "([0-9a-f]*)"/.exec(await runTool("nft", ["-t", "list", "table", "inet", table]))?.[1] ?? "";
  } catch (error) {
    if (isFailure(error, "network-refused") && /no such file/i.test(String(error.params["said"]))) return undefined;
    throw error;
  }
}
