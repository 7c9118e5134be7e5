/**
 * Where the shares of a file are: asks servers in permuted order, a few at a time, and more as long as there are not
 * enough shares. Whoever answers first is used first; whoever is silent holds up nobody.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import type { ChkShareReader } from "../../../protocols/grid/chk-share-reader.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { ASKED_MAX, ASKED_SPARE, ASK_LATE_MS, ASK_MAX_MS } from "./constants.ts";
import { ServerError, type GridServer } from "./server.ts";

/** One share on one server. */
export interface ShareSource {
  readonly server: GridServer;
  readonly number: number;
  readonly reader: ChkShareReader;
  /** `damaged`: its bytes are wrong. `gone`: the server does not give them. */
  state: "good" | "damaged" | "gone";
  /** How often it was late: such ones are used last. */
  lates: number;
}

export interface FinderNeeds {
  clock: Clock;
  file: ChkFile;
  /** In permuted order. */
  servers: readonly GridServer[];
  storageIndex: string;
  signal: AbortSignal;
  /** Something was found, or a question ended. */
  onChange(): void;
}

export class ShareFinder {
  readonly sources: ShareSource[] = [];
  /** What no server can be blamed for. */
  bug: unknown;
  readonly #needs: FinderNeeds;
  readonly #waiting: GridServer[];
  /** Questions that are not answered, and those of them that are not late. */
  #asking = 0;
  #prompt = 0;

  constructor(needs: FinderNeeds) {
    this.#needs = needs;
    const asked = needs.servers.filter((server) => server.state() !== "away");
    this.#waiting = asked.toSorted((a, b) => Number(a.state() === "slow") - Number(b.state() === "slow"));
  }

  /** Nobody is left who could say anything. */
  get isOver(): boolean {
    return this.#asking === 0 && this.#waiting.length === 0;
  }

  /** Everybody was asked; some have not answered. */
  get areAllAsked(): boolean {
    return this.#waiting.length === 0;
  }

  /** Asks more servers if the shares that are good, and those that may come, are too few. */
  look(): void {
    const { k } = this.#needs.file.cap;
    const good = new Set(
      this.sources.filter(({ state, lates }) => state === "good" && lates === 0).map((s) => s.number),
    );
    const wanted = k - good.size + (good.size === 0 ? ASKED_SPARE : 0);
    while (this.#prompt < wanted && this.#asking < ASKED_MAX) {
      const server = this.#waiting.shift();
      if (!server) return;
      void this.#ask(server);
    }
  }

  async #ask(server: GridServer): Promise<void> {
    const { clock, storageIndex, onChange } = this.#needs;
    const silent = new AbortController();
    const signal = AbortSignal.any([this.#needs.signal, silent.signal]);
    this.#asking++;
    this.#prompt++;
    let isLate = false;
    const beLate = () => {
      if (isLate) return;
      isLate = true;
      this.#prompt--;
    };
    const cancels = [
      clock.after(ASK_LATE_MS, () => {
        beLate();
        onChange();
      }),
      clock.after(ASK_MAX_MS, () => silent.abort(new Error("it is silent"))),
    ];
    try {
      const numbers = await server.shares("immutable", storageIndex, signal);
      for (const number of new Set(numbers)) this.#found(server, number, isLate);
    } catch (error) {
      if (!(error instanceof ServerError) && !signal.aborted) this.bug = error;
    } finally {
      for (const cancel of cancels) cancel();
      beLate();
      this.#asking--;
      onChange();
    }
  }

  #found(server: GridServer, number: number, isLate: boolean): void {
    try {
      const reader = this.#needs.file.share(number);
      this.sources.push({ server, number, reader, state: "good", lates: isLate ? 1 : 0 });
    } catch (error) {
      // A number that no share of this file has.
      if (!(error instanceof GridError)) throw error;
    }
  }
}
