/**
 * Vivaldi network coordinates (Dabek et al. 2004, with the height vector; adjustment term of Lee et al. 2010; gravity
 * and latency filter of Ledlie et al. 2007), with Serf's constants and units: seconds in the coordinate.
 * From the round trips of our own probes each member gets a place, and any two places give an estimate of the
 * round trip between them, also for pairs that never exchanged a packet.
 */
import type { Random } from "../../kernel/random.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { WireError } from "../wire/errors.ts";
import { fields } from "./codec.ts";
import { LATENCY_SAMPLES } from "./constants.ts";

export interface Coordinate {
  /** Seconds, one for each dimension. */
  vec: readonly number[];
  /** Relative error of our own estimate, 0 to 1.5. */
  error: number;
  /** Seconds, may be negative. */
  adjustment: number;
  /** Seconds that the access link adds to every path; positive. */
  height: number;
}

export const DIMENSIONS = 8;
const ERROR_MAX = 1.5;
/** Largest effect of one observation on the error, and on the place. */
const CE = 0.25;
const CC = 0.25;
const ADJUSTMENT_WINDOW = 20;
const HEIGHT_MIN_SECONDS = 10e-6;
/** Pull towards the origin, so that the whole cloud does not drift away: (distance / 150)^2. */
const GRAVITY_RHO = 150;
const ZERO = 1e-6;
/** A longer round trip is not a measurement of the network. */
const RTT_MAX_SECONDS = 10;
/** Version byte before the coordinate in an ack. */
const PAYLOAD_VERSION = 1;

export function originCoordinate(): Coordinate {
  return { vec: new Array<number>(DIMENSIONS).fill(0), error: ERROR_MAX, adjustment: 0, height: HEIGHT_MIN_SECONDS };
}

/** The estimated round trip between two members. */
export function estimateRttMs(a: Coordinate, b: Coordinate): number {
  const raw = rawSeconds(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return (adjusted > 0 ? adjusted : raw) * 1000;
}

/** Our own place, moved by each observed round trip. */
export class Vivaldi {
  #own: Coordinate = originCoordinate();
  readonly #random: Random;
  readonly #window = new Array<number>(ADJUSTMENT_WINDOW).fill(0);
  #windowAt = 0;
  /** Observations taken in, for tests and the health page. */
  updates = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get coordinate(): Coordinate {
    return this.#own;
  }

  /**
   * @param samples the last round trips to this member; the new one is added, the median is used
   * @returns false when the round trip or the coordinate was not usable
   */
  observe(other: Coordinate, rttMs: number, samples: number[]): boolean {
    if (!(rttMs >= 0 && rttMs <= RTT_MAX_SECONDS * 1000) || other.vec.length !== DIMENSIONS) return false;
    samples.push(rttMs / 1000);
    if (samples.length > LATENCY_SAMPLES) samples.shift();
    const rtt = Math.max(ZERO, [...samples].sort((x, y) => x - y)[samples.length >> 1]!);
    this.#pull(other, rtt);
    this.#adjust(other, rtt);
    this.#gravity();
    this.updates++;
    if (!valid(this.#own)) this.#own = originCoordinate();
    return true;
  }

  #pull(other: Coordinate, rtt: number): void {
    const own = this.#own;
    const distance = estimateRttMs(own, other) / 1000;
    const wrongness = Math.abs(distance - rtt) / rtt;
    const weight = own.error / Math.max(ZERO, own.error + other.error);
    const error = Math.min(ERROR_MAX, CE * weight * wrongness + own.error * (1 - CE * weight));
    this.#own = this.#force({ ...own, error }, other, CC * weight * (rtt - distance));
  }

  #adjust(other: Coordinate, rtt: number): void {
    this.#window[this.#windowAt] = rtt - rawSeconds(this.#own, other);
    this.#windowAt = (this.#windowAt + 1) % ADJUSTMENT_WINDOW;
    const sum = this.#window.reduce((total, value) => total + value, 0);
    this.#own = { ...this.#own, adjustment: sum / (2 * ADJUSTMENT_WINDOW) };
  }

  #gravity(): void {
    const origin = originCoordinate();
    const distance = estimateRttMs(origin, this.#own) / 1000;
    this.#own = this.#force(this.#own, origin, -((distance / GRAVITY_RHO) ** 2));
  }

  /** Moves `at` by `seconds` away from `other`; the height takes its share. */
  #force(at: Coordinate, other: Coordinate, seconds: number): Coordinate {
    let direction = at.vec.map((value, i) => value - other.vec[i]!);
    let length = norm(direction);
    const apart = length > ZERO;
    if (!apart) {
      direction = direction.map(() => this.#random.float() - 0.5);
      length = Math.max(ZERO, norm(direction));
    }
    const vec = at.vec.map((value, i) => value + (direction[i]! / length) * seconds);
    if (!apart) return { ...at, vec };
    const height = Math.max(HEIGHT_MIN_SECONDS, at.height + ((at.height + other.height) * seconds) / length);
    return { ...at, vec, height };
  }
}

expectKeys(["Vec", "Error", "Adjustment", "Height"]);
const writer = new MsgpackWriter(256);

/** What an ack carries: version byte 1, then the coordinate, in nanoseconds at the least. */
export function encodeAckPayload(coordinate: Coordinate): Uint8Array {
  const w = writer.reset().byte(PAYLOAD_VERSION).map(4).text("Vec").array(coordinate.vec.length);
  for (const value of coordinate.vec) w.float32(value);
  w.text("Error").float32(coordinate.error).text("Adjustment").float32(coordinate.adjustment);
  return w.text("Height").float32(coordinate.height).finish();
}

/** Throws WireError, also for coordinates that are not finite or have other dimensions than ours. */
export function decodeAckPayload(payload: Uint8Array): Coordinate {
  if (payload[0] !== PAYLOAD_VERSION) throw new WireError("bad-value", `ack payload version ${payload[0]}`);
  const coordinate = originCoordinate();
  fields(new MsgpackReader(payload, 1), (key, r) => {
    if (key === "Vec") {
      if (r.arrayHeader() !== DIMENSIONS) throw new WireError("bad-value", "dimensions");
      coordinate.vec = Array.from({ length: DIMENSIONS }, () => r.number());
    } else if (key === "Error") coordinate.error = r.number();
    else if (key === "Adjustment") coordinate.adjustment = r.number();
    else if (key === "Height") coordinate.height = r.number();
    else r.skip();
  });
  if (!valid(coordinate)) throw new WireError("bad-value", "coordinate out of range");
  return coordinate;
}

/** Finite, and no farther than a place on this planet can be; a forged far one would drag everybody along. */
function valid(c: Coordinate): boolean {
  const small = (value: number) => Math.abs(value) <= RTT_MAX_SECONDS;
  return c.vec.every(small) && small(c.adjustment) && c.height > 0 && small(c.height) && c.error >= 0 && c.error <= 1e3;
}

function rawSeconds(a: Coordinate, b: Coordinate): number {
  let sum = 0;
  for (let i = 0; i < a.vec.length; i++) sum += (a.vec[i]! - (b.vec[i] ?? 0)) ** 2;
  return Math.sqrt(sum) + a.height + b.height;
}

function norm(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
