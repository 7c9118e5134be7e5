/**
 * The grids of this box: one for each account, since each has swissnums of its own; and one under no name, by which
 * the box looks after what is not its accounts'. What costs memory or time (threads, keys made ahead, the kernel of the
 * erasure code) is there once, and not before somebody uses files: most boxes of a community only know of them.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { simdMixer } from "../../platform/erasure.ts";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import type { Resolver } from "../../platform/resolve.ts";
import { erasureCode } from "../../protocols/grid/erasure.ts";
import type { ErasureCode } from "../../protocols/grid/erasure.ts";
import { erasureKernel } from "../../protocols/grid/erasure-kernel.ts";
import type { Access } from "./access.ts";
import { FIRST_ANSWERS_MS } from "./constants.ts";
import { encodingOf } from "./encoding.ts";
import { createGrid } from "./grid/community-grid.ts";
import { GridWorkers } from "./grid/encode-pool.ts";
import type { Encoding, Grid } from "./grid/grid.ts";
import { KeyPool } from "./grid/key-pool.ts";
import { ServerList } from "./grid/server-list.ts";
import { StorageClient } from "./grid/storage-client.ts";
import type { ServerPlace } from "./grid/storage-client.ts";
import type { FilesSecrets } from "./secrets.ts";

/** The account that stands for the box itself: nobody's name is empty. */
export const BOX_ACCOUNT = "";

/** Matrices of codes that files of other origin use. */
const CODES_KEPT = 32;

export interface Grids {
  readonly crypto: ReturnType<typeof gridCrypto>;
  /** From now on its servers are looked at, now and then. */
  of(account: string): Grid;
  /** What there is to say while nobody here uses files. */
  readonly nobodys: Pick<Grid, "servers" | "encoding">;
  /** The places changed: of all accounts, or of this one. */
  refresh(account?: string): void;
  close(): Promise<void>;
}

export interface GridsNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  resolver: Resolver;
  secrets: () => FilesSecrets;
  access: () => Access;
  imported: () => readonly ServerPlace[];
  encoding: () => { needed: number; total: number; happy: number; segmentKiB: number };
  keyFile: string;
  /** Servers came or went. */
  changed: () => void;
}

export function createGrids(needs: GridsNeeds): Grids {
  const { clock, log, random, resolver } = needs;
  const crypto = gridCrypto();
  const keyPool = new KeyPool({ clock, path: needs.keyFile });
  const workers = new GridWorkers({ clock });
  let mixer: { mix: ReturnType<typeof simdMixer> } | undefined;
  const codes = new Map<string, ErasureCode>();
  const codeOf = (k: number, n: number): ErasureCode => {
    const known = codes.get(`${k} ${n}`);
    if (known) return known;
    mixer ??= { mix: simdMixer(erasureKernel()) };
    const made = erasureCode(k, n, mixer.mix);
    codes.set(`${k} ${n}`, made);
    if (codes.size > CODES_KEPT) codes.delete(codes.keys().next().value!);
    return made;
  };
  let keysReady: Promise<void> | undefined;
  const makeKeys = () => {
    keysReady ??= keyPool.start().catch((error: unknown) => log.warn("keys are not made ahead", { error }));
  };
  const open = new Map<string, { grid: Grid; list: ServerList }>();
  const fill = (account: string, list: ServerList) => {
    list.set("mesh", needs.access().places(account));
    list.set("imported", needs.imported());
  };
  const make = (account: string) => {
    const list = new ServerList({ log, open: (place) => new StorageClient(place, { clock, random, resolver }) });
    const { lease, upload, convergence } = needs.secrets();
    const grid = createGrid({
      ...{ crypto, codeOf, clock, random, keyPool, workers },
      servers: () => list.servers(),
      encoding: (): Encoding => encodingOf(needs.encoding(), list.servers().length),
      secrets: { lease, upload, convergence: convergence(account) },
    });
    fill(account, list);
    const asked = needs.access().ask(account);
    const known = asked.then(() => open.get(account)?.list === list && fill(account, list));
    const made = { grid: onceKnown(grid, inTime(clock, known)), list };
    // Accounts make folders; the box itself does not.
    if (account !== BOX_ACCOUNT) makeKeys();
    open.set(account, made);
    list.onChange(needs.changed);
    return made;
  };
  return {
    crypto,
    of: (account) => (open.get(account) ?? make(account)).grid,
    nobodys: { servers: () => [], encoding: () => encodingOf(needs.encoding(), 0) },
    refresh(only) {
      for (const [account, { list }] of open) {
        if (only !== undefined && only !== account) continue;
        fill(account, list);
        if (only === undefined) void needs.access().ask(account);
      }
    },
    async close() {
      for (const { list } of open.values()) list.close();
      open.clear();
      await keysReady;
      await keyPool.stop();
      await workers.close();
    },
  };
}

/** Resolves when `known` does, and after `FIRST_ANSWERS_MS` at the latest. */
function inTime(clock: Clock, known: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(FIRST_ANSWERS_MS, resolve);
    void known.then(() => {
      cancel();
      resolve();
    });
  });
}

/**
 * The same grid, whose first work waits until the boxes have said how this account may store there: before that it
 * knows this box alone, and would take it for the whole grid.
 */
function onceKnown(grid: Grid, known: Promise<void>): Grid {
  return {
    servers: () => grid.servers(),
    encoding: () => grid.encoding(),
    sizeOf: (cap) => grid.sizeOf(cap),
    // It asks nobody.
    makeKey: (bytes) => grid.makeKey(bytes),
    upload: (...wish) => known.then(() => grid.upload(...wish)),
    async *download(...wish) {
      await known;
      yield* grid.download(...wish);
    },
    createMutable: (...wish) => known.then(() => grid.createMutable(...wish)),
    readMutable: (...wish) => known.then(() => grid.readMutable(...wish)),
    modifyMutable: (...wish) => known.then(() => grid.modifyMutable(...wish)),
    draftFile: (...wish) => known.then(() => grid.draftFile(...wish)),
    draftMutable: (...wish) => known.then(() => grid.draftMutable(...wish)),
    prepareMutable: (cap) => known.then(() => grid.prepareMutable(cap)),
    check: (...wish) => known.then(() => grid.check(...wish)),
    repair: (...wish) => known.then(() => grid.repair(...wish)),
  };
}
