/**
 * False alarms of one sort (suspicions or deaths of healthy boxes), counted twice over: each box that notes one, and
 * each that spreads. A box answers an alarm with a higher incarnation, so that another one is told from an echo.
 */
export class Alarms {
  /** Boxes that noted one, each for each. */
  noted = 0;
  /** Alarms, however many boxes noted them. */
  raised = 0;
  /** By box: the incarnation of its newest alarm. */
  readonly #incarnations: Float64Array;

  constructor(boxes: number) {
    this.#incarnations = new Float64Array(boxes).fill(-1);
  }

  note(target: number, incarnation: number): void {
    this.noted++;
    if (incarnation <= this.#incarnations[target]!) return;
    this.#incarnations[target] = incarnation;
    this.raised++;
  }

  /** The box begins a life anew, and its incarnations with it. */
  begin(target: number): void {
    this.#incarnations[target] = -1;
  }
}
