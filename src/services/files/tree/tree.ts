/**
 * The trees of all accounts of a box, put together: what the service opens once, and asks for somebody's files.
 *
 *   front ends ──► MemberFiles ──► places, storing, moving, copying, trash, versions ──► Directories ──► Grid
 *                                                  Uploads ──► Spool
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import type { Store } from "../../../platform/store.ts";
import { formatCap, parseCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import { filesErrors } from "../errors.ts";
import type { Grid } from "../grid/grid.ts";
import { Turns } from "../../../kernel/turns.ts";
import { UPLOAD_SWEEP_MS } from "./constants.ts";
import { Devices } from "./devices.ts";
import { Directories } from "./directories.ts";
import { MemberFiles } from "./member-files.ts";
import { movesUnderWay } from "./moving.ts";
import { MutableSizes } from "./mutable-sizes.ts";
import { SavedLinks } from "./saved-links.ts";
import { NameIndex } from "./search.ts";
import { Sharing } from "./sharing.ts";
import { Spool } from "./spool.ts";
import { TreeStore } from "./store.ts";
import { StoringTurns } from "./storing.ts";
import { removalsUnderWay, sweepTrash } from "./trash.ts";
import type { TreeParts, TreeSettings } from "./tree-parts.ts";
import { Uploads } from "./uploads.ts";
import type { UploadSeen } from "./uploads.ts";

export interface TreeNeeds {
  /** The grid as this account sees it: where it may store is its own. */
  gridOf: (account: string) => Grid;
  store: Store;
  crypto: GridCrypto;
  clock: Clock;
  random: Random;
  /** Of its own, for what is on its way into the grid. */
  spoolFolder: string;
  settings: TreeSettings;
  /** While it is not, nothing that has its days is ended. */
  isClockRight?: () => boolean;
  /** A folder of the account has changed. */
  changed?: (account: string, folderPath: string) => void;
  uploadChanged?: (account: string, upload: UploadSeen) => void;
  log?: Log;
  /** Room for the spool: the disk's, unless a test says otherwise. */
  freeBytes?: () => Promise<number>;
}

export class Tree {
  readonly uploads: Uploads;
  readonly sharing: Sharing;
  readonly devices: Devices;
  readonly links: SavedLinks;
  readonly #needs: TreeNeeds;
  readonly #store: TreeStore;
  readonly #spool: Spool;
  readonly #turns = new StoringTurns();
  readonly #accounts = new Map<string, MemberFiles>();
  readonly #making = new Map<string, Promise<DirectoryCap>>();
  #leftOver: (() => Promise<void>)[] = [];
  #cancelSweep: Cancel = () => {};

