/**
 * The half that serves others: sealed roots that boxes left here, given to whoever knows the locator, and let go when
 * nobody has renewed them for more than a year. A box that has left the community, or is lost, keeps its place: it is
 * for such that they are kept.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { TokenBuckets } from "../../../protocols/records/token-buckets.ts";
import type { MeshClient } from "../../mesh/client.ts";
import {
  COUNTED_BOXES_MAX,
  FIND_BURST,
  FIND_PER_SECOND,
  KEEP_BURST,
  KEEP_PER_SECOND,
  KEPT_MAX,
  KEPT_MS,
  KEPT_PER_BOX_MAX,
  KEPT_PER_LOCATOR_MAX,
  LET_GO_EVERY_MS,
} from "./constants.ts";
import { DROP_PATH, dropIn, encoded, FIND_PATH, findIn, found, KEEP_PATH, keepIn, proofHashOf } from "./messages.ts";
import type { KeepAsked } from "./messages.ts";
import type { RecoveryStore } from "./recovery-store.ts";

export interface KeepingNeeds {
  clock: Clock;
  mesh: Pick<MeshClient, "serve">;
  rows: RecoveryStore;
  /** Do the other boxes agree with our clock? While they do not, nothing is let go. */
  isClockRight: () => boolean;
}

/** Answers from now on. Gives what is to be called now and then, to let old ones go. */
export function createKeeping({ clock, mesh, rows, isClockRight }: KeepingNeeds): { letGo: () => void } {
  const rate = (burst: number, perSecond: number) =>
    new TokenBuckets({ burst, perSecond, bucketsMax: COUNTED_BOXES_MAX });
  const [changes, questions] = [rate(KEEP_BURST, KEEP_PER_SECOND), rate(FIND_BURST, FIND_PER_SECOND)];
  const tooMany = encoded({ error: "too-many" });
  const badInput = encoded({ error: "bad-input" });

  mesh.serve(KEEP_PATH, async ({ peer, body }) => {
    if (!changes.take(peer, clock.monotonicMs())) return tooMany;
    const asked = keepIn(body);
    return asked ? encoded({ kept: keep(rows, peer, asked, clock.wallMs()) }) : badInput;
  });
  mesh.serve(DROP_PATH, async ({ peer, body }) => {
    if (!changes.take(peer, clock.monotonicMs())) return tooMany;
    const asked = dropIn(body);
    if (!asked) return badInput;
    rows.dropKept(asked.locator, peer, proofHashOf(asked.proof));
    return encoded({ dropped: true });
  });
  mesh.serve(FIND_PATH, async ({ peer, body }) => {
    if (!questions.take(peer, clock.monotonicMs())) return tooMany;
    const asked = findIn(body);
    return asked ? found(rows.kept(asked.locator).map(({ sealed }) => sealed)) : badInput;
  });

  /** A clock that has just leaped is not known as wrong yet: this long it must have run before. */
  let lookedMs = clock.monotonicMs();
  return {
    letGo() {
      if (clock.monotonicMs() - lookedMs < LET_GO_EVERY_MS || !isClockRight()) return;
      lookedMs = clock.monotonicMs();
      rows.dropKeptBefore(clock.wallMs() - KEPT_MS);
    },
  };
}

/** False when there is no room. On the disk when it is true. */
function keep(rows: RecoveryStore, boxId: string, asked: KeepAsked, seenMs: number): boolean {
  const { locator } = asked;
  if (!rows.hasKept(boxId, locator)) {
    if (rows.keptOf(boxId) >= KEPT_PER_BOX_MAX || rows.keptInAll() >= KEPT_MAX) return false;
    if (rows.keptUnder(locator) >= KEPT_PER_LOCATOR_MAX) return false;
  }
  rows.keep({ boxId, ...asked, seenMs });
  return true;
}
