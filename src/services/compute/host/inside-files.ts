/**
 * Files of a sliver, for its borrower's box. A file comes in pieces beside its place, under a name of its own, and
 * takes its place when all are there: whatever breaks in between leaves what was there before.
 */
import { posix } from "node:path";
import type { Clock } from "../../../kernel/clock.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { FOLDER_ENTRIES_MAX } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import type { InsideQuestion } from "../messages-inside.ts";
import type { InsideAsked, InsideReply } from "./inside.ts";

type FileQuestion = Extract<InsideQuestion, { do: "list" | "get" | "put" | "cancel" }>;

export async function fileAnswer(
  { engine, clock }: { engine: Pick<Engine, "tree">; clock: Clock },
  question: FileQuestion,
  { name, rest, signal }: InsideAsked,
): Promise<InsideReply> {
  const { tree } = engine;
  const { path } = question;
  if (question.do === "get") {
    const { bytes, content } = await tree.read(name, path, signal);
    return { done: bytes === undefined ? {} : { bytes }, body: content };
  }
  if (question.do === "list") {
    const { entries, isCut } = await tree.list(name, path, FOLDER_ENTRIES_MAX, signal);
    const nowMs = clock.wallMs();
    const told = entries.map(({ modifiedS, ...same }) => ({ ...same, ageMs: nowMs - modifiedS * 1000 }));
    return { done: { entries: told, isCut } };
  }
  const part = partOf(path, question.upload);
  if (question.do === "cancel") {
    await tree.remove(name, part, signal);
    return { done: {} };
  }
  const { at, bytes, isLast } = question;
  try {
    // What is not there yet has no middle.
    const before = at === 0 ? 0 : (await tree.facts(name, part, signal)).bytes;
    if (before !== at) throw computeErrors.fail("compute-file-refused", { params: { path } });
    await tree.write(name, part, at, exactly(rest, bytes), signal);
    if (!isLast) return { done: {} };
    const there = await tree.facts(name, part, signal);
    // A piece is missing, or came from another file.
    if (there.bytes !== at + bytes) throw computeErrors.fail("compute-file-refused", { params: { path } });
    await tree.rename(name, part, path, signal);
  } catch (error) {
    // A file of which a piece is missing will not be whole any more, and a full disk needs its room back.
    await tree.remove(name, part).catch(() => {});
    throw error;
  }
  return { done: {} };
}

function partOf(path: string, upload: string): string {
  // The root, or a folder: there is no name for the file.
  if (path.endsWith("/")) throw computeErrors.fail("compute-file-refused", { params: { path } });
  return posix.join(posix.dirname(path), `.comu-${upload}.part`);
}

/** So many bytes, and the stream is left open for the answer. Throws when fewer come. */
async function* exactly(rest: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  const iterator = rest[Symbol.asyncIterator]();
  for (let left = bytes; left > 0;) {
    const next = await iterator.next();
    if (next.done || next.value.length > left) throw new Error("not as many bytes as were announced");
    left -= next.value.length;
    yield next.value;
  }
}
