/** The boxes that lend computers, as this box asks them. This box itself is one of them, asked without the mesh. */
import type { z } from "zod";
import { kernelErrors } from "../../../kernel/errors.ts";
import { OFFERS_MAX } from "../../../protocols/compute/constants.ts";
import type { Offer } from "../../../protocols/compute/choosing.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { COMPUTE_KIND } from "../compute-record.ts";
import { MESSAGE_TIMEOUT_MS } from "../constants.ts";
import { OFFER_PATH, decodeMessage, encodeMessage, offerAnswer } from "../messages.ts";

export interface HostsNeeds {
  mesh: Pick<MeshClient, "selfId" | "boxes" | "records" | "request">;
  /** This box's own side as a host. */
  own: (path: string, body: Uint8Array) => Promise<object>;
  reliabilityOf: (box: string) => number;
}

/** A refusal with its reason, or an offer. */
export type Offered = Offer & { why: string | undefined; hasImage: boolean };

export interface Hosts {
  /** Throws the mesh's failures, `unavailable`, and `SyntaxError` or a ZodError for an answer that is none. */
  ask<T extends z.ZodType>(
    box: string,
    path: string,
    shape: T,
    question: object,
    signal?: AbortSignal,
    timeoutMs?: number,
  ): Promise<z.output<T>>;
  /** Of all that lend, side by side; those that do not answer in time are left out. */
  offers(question: { spec: SliverSpec; leaseMs: number }, signal?: AbortSignal): Promise<Offered[]>;
}

export function createHosts({ mesh, own, reliabilityOf }: HostsNeeds): Hosts {
  const ask: Hosts["ask"] = async (box, path, shape, question, signal, timeoutMs = MESSAGE_TIMEOUT_MS) => {
    const body = encodeMessage(question);
    if (box === mesh.selfId) return decodeMessage(shape, encodeMessage(await own(path, body)));
    const options = { timeoutMs, ...(signal && { signal }) };
    const answer = await mesh.request(box, path, body, options);
    // Anything else is as good as silence: it comes again, or somebody else is asked.
    if (answer.status !== 200) throw kernelErrors.fail("unavailable");
    return decodeMessage(shape, answer.body);
  };
  return {
    ask,
    async offers(question, signal) {
      const lending = new Set(mesh.records(COMPUTE_KIND).map(({ author }) => author));
      const boxes = mesh.boxes().filter(({ id, state }) => lending.has(id) && state === "up");
      const asked = boxes.slice(0, OFFERS_MAX).map(async ({ id, owner, zone, rttMs, self }): Promise<Offered> => {
        const { why, ...answer } = await ask(id, OFFER_PATH, offerAnswer, question, signal);
        const rtt = self ? 0 : (rttMs ?? undefined);
        return { ...answer, why, box: id, owner, zone, rttMs: rtt, reliability: reliabilityOf(id) };
      });
      const answers = await Promise.allSettled(asked);
      signal?.throwIfAborted();
      return answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    },
  };
}
