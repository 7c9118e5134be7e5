/**
 * Files of boxes that are away. Each box leaves the verify caps of what it keeps with some others, from which nobody
 * gets a byte of content; while it is away they look after it: check, renew leases, and make missing shares again (of
 * mutable files by copying). What was not spoken of for half a year is let go.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import { nextTurn } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { parseCap } from "../../../protocols/grid/caps.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { BoxView, MeshClient } from "../../mesh/client.ts";
import { CAP_CHARS_MAX } from "../shapes.ts";
import type { Grid } from "../grid/grid.ts";
import type { CareStore, DepositRow } from "./care-store.ts";
import { isRepairDue, repairBytes } from "./checking.ts";
import {
  CARE_TAKERS,
  CHECK_BYTES,
  CHECK_TIMEOUT_MS,
  DEPOSITS_MAX,
  DEPOSITS_PER_BOX_MAX,
  DEPOSIT_BYTES_MAX,
  DEPOSIT_CAPS_MAX,
  DEPOSIT_KEPT_MS,
  DEPOSIT_LET_GO_MS,
  DEPOSIT_TIMEOUT_MS,
  REPAIR_TIMEOUT_MS,
  WEAK_EVERY_MS,
} from "./constants.ts";
import type { Pace } from "./pace.ts";

const DEPOSIT_PATH = "/files/deposit";
/** One call of `tend` does so much, so that the own files are not kept waiting. */
const TENDED_AT_ONCE = 50;

export interface Deposits {
  /** Leaves what this account keeps with other boxes. Never rejects but with the signal's reason. */
  leave(account: string, signal: AbortSignal): Promise<void>;
  /** Looks after files of boxes that are away, those that were last looked at before this. */
  tend(beforeMs: number, signal: AbortSignal): Promise<void>;
  /** By which this box looks after what is not its own; undefined when there is none. */
  grid(): Promise<Grid | undefined>;
}

export interface DepositsNeeds {
  clock: Clock;
  log: Log;
  mesh: Pick<MeshClient, "serve" | "request"> & { box(id: string): Pick<BoxView, "state"> | undefined };
  rows: CareStore;
  pace: Pace;
  /** Boxes that give space, besides this one. */
  others: () => readonly string[];
  grid: Deposits["grid"];
  /** Do the other boxes agree with our clock? While they do not, nothing is let go. */
  isClockRight?: () => boolean;
}

export function createDeposits(needs: DepositsNeeds): Deposits {
  const { clock, log, mesh, rows, isClockRight = () => true } = needs;
  /** A clock that has just leaped is not known as wrong yet: this long it must have run before. */
  let lookedMs = clock.monotonicMs();
  const letGo = () => {
    if (clock.monotonicMs() - lookedMs < DEPOSIT_LET_GO_MS || !isClockRight()) return;
    lookedMs = clock.monotonicMs();
    rows.dropDepositsBefore(clock.wallMs() - DEPOSIT_KEPT_MS);
  };
  mesh.serve(DEPOSIT_PATH, async ({ peer, body }) => {
    const taken = take(rows, peer, capsIn(body), clock.wallMs());
    return Buffer.from(JSON.stringify({ taken }));
  });
  const send = async (boxId: string, caps: readonly string[], signal: AbortSignal) => {
    if (caps.length === 0) return;
    const body = Buffer.from(JSON.stringify({ caps }));
    await mesh.request(boxId, DEPOSIT_PATH, body, { timeoutMs: DEPOSIT_TIMEOUT_MS, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      log.debug("a box took no deposit", { box: boxId, error });
    });
  };
  return {
    grid: needs.grid,
    async leave(account, signal) {
      const boxes = needs.others();
      let after = "";
      for (;;) {
        const page = rows.verifyCaps(account, after, DEPOSIT_CAPS_MAX);
        for (const [boxId, caps] of await byTaker(page, boxes)) await send(boxId, caps, signal);
        if (page.length < DEPOSIT_CAPS_MAX) return;
        after = page.at(-1)!.storageIndex;
      }
    },
    async tend(beforeMs, signal) {
      letGo();
      const away = rows.depositors().filter(({ boxId }) => mesh.box(boxId)?.state === "away");
      if (away.length === 0) return;
      const grid = await needs.grid();
      if (!grid) return;
      let left = TENDED_AT_ONCE;
      for (const { boxId } of away) {
        for (; left > 0; left -= 1) {
          const due = rows.dueDeposit(boxId, beforeMs, clock.wallMs() - WEAK_EVERY_MS);
          if (!due) break;
          // Noted before: one that brings the daemon down is not the first that it takes up again.
          rows.depositChecked(due, clock.wallMs());
          const cap = verifyCapIn(due.verifyCap);
          if (cap) await tendOne(needs, grid, { due, cap }, signal);
        }
      }
    },
  };
}