  constructor(needs: TreeNeeds) {
    this.#needs = needs;
    const { clock, random, crypto, spoolFolder } = needs;
    this.#store = new TreeStore(needs.store);
    const free = needs.freeBytes ? { freeBytes: needs.freeBytes } : {};
    this.#spool = new Spool({ folder: spoolFolder, crypto, random, ...free });
    const viewOf = (account: string) => this.files(account).view;
    this.uploads = new Uploads({
      store: this.#store,
      spool: this.#spool,
      clock,
      random,
      turns: this.#turns,
      viewOf,
      changed: (account, upload) => needs.uploadChanged?.(account, upload),
      log: needs.log,
    });
    const parts = { store: this.#store, clock, random, crypto };
    this.sharing = new Sharing({ parts, filesOf: (account) => this.files(account) });
    this.devices = new Devices(parts);
    this.links = new SavedLinks(parts);
  }

  /** Goes on with what was under way when the process ended. */
  async start(): Promise<void> {
    await this.uploads.start();
    for (const account of this.#store.accounts()) {
      const { view } = this.files(account);
      this.#leftOver.push(...movesUnderWay(view), ...removalsUnderWay(view));
    }
    void this.#endLeftOver();
    this.#cancelSweep = this.#needs.clock.every(UPLOAD_SWEEP_MS, () => void this.sweep());
  }

  async stop(): Promise<void> {
    this.#cancelSweep();
    await this.uploads.stop();
  }

  /** An account's files. Its root folder is made when it is first used. */
  files(account: string): MemberFiles {
    const known = this.#accounts.get(account);
    if (known) return known;
    const files = this.#open(account);
    this.#accounts.set(account, files);
    return files;
  }

  /** Whoever had this account comes in no more, by no device and no link. Its files stay. */
  endAccess(account: string): void {
    this.devices.removeAll(account);
    this.sharing.endAll(account);
  }

  /**
   * The account was removed: nothing of its tree stays here. What is in the grid nobody keeps any more; its room comes
   * back when its leases have ended. Writes into the store before it returns.
   */
  forget(account: string): void {
    const files = this.#accounts.get(account);
    if (files) files.view.parts.isGone = true;
    this.#accounts.delete(account);
    this.#making.delete(account);
    this.uploads.forget(account);
    this.#store.forget(account);
  }

  /** The write cap of an account's top folder, where it has one yet. */
  rootOf(account: string): string | undefined {
    return this.#store.root(account)?.cap;
  }

  /**
   * Makes another folder the account's top one, in the place of `before`. False when that is not the top one any more.
   * Whoever is at work in the former one is told that it is gone.
   */
  replaceRoot(account: string, before: string | undefined, cap: DirectoryCap): boolean {
    const files = this.#accounts.get(account);
    if (!this.#store.replaceRoot(account, before, formatCap(cap), this.#needs.clock.wallMs())) return false;
    if (files && before !== undefined) {
      files.view.parts.isGone = true;
      this.#accounts.delete(account);
    }
    return true;
  }

  /** Those that have files here. */
  accounts(): string[] {
    return this.#store.accounts();
  }

  /** Everything that ends by itself: trash, uploads, links. Also called now and then. */
  async sweep(): Promise<void> {
    if (this.#needs.isClockRight?.() ?? true) {
      for (const account of this.#store.accounts()) sweepTrash(this.files(account).view);
      this.sharing.sweep();
      await this.uploads.sweep();
    }
    await this.#endLeftOver();
  }

  #open(account: string): MemberFiles {
    const { gridOf, crypto, clock, random, settings, changed } = this.#needs;
    const grid = gridOf(account);
    const directories = new Directories({ grid, crypto, clock });
    const names = new NameIndex(this.#store, (child) =>
      child.cap.kind === "directory" ? directories.keyOf(child.cap) : undefined,
    );
    const parts: TreeParts = {
      grid,
      crypto,
      clock,
      random,
      store: this.#store,
      directories,
      names,
      spool: this.#spool,
      settings,
      folderMoves: new Turns(),
      folderMakings: new Turns(),
      changed: (who, folderPath) => changed?.(who, folderPath),
    };
    return new MemberFiles({
      parts,
      turns: this.#turns,
      sizes: new MutableSizes({ grid, clock }),
      account,
      base: "/",
      root: () => this.#rootOf(account, parts),
      madeMs: () => this.#store.root(account)?.madeMs ?? 0,
    });
  }

  #rootOf(account: string, parts: TreeParts): Promise<DirectoryCap> {
    const gone = () => filesErrors.fail("files-not-found", { params: { path: "/" } });
    if (parts.isGone) return Promise.reject(gone());
    const known = this.#store.root(account);
    if (known) return Promise.resolve(rootCapOf(known.cap));
    const underWay = this.#making.get(account);
    if (underWay) return underWay;
    const making = parts.directories
      .create()
      .then((cap) => {
        if (parts.isGone) throw gone();
        return rootCapOf(this.#store.setRoot(account, formatCap(cap), this.#needs.clock.wallMs()).cap);
      })
      .finally(() => this.#making.get(account) === making && this.#making.delete(account));
    this.#making.set(account, making);
    return making;
  }

  /** What cannot be ended now, because the grid is not to be reached, is tried at the next sweep. */
  async #endLeftOver(): Promise<void> {
    const left = this.#leftOver;
    this.#leftOver = [];
    for (const end of left) {
      try {
        await end();
      } catch (error) {
        if (!isFailure(error)) throw error;
        this.#leftOver.push(end);
      }
    }
  }
}

function rootCapOf(text: string): DirectoryCap {
  const cap = parseCap(text);
  if (cap.kind !== "directory") throw new Error("the root of an account is no folder");
  return cap;
}
