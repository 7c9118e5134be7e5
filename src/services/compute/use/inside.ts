/**
 * Questions of this box about what is inside a sliver of its members, to whichever box has it: a stream each. This box
 * itself is asked the same way, without the mesh.
 */
import type { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { firstLine } from "../../../platform/first-line.ts";
import { boxName } from "../../mesh/client.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { INSIDE_LINE_BYTES_MAX, MESSAGE_TIMEOUT_MS, SLIVER_SNAPSHOTS_MAX } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { INSIDE_PATH, INSIDE_REFUSALS, insideAnswer } from "../messages-inside.ts";
import type { InsideQuestion } from "../messages-inside.ts";
import { openHostStream } from "./host-stream.ts";
import type { HostStreamNeeds } from "./host-stream.ts";
import type { Sliver } from "./slice-store.ts";

export interface InsideNeeds {
  clock: Clock;
  mesh: HostStreamNeeds["mesh"] & Pick<MeshClient, "box">;
  own: HostStreamNeeds["own"];
}

type WithoutSliver<Q> = Q extends unknown ? Omit<Q, "sliver"> : never;

export interface InsideOptions {
  signal: AbortSignal;
  /** Until the answer begins; ten seconds. */
  timeoutMs?: number;
  /** What follows the question. */
  bytes?: Uint8Array;
}

export interface Inside {
  /**
   * The answer, and the bytes after it: read or return them, unless none are wanted. Throws `compute-host-away`, and
   * what the host says is in its way.
   */
  ask<T extends z.ZodType>(
    sliver: Sliver,
    shape: T,
    question: WithoutSliver<InsideQuestion>,
    options: InsideOptions,
  ): Promise<{ done: z.output<T>; rest: AsyncIterable<Uint8Array>; end: () => void }>;
}

export function createInside({ clock, mesh, own }: InsideNeeds): Inside {
  const open = (host: string) => openHostStream({ mesh, own }, host, INSIDE_PATH);
  return {
    async ask(sliver, shape, question, { signal, timeoutMs = MESSAGE_TIMEOUT_MS, bytes }) {
      const away = (cause: unknown) => {
        signal.throwIfAborted();
        return computeErrors.fail("compute-host-away", { params: { box: boxName(mesh, sliver.host) }, cause });
      };
      signal.throwIfAborted();
      const stream = await open(sliver.host).catch((error: unknown) => Promise.reject(away(error)));
      stream.on("error", () => {});
      const end = () => void stream.destroy();
      signal.addEventListener("abort", end, { once: true });
      stream.once("close", () => signal.removeEventListener("abort", end));
      const cancel = clock.after(timeoutMs, () => stream.destroy(new Error("no answer in time")));
      try {
        stream.write(`${JSON.stringify({ ...question, sliver: sliver.id })}\n`);
        if (bytes && bytes.length > 0) stream.write(bytes);
        const { line, rest } = await firstLine(stream, INSIDE_LINE_BYTES_MAX);
        const said = insideAnswer.parse(JSON.parse(line));
        if ("error" in said) throw refusal(said.error.code, sliver, question);
        return { done: shape.parse(said.done), rest, end };
      } catch (error) {
        end();
        throw isFailure(error) ? error : away(error);
      } finally {
        cancel();
      }
    },
  };
}

function refusal(code: string, { index }: Sliver, question: WithoutSliver<InsideQuestion>) {
  const known = INSIDE_REFUSALS.find((one) => one === code) ?? "compute-engine-failed";
  const params: Record<string, string | number> = { number: index, limit: SLIVER_SNAPSHOTS_MAX };
  if ("name" in question) params["name"] = question.name;
  if ("path" in question) params["path"] = question.path;
  return computeErrors.fail(known, { params });
}
