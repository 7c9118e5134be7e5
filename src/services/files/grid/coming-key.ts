/**
 * The key of content that is still on its way to this box. It follows from all of the content, so a file that was
 * taken in first had to be read twice from the disk: for its key, and to be sent. Hashed while it comes it is read
 * once.
 */
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import { newChkParams } from "../../../protocols/grid/chk-encoder.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { BATCH_MAX_BYTES } from "./constants.ts";
import type { EncodeSession } from "./encode-pool.ts";
import type { ContentKey, Encoding, KeyMaking } from "./grid.ts";
import type { ImmutableNeeds } from "./immutable.ts";

/** Undefined for content that is read once only, and for what cannot be encoded: the upload says so. */
export function makeKey(needs: ImmutableNeeds, bytes: number, encoding: Encoding): KeyMaking | undefined {
  if (bytes <= BATCH_MAX_BYTES) return undefined;
  const { needed, total, segmentMaxBytes } = encoding;
  try {
    const params = newChkParams(bytes, needed, total, segmentMaxBytes);
    return new ComingKey(params, needs.workers.session(params, needs.secrets.convergence, false));
  } catch (error) {
    if (error instanceof GridError) return undefined;
    throw error;
  }
}

/** Holds a thread until it has ended. */
class ComingKey implements KeyMaking {
  readonly #params: ChkParams;
  readonly #session: EncodeSession;

  constructor(params: ChkParams, session: EncodeSession) {
    this.#params = params;
    this.#session = session;
  }

  take(bytes: Uint8Array): Promise<void> {
    return this.#session.keyPart(bytes);
  }

  async finish(): Promise<ContentKey> {
    try {
      return { key: await this.#session.key(), params: this.#params };
    } finally {
      this.drop();
    }
  }

  drop(): void {
    void this.#session.end();
  }
}
