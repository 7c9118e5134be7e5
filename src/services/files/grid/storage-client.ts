/**
 * One real storage server, over HTTPS: what `GridServer` says, as the protocol of Tahoe-LAFS 1.19 and newer spells it
 * ("Great Black Swamp"). It takes the first of the server's NURLs that works.
 */
import type { ShareKind } from "../storage/share-file.ts";
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import type { Resolver } from "../../../platform/resolve.ts";
import type { Nurl } from "./nurl.ts";
import { ResponseTimes } from "./response-times.ts";
import { ServerError } from "./server.ts";
import type {
  AllocateWish,
  Allocated,
  AnswerMemory,
  Chunk,
  ChunkWritten,
  GridServer,
  LeaseSecrets,
  PutWhole,
  ReadTestWrite,
  ReadTestWritten,
  ServerState,
  WholePut,
} from "./server.ts";
import { headersOf, pathOf } from "./storage-client-call.ts";
import type { Call } from "./storage-client-call.ts";
import { PinnedAgent, Unanswered } from "./storage-client-connection.ts";
import type { ConnectionLimits } from "./storage-client-connection.ts";
import {
  ADVICE_MAX_CHARS,
  DATA_ANSWER_MAX_BYTES,
  DATA_TIMEOUT_MS,
  SERVER_CONNECTIONS_MAX,
  SERVER_REQUESTS_MAX,
  SILENCE_TIMEOUT_MS,
  SMALL_ANSWER_MAX_BYTES,
  SMALL_TIMEOUT_MS,
  WHOLE_BODY_MAX_BYTES,
} from "./storage-client-constants.ts";
import { exchange } from "./storage-client-exchange.ts";
import { Gate } from "./storage-client-gate.ts";
import type { Reply } from "./storage-client-exchange.ts";
import {
  Garbled,
  adviceBody,
  allocateBody,
  beforeWriteBody,
  leaseSecrets,
  putWholeBody,
  readAllocated,
  readReadTestWritten,
  readRequired,
  readShareNumbers,
  readTestWriteBody,
  readVersion,
  readWholePut,
} from "./storage-client-messages.ts";
import { cborOf, rangeOf, refusal } from "./storage-client-replies.ts";
import { POLL_TIMEOUT_MS, ServerWatch } from "./storage-client-watch.ts";

/** What there is to know of a server before it is asked. */
export interface ServerPlace {
  id: string;
  name: string;
  seed: Uint8Array;
  tubId: Uint8Array;
  owner: string | undefined;
  zone: string | undefined;
  /** At least one. */
  nurls: readonly Nurl[];
}

export interface ClientLimits extends ConnectionLimits {
  silenceMs: number;
  smallMs: number;
  dataMs: number;
  pollMs: number;
  requestsMax: number;
}

export interface StorageClientNeeds {
  clock: Clock;
  random: Random;
  resolver: Resolver;
  limits?: Partial<ClientLimits>;
}

export class StorageClient implements GridServer {
  readonly id: string;
  readonly name: string;
  readonly seed: Uint8Array;
  readonly tubId: Uint8Array;
  readonly owner: string | undefined;
  readonly zone: string | undefined;
  readonly #nurls: readonly Nurl[];
  readonly #needs: StorageClientNeeds;
  readonly #limits: Partial<ClientLimits>;
  readonly #watch: ServerWatch;
  readonly #times = new ResponseTimes();
  readonly #gate: Gate;
  /** Ends what is under way when nobody is there. */
  #away = new AbortController();
  #place = 0;
  #agent: PinnedAgent;
  /** Of its own, so that a poll waits for no share data. */
  #pollAgent: PinnedAgent;
  #requests = 0;
  #availableBytes: number | undefined;
  /** It said so, and has not refused since. */
  #takesWhole = false;
  #refusedWhole = false;
  #takesBefore = false;
  #problem: ServerError["code"] | undefined;
  #isClosed = false;

