/**
 * YAML that people write, read with care: no aliases (a short file could stand for a huge one), no key twice, and what
 * is wrong is told with its line.
 */
import type { z } from "zod";
import { computeErrors } from "./errors.ts";

/** Throws `compute-bad-file`. */
export async function readYaml<T extends z.ZodType>(text: string, shape: T, charsMax: number): Promise<z.output<T>> {
  if (text.length > charsMax) throw bad(1, "too long");
  // Most boxes never read one.
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: "core", uniqueKeys: true });
  const problem = document.errors[0];
  if (problem) throw bad(problem.linePos?.[0].line ?? 1, problem.message.split("\n")[0]!);
  const read = shape.safeParse(plain(() => document.toJS({ maxAliasCount: 0 }) as unknown));
  if (read.success) return read.data;
  const issue = read.error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...issue.path, ...unknown];
  // What is missing has no line: that of the nearest thing around it.
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) throw bad(lines.linePos(node.range[0]).line, `${path.join(".")}: ${issue.message}`);
  }
  throw bad(1, `${path.join(".") || "file"}: ${issue.message}`);
}

function plain(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw bad(1, error instanceof Error ? error.message : String(error));
  }
}

function bad(line: number, reason: string) {
  return computeErrors.fail("compute-bad-file", { params: { line, reason } });
}
