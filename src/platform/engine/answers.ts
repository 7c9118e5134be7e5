/**
 * The engine's envelope: every JSON answer says whether something was done, begun or refused. Read with a limit, and
 * by a schema: an engine that speaks otherwise than known is a failure of its own, not a crash of ours.
 */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { asEngineFailure, fail } from "./errors.ts";
import type { About } from "./errors.ts";

export interface Answer {
  /** Id of the task that was begun. */
  operation?: string;
  metadata: unknown;
}

const envelope = z.object({
  type: z.enum(["sync", "async", "error"]),
  operation: z.string().nullish(),
  error: z.string().nullish(),
  error_code: z.number().nullish(),
  metadata: z.unknown().optional(),
});

const OPERATION = /^\/1\.0\/operations\/([0-9a-f-]{36})(?:\?|$)/;
/** The whole answer, taken out of its envelope. Throws what it says went wrong. */
export async function read(
  answer: IncomingMessage,
  about: About,
  changesNothing: boolean,
  bytesMax: number,
): Promise<Answer> {
  const broken = (cause: unknown) =>
    changesNothing
      ? fail("engine-garbled", { params: { what: "an answer" }, cause })
      : fail("engine-interrupted", { cause });
  const text = (await collect(answer, bytesMax, broken)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail("engine-garbled", { params: { what: "an answer" }, cause: error });
  }
  const said = checked(envelope, json, "an answer");
  if (said.type === "error") {
    throw asEngineFailure(said.error_code || answer.statusCode || 500, said.error ?? "", about);
  }
  if (said.type === "sync") return { metadata: said.metadata };
  const id = OPERATION.exec(said.operation ?? "")?.[1];
  if (id === undefined) throw fail("engine-garbled", { params: { what: "an operation" } });
  return { operation: id, metadata: said.metadata };
}

/** All that a stream gives. Throws `engine-answer-too-large`, and what `asFailure` makes of a stream that breaks. */
export async function collect(
  stream: Readable,
  bytesMax: number,
  asFailure: (error: unknown) => unknown,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bytesMax) throw fail("engine-answer-too-large", { params: { limit: bytesMax } });
      chunks.push(chunk);
    }
  } catch (error) {
    throw isFailure(error) ? error : asFailure(error);
  }
  return Buffer.concat(chunks, size);
}

/** Reads what an engine said by a schema. Throws `engine-garbled`. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw fail("engine-garbled", { params: { what }, cause: result.error });
  return result.data;
}
