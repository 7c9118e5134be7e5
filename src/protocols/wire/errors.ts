/**
 * The one error that the decoders of this folder throw. Bytes from the network may be anything; whoever calls a
 * decoder catches WireError, counts its code, and drops the message. Any other exception is a bug of ours.
 */

/** What was wrong with the bytes. `too-large` is a limit of ours, the rest are faults of the sender. */
export type WireFault = "truncated" | "bad-type" | "bad-value" | "bad-utf8" | "bad-checksum" | "too-deep" | "too-large";

export class WireError extends Error {
  readonly fault: WireFault;

  constructor(fault: WireFault, detail: string) {
    super(`${fault}: ${detail}`);
    this.name = "WireError";
    this.fault = fault;
  }
}
