/**
 * New slivers of a slice: asks who lends, chooses among those, and reserves. Each is on the disk before its host hears
 * of it, so that one whose answer is lost is found at the next look.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { chooseHosts } from "../../../protocols/compute/choosing.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { FIRST_LEASE_MS, RESERVE_TRIES_MAX, SLIVER_ID_BYTES } from "../constants.ts";
import { HOST_FULL, OFFER_FULL } from "./hosts.ts";
import type { Hosts } from "./hosts.ts";
import type { Slice, SliceStore, Sliver } from "./slice-store.ts";

/** What its host said; "silent": nothing. */
export type Answered = "granted" | "refused" | "silent";

export interface CreatingNeeds {
  clock: Clock;
  random: Random;
  mesh: Pick<MeshClient, "box">;
  rows: SliceStore;
  hosts: Pick<Hosts, "offers">;
  /** This host has just said something. */
  heard: (host: string) => void;
  /** Asks the sliver's host to have it. */
  reserve: (slice: Slice, sliver: Sliver) => Promise<Answered>;
}

export class Creating {
  readonly #needs: CreatingNeeds;
  /** By slice: a host that could not be chosen since its disk is full. */
  readonly #full = new Map<string, string>();

  constructor(needs: CreatingNeeds) {
    this.#needs = needs;
  }

  /** A box that would take slivers of this slice if its disk were not full, when one was looked for last. */
  fullHost(slice: string): string | undefined {
    return this.#full.get(slice);
  }

  /** The slice is gone. */
  forget(slice: string): void {
    this.#full.delete(slice);
  }

  /** `missing`: their numbers. Where nobody lends they stay missing. Throws `disk-full`. */
  async create(slice: Slice, missing: readonly number[], signal: AbortSignal): Promise<void> {
    const { hosts, clock } = this.#needs;
    const left = [...missing];
    const refused = new Set<string>();
    for (let attempt = 0; attempt < RESERVE_TRIES_MAX && left.length > 0; attempt += 1) {
      const leaseMs = Math.min(FIRST_LEASE_MS, Math.max(1, slice.spec.endMs - clock.wallMs()));
      const offers = await hosts.offers({ spec: slice.spec.sliver, leaseMs }, signal);
      const able = offers.filter(({ box }) => !refused.has(box));
      const choice = { count: left.length, apart: slice.spec.apart, placed: this.#placed(slice) };
      const { boxes } = chooseHosts(able, choice);
      const full = offers.find(({ why }) => why === OFFER_FULL)?.box;
      if (full !== undefined) this.#full.set(slice.id, full);
      else if (attempt === 0) this.#full.delete(slice.id);
      if (boxes.length === 0) return;
      const slivers = boxes.map((host) => this.#sliver(slice, left.shift()!, host, leaseMs));
      this.#needs.rows.place(slice.id, slivers);
      const answers = await Promise.all(slivers.map((sliver) => this.#reserve(slice, sliver)));
      for (const [at, { host, index }] of slivers.entries()) {
        if (answers[at] !== "refused") continue;
        refused.add(host);
        left.push(index);
      }
    }
  }

  /** Where the slice has slivers that stay. */
  #placed({ id }: Slice) {
    const { rows, mesh } = this.#needs;
    const staying = rows.slivers(id).filter(({ wanted }) => wanted !== "gone");
    return staying
      .flatMap(({ host }) => mesh.box(host) ?? [])
      .map(({ id: box, owner, zone }) => ({ box, owner, zone }));
  }

  #sliver({ id, spec }: Slice, index: number, host: string, leaseMs: number): Sliver {
    const { random, clock } = this.#needs;
    return {
      ...{ id: encodeBase32(random.bytes(SLIVER_ID_BYTES)), slice: id, index, host },
      ...{ spec: spec.sliver, wanted: spec.wanted, leaseEndMs: clock.wallMs() + leaseMs },
      ...{ state: undefined, trouble: undefined, hasNetwork: false },
    };
  }

  async #reserve(slice: Slice, sliver: Sliver): Promise<Answered> {
    const { rows, heard, reserve } = this.#needs;
    const { id, host } = sliver;
    // It has just made an offer.
    heard(host);
    const answer = await reserve(slice, sliver);
    if (answer !== "refused") return answer;
    // Somebody was quicker, or its disk is full since then.
    if (rows.sliver(id)?.trouble === HOST_FULL) this.#full.set(slice.id, host);
    rows.dropSliver(id);
    return answer;
  }
}
