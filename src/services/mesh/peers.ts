/**
 * Asking other boxes: JSON over their links, with the answer's time beside it, from which this box learns how far its
 * own clock is off.
 */
import type { Clock } from "../../kernel/clock.ts";
import { kernelErrors } from "../../kernel/errors.ts";
import type { Failure, FailOptions } from "../../kernel/errors.ts";
import type { Links } from "../../platform/links.ts";
import { MESSAGE_MAX_BYTES } from "../../protocols/records/constants.ts";
import { meshErrors } from "./contract.ts";

/** All paths of the mesh begin so; the number is the version of the messages. */
export const MESH_PATH = "/mesh/1/";
const ASK_TIMEOUT_MS = 10_000;
/** The largest message, and what is around it. */
const ANSWER_BYTES_MAX = MESSAGE_MAX_BYTES + 4096;
/** Boxes whose clocks are remembered. */
const CLOCKS_MAX = 64;

export interface Address {
  address: string;
  port: number;
}

/** What goes over the wire around each answer. */
export interface Envelope {
  /** The answering box's wall clock. */
  nowMs: number;
  body?: unknown;
  error?: { code: string; params?: Record<string, string | number> };
  /** Goes along with `excluded`: the steward's signed word, so that nobody need be believed. */
  exclusion?: unknown;
}

export interface Peers {
  addressOf(box: string): Address | undefined;
  /** A member told us that this box is excluded; it may be out of date after a pardon, so it is asked again. */
  excluded(): boolean;
  /** Asks a box that may be asked. Throws its refusal as our Failure. */
  ask(box: string, path: string, body: object): Promise<unknown>;
  /** Asks whoever listens at an address, and tells who it was. */
  askAt(at: Address, path: string, body: object, timeoutMs?: number): Promise<{ box: string; body: unknown }>;
  /** Median difference of the others' clocks from ours, in milliseconds; undefined before anybody was asked. */
  clockOffsetMs(): number | undefined;
}

export interface PeersNeeds {
  links: Links;
  clock: Clock;
  /** Members, and for a newcomer its guides (finding.ts). */
  mayAsk: (box: string) => boolean;
  addressOf: (box: string) => Address | undefined;
  /** Somebody shows a record by which this box is excluded. */
  onExclusion?: (record: unknown, from: string) => void;
}

export function createPeers(needs: PeersNeeds): Peers {
  const offsets = new Map<string, number>();
  let excluded = false;

  const send = async (peer: { boxId?: string } & Address, path: string, body: object, timeoutMs: number) => {
    const answer = await needs.links.request({
      peer,
      path: MESH_PATH + path,
      body: Buffer.from(JSON.stringify(body)),
      timeoutMs,
    });
    if (answer.body.length > ANSWER_BYTES_MAX)
      throw meshErrors.fail("community-unreachable", { params: { reason: "too large an answer" } });
    const envelope = readEnvelope(answer.body);
    offsets.delete(answer.peer);
    offsets.set(answer.peer, envelope.nowMs + answer.rttMs / 2 - needs.clock.wallMs());
    if (offsets.size > CLOCKS_MAX) offsets.delete(offsets.keys().next().value!);
    excluded = envelope.error?.code === "excluded";
    if (excluded && envelope.exclusion) needs.onExclusion?.(envelope.exclusion, answer.peer);
    if (envelope.error) throw refusal(envelope.error.code, { params: envelope.error.params ?? {} });
    return { box: answer.peer, body: envelope.body };
  };

  return {
    addressOf: needs.addressOf,
    excluded: () => excluded,
    async ask(box, path, body) {
      const at = needs.mayAsk(box) ? needs.addressOf(box) : undefined;
      if (!at) throw meshErrors.fail("box-unknown", { params: { box } });
      return (await send({ boxId: box, ...at }, path, body, ASK_TIMEOUT_MS)).body;
    },
    askAt: (at, path, body, timeoutMs = ASK_TIMEOUT_MS) => send(at, path, body, timeoutMs),
    clockOffsetMs() {
      const sorted = [...offsets.values()].sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)];
    },
  };
}

function readEnvelope(bytes: Uint8Array): Envelope {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Envelope;
    if (typeof value === "object" && value !== null && typeof value.nowMs === "number") return value;
  } catch {
    // Falls through: what is no JSON is no answer.
  }
  throw meshErrors.fail("community-unreachable", { params: { reason: "no answer of a box" } });
}

/** A code that we do not know becomes the general one: another box must not choose our words. */
function refusal(code: string, options: FailOptions): Failure {
  // How it says that we ask too much, which is worth waiting for.
  if (code === "too-many") return kernelErrors.fail(code, options);
  const known = code in meshErrors.table ? (code as keyof typeof meshErrors.table) : "community-unreachable";
  return meshErrors.fail(known, options);
}
