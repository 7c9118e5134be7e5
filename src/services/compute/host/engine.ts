/**
 * What the host needs of a container engine, and no more: instances that carry our mark, made, started, stopped and
 * removed one step at a time. Every operation may be asked again after a break: what is done already is done.
 */
import type { SliverSpec } from "../../../protocols/compute/lending.ts";

/** Written into each instance when it is made, so that it can be told whose it is without the books. */
export interface Mark {
  sliver: string;
  /** The booking as JSON: `readBooking` takes it up again. */
  booking: string;
}

export interface EngineInstance {
  /** Of the engine. */
  name: string;
  mark: Mark;
  state: "running" | "stopped" | "busy";
  /** It has an address in the network of its slice. */
  hasNetwork?: boolean;
  /** It has a port that the community sees; undefined: nobody looked. */
  hasPorts?: boolean;
}

export interface HostEngine {
  /** Instances with a mark of ours. Throws a failure while the engine does not answer. */
  list(signal: AbortSignal): Promise<EngineInstance[]>;
  /** The instance of one sliver; undefined where there is none. */
  get(sliver: string, signal: AbortSignal): Promise<EngineInstance | undefined>;
  hasImage(image: string, signal: AbortSignal): Promise<boolean>;
  /** Gets it from whoever has it, verifies it against its hash, and gives it to the engine. */
  fetchImage(image: string, signal: AbortSignal): Promise<void>;
  create(mark: Mark, spec: SliverSpec, signal: AbortSignal): Promise<void>;
  start(name: string, signal: AbortSignal): Promise<void>;
  /** Asks it to stop, and after a while makes it; with `force` at once. */
  stop(name: string, signal: AbortSignal, force: boolean): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
  /** Applies other limits to what is there, and renews its mark. */
  limit(name: string, mark: Mark, spec: SliverSpec, signal: AbortSignal): Promise<void>;
}
