/**
 * What things cost a simulated box: one core that does one turn of the event loop after the other, a disk that does one
 * write at a time, a network card. Figures are of one machine (`node bench/kv-costs.ts` measures them); what could not
 * be measured there says so.
 */

/** Microseconds of a core of the machine where they were measured: from `bench/kv-costs.ts`, rounded. */
export interface CpuCosts {
  /** A client's operation: its socket, RESP, the answer. */
  clientUs: number;
  /** What the core does when it begins an operation, and when a message comes. */
  operationUs: number;
  messageUs: number;
  /** A message written to bytes, or read. */
  codecUs: number;
  /** Over an encrypted link: on each side, and for each KiB. */
  frameUs: number;
  kibUs: number;
  /** A content into the journal, and what is done when it is on the disk. */
  putUs: number;
  /** A write of the journal, whatever its size: the other threads do the rest. */
  writeUs: number;
  /** A turn of the event loop, whatever it holds. Assumed. */
  turnUs: number;
}

/** When a box begins a step. The service itself, where it is busy, waits while its disk writes: not among these yet. */
export interface Driver {
  /** A step of so many events is followed by one that gathers for so long. */
  busyEvents: number;
  gatherMs: number;
  /** Or until a turn of the event loop brings nothing new. */
  untilQuiet: boolean;
}

export const DRIVERS = {
  gather: { busyEvents: 8, gatherMs: 1, untilQuiet: false },
  /** Each turn is a step. */
  turn: { busyEvents: Infinity, gatherMs: 0, untilQuiet: false },
  quiet: { busyEvents: 8, gatherMs: 1, untilQuiet: true },
} as const satisfies Record<string, Driver>;

export interface CostModel {
  name: string;
  cpu: CpuCosts;
  /** How many times slower than that machine. */
  cpuTimes: number;
  /** Of a write that is waited for; and what its bytes add. */
  syncMs: number;
  diskMiBPerS: number;
  /** One way, between any two boxes; clients sit on the box that they ask. */
  latencyMs: number;
  /** Of each box, each way. */
  mbitPerS: number;
  driver: Driver;
}

export const CPU: CpuCosts = {
  clientUs: 17.5,
  operationUs: 4.4,
  messageUs: 3.2,
  codecUs: 0.45,
  frameUs: 10,
  kibUs: 0.5,
  putUs: 1.6,
  writeUs: 43,
  turnUs: 5,
};

/** Disk, network and latency are given; that its core is four times slower, and its disk's 20 MiB/s, are assumed. */
export const HOME: CostModel = {
  ...{ name: "home server", cpu: CPU, cpuTimes: 4, driver: DRIVERS.gather },
  ...{ syncMs: 8, diskMiBPerS: 20, latencyMs: 2, mbitPerS: 100 },
};

/** The machine of the measurements, on a network as in one house. That its disk does 500 MiB/s is an assumption. */
export const GOOD: CostModel = {
  ...{ name: "good machine", cpu: CPU, cpuTimes: 1, driver: DRIVERS.gather },
  ...{ syncMs: 0.15, diskMiBPerS: 500, latencyMs: 0.3, mbitPerS: 1000 },
};

/** Ethernet, IP, TCP with timestamps, for each segment; a record of TLS and a frame of HTTP/2, for each frame. */
const SEGMENT_BYTES = 1448;
const SEGMENT_HEAD_BYTES = 90;
const FRAME_HEAD_BYTES = 22 + 9 + 4;

/** Bytes that a frame takes on the line. */
export function lineBytes(frameBytes: number): number {
  const bytes = frameBytes + FRAME_HEAD_BYTES;
  return bytes + Math.ceil(bytes / SEGMENT_BYTES) * SEGMENT_HEAD_BYTES;
}
