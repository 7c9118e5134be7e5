/** The side of a simulated box that uses the grid: the shipped grid, trees and care over lines to all servers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import type { Random } from "../../src/kernel/random.ts";
import { simdMixer } from "../../src/platform/erasure.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { openStore } from "../../src/platform/store.ts";
import type { Store } from "../../src/platform/store.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { erasureCode } from "../../src/protocols/grid/erasure.ts";
import type { Care } from "../../src/services/files/care/care.ts";
import type { CareStore } from "../../src/services/files/care/care-store.ts";
import type { Deposits, DepositsNeeds } from "../../src/services/files/care/deposits.ts";
import type { Encoding, Grid } from "../../src/services/files/grid/grid.ts";
import type { GridServer } from "../../src/services/files/grid/server.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import type { Tree } from "../../src/services/files/tree/tree.ts";
import type { Parts } from "./parts.ts";

const mixer = simdMixer(erasureKernel());
export const crypto = gridCrypto();
/** The account of every box. */
export const ACCOUNT = "anna";

export interface MemberNeeds {
  parts: Parts;
  clock: Clock;
  random: Random;
  makeKey: () => Promise<Uint8Array>;
  servers: () => readonly GridServer[];
  encoding: () => Encoding;
  /** Of the box: lease secrets and the like are made of it. */
  secret: Uint8Array;
  care?: CareWish;
}

export interface CareWish {
  bytesPerSecond: number;
  lookMs: number;
  settledMs: number;
  mesh: DepositsNeeds["mesh"];
  /** Boxes that give space, besides this one. */
  others: () => readonly string[];
}

export class MemberBox {
  readonly grid: Grid;
  readonly tree: Tree;
  readonly files: MemberFiles;
  readonly care: Care | undefined;
  readonly rows: CareStore;
  /** What care and the tree said: "level message". */
  readonly said: string[] = [];
  readonly #needs: MemberNeeds;
  readonly #store: Store;
  readonly #folder = mkdtempSync(join(tmpdir(), "comu-sim-"));

  constructor(needs: MemberNeeds) {
    this.#needs = needs;
    const { parts, clock, random, makeKey, servers, encoding, secret } = needs;
    const part = (name: string) => crypto.sha256(Buffer.from(name), secret);
    this.grid = parts.createGrid({
      ...{ crypto, clock, random, servers, encoding },
      codeOf: (k, n) => erasureCode(k, n, mixer),
      secrets: { lease: part("lease"), upload: part("upload"), convergence: part("convergence") },
      keyPool: new parts.KeyPool({ clock, makeKey }),
      workers: new parts.GridWorkers({ clock, threads: 0 }),
    });
    this.#store = openStore(":memory:");
    this.tree = new parts.Tree({
      ...{ gridOf: () => this.grid, store: this.#store, crypto, clock, random },
      spoolFolder: join(this.#folder, "spool"),
      settings: { trashDays: () => 30, quotaBytes: () => undefined },
    });
    this.files = this.tree.files(ACCOUNT);
    this.rows = parts.careStore(this.#store);
    this.care = needs.care && this.#makeCare(needs.care);
  }

  /** Takes real time, for its folder on the real disk: not to be driven. */
  async start(): Promise<void> {
    await this.tree.start();
    this.care?.start();
  }

  /** As `start`. */
  async stop(): Promise<void> {
    await this.tree.stop();
    this.#store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #makeCare({ bytesPerSecond, lookMs, settledMs, mesh, others }: CareWish): Care {
    const { parts, clock } = this.#needs;
    const log = createLog({ clock, level: "info", write: (line) => void this.said.push(line) });
    const pace = parts.createPace(clock, () => bytesPerSecond);
    const grid = this.grid;
    const rows = this.rows;
    const deposits: Deposits = parts.createDeposits({ clock, log, mesh, rows, pace, others, grid: async () => grid });
    const checkingOf = parts.createChecks({ clock, crypto, rows, gridOf: () => grid });
    const notes = new Map<string, string>();
    return parts.createCare({
      ...{ clock, log, rows, pace, deposits, changed: () => {}, times: { lookMs, settledMs } },
      accounts: async () => parts.careAccounts(this.tree, () => grid, checkingOf),
      notes: parts.createNotes({
        note: (name) => notes.get(name),
        setNote: (name, text) => void notes.set(name, text),
      }),
    });
  }
}
