/**
 * The work on immutable files that takes processor time: keys, ciphertext, blocks, hashes, and back. One task after
 * the other, each plain data, so that the same code runs in a thread for large files and on the spot for small ones.
 *
 * What must be hashed in order (the content for its key, the ciphertext for its hash) and the trees are kept in a
 * session; the rest, which is most of it, may be done by any thread.
 */
import { gridCrypto } from "../../../platform/grid-crypto.ts";
import { simdMixer } from "../../../platform/erasure.ts";
import { convergentKey } from "../../../protocols/grid/chk-encoder.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import { decodeRun, encodeRun, type DecodeRun, type EncodeRun } from "../../../protocols/grid/chk-run.ts";
import { ChkSummary, type ChkFinished } from "../../../protocols/grid/chk-summary.ts";
import type { GridCrypto, HashStream } from "../../../protocols/grid/crypto.ts";
import { erasureCode, type ErasureCode } from "../../../protocols/grid/erasure.ts";
import { erasureKernel } from "../../../protocols/grid/erasure-kernel.ts";
import { crypttextHashStream } from "../../../protocols/grid/hashes.ts";

/** Tasks of a session; `id` names it. */
export type SessionTask =
  | { kind: "begin"; id: number; params: ChkParams; convergence: Uint8Array }
  | { kind: "key-part"; id: number; bytes: Uint8Array }
  | { kind: "key"; id: number }
  | { kind: "encrypt"; id: number; key: Uint8Array; first: number; bytes: Uint8Array; isHashed: boolean }
  | { kind: "take"; id: number; first: number; hashes: Uint8Array }
  | { kind: "finish"; id: number }
  | { kind: "trailer"; id: number; share: number }
  | { kind: "end"; id: number };

export type WorkTask = SessionTask | { kind: "encode"; run: EncodeRun } | { kind: "decode"; run: DecodeRun };

export interface WorkDone {
  answer: unknown;
  /** Memory that is not used here any more. */
  transfer?: ArrayBuffer[];
}

interface Session {
  params: ChkParams;
  keyStream: HashStream;
  crypttext: HashStream;
  /** Made with the first hashes: whoever only wants a key needs no room for trees. */
  summary?: ChkSummary;
  finished?: ChkFinished;
}

export class EncodeWork {
  readonly #crypto: GridCrypto = gridCrypto();
  /** Made when it is needed: every box has such an object, and many never use it. */
  #mixer: { mix: ReturnType<typeof simdMixer> } | undefined;
  readonly #sessions = new Map<number, Session>();
  /** The newest only: its rows are quickly made. */
  #code: ErasureCode | undefined;

  perform(task: WorkTask): WorkDone {
    if (task.kind === "encode") {
      const { memory, hashes } = encodeRun(this.#crypto, this.#codeOf(task.run.params), task.run);
      return { answer: { memory, hashes }, transfer: own(hashes) };
    }
    if (task.kind === "decode") {
      const decoded = decodeRun(this.#crypto, this.#codeOf(task.run.params), task.run);
      return { answer: decoded, transfer: decoded.state === "good" ? own(decoded.bytes) : [] };
    }
    return this.#inSession(task);
  }

  #inSession(task: SessionTask): WorkDone {
    const crypto = this.#crypto;
    if (task.kind === "begin") {
      const { id, params, convergence } = task;
      const keyStream = convergentKey(crypto, convergence, params);
      this.#sessions.set(id, { params, keyStream, crypttext: crypttextHashStream(crypto) });
      return { answer: undefined };
    }
    const session = this.#sessions.get(task.id);
    if (!session) throw new Error(`no session ${task.id}`);
    switch (task.kind) {
      case "key-part":
        session.keyStream.update(task.bytes);
        return { answer: undefined };
      case "key":
        return { answer: session.keyStream.digest() };
      case "encrypt": {
        crypto.aesCtrInPlace(task.key, task.bytes, task.first * session.params.segmentBytes);
        if (task.isHashed) session.crypttext.update(task.bytes);
        return { answer: undefined };
      }
      case "take":
        session.summary ??= new ChkSummary(crypto, session.params);
        session.summary.take(task.first, task.hashes);
        return { answer: undefined };
      case "finish":
        session.finished = session.summary!.finish(session.crypttext.digest());
        return { answer: session.finished.uebHash };
      case "trailer": {
        const trailer = session.finished!.trailer(task.share);
        return { answer: trailer, transfer: own(trailer) };
      }
      case "end":
        this.#sessions.delete(task.id);
        return { answer: undefined };
    }
  }

  #codeOf({ k, n }: ChkParams): ErasureCode {
    this.#mixer ??= { mix: simdMixer(erasureKernel()) };
    if (this.#code?.k !== k || this.#code.n !== n) this.#code = erasureCode(k, n, this.#mixer.mix);
    return this.#code;
  }
}

/** The memory under an array, if it has all of it: else it belongs to others, too, and must be copied. */
export function own(bytes: Uint8Array): ArrayBuffer[] {
  const { buffer, byteLength } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0 ? [buffer] : [];
}