async function tendOne(
  { clock, log, pace, rows }: DepositsNeeds,
  grid: Grid,
  { due, cap }: { due: DepositRow; cap: KnownCap },
  signal: AbortSignal,
): Promise<void> {
  try {
    const checking = AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
    const result = await grid.check(cap, { renewLeases: true, signal: checking });
    await pace.spend(CHECK_BYTES, signal);
    const weakSinceMs = result.state === "healthy" ? null : (due.weakSinceMs ?? clock.wallMs());
    rows.depositWeak(due, weakSinceMs);
    // Its owner is away, and with it most often a server: only what could not bear another loss is made again at once.
    if (!isRepairDue({ ...result, silent: ["its owner"] }, { weakSinceMs }, clock.wallMs())) return;
    const repairing = AbortSignal.any([signal, AbortSignal.timeout(REPAIR_TIMEOUT_MS)]);
    const repaired = await grid.repair(cap, { signal: repairing });
    if (repaired.after.state === "healthy") rows.depositWeak(due, null);
    if (!repaired.isHeld) log.info("a file of a box that is away was repaired", { written: repaired.written });
    await pace.spend(repairBytes(cap, repaired, CHECK_BYTES), signal);
  } catch (error) {
    signal.throwIfAborted();
    log.debug("a file of a box that is away could not be tended", { error });
  }
}

/** The verify caps that each of the boxes is given. */
async function byTaker(
  page: readonly { storageIndex: string; verifyCap: string }[],
  boxes: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>(boxes.map((boxId) => [boxId, []]));
  for (const { storageIndex, verifyCap } of page) {
    for (const boxId of takersOf(storageIndex, boxes)) found.get(boxId)!.push(verifyCap);
    await nextTurn();
  }
  return found;
}

/** Which boxes are given a file's cap: the same ones each time, and for each file others. */
export function takersOf(storageIndex: string, boxes: readonly string[]): string[] {
  const weight = (boxId: string) => createHash("sha256").update(`${storageIndex} ${boxId}`).digest("hex");
  const weighed = boxes.map((boxId) => ({ boxId, weight: weight(boxId) }));
  weighed.sort((a, b) => (a.weight < b.weight ? -1 : 1));
  return weighed.slice(0, CARE_TAKERS).map(({ boxId }) => boxId);
}

/** How many were taken. */
function take(rows: CareStore, peer: string, caps: readonly string[], nowMs: number): number {
  let room = Math.min(DEPOSITS_PER_BOX_MAX - rows.depositsOf(peer), DEPOSITS_MAX - rows.deposits());
  let taken = 0;
  for (const cap of caps) {
    if (room <= 0) break;
    rows.deposit(peer, cap, nowMs);
    room -= 1;
    taken += 1;
  }
  return taken;
}

/** Those of a stranger's message that are verify caps and nothing more. */
function capsIn(body: Uint8Array): string[] {
  if (body.length > DEPOSIT_BYTES_MAX) return [];
  try {
    const { caps } = JSON.parse(new TextDecoder().decode(body)) as { caps?: unknown };
    if (!Array.isArray(caps)) return [];
    return caps.slice(0, DEPOSIT_CAPS_MAX).filter((one): one is string => verifyCapIn(one) !== undefined);
  } catch {
    return [];
  }
}

function verifyCapIn(text: unknown): KnownCap | undefined {
  if (typeof text !== "string" || text.length > CAP_CHARS_MAX) return undefined;
  const cap = parseCap(text);
  if (cap.kind === "unknown") return undefined;
  const file = cap.kind === "directory" ? cap.file : cap;
  return file.kind === "chk-verify" || file.kind === "mutable-verify" ? cap : undefined;
}
