/** The boxes that lend computers, as this box asks them. This box itself is one of them, asked without the mesh. */
import { z } from "zod";
import { isFailure, kernelErrors } from "../../../kernel/errors.ts";
import { OFFERS_MAX } from "../../../protocols/compute/constants.ts";
import type { Offer } from "../../../protocols/compute/choosing.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import { boxName } from "../../mesh/client.ts";
import type { MeshClient, PeerAnswer } from "../../mesh/client.ts";
import { runsOn } from "../architecture.ts";
import { COMPUTE_KIND, readComputeBody } from "../compute-record.ts";
import { MESSAGE_TIMEOUT_MS } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { OFFER_PATH, decodeMessage, encodeMessage, offerAnswer } from "../messages.ts";

/** A host's disk has no room for what it is to write down. */
export const HOST_FULL = "compute-host-full";
/** The same in an offer, where it is a reason for there being none. */
export const OFFER_FULL = "disk-full";

/** A host whose engine does not run the image. */
export const OTHER_ARCH = "other-architecture";

export interface HostsNeeds {
  mesh: Pick<MeshClient, "selfId" | "box" | "boxes" | "records" | "request">;
  /** This box's own side as a host. */
  own: (path: string, body: Uint8Array) => Promise<object>;
  reliabilityOf: (box: string) => number;
  /** What the publisher of an image says that it is for. */
  archOf?: (image: string) => string | undefined;
}

/** A refusal with its reason, or an offer. */
export type Offered = Offer & { why: string | undefined; hasImage: boolean };

export interface Hosts {
  /**
   * Throws `compute-host-full`, the mesh's failures, `unavailable`, and `SyntaxError` or a ZodError for an answer that
   * is none.
   */
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

export function createHosts({ mesh, own, reliabilityOf, archOf = () => undefined }: HostsNeeds): Hosts {
  const ask: Hosts["ask"] = async (box, path, shape, question, signal, timeoutMs = MESSAGE_TIMEOUT_MS) => {
    const body = encodeMessage(question);
    const full = () => computeErrors.fail(HOST_FULL, { params: { box: boxName(mesh, box) } });
    if (box === mesh.selfId) {
      const answer = await own(path, body).catch((error: unknown) => {
        throw isFailure(error, "disk-full") ? full() : error;
      });
      return decodeMessage(shape, encodeMessage(answer));
    }
    const options = { timeoutMs, ...(signal && { signal }) };
    const answer = await mesh.request(box, path, body, options);
    if (saysFull(answer)) throw full();
    // Anything else is as good as silence: it comes again, or somebody else is asked.
    if (answer.status !== 200) throw kernelErrors.fail("unavailable");
    return decodeMessage(shape, answer.body);
  };
  return {
    ask,
    async offers(question, signal) {
      const lending = new Map(mesh.records(COMPUTE_KIND).map(({ author, body }) => [author, readComputeBody(body)]));
      const arch = archOf(question.spec.image);
      const boxes = mesh.boxes().filter(({ id, state }) => lending.has(id) && state === "up");
      const asked = boxes.slice(0, OFFERS_MAX).map(async ({ id, owner, zone, rttMs, self }): Promise<Offered> => {
        const rtt = self ? 0 : (rttMs ?? undefined);
        const place = { box: id, owner, zone, rttMs: rtt, reliability: reliabilityOf(id) };
        if (!runsOn(lending.get(id), arch)) return { ...place, fits: 0, price: 0, hasImage: false, why: OTHER_ARCH };
        const { why, ...answer } = await ask(id, OFFER_PATH, offerAnswer, question, signal);
        return { ...answer, why, ...place };
      });
      const answers = await Promise.allSettled(asked);
      signal?.throwIfAborted();
      return answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    },
  };
}

const refusal = z.object({ error: z.object({ code: z.string() }) });

function saysFull({ status, body }: PeerAnswer): boolean {
  if (status !== kernelErrors.table["disk-full"]) return false;
  try {
    return decodeMessage(refusal, body).error.code === "disk-full";
  } catch {
    return false;
  }
}
