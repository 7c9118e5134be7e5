/**
 * The network between boxes: datagrams that are delayed, lost, doubled and overtaken, and exchanges over a stream
 * (one request, one answer) that are late under loss and fail when nobody answers. Partitions cut both.
 */
import type { Random } from "../src/kernel/random.ts";
import type { Topology } from "./topology.ts";
import type { Trace } from "./trace.ts";

export interface Weather {
  /** Chance that a datagram is lost, over and above the path's own. */
  loss: number;
  /** Chance that it arrives twice. */
  duplicates: number;
  /** Mean of the queueing delay that comes on top (exponential), so that later ones overtake. */
  jitterMs: number;
}

/** Sizes of all that was sent, with the overhead of IP and UDP, or IP and TCP in segments. */
export interface Traffic {
  datagrams: number;
  datagramBytes: number;
  exchanges: number;
  exchangeBytes: number;
}

export interface NetworkNeeds {
  topology: Topology;
  boxes: number;
  random: (purpose: string) => Random;
  after: (delayMs: number, run: () => void) => void;
  nowMs: () => number;
  trace: Trace;
  /** So much of each datagram goes into the trace. */
  traceBytesMax: number;
}

const UDP_OVERHEAD_BYTES = 28;
const TCP_SEGMENT_BYTES = 1400;
const TCP_OVERHEAD_BYTES = 40;
/** Handshake and end of one exchange, both ways. */
const TCP_PACKETS_MORE = 7;
/** What a stream gets of the radio link: 8 Mbit/s. */
const STREAM_BYTES_PER_MS = 1000;
const RETRANSMIT_MS = 200;
const RETRANSMITS_MAX = 6;

export class Network {
  readonly weather: Weather = { loss: 0, duplicates: 0, jitterMs: 0.3 };
  /** Boxes reach one another when their numbers here are equal. */
  readonly island: Int32Array;
  readonly traffic: Traffic = { datagrams: 0, datagramBytes: 0, exchanges: 0, exchangeBytes: 0 };
  /** Bytes sent by each box. */
  readonly sentBytes: Float64Array;
  readonly #needs: NetworkNeeds;
  readonly #loss: Random;
  readonly #jitter: Random;

  constructor(needs: NetworkNeeds) {
    this.#needs = needs;
    this.island = new Int32Array(needs.boxes);
    this.sentBytes = new Float64Array(needs.boxes);
    this.#loss = needs.random("loss");
    this.#jitter = needs.random("jitter");
  }

  reaches(from: number, to: number): boolean {
    return this.island[from] === this.island[to];
  }

  datagram(from: number, to: number, bytes: Uint8Array, arrive: (bytes: Uint8Array) => void): void {
    const size = bytes.length + UDP_OVERHEAD_BYTES;
    this.traffic.datagrams++;
    this.traffic.datagramBytes += size;
    this.sentBytes[from]! += size;
    if (!this.reaches(from, to)) return;
    const path = this.#needs.topology.path(from, to);
    const copies = this.weather.duplicates > 0 && this.#loss.float() < this.weather.duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#loss.float() < 1 - (1 - path.loss) * (1 - this.weather.loss)) continue;
      this.#needs.after(path.delayMs + this.#queueMs(), () => {
        this.#needs.trace.add(this.#needs.nowMs()).add(from).add(to).bytes(bytes, this.#needs.traceBytesMax);
        arrive(bytes);
      });
    }
  }

  /**
   * Sends `requestBytes`, lets the other side `serve` (its answer's size, or undefined when it gives none), and ends
   * with `done(true)` when the answer is here, `done(false)` when there is none within `timeoutMs`.
   */
  exchange(from: number, to: number, ask: Exchange): void {
    // Until the timeout only this small object is kept, not what was said.
    const open: { ask: Exchange | undefined } = { ask };
    const end = (ok: boolean) => {
      const ended = open.ask;
      open.ask = undefined;
      ended?.done(ok);
    };
    this.#needs.after(ask.timeoutMs, () => end(false));
    this.traffic.exchanges++;
    // Nothing is said to a machine that takes no connection.
    const requestBytes = ask.isUp() ? ask.requestBytes : 0;
    // Three ways before the request is there: the handshake, and the request itself.
    this.#leg(from, to, requestBytes, 3, () => {
      if (!open.ask) return;
      this.#needs.trace.add(this.#needs.nowMs()).add(from).add(to).add(requestBytes);
      const answerBytes = open.ask.serve();
      if (answerBytes === undefined) return this.#leg(to, from, 0, 1, () => end(false));
      this.#leg(to, from, answerBytes, 1, () => {
        this.#needs.trace.add(this.#needs.nowMs()).add(to).add(from).add(answerBytes);
        end(true);
      });
    });
  }

  #leg(from: number, to: number, payload: number, ways: number, arrive: () => void): void {
    const segments = Math.ceil(payload / TCP_SEGMENT_BYTES) + TCP_PACKETS_MORE;
    const size = payload + segments * TCP_OVERHEAD_BYTES;
    this.traffic.exchangeBytes += size;
    this.sentBytes[from]! += size;
    if (!this.reaches(from, to)) return;
    const path = this.#needs.topology.path(from, to);
    const loss = 1 - (1 - path.loss) * (1 - this.weather.loss);
    let delayMs = ways * path.delayMs + this.#queueMs() + payload / STREAM_BYTES_PER_MS;
    for (let again = 0; this.#loss.float() < loss; again++) {
      if (again === RETRANSMITS_MAX) return;
      delayMs += RETRANSMIT_MS * 2 ** again;
    }
    this.#needs.after(delayMs, () => {
      if (this.reaches(from, to)) arrive();
    });
  }

  #queueMs(): number {
    return -this.weather.jitterMs * Math.log(1 - this.#jitter.float());
  }
}

export interface Exchange {
  requestBytes: number;
  timeoutMs: number;
  /** Does the other side take a connection? One that stands still does. */
  isUp: () => boolean;
  serve: () => number | undefined;
  done: (ok: boolean) => void;
}
