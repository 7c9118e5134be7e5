/** The rings of all boxes of a world, sorted once: the same choice as `nextInRings`, without a look at each box. */
import { ringPlace } from "../src/protocols/records/rings.ts";
import type { SimBox } from "./box.ts";

export class Rings {
  readonly #rings: SimBox[][] = [];
  readonly #places: number[][] = [];

  constructor(boxes: readonly SimBox[], rings: number) {
    for (let ring = 0; ring < rings; ring++) {
      const keyed = boxes.map((box) => ({ box, place: ringPlace(box.key.id, ring) }));
      keyed.sort((a, b) => (a.place < b.place ? -1 : 1));
      this.#rings.push(keyed.map(({ box }) => box));
      const places: number[] = [];
      for (const [place, { box }] of keyed.entries()) places[box.index] = place;
      this.#places.push(places);
    }
  }

  /** The next acceptable one after a box in each ring. */
  next(self: SimBox, isUp: (box: SimBox) => boolean): SimBox[] {
    const next = new Set<SimBox>();
    for (const [at, ring] of this.#rings.entries()) {
      const own = this.#places[at]![self.index]!;
      for (let step = 1; step < ring.length; step++) {
        const box = ring[(own + step) % ring.length]!;
        if (!isUp(box)) continue;
        next.add(box);
        break;
      }
    }
    return [...next];
  }
}
