/**
 * Makes the lost shares of an immutable file again and puts them on servers, so that no single one matters. It needs no
 * key: the ciphertext is read, encoded again as it was, and the shares come out byte for byte as they were; what would
 * come out otherwise is noticed before the last byte of any share is sent, and no such share is ever complete.
 */
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { storageIndexOf } from "../../../protocols/grid/caps.ts";
import type { ChkReadCap, ChkVerifyCap } from "../../../protocols/grid/caps.ts";
import type { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import { ChkEncoder } from "../../../protocols/grid/chk-encoder.ts";
import { formatHeader } from "../../../protocols/grid/chk-share.ts";
import { concat } from "../../../protocols/grid/concat.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { permutedOrder, placeShares } from "../../../protocols/grid/placement.ts";
import { filesErrors } from "../errors.ts";
import { checkImmutable, chkFile } from "./check-immutable.ts";
import type { CareNeeds, Found } from "./check-immutable.ts";
import { hangsOnOne } from "./check-result.ts";
import type { CheckResult, RepairResult } from "./grid.ts";
import { answersInTime } from "./in-time.ts";
import { REPAIR_CHUNK_BYTES } from "./mutable-constants.ts";
import { leasesFor } from "./mutable-file.ts";
import type { RepairOptions } from "./repair-mutable.ts";
import { CiphertextSource } from "./repair-source.ts";
import type { GridServer } from "./server.ts";
import { Sending } from "./upload-sending.ts";
import { ShareSender } from "./upload-share.ts";

const UPLOAD_SECRET_BYTES = 32;
/** A second round looks for damage that only shows when shares are read. */
const ROUNDS_MAX = 2;

/** Throws `files-unreachable`, `files-damaged`. A file that nobody can bring back is left as it is. */
export async function repairImmutable(
  needs: CareNeeds,
  cap: ChkReadCap | ChkVerifyCap,
  { verify, signal }: RepairOptions = {},
): Promise<RepairResult> {
  const before = await checkImmutable(needs, cap, { verify, signal });
  if (before.state === "weak" && hangsOnOne(before, needs.servers())) {
    return { before, after: before, written: 0, isHeld: true };
  }
  let known = before;
  let written = 0;
  for (let round = 1; round <= ROUNDS_MAX && known.state === "weak"; round++) {
    const done = await new Repair(needs, cap, known, signal ?? new AbortController().signal).run();
    written += done;
    known = await checkImmutable(needs, cap, { verify, signal });
    if (done === 0) break;
  }
  return { before, after: known, written };
}

class Repair {
  readonly #needs: CareNeeds;
  readonly #known: CheckResult;
  readonly #signal: AbortSignal;
  readonly #storageIndex: Uint8Array;
  readonly #index: string;
  readonly #file: ChkFile;
  readonly #secret: Uint8Array;

  constructor(needs: CareNeeds, cap: ChkReadCap | ChkVerifyCap, known: CheckResult, signal: AbortSignal) {
    this.#needs = needs;
    this.#known = known;
    this.#signal = signal;
    this.#storageIndex = storageIndexOf(needs.crypto, cap)!;
    this.#index = encodeBase32(this.#storageIndex);
    this.#file = chkFile(needs, cap);
    this.#secret = needs.random.bytes(UPLOAD_SECRET_BYTES);
  }

  /** The number of shares that were made complete on some server. */
  async run(): Promise<number> {
    const servers = new Map(this.#needs.servers().map((server) => [server.id, server]));
    const found = this.#known.shares.flatMap(({ share, server }) => {
      const holder = servers.get(server);
      return holder ? [{ share, server: holder }] : [];
    });
    const source = new CiphertextSource(this.#needs.clock, this.#file, this.#index, found, this.#signal);
    await source.open();
    const { params } = this.#file.facts!;
    const encoder = new ChkEncoder({
      crypto: this.#needs.crypto,
      code: this.#needs.codeOf(params.k, params.n),
      params,
    });
    const taken = await this.#allocate(encoder.layout.shareBytes);
    if (taken.length === 0) return 0;
    const end = new AbortController();
    const signal = AbortSignal.any([this.#signal, end.signal]);
    const sending = new Sending({ clock: this.#needs.clock, signal, mayLose: () => true, onProgress: () => {} });
    for (const assignment of taken) sending.senders.push(this.#sender(sending, assignment, encoder, signal));
    try {
      await this.#send(source, encoder, sending);
      await sending.drain();
    } finally {
      end.abort();
      const open = sending.senders.filter(({ state }) => state !== "complete");
      await this.#giveUp(open.map(({ assignment }) => assignment));
    }
    return sending.senders.filter(({ state }) => state === "complete").length;
  }

  #sender(sending: Sending, assignment: Found, encoder: ChkEncoder, signal: AbortSignal): ShareSender {
    return new ShareSender({
      clock: this.#needs.clock,
      assignment,
      storageIndex: this.#index,
      uploadSecret: this.#secret,
      shareBytes: encoder.layout.shareBytes,
      signal,
      onChange: sending.onChange,
      onTook: sending.onTook,
    });
  }

  /** All shares side by side, in chunks of whole blocks; what follows the blocks goes last. */
  async #send(source: CiphertextSource, encoder: ChkEncoder, sending: Sending): Promise<void> {
    const { params, layout } = encoder;
    let at = 0;
    let parts: Uint8Array[][] = sending.senders.map(() => [formatHeader(params, layout)]);
    const flush = async () => {
      await sending.room();
      const chunks = parts.map(concat);
      sending.senders.forEach((sender, index) => sender.send(at, chunks[index]!));
      at += chunks[0]!.length;
      parts = sending.senders.map(() => []);
    };
    for (let segment = 0; segment < params.segments; segment++) {
      const blocks = encoder.segment(await source.segment(segment));
      sending.senders.forEach(({ assignment }, index) => parts[index]!.push(blocks[assignment.share]!));
      const bytes = parts[0]!.reduce((sum, part) => sum + part.length, 0);
      if (bytes >= REPAIR_CHUNK_BYTES && segment < params.segments - 1) await flush();
    }
    const finished = this.#finished(encoder);
    sending.senders.forEach(({ assignment }, index) => parts[index]!.push(finished.trailer(assignment.share)));
    await flush();
  }

  #finished(encoder: ChkEncoder) {
    const { cap } = this.#file;
    try {
      return encoder.finish(cap.uebHash);
    } catch (error) {
      // The writer of the file made shares that are not what the format says; they cannot be made again.
      if (!(error instanceof GridError)) throw error;
      throw filesErrors.fail("files-damaged", { params: { good: this.#known.good, needed: cap.k }, cause: error });
    }
  }

  /** Which servers take which shares, settled with them. */
  async #allocate(shareBytes: number): Promise<Found[]> {
    const { crypto, clock } = this.#needs;
    const silent = new Set(this.#known.silent);
    const order = permutedOrder(crypto, this.#storageIndex, this.#needs.servers());
    const present = order.filter((server) => server.state() !== "away" && !silent.has(server.id));
    const places = this.#places(present, shareBytes);
    const byServer = new Map<GridServer, number[]>();
    for (const { server, share } of places) byServer.set(server, [...(byServer.get(server) ?? []), share]);
    const wishes = [...byServer];
    const answered = new Map<GridServer, readonly number[]>();
    const asked = wishes.map(([server, shares]) => async (signal: AbortSignal) => {
      const lease = leasesFor(this.#needs, this.#storageIndex, server);
      const wish = { shares, bytes: shareBytes, uploadSecret: this.#secret, lease };
      answered.set(server, (await server.allocate(this.#index, wish, signal)).allocated);
    });
    try {
      await answersInTime(clock, asked, this.#signal);
    } catch (error) {
      await this.#giveUp(places);
      throw error;
    }
    void this.#giveUp(places.filter(({ server }) => !answered.has(server)));
    return places.filter(({ server, share }) => answered.get(server)?.includes(share));
  }

  /** Where shares should be and are not. A server never gets a share of which it has a damaged one: it keeps that. */
  #places(present: readonly GridServer[], shareBytes: number): Found[] {
    const { shares: existing, damaged } = this.#known;
    const hasRoom = (server: GridServer) => (server.availableBytes() ?? Infinity) >= shareBytes;
    const byId = new Map(present.map((server) => [server.id, server]));
    const writable = present.filter(hasRoom).map(({ id }) => id);
    const holders = new Set(existing.map(({ server }) => server));
    const plan = placeShares({
      shares: this.#file.cap.n,
      writable,
      readOnly: present.filter((server) => !hasRoom(server) && holders.has(server.id)).map(({ id }) => id),
      existing,
      domainOf: (id) => byId.get(id)?.owner ?? id,
    });
    const counts = new Map(writable.map((id) => [id, 0]));
    for (const id of plan.values()) counts.set(id, (counts.get(id) ?? 0) + 1);
    const keeps = (share: number, server: string) =>
      damaged.some((one) => one.share === share && one.server === server);
    const isThere = (share: number, server: string) =>
      existing.some((one) => one.share === share && one.server === server);
    const open = [...plan].filter(([share, server]) => !isThere(share, server));
    return open.flatMap(([share, planned]) => {
      const others = [...counts].filter(([id]) => !keeps(share, id)).toSorted(([, a], [, b]) => a - b);
      const id = keeps(share, planned) ? others[0]?.[0] : planned;
      if (id === undefined) return [];
      if (id !== planned) counts.set(id, counts.get(id)! + 1);
      return [{ share, server: byId.get(id)! }];
    });
  }

  /** Else the servers keep these places for this repair, and the next one finds none, until they forget them. */
  async #giveUp(places: readonly Found[]): Promise<void> {
    const asked = places.map(
      ({ share, server }) =>
        () =>
          server.abort(this.#index, share, this.#secret),
    );
    await answersInTime(this.#needs.clock, asked, new AbortController().signal);
  }
}