  constructor(place: ServerPlace, needs: StorageClientNeeds) {
    this.id = place.id;
    this.name = place.name;
    this.seed = place.seed;
    this.tubId = place.tubId;
    this.owner = place.owner;
    this.zone = place.zone;
    this.#nurls = place.nurls;
    this.#needs = needs;
    this.#limits = needs.limits ?? {};
    this.#gate = new Gate(this.#limits.connectionsMax ?? SERVER_CONNECTIONS_MAX);
    this.#agent = this.#newAgent();
    this.#pollAgent = this.#newAgent(1);
    const { clock, random } = needs;
    const [poll, onMissed, onAway] = [() => this.#poll(), () => this.#tryNextPlace(), () => this.#giveUp()];
    this.#watch = new ServerWatch({ clock, random, poll, onMissed, onAway });
  }

  /** Begins to look whether it is there. Without this it works, and is not watched. */
  start(): void {
    this.#watch.start();
  }

  /** Ends what is under way with `unreachable`. */
  close(): void {
    this.#isClosed = true;
    this.#watch.stop();
    this.#away.abort(new Unanswered("unreachable", "it is no longer in the list"));
    this.#agent.destroy();
    this.#pollAgent.destroy();
  }

  state(): ServerState {
    return this.#watch.state();
  }

  availableBytes(): number | undefined {
    return this.#availableBytes;
  }

  responseMs(): number | undefined {
    return this.#times.medianMs();
  }

  takesBefore = (): boolean => this.#takesBefore;

  /** Why the last look at it failed; undefined when it did not. */
  problem(): ServerError["code"] | undefined {
    return this.#problem;
  }

  async allocate(storageIndex: string, wish: AllocateWish, signal?: AbortSignal): Promise<Allocated> {
    const secrets = { ...leaseSecrets(wish.lease), "upload-secret": wish.uploadSecret };
    const body = [allocateBody(wish)];
    const call: Call = { method: "POST", path: `immutable/${storageIndex}`, secrets, body, signal };
    const reply = await this.#call(call, [200]);
    return this.#read(() => readAllocated(cborOf(reply), wish.shares));
  }

  async putWhole(storageIndex: string, wish: PutWhole, signal?: AbortSignal): Promise<WholePut | undefined> {
    if (!this.#takesWhole) return undefined;
    const body = putWholeBody(wish);
    if (body.reduce((sum, { length }) => sum + length, 0) > WHOLE_BODY_MAX_BYTES) return undefined;
    const secrets = { ...leaseSecrets(wish.lease), "upload-secret": wish.uploadSecret };
    const path = `immutable/${storageIndex}`;
    const call: Call = { method: "POST", path, isOurs: true, secrets, body, isData: true, signal };
    const reply = await this.#call(call, [200, 201, 404], {}, SMALL_ANSWER_MAX_BYTES);
    if (reply.status !== 404) return this.#read(() => readWholePut(cborOf(reply), wish.shares));
    this.#refusedWhole = true;
    this.#takesWhole = false;
    return undefined;
  }

  async writeChunk(storageIndex: string, share: number, chunk: Chunk, signal?: AbortSignal): Promise<ChunkWritten> {
    const { uploadSecret, offset, data, total } = chunk;
    // The whole length is `*` in the reference client, and its server was never sent anything else.
    const headers = { "content-range": `bytes ${offset}-${offset + data.length - 1}/*` };
    const path = `immutable/${storageIndex}/${share}`;
    const secrets = { "upload-secret": uploadSecret };
    const reply = await this.#call(
      { method: "PATCH", path, headers, secrets, body: [data], isData: true, signal },
      [200, 201],
      { 401: "conflict" },
    );
    const missing = this.#read(() => readRequired(cborOf(reply), total));
    return { isComplete: reply.status === 201, missing };
  }

  async abort(storageIndex: string, share: number, uploadSecret: Uint8Array): Promise<void> {
    const path = `immutable/${storageIndex}/${share}/abort`;
    // 404: it is gone already. 405: it is complete, and nothing is to be given up.
    const good = [200, 404, 405];
    await this.#call({ method: "PUT", path, secrets: { "upload-secret": uploadSecret } }, good, { 401: "conflict" });
  }

  async shares(kind: ShareKind, storageIndex: string, signal?: AbortSignal): Promise<number[]> {
    const reply = await this.#call({ method: "GET", path: `${kind}/${storageIndex}/shares`, signal }, [200]);
    return this.#read(() => readShareNumbers(cborOf(reply)));
  }

  async read(
    kind: ShareKind,
    storageIndex: string,
    share: number,
    range: ByteRange,
    signal?: AbortSignal,
    memory?: AnswerMemory,
  ): Promise<Uint8Array> {
    const { at, length } = range;
    if (length > DATA_ANSWER_MAX_BYTES) throw new Error("more than one answer may have");
    if (length === 0) return new Uint8Array(0);
    const headers = { range: `bytes=${at}-${at + length - 1}` };
    const path = `${kind}/${storageIndex}/${share}`;
    const call: Call = { method: "GET", path, headers, isData: true, signal, memory };
    const reply = await this.#call(call, [204, 206], {}, length);
    return this.#read(() => (reply.status === 204 ? new Uint8Array(0) : rangeOf(reply, range)));
  }

  async renewLease(storageIndex: string, secrets: LeaseSecrets, signal?: AbortSignal): Promise<boolean> {
    const call: Call = { method: "PUT", path: `lease/${storageIndex}`, secrets: leaseSecrets(secrets), signal };
    const { status } = await this.#call(call, [204, 404]);
    return status === 204;
  }

  async readTestWrite(storageIndex: string, wish: ReadTestWrite, signal?: AbortSignal): Promise<ReadTestWritten> {
    const path = `mutable/${storageIndex}/read-test-write`;
    const secrets = { ...leaseSecrets(wish.lease), "write-enabler": wish.writeEnabler };
    const isOurs = wish.before !== undefined;
    const body = isOurs ? beforeWriteBody(wish) : readTestWriteBody(wish);
    const call: Call = { method: "POST", path, isOurs, secrets, body, isData: true, signal };
    const reply = await this.#call(call, [200], { 401: "write-enabler" });
    const sizes = wish.read.map(({ size }) => size);
    return this.#read(() => readReadTestWritten(cborOf(reply), sizes));
  }

  async advise(kind: ShareKind, storageIndex: string, share: number, reason: string): Promise<void> {
    const body = [adviceBody(reason.slice(0, ADVICE_MAX_CHARS) || "damaged")];
    // 404: it has gone meanwhile, and nobody need be told.
    await this.#call({ method: "POST", path: `${kind}/${storageIndex}/${share}/corrupt`, body }, [200, 404]);
  }

  /** `good`: the statuses that are an answer. `meaning`: what others stand for here. */
  async #call(
    call: Call,
    good: readonly number[],
    meaning: Readonly<Record<number, ServerError["code"]>> = {},
    dataMaxBytes = DATA_ANSWER_MAX_BYTES,
  ): Promise<Reply> {
    call.signal?.throwIfAborted();
    if (this.#requests >= (this.#limits.requestsMax ?? SERVER_REQUESTS_MAX)) {
      throw new ServerError("failed", this.name, "too many requests are waiting for it");
    }
    this.#requests += 1;
    try {
      if (this.#watch.state() === "away" && !(await this.#watch.look())) {
        throw new Unanswered("unreachable", "it is away");
      }
      const reply = await this.#exchangeInTurn(call, dataMaxBytes);
      if (good.includes(reply.status)) return reply;
      if (reply.status === 401 && meaning[401]) await this.#checkWelcome();
      throw refusal(reply, meaning);
    } catch (error) {
      throw this.#named(error);
    } finally {
      this.#requests -= 1;
    }
  }

