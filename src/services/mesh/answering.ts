/**
 * Answers other boxes over their links, and carries the requests of this box's services. Who is not a member reaches
 * the join endpoint only; who is excluded is told so and nothing else.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Identity } from "../../platform/identity.ts";
import type { LinkAnswer, LinkRequest } from "../../platform/link-messages.ts";
import type { Links } from "../../platform/links.ts";
import type { Random } from "../../kernel/random.ts";
import { MESSAGE_MAX_BYTES } from "../../protocols/records/constants.ts";
import type { MeshClient, PeerAnswer } from "./client.ts";
import { meshErrors } from "./contract.ts";
import { MESH_PATH } from "./peers.ts";
import type { Envelope } from "./peers.ts";
import type { Session } from "./session.ts";
import { answerJoin } from "./sponsor.ts";
import type { MeshStore } from "./store.ts";
import type { Busy, WorkShare } from "./work-share.ts";

/** Boxes asked whether they reach this one. */
const REACH_ASKED_MAX = 3;
const SERVICE_TIMEOUT_MS = 15_000;
/** An excluded box is told so over its link, which lasts so long. */
const EXCLUDED_LINK_MS = 500;

type Handler = Parameters<MeshClient["serve"]>[1];

export interface AnsweringNeeds {
  clock: Clock;
  random: Random;
  identity: Identity;
  rows: MeshStore;
  share: WorkShare;
  /** Cuts all links with a box. */
  cut: (box: string) => void;
  session: () => Session | undefined;
}

export interface Answering {
  handle(request: LinkRequest): Promise<LinkAnswer>;
  serve: MeshClient["serve"];
  /** The other end of a stream that a box has opened. */
  stream(request: { peer: string; path: string }, stream: Duplex): void;
  serveStreams: MeshClient["serveStreams"];
  openStream(links: Links, session: Session, boxId: string, path: string): Promise<Duplex>;
  request(links: Links, session: Session, asked: ServiceRequest): Promise<PeerAnswer>;
  /** Requests of boxes that had used up their share. */
  refused: WorkShare["refused"];
  /** True when at least one of these boxes reaches this one over a link of its own. */
  reachable(session: Session, boxes: string[]): Promise<boolean>;
}

export interface ServiceRequest {
  boxId: string;
  path: string;
  body: Uint8Array;
  timeoutMs?: number;
  signal?: AbortSignal;
}

const { fail } = meshErrors;

export function createAnswering(needs: AnsweringNeeds): Answering {
  const handlers = new Map<string, Handler>();
  const streams = new Map<string, Parameters<MeshClient["serveStreams"]>[1]>();

  const answerMesh = async (session: Session, peer: string, path: string, raw: Uint8Array, busy: Busy) => {
    const body = await busy(() => readJson(raw, MESSAGE_MAX_BYTES));
    if (path === "join") return await busy(() => answerJoin({ ...needs, session }, peer, body));
    if (!session.isMember(peer)) throw fail("community-closed");
    const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    if (path === "sync" || path === "push") return (await session.replica.answer(peer, path, body, busy)) ?? {};
    if (path === "key") {
      const key = session.keyring.give(Number(fields["epoch"]), String(fields["check"]));
      return key ? { key: Buffer.from(key).toString("base64url") } : {};
    }
    if (path === "reach") {
      await session.peers.ask(peer, "hello", {});
      return { reached: true };
    }
    if (path === "hello") return {};
    throw fail("community-unreachable", { params: { reason: "an unknown path" } });
  };

  const serveMember = async (session: Session, request: LinkRequest): Promise<LinkAnswer> => {
    if (!session.isMember(request.peer))
      return envelope(403, { error: { code: session.isExcluded(request.peer) ? "excluded" : "community-closed" } });
    const handler = handlers.get(request.path);
    if (!handler) return envelope(404, { error: { code: "community-unreachable" } });
    return { status: 200, body: await handler({ peer: request.peer, body: request.body, signal: request.signal }) };
  };

  /** It may have been away when that was decided, and would knock for ever. Then the link is cut again. */
  const tellExcluded = (session: Session, peer: string): LinkAnswer => {
    needs.clock.after(EXCLUDED_LINK_MS, () => {
      if (needs.session()?.isExcluded(peer)) needs.cut(peer);
    });
    const { by } = session.admission.view()!.excluded.get(peer)!;
    const exclusion = session.replica.core.get(by, "exclude", peer);
    return envelope(403, { error: { code: "excluded" }, exclusion });
  };

  const envelope = (status: number, content: Omit<Envelope, "nowMs">): LinkAnswer => ({
    status,
    body: Buffer.from(JSON.stringify({ nowMs: needs.clock.wallMs(), ...content })),
  });

  return {
    async handle(request) {
      const session = needs.session();
      if (!session) return envelope(503, { error: { code: "community-unreachable" } });
      if (!request.path.startsWith(MESH_PATH)) return serveMember(session, request);
      if (session.isExcluded(request.peer)) return tellExcluded(session, request.peer);
      try {
        const path = request.path.slice(MESH_PATH.length);
        // A small question of a reconciliation may have a large answer.
        const weighs = path === "sync" ? MESSAGE_MAX_BYTES : request.body.length;
        return await needs.share.run(request.peer, weighs, async (busy) => {
          const body = await answerMesh(session, request.peer, path, request.body, busy);
          return busy(() => envelope(200, { body }));
        });
      } catch (error) {
        if (!isFailure(error)) throw error;
        return envelope(error.status, { error: { code: error.code, params: error.params } });
      }
    },
    serve: (path, handler) => void handlers.set(path, handler),
    serveStreams: (path, take) => void streams.set(path, take),
    stream({ peer, path }, stream) {
      const take = needs.session()?.isMember(peer) ? streams.get(path) : undefined;
      if (take) take(peer, stream);
      else stream.destroy();
    },
    async openStream(links, session, boxId, path) {
      const at = session.peers.addressOf(boxId);
      if (!at || !session.isMember(boxId)) throw fail("box-unknown", { params: { box: boxId } });
      return (await links.openStream({ peer: { boxId, ...at }, path })).stream;
    },
    refused: needs.share.refused,
    async request(links, session, { boxId, path, body, timeoutMs, signal }) {
      const at = session.peers.addressOf(boxId);
      if (!at || !session.isMember(boxId)) throw fail("box-unknown", { params: { box: boxId } });
      return links.request({ peer: { boxId, ...at }, path, body, timeoutMs: timeoutMs ?? SERVICE_TIMEOUT_MS, signal });
    },
    async reachable(session, boxes) {
      const asked = boxes.slice(0, REACH_ASKED_MAX);
      const results = await Promise.allSettled(asked.map((box) => session.peers.ask(box, "reach", {})));
      return results.some((result) => result.status === "fulfilled");
    },
  };
}

function readJson(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) throw fail("record-refused", { params: { kind: "message", reason: "too large" } });
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw fail("record-refused", { params: { kind: "message", reason: "not JSON" }, cause });
  }
}
