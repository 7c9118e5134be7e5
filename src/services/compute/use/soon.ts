/**
 * When a slice of which something is on its way is looked at again: at once when all its hosts say that it stands, and
 * each `LOOK_SOON_MS` before that, whatever they say or do not say.
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { LOOK_SOON_MS, MESSAGE_SLIVERS_MAX, SETTLED_PAUSE_MS } from "../constants.ts";
import { SETTLE_PATH, settleAnswer } from "../messages-settle.ts";
import type { SliverStanding } from "../messages.ts";
import type { Hosts } from "./hosts.ts";

export interface SoonNeeds {
  clock: Clock;
  hosts: Pick<Hosts, "ask">;
  look: (slice: string) => void;
  /** All of it stands, and a look follows. This is how, where hosts say so: each only of what it was asked about. */
  hear: (slice: string, standings: readonly SliverStanding[]) => void;
}

/** A sliver that is on its way. */
interface Going {
  id: string;
  host: string;
}

export class Soon {
  readonly #needs: SoonNeeds;
  /** By slice. */
  readonly #cancels = new Map<string, Cancel>();

  constructor(needs: SoonNeeds) {
    this.#needs = needs;
  }

  /** Instead of what was meant before; without slivers it is not looked at. */
  set(slice: string, going: readonly Going[]): void {
    this.cancel(slice);
    if (going.length === 0) return;
    const { clock, look, hear } = this.#needs;
    const given = new AbortController();
    const startMs = clock.monotonicMs();
    let wake: Cancel = () => {};
    const lookAt = (ms: number) => {
      wake();
      wake = clock.after(Math.max(0, startMs + ms - clock.monotonicMs()), () => {
        this.cancel(slice);
        look(slice);
      });
    };
    this.#cancels.set(slice, () => {
      wake();
      given.abort();
    });
    lookAt(LOOK_SOON_MS);
    void this.#standing(going, given.signal).then((standings) => {
      if (!standings || given.signal.aborted) return;
      // Not sooner, so that a host that always says so is not asked all the time.
      lookAt(SETTLED_PAUSE_MS);
      hear(slice, standings);
    });
  }

  cancel(slice: string): void {
    const cancel = this.#cancels.get(slice);
    this.#cancels.delete(slice);
    cancel?.();
  }

  stop(): void {
    for (const slice of [...this.#cancels.keys()]) this.cancel(slice);
  }

  /** Undefined while one of them does not stand, or its host does not say. */
  async #standing(going: readonly Going[], signal: AbortSignal): Promise<SliverStanding[] | undefined> {
    const asked = [...Map.groupBy(going, ({ host }) => host)].map(async ([host, slivers]) => {
      const ids = slivers.slice(0, MESSAGE_SLIVERS_MAX).map(({ id }) => id);
      const question = { slivers: ids, waitMs: LOOK_SOON_MS };
      const said = await this.#needs.hosts.ask(host, SETTLE_PATH, settleAnswer, question, signal);
      return said.settled ? (said.slivers ?? []).filter(({ sliver }) => ids.includes(sliver)) : undefined;
    });
    // One that says nothing is asked at the next look.
    const answers = await Promise.allSettled(asked);
    const known = answers.flatMap((one) => (one.status === "fulfilled" && one.value ? [one.value] : []));
    return known.length === answers.length ? known.flat() : undefined;
  }
}