  async #exchangeInTurn(call: Call, dataMaxBytes: number): Promise<Reply> {
    const signal = call.signal ? AbortSignal.any([call.signal, this.#away.signal]) : this.#away.signal;
    await this.#gate.enter(signal);
    this.#watch.began();
    const startedMs = this.#needs.clock.monotonicMs();
    try {
      const reply = await this.#exchangeAgain({ ...call, signal }, dataMaxBytes);
      this.#watch.answered();
      if (!call.isData) this.#times.add(this.#needs.clock.monotonicMs() - startedMs);
      return reply;
    } catch (error) {
      if (error instanceof Unanswered && !this.#isClosed) this.#watch.failed();
      throw error;
    } finally {
      this.#watch.ended();
      this.#gate.leave();
    }
  }

  /** A kept connection may be closed by the server at the moment it is used: then once more on another. */
  async #exchangeAgain(call: Call, dataMaxBytes: number): Promise<Reply> {
    try {
      return await this.#exchange(call, dataMaxBytes);
    } catch (error) {
      if (!(error instanceof Unanswered && error.isStale)) throw error;
      return this.#exchange(call, dataMaxBytes);
    }
  }

  #exchange(call: Call, dataMaxBytes: number): Promise<Reply> {
    const { method, body, isData = false } = call;
    const { silenceMs = SILENCE_TIMEOUT_MS, smallMs = SMALL_TIMEOUT_MS, dataMs = DATA_TIMEOUT_MS } = this.#limits;
    const { swissnum } = this.#nurls[this.#place]!;
    return exchange(this.#agent, this.#needs.clock, {
      method,
      path: pathOf(call),
      headers: headersOf(call, swissnum),
      body,
      answerMaxBytes: isData && method !== "PATCH" ? dataMaxBytes : SMALL_ANSWER_MAX_BYTES,
      silenceMs,
      wholeMs: isData ? dataMs : smallMs,
      signal: call.signal,
      memory: call.memory,
      onMove: () => this.#watch.moved(),
    });
  }

  /** Rejects when it is not there, or does not know us. */
  async #poll(): Promise<void> {
    const startedMs = this.#needs.clock.monotonicMs();
    const { swissnum } = this.#nurls[this.#place]!;
    const limitMs = this.#limits.pollMs ?? POLL_TIMEOUT_MS;
    const call: Call = { method: "GET", path: "version" };
    try {
      const reply = await exchange(this.#pollAgent, this.#needs.clock, {
        method: call.method,
        path: pathOf(call),
        headers: headersOf(call, swissnum),
        answerMaxBytes: SMALL_ANSWER_MAX_BYTES,
        silenceMs: limitMs,
        wholeMs: limitMs,
      });
      if (reply.status !== 200) throw refusal(reply, {});
      const { availableBytes, takesWhole, takesBefore } = readVersion(cborOf(reply));
      this.#availableBytes = availableBytes;
      [this.#takesWhole, this.#takesBefore] = [takesWhole && !this.#refusedWhole, takesBefore];
      this.#times.add(this.#needs.clock.monotonicMs() - startedMs);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Unanswered ? error.code : "garbled";
      throw error;
    }
  }

  /** 401 has two meanings. Rejects with `refused` when it is that it does not know us. */
  async #checkWelcome(): Promise<void> {
    const reply = await this.#exchangeInTurn({ method: "GET", path: "version" }, SMALL_ANSWER_MAX_BYTES);
    if (reply.status === 401) throw refusal(reply, {});
  }

  #tryNextPlace(): void {
    if (this.#nurls.length === 1 || this.#isClosed) return;
    this.#place = (this.#place + 1) % this.#nurls.length;
    this.#agent.destroy();
    this.#pollAgent.destroy();
    this.#agent = this.#newAgent();
    this.#pollAgent = this.#newAgent(1);
  }

  #giveUp(): void {
    this.#away.abort(new Unanswered("timeout", "it is away"));
    this.#away = new AbortController();
  }

  #newAgent(connectionsMax?: number): PinnedAgent {
    const { clock, resolver } = this.#needs;
    const limits = connectionsMax === undefined ? this.#limits : { ...this.#limits, connectionsMax };
    return new PinnedAgent({ clock, resolver, place: this.#nurls[this.#place]!, limits });
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#named(error);
    }
  }

  #named(error: unknown): unknown {
    if (error instanceof Unanswered) return new ServerError(error.code, this.name, error.message, { cause: error });
    if (error instanceof Garbled) return new ServerError("garbled", this.name, error.message, { cause: error });
    return error;
  }
}
