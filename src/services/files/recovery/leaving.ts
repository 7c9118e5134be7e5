/**
 * The half that speaks to other boxes: leaves a sealed root with some of them, takes it back, and asks all of them for
 * one. What they answer is theirs to say: nothing of it is believed before the key opens it.
 */
import { atMost } from "../../../kernel/at-most.ts";
import type { Log } from "../../../kernel/log.ts";
import type { BoxView, MeshClient } from "../../mesh/client.ts";
import {
  FIND_AT_ONCE,
  FIND_BOXES_MAX,
  FIND_TIMEOUT_MS,
  HOLDERS_ASKED_MAX,
  HOLDERS_WANTED,
  RECOVERY_TIMEOUT_MS,
} from "./constants.ts";
import { inOrder } from "./holders.ts";
import { DROP_PATH, encoded, FIND_PATH, foundIn, isDone, KEEP_PATH, keepAsked, proofHashOf } from "./messages.ts";
import type { PhraseKeys } from "./phrase.ts";
import { open } from "./sealed.ts";
import type { OpenedRoot } from "./sealed.ts";

export interface LeavingNeeds {
  log: Log;
  mesh: Pick<MeshClient, "request" | "boxes">;
  /** Boxes that give space. */
  givers: () => readonly string[];
  /** What this box itself keeps for others under a locator. */
  kept: (locator: string) => readonly Uint8Array[];
}

/** What a round of asking brought. */
export interface Found {
  root: (OpenedRoot & { sealed: Uint8Array }) | undefined;
  /** The boxes that had it; this one may be among them. */
  holders: BoxView[];
  /** How many gave an answer, and which did not. */
  answered: number;
  silent: BoxView[];
}

export interface Leaving {
  /** Gives the boxes that keep it now: as many as are wanted, fewer where there are no more. */
  leave(wish: Pick<PhraseKeys, "locator" | "proof"> & { sealed: Uint8Array }, signal: AbortSignal): Promise<string[]>;
  /** True when that box has nothing of it any more. */
  takeBack(boxId: string, wish: { locator: string; proof: string }, signal: AbortSignal): Promise<boolean>;
  find(keys: Pick<PhraseKeys, "locator" | "key">, signal: AbortSignal): Promise<Found>;
}

export function createLeaving({ log, mesh, givers, kept }: LeavingNeeds): Leaving {
  /** Undefined when the box does not answer. */
  const ask = async (boxId: string, path: string, body: Uint8Array, signal: AbortSignal) => {
    try {
      const answer = await mesh.request(boxId, path, body, { timeoutMs: RECOVERY_TIMEOUT_MS, signal });
      return answer.status === 200 ? answer.body : undefined;
    } catch (error) {
      signal.throwIfAborted();
      log.debug("a box did not answer about a recovery phrase", { box: boxId, path, error });
      return undefined;
    }
  };
  const candidates = (locator: string) => inOrder(locator, mesh.boxes(), new Set(givers()));
  return {
    async leave({ locator, proof, sealed }, signal) {
      const body = keepAsked({ locator, proofHash: proofHashOf(proof), sealed });
      const here = candidates(locator).filter(({ state }) => state !== "away");
      const takers: string[] = [];
      const asked = here.slice(0, HOLDERS_ASKED_MAX).values();
      // Each of so many goes on from box to box until one takes it.
      const leaveOne = async () => {
        for (const { id } of asked) {
          const answer = await ask(id, KEEP_PATH, body, signal);
          if (answer && isDone(answer, "kept")) return void takers.push(id);
        }
      };
      await Promise.all(Array.from({ length: HOLDERS_WANTED }, leaveOne));
      return takers;
    },
    async takeBack(boxId, { locator, proof }, signal) {
      const answer = await ask(boxId, DROP_PATH, encoded({ locator, proof }), signal);
      return answer !== undefined && isDone(answer, "dropped");
    },
    async find({ locator, key }, signal) {
      const all = candidates(locator);
      // Those that seem to be away are asked last: this box may have seen them too short a time to know.
      const ordered = [...all.filter(({ state }) => state !== "away"), ...all.filter(({ state }) => state === "away")];
      const result: Found = { root: undefined, holders: [], answered: 0, silent: [] };
      const take = (box: BoxView, sealed: readonly Uint8Array[]) => {
        const opened = firstOpened(key, sealed);
        if (opened) result.holders.push(box);
        result.root ??= opened;
      };
      for (const self of mesh.boxes().filter((box) => box.self)) take(self, kept(locator));
      const body = encoded({ locator });
      const inTime = AbortSignal.timeout(FIND_TIMEOUT_MS);
      const asking = AbortSignal.any([signal, inTime]);
      const askOne = async (box: BoxView) => {
        const answer = inTime.aborted ? undefined : await ask(box.id, FIND_PATH, body, asking).catch(() => undefined);
        signal.throwIfAborted();
        const sealed = answer && foundIn(answer);
        if (!sealed) return void result.silent.push(box);
        result.answered += 1;
        take(box, sealed);
      };
      await atMost(FIND_AT_ONCE, ordered.slice(0, FIND_BOXES_MAX), askOne);
      return result;
    },
  };
}

function firstOpened(key: Uint8Array, all: readonly Uint8Array[]): Found["root"] {
  for (const sealed of all) {
    const root = open(key, sealed);
    if (root) return { ...root, sealed };
  }
  return undefined;
}
