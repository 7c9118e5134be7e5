/**
 * What nodes say to one another. A frame is a list of messages from one node to another; frames may be lost, come
 * twice, and in another order. docs/protocols/kv.md has the meaning; codec.ts the bytes.
 */
import type { Answer } from "./content.ts";
import type { Page } from "./pages.ts";
import type { Command, Key, Version } from "./types.ts";

/** Rounds are compared first, then nodes. */
export interface Ballot {
  round: number;
  node: number;
}

export interface View {
  number: number;
  /** Nodes, first the one that coordinates when it is up. */
  members: readonly number[];
}

/** `view` in a message about a slot is the number of the view in which it is meant. */
interface OfView {
  slot: number;
  view: number;
}

export type Refusal =
  /** The receiver has no ballot, and is not the one who should ask for it. */
  | "not-coordinator"
  /** It is not a ready member. */
  | "not-ready"
  /** It lost its ballot with the operation under way; the operation may be done. */
  | "lost-ballot"
  /** It is a repetition, and its origin is no longer among those that the key remembers: it may have been done. */
  | "forgotten"
  | "full"
  | "too-many";

/** To the coordinator: operations of the sender on one key, numbered from `first`. */
export interface Forward {
  type: "forward";
  slot: number;
  key: Key;
  /** The box that was asked, by the number of its life; numbers begin anew in each. */
  origin: number;
  first: number;
  commands: readonly Command[];
  /** Tries before this one; who is asked again takes the ballot even when another should have it. */
  tries: number;
  /**
   * With reads, when the sender is a ready member: its view, and the highest ballot that it has promised there. It
   * confirms that ballot as it would if it were asked, and is not asked once more.
   */
  confirms: { view: number; ballot: Ballot } | undefined;
}

export interface Told {
  answer: Answer;
  /** What the key held before, `encodeContent`; where the command asks for it. */
  before: Uint8Array | undefined;
  /** Of what it holds now, where it holds something that the command has set. */
  version: Version | undefined;
  expiresMs: number | null;
}

export type Message =
  | Forward
  | { type: "told"; slot: number; key: Key; first: number; told: readonly Told[]; repeated: boolean }
  /** `hint`: the newest view that the refuser knows. */
  | { type: "refused"; slot: number; key: Key; first: number; tries: number; why: Refusal; hint: View | undefined }
  // A ballot, and what is done under it.
  | ({ type: "prepare"; ballot: Ballot } & OfView)
  | ({ type: "promise"; ballot: Ballot; digest: string } & OfView)
  | ({ type: "outbid"; promised: Ballot } & OfView)
  | ({ type: "other-view"; hint: View } & OfView)
  | ({ type: "read"; ballot: Ballot; key: Key } & OfView)
  | ({ type: "holds"; ballot: Ballot; key: Key; content: Uint8Array | undefined } & OfView)
  | ({ type: "accept"; ballot: Ballot; key: Key; content: Uint8Array } & OfView)
  /** `isFull`: the member has more than it wants to hold. */
  | ({ type: "accepted"; ballot: Ballot; n: number; isFull: boolean } & OfView)
  | { type: "confirm"; id: number; slots: readonly (OfView & { ballot: Ballot })[] }
  /** Not confirmed are the slots whose ballot or view is another. */
  | { type: "confirmed"; id: number; refused: readonly number[] }
  | ({ type: "drop"; ballot: Ballot; key: Key; version: Version } & OfView)
  // The next view.
  | ({ type: "view-prepare"; ballot: Ballot } & OfView)
  | ({
      type: "view-promise";
      ballot: Ballot;
      accepted: { ballot: Ballot; members: readonly number[] } | undefined;
    } & OfView)
  | ({ type: "view-accept"; ballot: Ballot; members: readonly number[] } & OfView)
  | ({ type: "view-accepted"; ballot: Ballot } & OfView)
  | ({ type: "view-outbid"; promised: Ballot } & OfView)
  /** View `view` of the slot was decided; `before` is the one it follows, whose members are the sources of a copy. */
  | ({ type: "decided"; members: readonly number[]; before: View | undefined } & OfView)
  | { type: "ask-view"; slot: number }
  // A new member copies. `view` is the view in which it is new; `learn` comes before that view is decided.
  | ({ type: "learn"; from: readonly number[] } & OfView)
  | ({ type: "learned" } & OfView)
  | ({ type: "index"; after: Key | undefined; isFinal: boolean } & OfView)
  | ({
      type: "indexed";
      after: Key | undefined;
      promised: Ballot;
      keys: readonly { key: Key; version: Version }[];
      isEnd: boolean;
      isFinal: boolean;
    } & OfView)
  | ({ type: "fetch"; keys: readonly Key[] } & OfView)
  | ({ type: "fetched"; contents: readonly { key: Key; content: Uint8Array }[] } & OfView)
  | ({ type: "ready" } & OfView)
  | ({ type: "ask-ready" } & OfView)
  // Many keys.
  /** `after` is meant for the first slot. */
  | { type: "list"; id: number; prefix: Key; after: Key | undefined; slots: readonly OfView[]; limit: number }
  /** As many of the slots, in their order, as fit; refused are those in which it is not ready in that view. */
  | { type: "listed"; id: number; slots: readonly ({ slot: number } & Page)[]; refused: readonly number[] }
  | { type: "watch"; id: number; prefix: Key; isOn: boolean }
  | { type: "changed"; id: number; key: Key; version: Version }
  // A read that may be behind.
  | { type: "peek"; id: number; slot: number; key: Key }
  | { type: "peeked"; id: number; content: Uint8Array | undefined };

export type MessageType = Message["type"];

/** What is said because groups change: views and copies. The rest is for operations, lists and watches. */
export const COPYING: ReadonlySet<MessageType> = new Set<MessageType>([
  ...(["view-prepare", "view-promise", "view-accept", "view-accepted", "view-outbid"] as const),
  ...(["decided", "ask-view", "learn", "learned", "index", "indexed"] as const),
  ...(["fetch", "fetched", "ready", "ask-ready"] as const),
]);

export function compareBallots(a: Ballot, b: Ballot): number {
  return a.round - b.round || a.node - b.node;
}

export const NO_BALLOT: Ballot = { round: 0, node: 0 };
