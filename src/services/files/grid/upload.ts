/**
 * Puts a file into the grid: its key from its content, a place for each share, then segment by segment encrypted,
 * encoded and sent, all at once and with constant memory. Asked again with the same content after a break, it finds
 * what is there and sends the rest: key, storage index, shares and upload secrets come out the same.
 *
 *   content ──► key ──► Placing ──► batches ──► EncodeSession (threads) ──► Sending ──► servers
 *                          ▲                                                   │
 *                          └────────────── shares that were lost ◄─────────────┘
 */
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import type { ChkReadCap } from "../../../protocols/grid/caps.ts";
import { newChkParams } from "../../../protocols/grid/chk-encoder.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import { runBytes } from "../../../protocols/grid/chk-run.ts";
import { formatHeader, shareLayout, type ShareLayout } from "../../../protocols/grid/chk-share.ts";
import { checkSummarySize, encodableBytes } from "../../../protocols/grid/chk-summary.ts";
import { LITERAL_MAX_BYTES } from "../../../protocols/grid/constants.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { chkStorageIndex, tagOf, tagged } from "../../../protocols/grid/hashes.ts";
import { permutedOrder } from "../../../protocols/grid/placement.ts";
import { leaseSecretsOf } from "../../../protocols/grid/secrets.ts";
import { utf8 } from "../../../protocols/wire/utf8.ts";
import { filesErrors } from "../errors.ts";
import {
  BATCH_MAX_BYTES,
  CHUNK_BYTES,
  DRAFT_MAX_BYTES,
  ENCODE_AHEAD,
  KEY_PARTS_AHEAD,
  KEY_PART_BYTES,
  SENDINGS_MAX,
  SMALL_FILE_MAX_BYTES,
} from "./constants.ts";
import { piecesOf } from "./content.ts";
import { mayDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import type { EncodeSession } from "./encode-pool.ts";
import type { Content, Encoding, UploadOptions, Uploaded } from "./grid.ts";
import type { ImmutableNeeds } from "./immutable.ts";
import { Placing, type Assignment } from "./upload-placing.ts";
import { Sending } from "./upload-sending.ts";
import { ShareSender } from "./upload-share.ts";

export interface ImmutableUploadOptions extends UploadOptions {
  encoding: Encoding;
}

const UPLOAD_SECRET = tagOf("comu_upload_secret_v1");

/**
 * LIT for up to 55 bytes, else CHK. Failures: files-not-spread, files-no-room, files-unreachable, files-too-large;
 * the signal's reason. What was sent stays on the servers for a while, so that the next attempt goes on from there.
 */
export async function uploadImmutable(
  needs: ImmutableNeeds,
  content: Content,
  options: ImmutableUploadOptions,
): Promise<Uploaded> {
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  if (content.bytes <= LITERAL_MAX_BYTES) {
    let data: Uint8Array = new Uint8Array(0);
    for await (const piece of piecesOf(content, LITERAL_MAX_BYTES, signal)) data = piece;
    return { cap: { kind: "lit", data }, sent: 0, found: 0, happiness: 0 };
  }
  const { needed, total, segmentMaxBytes } = options.encoding;
  const params = newParams(content.bytes, needed, total, segmentMaxBytes);
  const isSmall = content.bytes <= SMALL_FILE_MAX_BYTES;
  const session = needs.workers.session(params, needs.secrets.convergence, isSmall);
  try {
    return await new Upload({ needs, content, options, signal, params, session, isSmall }).run();
  } finally {
    await session.end();
  }
}

/**
 * The same of a small file as far as its cap is known: it may go with the change of a folder. Undefined for what has no
 * shares, or is larger, and where that cannot be.
 */
export async function draftImmutable(
  needs: ImmutableNeeds,
  content: Content,
  options: ImmutableUploadOptions,
): Promise<Draft | undefined> {
  if (content.bytes <= LITERAL_MAX_BYTES || content.bytes > DRAFT_MAX_BYTES) return undefined;
  if (!mayDraft(needs.servers(), options.encoding)) return undefined;
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const { needed, total, segmentMaxBytes } = options.encoding;
  const params = newParams(content.bytes, needed, total, segmentMaxBytes);
  const session = needs.workers.session(params, needs.secrets.convergence, true);
  try {
    return await new Upload({ needs, content, options, signal, params, session, isSmall: true }).draft();
  } finally {
    await session.end();
  }
}

interface UploadParts {
  needs: ImmutableNeeds;
  content: Content;
  options: ImmutableUploadOptions;
  signal: AbortSignal;
  params: ChkParams;
  session: EncodeSession;
  /** Its shares are made before anybody is asked, and go with the question. */
  isSmall: boolean;
}

/** Consecutive segments. */
interface Batch {
  first: number;
  bytes: Uint8Array;
}

class Upload {
  readonly #parts: UploadParts;
  readonly #layout: ShareLayout;
  /** Segments of a batch, and content bytes. */
  readonly #batchSegments: number;
  readonly #batchBytes: number;
  /** The content, when it is one batch: then it is read once only. */
  #whole: Uint8Array | undefined;
  /** Of a small file: all shares by number. */
  #shares: readonly Uint8Array[] | undefined;
  #uebHash: Uint8Array | undefined;
  #madeKey: Uint8Array | undefined;
  #sentShares = 0;

  constructor(parts: UploadParts) {
    const { segmentBytes, blockBytes } = parts.params;
    this.#parts = parts;
    this.#layout = shareLayout(parts.params);
    const fitting = Math.max(1, Math.floor(BATCH_MAX_BYTES / segmentBytes));
    this.#batchSegments = Math.min(fitting, Math.max(1, Math.round(CHUNK_BYTES / blockBytes)));
    this.#batchBytes = this.#batchSegments * segmentBytes;
  }

  async run(): Promise<Uploaded> {
    const { content, options } = this.#parts;
    const { k } = this.#parts.params;
    const key = await this.#begin();
    const placing = this.#placing(key);
    for (let sending = 0; sending < SENDINGS_MAX; sending++) {
      await placing.settle();
      const outlook = placing.outlook();
      const isEnough = outlook.happiness >= options.encoding.happy && outlook.shares >= k;
      const failure = isEnough ? undefined : this.#failure(placing);
      if (failure && sending === 0) await placing.giveUp();
      if (failure) throw failure;
      const assignments = placing.assignments();
      if (assignments.length === 0 && this.#uebHash) break;
      if (!(await this.#send(placing, assignments, key))) break;
    }
    const { happiness, shares } = placing.outcome();
    if (happiness < options.encoding.happy || shares < k) throw this.#failure(placing);
    options.onProgress?.({ doneBytes: content.bytes, totalBytes: content.bytes });
    const sent = this.#sentShares + placing.stored();
    return { cap: this.#cap(key), sent, found: Math.max(0, shares - sent), happiness };
  }

  /** Of a small file. The session is not needed any more. */
  async draft(): Promise<Draft> {
    const key = await this.#begin();
    const { k, n } = this.#parts.params;
    const shares = this.#shares!;
    const { storageIndex, uploadSecretOf, leaseOf } = this.#placing(key).needs;
    return {
      cap: this.#cap(key),
      needed: k,
      total: n,
      shareBytes: this.#layout.shareBytes,
      before: (server, numbers) => ({
        kind: "whole",
        storageIndex,
        put: {
          shares: new Map(numbers.map((one) => [one, shares[one]!])),
          uploadSecret: uploadSecretOf(server),
          lease: leaseOf(server),
        },
      }),
      store: async () => void (await this.run()),
      stored: () => {},
    };
  }

  /** Reads what must be read for the key, once; of a small file all shares are made. */
  async #begin(): Promise<Uint8Array> {
    const key = (this.#madeKey ??= this.#knownKey() ?? (await this.#key()));
    const { params, isSmall } = this.#parts;
    if (isSmall && this.#whole) {
      const numbers = Array.from({ length: params.n }, (_, share) => share);
      this.#shares ??= await this.#makeShares(numbers, key);
    }
    return key;
  }

  #cap(key: Uint8Array): ChkReadCap {
    const { k, n, size } = this.#parts.params;
    return { kind: "chk", key, uebHash: this.#uebHash!, k, n, size };
  }

  /** What was made while the content came. Content that is read once only is read for its key. */
  #knownKey(): Uint8Array | undefined {
    const { params, content, options } = this.#parts;
    const { key, params: given } = options.key ?? {};
    const isSame = (["k", "n", "size", "segmentBytes"] as const).every((name) => given?.[name] === params[name]);
    return isSame && content.bytes > this.#batchBytes ? key : undefined;
  }

  async #key(): Promise<Uint8Array> {
    const { content, session, signal } = this.#parts;
    const isWhole = content.bytes <= this.#batchBytes;
    const parts: Promise<void>[] = [];
    const partBytes = isWhole ? content.bytes : KEY_PART_BYTES;
    const memory = isWhole ? undefined : session.memory.take;
    for await (const piece of piecesOf(content, partBytes, signal, memory)) {
      if (isWhole) this.#whole = piece;
      parts.push(quiet(session.keyPart(piece)));
      if (parts.length > KEY_PARTS_AHEAD) await parts.shift();
    }
    await Promise.all(parts);
    return session.key();
  }

  #placing(key: Uint8Array): Placing {
    const { needs, params, signal, options } = this.#parts;
    const { crypto, secrets, clock } = needs;
    const storageIndex = chkStorageIndex(crypto, key);
    const leaseOf = leaseSecretsOf(crypto, secrets.lease, storageIndex);
    return new Placing({
      clock,
      signal,
      servers: permutedOrder(crypto, storageIndex, needs.servers()),
      storageIndex: encodeBase32(storageIndex),
      shareBytes: this.#layout.shareBytes,
      total: params.n,
      uploadSecretOf: ({ id }) => tagged(crypto, UPLOAD_SECRET, secrets.upload, storageIndex, utf8(id)),
      leaseOf: ({ tubId }) => {
        const { renew, cancel } = leaseOf(tubId);
        return { renewSecret: renew, cancelSecret: cancel };
      },
      small: this.#shares && { shares: this.#shares, happy: options.encoding.happy },
    });
  }

  /** Sends these shares from beginning to end. True when some were lost, and others may take them. */
  async #send(placing: Placing, assignments: readonly Assignment[], key: Uint8Array): Promise<boolean> {
    const { needs, params, signal, options, content } = this.#parts;
    const { happy } = options.encoding;
    const isFirst = this.#uebHash === undefined;
    const sending = new Sending({
      clock: needs.clock,
      signal,
      mayLose: (servers) => placing.outlook(servers).happiness >= happy || placing.hasSpare(servers),
      onProgress: (chunks) => {
        const doneBytes = Math.min(chunks * this.#batchBytes, content.bytes);
        if (isFirst) options.onProgress?.({ doneBytes, totalBytes: content.bytes });
      },
    });
    const stop = new AbortController();
    const { storageIndex, shareBytes, uploadSecretOf } = placing.needs;
    for (const assignment of assignments) {
      sending.senders.push(
        new ShareSender({
          clock: needs.clock,
          assignment,
          storageIndex,
          shareBytes,
          uploadSecret: uploadSecretOf(assignment.server),
          signal: AbortSignal.any([signal, stop.signal]),
          onChange: sending.onChange,
          onTook: sending.onTook,
        }),
      );
    }
    try {
      if (params.segments <= this.#batchSegments) await this.#sendWhole(sending, key);
      else await this.#sendBatches(sending, key);
      await sending.drain();
    } finally {
      stop.abort(new Error("the upload has ended"));
    }
    for (const { state, assignment } of sending.senders) {
      if (state === "complete") placing.complete(assignment);
      else placing.lose(assignment.server);
      if (state === "complete") this.#sentShares++;
    }
    return sending.senders.some(({ state }) => state !== "complete");
  }

  /** A file of one batch: each share is one chunk. */
  async #sendWhole({ senders }: Sending, key: Uint8Array): Promise<void> {
    const numbers = senders.map(({ assignment }) => assignment.share);
    const shares = this.#shares ? numbers.map((share) => this.#shares![share]!) : await this.#makeShares(numbers, key);
    for (const [index, sender] of senders.entries()) void sender.send(0, shares[index]!);
  }

  /** These shares of a file of one batch, from beginning to end. */
  async #makeShares(numbers: readonly number[], key: Uint8Array): Promise<Uint8Array[]> {
    const { params, session } = this.#parts;
    const layout = this.#layout;
    const { shareBytes, offsets } = layout;
    const memory = await this.#encode({ first: 0, bytes: this.#whole!.slice() }, key, numbers);
    this.#uebHash ??= await session.finish();
    const header = formatHeader(params, layout);
    const dataBytes = params.shareDataBytes;
    const made: Uint8Array[] = [];
    for (const [index, number] of numbers.entries()) {
      const share = new Uint8Array(shareBytes);
      share.set(header);
      share.set(memory.subarray(index * dataBytes, (index + 1) * dataBytes), offsets.data);
      share.set(await session.trailer(number), offsets.plaintextHashes);
      made.push(share);
    }
    session.memory.giveBack(memory);
    return made;
  }

  async #sendBatches(sending: Sending, key: Uint8Array): Promise<void> {
    const { params, session, content, signal } = this.#parts;
    const layout = this.#layout;
    const shares = sending.senders.map(({ assignment }) => assignment.share);
    for (const sender of sending.senders) sender.begin(0, formatHeader(params, layout));
    const encoding: { first: number; memory: Promise<Uint8Array> }[] = [];
    const give = async () => {
      const { first, memory } = encoding.shift()!;
      const blocks = await memory;
      const { share: length } = runBytes(params, first, this.#batchSegments);
      await sending.room();
      const sent = sending.senders.map((sender, index) => {
        const chunk = blocks.subarray(index * length, (index + 1) * length);
        return sender.send(layout.offsets.data + first * params.blockBytes, chunk);
      });
      void Promise.all(sent).then((areDone) => !areDone.includes(false) && session.memory.giveBack(blocks));
    };
    let first = 0;
    for await (const bytes of piecesOf(content, this.#batchBytes, signal, session.memory.take)) {
      encoding.push({ first, memory: quiet(this.#encode({ first, bytes }, key, shares)) });
      first += this.#batchSegments;
      if (encoding.length > ENCODE_AHEAD) await give();
    }
    while (encoding.length > 0) await give();
    this.#uebHash ??= await session.finish();
    await sending.room();
    for (const sender of sending.senders) {
      if (sender.state !== "sending") continue;
      void sender.send(layout.offsets.plaintextHashes, await session.trailer(sender.assignment.share));
    }
  }

  /** The blocks of these shares; the first time, also the hashes of all. */
  async #encode({ first, bytes }: Batch, key: Uint8Array, shares: readonly number[]): Promise<Uint8Array> {
    const { params, session } = this.#parts;
    const withHashes = this.#uebHash === undefined;
    const ciphertext = await session.encrypt(key, first, bytes, withHashes);
    const count = Math.ceil(ciphertext.length / params.segmentBytes);
    const room = session.memory.take(shares.length * runBytes(params, first, count).share);
    const run = { params, first, ciphertext, wanted: shares, withHashes, memory: room };
    const { memory, hashes } = await session.encode(run);
    if (withHashes) await session.take(first, hashes);
    return memory;
  }

  #failure(placing: Placing): Error {
    const { happy } = this.#parts.options.encoding;
    if (placing.answered.size === 0) {
      return filesErrors.fail("files-unreachable", { params: { found: 0, needed: happy } });
    }
    if (placing.lacksRoom()) return filesErrors.fail("files-no-room");
    // Nothing may be placed yet; that does not say that nobody answers.
    const found = Math.max(placing.outlook().happiness, Math.min(placing.answered.size, happy - 1));
    return filesErrors.fail("files-not-spread", { params: { found, wanted: happy } });
  }
}

/** Throws a Failure "files-too-large" for a file whose hash trees would not fit into memory. */
function newParams(size: number, needed: number, total: number, segmentMaxBytes: number): ChkParams {
  try {
    const params = newChkParams(size, needed, total, segmentMaxBytes);
    checkSummarySize(params);
    return params;
  } catch (error) {
    if (!(error instanceof GridError) || error.code !== "too-large") throw error;
    const limit = encodableBytes({ n: total, segmentBytes: segmentMaxBytes });
    throw filesErrors.fail("files-too-large", { params: { limit }, cause: error });
  }
}

/** It is awaited later; until then a failure must not end the process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
