/**
 * One share of a mutable file on one server, read in parts as they are needed and remembered: what came with the
 * first reading is usually all that is ever asked of a small file.
 */
import { GridError } from "../../../protocols/grid/errors.ts";
import type { MutableHeader, Section } from "../../../protocols/grid/mutable-layout.ts";
import { Pieces } from "../../../protocols/grid/pieces.ts";
import { SHARE_READ_BYTES } from "./mutable-constants.ts";
import type { GridServer } from "./server.ts";

export class MutableShare {
  readonly server: GridServer;
  readonly index: string;
  readonly number: number;
  /** What the survey found in it; undefined for a share that is damaged. */
  header: MutableHeader | undefined;
  readonly #pieces = new Pieces();
  /** Where it ends, once that was seen. */
  #endAt = Infinity;

  constructor(server: GridServer, index: string, number: number) {
    this.server = server;
    this.index = index;
    this.number = number;
  }

  get name(): string {
    return shareName(this.number, this.server.id);
  }

  /** The bytes from `at` on that a server gave when `wanted` were asked for. */
  put(at: number, bytes: Uint8Array, wanted: number): void {
    if (bytes.length < wanted) this.#endAt = Math.min(this.#endAt, at + bytes.length);
    this.#pieces.put(at, bytes.subarray(0, wanted));
  }

  /** True when the section can be had without asking the server. */
  has({ start, end }: Section): boolean {
    return this.#pieces.missing({ at: start, length: end - start }).length === 0;
  }

  /** The bytes of a section. Throws GridError `truncated`, ServerError, or the signal's reason. */
  async read(section: Section, signal?: AbortSignal): Promise<Uint8Array> {
    const range = { at: section.start, length: section.end - section.start };
    for (const gap of this.#pieces.missing(range)) {
      for (let at = gap.at; at < gap.at + gap.length; at += SHARE_READ_BYTES) {
        const length = Math.min(SHARE_READ_BYTES, gap.at + gap.length - at);
        this.put(at, await this.#fetch(at, length, signal), length);
      }
    }
    const bytes = this.#pieces.read(range);
    if (!bytes) throw new GridError("truncated", `share ${this.number} ends at ${this.#endAt}`);
    return bytes;
  }

  /** As `read`, but nothing is kept: for who looks at every byte once. */
  async peek(section: Section, signal?: AbortSignal): Promise<Uint8Array> {
    const whole = new Uint8Array(section.end - section.start);
    for (let at = 0; at < whole.length; at += SHARE_READ_BYTES) {
      const length = Math.min(SHARE_READ_BYTES, whole.length - at);
      const bytes = await this.#fetch(section.start + at, length, signal);
      if (bytes.length < length) throw new GridError("truncated", `share ${this.number}`);
      whole.set(bytes.subarray(0, length), at);
    }
    return whole;
  }

  /** Its first bytes as far as they are here, to recognise it by when it is damaged. */
  beginning(length: number): Uint8Array {
    for (let have = Math.min(length, this.#endAt); have > 0; have--) {
      const bytes = this.#pieces.read({ at: 0, length: have });
      if (bytes) return new Uint8Array(bytes);
    }
    return new Uint8Array(0);
  }

  #fetch(at: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (at >= this.#endAt) throw new GridError("truncated", `share ${this.number} ends at ${this.#endAt}`);
    return this.server.read("mutable", this.index, this.number, { at, length }, signal);
  }
}

/** As `serverMap` has it: one share of one server. */
export function shareName(share: number, server: string): string {
  return `${share}/${server}`;
}
