/**
 * Copies of the shipped cores with one planted mistake. A replacement must match exactly once, so that a mistake that
 * no longer applies to the code is noticed. Nothing in the tree is touched: the copy lives in a temporary folder.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { createKvNode } from "../src/protocols/kv/node.ts";
import type { Cores } from "./cores.ts";

export interface Mistake {
  /** Below src/protocols. */
  file: string;
  from: string;
  to: string;
}

interface Planted {
  /** A module of the copy, by its path below src/protocols. */
  load: (path: string) => Promise<unknown>;
  remove: () => void;
}

/** The cores with these mistakes, and what takes the copy away again. */
export async function plant(mistakes: readonly Mistake[]): Promise<{ cores: Cores; remove: () => void }> {
  const { load, remove } = copyWith(mistakes);
  try {
    const [membership, records, admission] = await Promise.all([
      load("membership/membership.ts"),
      load("records/records.ts"),
      load("records/admission.ts"),
    ]);
    const { createMembership } = membership as Cores;
    const { createRecords } = records as Cores;
    const { Admission } = admission as Cores;
    return { cores: { createMembership, createRecords, Admission }, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The core of the key-value store with these mistakes. */
export async function plantStore(
  mistakes: readonly Mistake[],
): Promise<{ create: typeof createKvNode; remove: () => void }> {
  const { load, remove } = copyWith(mistakes);
  try {
    const node = (await load("kv/node.ts")) as { createKvNode: typeof createKvNode };
    return { create: node.createKvNode, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function copyWith(mistakes: readonly Mistake[]): Planted {
  const folder = mkdtempSync(join(tmpdir(), "comu-planted-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const source = new URL("../src/", import.meta.url);
    for (const room of ["kernel", "protocols"]) {
      const isShipped = (path: string) => !path.endsWith(".test.ts");
      cpSync(new URL(room, source), join(folder, "src", room), { recursive: true, filter: isShipped });
    }
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const mistake of mistakes) replaceOnce(join(folder, "src/protocols", mistake.file), mistake);
    return { load: (path) => import(pathToFileURL(join(folder, "src/protocols", path)).href), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function replaceOnce(path: string, { file, from, to }: Mistake): void {
  const parts = readFileSync(path, "utf8").split(from);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
  writeFileSync(path, parts.join(to));
}
