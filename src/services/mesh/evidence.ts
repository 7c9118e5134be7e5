/**
 * Proof that a box numbers twice: two records with its signature and one number. A broken box does so (its data folder
 * is in use twice, or was set back), or a dishonest one that tells its neighbours different things. The pair is kept,
 * shown as a warning, and sent to the stewards' boxes, which check it themselves: they may exclude.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import { readRecord } from "../../protocols/records/record.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import type { MeshStore } from "./store.ts";

/** Boxes of which proof is kept; the oldest goes. */
export const EVIDENCE_MAX = 64;
/** Stewards' boxes that are sent the pair. */
const STEWARDS_TOLD_MAX = 8;
const FACT = "evidence ";

export interface Evidence {
  box: string;
  /** When this box saw it. */
  atMs: number;
  records: readonly SignedRecord[];
}

export interface EvidenceNeeds {
  clock: Clock;
  log: Log;
  rows: MeshStore;
  selfId: string;
  stewards: () => Iterable<string>;
  ask: (box: string, path: "push", body: object) => Promise<unknown>;
}

export interface EvidenceRoom {
  /** The core found the pair; once for each author and run. */
  note(author: string, records: readonly SignedRecord[]): void;
  /** The newest first. */
  list(): Evidence[];
  /** Was pardoned, or its case is settled otherwise. */
  forget(box: string): void;
}

export function createEvidence(needs: EvidenceNeeds): EvidenceRoom {
  const { rows, log } = needs;
  let cached: Evidence[] | undefined;
  const list = () =>
    (cached ??= rows
      .factsLike(FACT)
      .flatMap(({ value }) => readEvidence(value) ?? [])
      .sort((a, b) => b.atMs - a.atMs));

  return {
    list,
    note(author, records) {
      log.warn("a box signed two records with one number", { author, seq: records[0]!.seq });
      const before = list();
      if (before.some(({ box }) => box === author)) return;
      const evidence: Evidence = { box: author, atMs: needs.clock.wallMs(), records };
      ifRoom(() => {
        rows.setFact(FACT + author, JSON.stringify(evidence));
        for (const { box } of before.slice(EVIDENCE_MAX - 1)) rows.dropFact(FACT + box);
      });
      cached = undefined;
      if (author === needs.selfId) return;
      const stewards = [...needs.stewards()].filter((box) => box !== needs.selfId && box !== author);
      for (const box of stewards.slice(0, STEWARDS_TOLD_MAX))
        needs.ask(box, "push", { records }).catch((error: unknown) => {
          log.debug("a steward's box was not told of a pair", { box, error });
        });
    },
    forget(box) {
      ifRoom(() => rows.dropFact(FACT + box));
      cached = undefined;
    },
  };
}

function readEvidence(text: string): Evidence | undefined {
  const { box, atMs, records } = JSON.parse(text) as Evidence;
  const read = records.map(readRecord).filter((record) => record !== undefined);
  return read.length === 2 ? { box, atMs, records: read } : undefined;
}
