/**
 * What other services may ask of the mesh: who is here, records, and requests from box to box.
 */
import type { Duplex } from "node:stream";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import type { NearbyBox } from "./handlers.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";

export type BoxState = "up" | "suspect" | "away" | "pending" | "excluded";

export interface BoxView {
  id: string;
  name: string;
  owner: string;
  zone: string;
  state: BoxState;
  self: boolean;
  steward: boolean;
  /** Where its links listen; null when not known. */
  address: string | null;
  meshPort: number | null;
  webPort: number | null;
  version: string;
  /** Estimated round trip in milliseconds, and when the box last told its coordinate. */
  rttMs: number | null;
  rttAtMs: number | null;
  /** Where it answers gossip. Its record may say another address; null when it does not answer, or is this box. */
  answersAt: string | null;
  seenMs: number | null;
  sinceMs: number | null;
  startedMs: number | null;
  /** Load per core as the box reports it, 0 and up; null when it does not. */
  load: number | null;
  /** When it said so, by its own clock. A claim, as the load is. */
  loadAtMs: number | null;
  health: "ok" | "info" | "warning" | "error" | null;
}

export interface CommunityView {
  id: string;
  name: string;
  foundedMs: number;
  steward: boolean;
  policy: {
    admission: "open" | "invitation" | "approval";
    inviters: "members" | "stewards";
    accent: string;
    about: string;
  };
}

export interface RecordView {
  author: string;
  kind: string;
  key: string;
  timeMs: number;
  body: Json;
}

export interface PeerAnswer {
  status: number;
  body: Uint8Array;
  rttMs: number;
}

export interface MeshClient {
  selfId: string;
  community(): CommunityView | null;
  /** The boxes of the community, this one first. */
  boxes(): BoxView[];
  box(id: string): BoxView | undefined;

  /** Registers a kind of records; called before start. */
  registerKind(spec: KindSpec): void;
  /** Signs, stores and spreads a record; it is safe on disk on return. Without a community it does nothing. */
  publish(kind: string, key: string, body: Json): void;
  /** Takes an own record back. */
  withdraw(kind: string, key: string): void;
  /** The live records of one kind, of members only. */
  records(kind: string): RecordView[];
  /** Calls when records of this kind changed, at most some times a second. */
  onRecords(kind: string, listener: () => void): void;
  /** Calls when this box founded, joined or left a community. */
  onJoined(listener: () => void): void;
  /** Calls when a box came, went or changed. */
  onBoxes(listener: () => void): void;

  /** Asks another box over its link. Failures: peer-unreachable, peer-identity, peer-timeout. */
  request(
    boxId: string,
    path: string,
    body: Uint8Array,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<PeerAnswer>;
  /** Answers requests of other members below this path. Called before start. */
  serve(
    path: string,
    handler: (request: { peer: string; body: Uint8Array; signal: AbortSignal }) => Promise<Uint8Array>,
  ): void;

  /**
   * A stream of bytes to another box, with flow control, over the link to it. Failures: peer-unreachable,
   * peer-identity, peer-timeout, peer-refused.
   */
  openStream(boxId: string, path: string): Promise<Duplex>;
  /** Takes the streams that other members open to this path. Called before start. */
  serveStreams(path: string, take: (peer: string, stream: Duplex) => void): void;

  found(name: string): Promise<CommunityView>;
  /** `owner` when nobody has an account here yet. */
  join(code: string, owner?: string): Promise<CommunityView>;
  /** Throws `clock-wrong` when the others would take what this box signs now for long expired. */
  checkClock(): void;
  /** Median difference of the other boxes' clocks from ours, in milliseconds; undefined before one was asked. */
  clockOffsetMs(): number | undefined;
  /** Where the mesh listens. */
  port(): number;
  /** A code without an invitation, by which boxes ask to join an open community. */
  openCode(): string | null;
  /** The own name, zone, owner or health changed: tell the others. */
  describeSelf(): void;
  /** The lan service tells which boxes it hears. */
  hearNearby(read: () => NearbyBox[]): void;
}

/** What people call a box; the beginning of its id where it is not known. */
export function boxName(mesh: Pick<MeshClient, "box">, id: string): string {
  return mesh.box(id)?.name ?? id.slice(0, 8);
}
