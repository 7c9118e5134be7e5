/** Which bytes of an upload are there: ranges that neither touch nor overlap, in order. Ends are exclusive. */

export interface Range {
  begin: number;
  end: number;
}

export class RangeSet {
  #ranges: Range[];

  constructor(ranges: readonly Range[] = []) {
    this.#ranges = [];
    for (const range of ranges) this.add(range);
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** The sum of all lengths. */
  get bytes(): number {
    return this.#ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
  }

  add({ begin, end }: Range): void {
    if (end <= begin) return;
    const before = this.#ranges.filter((one) => one.end < begin);
    const after = this.#ranges.filter((one) => one.begin > end);
    const met = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const joined = { begin: Math.min(begin, met[0]?.begin ?? begin), end: Math.max(end, met.at(-1)?.end ?? end) };
    this.#ranges = [...before, joined, ...after];
  }

  /** The parts of the range that are here. */
  within({ begin, end }: Range): Range[] {
    return this.#ranges
      .filter((one) => one.begin < end && one.end > begin)
      .map((one) => ({ begin: Math.max(begin, one.begin), end: Math.min(end, one.end) }));
  }

  /** What is not here of the first `size` bytes. */
  missing(size: number): Range[] {
    const gaps: Range[] = [];
    let at = 0;
    for (const { begin, end } of this.within({ begin: 0, end: size })) {
      if (begin > at) gaps.push({ begin: at, end: begin });
      at = end;
    }
    if (at < size) gaps.push({ begin: at, end: size });
    return gaps;
  }
}
