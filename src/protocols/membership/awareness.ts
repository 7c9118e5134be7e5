/**
 * Lifeguard's local health (Dadgar, Phillips, Currey 2017): how likely it is that we ourselves are the slow one.
 * 0 is healthy; each missed nack, failed probe or accusation against us adds, each good probe takes away. Our own
 * timeouts are multiplied by score + 1, so that an overloaded box accuses others less.
 */
export class Awareness {
  #score = 0;
  readonly #max: number;

  /** `max` is Lifeguard's S: the largest multiplier. */
  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  add(delta: number): void {
    this.#score = Math.min(this.#max - 1, Math.max(0, this.#score + delta));
  }

  scaleMs(durationMs: number): number {
    return durationMs * (this.#score + 1);
  }
}
