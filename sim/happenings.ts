/**
 * What happens in a measured community, each minute the same: boxes change their tags and write records, one box dies
 * without a word and another one comes in. Each is followed through the community.
 */
import type { Random } from "../src/kernel/random.ts";
import type { SimBox } from "./box.ts";
import { SHARES } from "./spread.ts";
import type { Sought, Spread } from "./spread.ts";
import type { World } from "./world.ts";

/** Seconds of each minute. Deaths come early: their news takes up to a minute. */
const AT_SECONDS = {
  tags: [1, 21, 41],
  failure: [5, 15],
  join: [11, 31],
  records: [2, 22, 42],
} as const;

export type Happening = keyof typeof AT_SECONDS;
export const HAPPENINGS = Object.keys(AT_SECONDS) as Happening[];

/** Milliseconds until 50, 90, 99 and 100 % of the live boxes saw it; null when most cases did not get there. */
export type Times = Record<string, number | null>;

export class Happenings {
  readonly #minutes: number;
  readonly #spreads: Record<Happening, Spread[]> = { tags: [], failure: [], join: [], records: [] };

  constructor(minutes: number) {
    this.#minutes = minutes;
  }

  /** Boxes that come in meanwhile; the last ones of the world, down when it begins. */
  get newcomers(): number {
    return this.#minutes * AT_SECONDS.join.length;
  }

  /** Sets it all going; `quiet` are boxes that nothing else happens to. */
  plan(world: World, quiet: readonly SimBox[], authors: number): void {
    const random = world.random("happenings");
    const writers = quiet.slice(0, authors);
    const others = quiet.slice(authors);
    const newcomers = world.boxes.slice(world.boxes.length - this.newcomers);
    for (let minute = 0; minute < this.#minutes; minute++) {
      const each = (what: Happening, run: () => void) => {
        for (const second of AT_SECONDS[what]) world.at((60 * minute + second) * 1000, run);
      };
      each("tags", () => this.#tags(world, others[random.below(others.length)]!));
      each("failure", () => this.#failure(world, draw(others, random)));
      each("join", () => this.#join(world, newcomers.pop()!));
      if (authors > 0) each("records", () => this.#record(world, writers[random.below(writers.length)]!));
    }
  }

  /** The medians over all cases until now. */
  times(what: Happening): Times {
    const cases = this.#spreads[what].map((spread) => spread.times());
    const table: Times = {};
    SHARES.forEach((share, place) => {
      const times = cases.map((one) => one[place] ?? Infinity).sort((a, b) => a - b);
      const median = times[times.length >> 1] ?? Infinity;
      table[`${share * 100} %`] = median === Infinity ? null : median;
    });
    return table;
  }

  #follow(world: World, what: Happening, isIt: Sought): void {
    this.#spreads[what].push(world.follow(what, isIt));
  }

  #tags(world: World, { key, gossip }: SimBox): void {
    const version = `at ${world.nowMs}`;
    this.#follow(world, "tags", { member: ({ name, tags }) => name === key.id && tags.v === version });
    world.spreads.at(-1)!.leave(world.boxOf(key.id)!.index);
    gossip!.step({ type: "set-tags", tags: { v: version } });
  }

  #failure(world: World, box: SimBox): void {
    world.crash(box, Infinity);
    this.#follow(world, "failure", { member: ({ name, status }) => name === box.key.id && status === "failed" });
  }

  #join(world: World, box: SimBox): void {
    this.#follow(world, "join", { member: ({ name, status }) => name === box.key.id && status === "alive" });
    box.start();
  }

  #record(world: World, { key, replica }: SimBox): void {
    const at = `at ${world.nowMs}`;
    this.#follow(world, "records", { change: (change) => change.author === key.id && change.key === at });
    replica!.put("note", at, { text: at });
  }
}

function draw(from: SimBox[], random: Random): SimBox {
  return from.splice(random.below(from.length), 1)[0]!;
}
