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
export async function applyRules({ table, file }: RulesPlace, rules: string): Promise<boolean> {
  const mark = createHash("sha256").update(rules).digest("hex").slice(0, 32);
  if ((await markOf(table)) === mark) return false;
  // One transaction: there is no moment without rules. The first line lets the second one work when there is none.
  const text = `table inet ${table}\ndelete table inet ${table}\ntable inet ${table} {\ncomment "${mark}"\n${rules}}\n`;
  await writeAtomic(file, text);
  await runTool("nft", ["-f", file]);
  return true;
}

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
