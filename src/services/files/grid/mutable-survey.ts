/**
 * Asks servers what they have of a mutable file, the likely ones first and several at once, and goes on until the rules
 * of the mode are satisfied. What comes out is the server map, and the shares, of which the beginning is read already.
 *
 * Whoever may write asks with an empty read-test-write, which brings the beginnings of all shares in one round trip;
 * others first ask which shares there are, and read at the same time those that were there the last time.
 */
import type { Cancel } from "../../../kernel/clock.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { layoutOf, readMutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import type { MutableHeader } from "../../../protocols/grid/mutable-layout.ts";
import { verifyHeader } from "../../../protocols/grid/mutable-reading.ts";
import { serverMap, versionName } from "../../../protocols/grid/server-map.ts";
import type { SeenShare, ServerMap } from "../../../protocols/grid/server-map.ts";
import { LATE_FACTOR, LATE_MAX_MS, LATE_MIN_MS, LATE_UNKNOWN_MS, SHARE_HEAD_BYTES } from "./mutable-constants.ts";
import { leasesFor, serversFor, writeEnablersFor } from "./mutable-file.ts";
import type { MutableFile, MutableNeeds } from "./mutable-file.ts";
import { MutableShare } from "./mutable-share.ts";
import { surveyStep } from "./mutable-survey-rules.ts";
import type { Standing, SurveyFacts, SurveyMode } from "./mutable-survey-rules.ts";
import { ServerError } from "./server.ts";
import type { GridServer } from "./server.ts";

export interface Surveyed {
  map: ServerMap;
  /** By `shareName`. */
  shares: ReadonlyMap<string, MutableShare>;
  /** All servers of the grid, in the order in which they were asked. */
  servers: readonly GridServer[];
  standingOf(server: GridServer): Standing;
}

export interface SurveyOptions {
  mode: SurveyMode;
  /** Waits for every server until its own time limit. */
  isPatient?: boolean;
  /** Shares that are known to be damaged further on than a survey looks, by `damageName`. */
  damaged?: ReadonlySet<string>;
  signal?: AbortSignal;
}

interface Asked {
  server: GridServer;
  standing: Standing;
  hasShares: boolean;
  numbers: number[];
  /** Ends the question when the survey needs it no more. */
  end: AbortController;
}

/** Rejects only with the signal's reason, or when servers show more shares than any file has (`too-large`). */
export function surveyMutable(needs: MutableNeeds, file: MutableFile, options: SurveyOptions): Promise<Surveyed> {
  return new Survey(needs, file, options).run();
}

/** After so long without an answer others go on without this server. */
export function lateAfterMs(server: GridServer): number {
  const usual = server.responseMs();
  if (usual === undefined) return LATE_UNKNOWN_MS;
  return Math.min(LATE_MAX_MS, Math.max(LATE_MIN_MS, LATE_FACTOR * usual));
}

class Survey {
  readonly #needs: MutableNeeds;
  readonly #file: MutableFile;
  readonly #options: SurveyOptions;
  readonly #servers: Asked[];
  readonly #shares = new Map<string, MutableShare>();
  readonly #seen: SeenShare[] = [];
  /** Versions whose signature was checked. */
  readonly #signed = new Set<string>();
  #isOver = false;
  #map: ServerMap = serverMap([]);
  #wake = () => {};
  #problem: unknown;

  constructor(needs: MutableNeeds, file: MutableFile, options: SurveyOptions) {
    this.#needs = needs;
    this.#file = file;
    this.#options = options;
    const known = needs.memory.holdersOf(file.index);
    const all = serversFor(needs, file.storageIndex);
    const first = (server: GridServer) => known.has(server.id) && server.state() !== "away";
    // A writer wants to know where the shares end, in the order of the file: it asks in that order alone.
    const isInOrder = options.mode === "write";
    const order = isInOrder ? all : [...all.filter(first), ...all.filter((server) => !first(server))];
    this.#servers = order.map((server) => ({
      server,
      standing: "unasked",
      hasShares: false,
      numbers: [],
      end: new AbortController(),
    }));
  }

  async run(): Promise<Surveyed> {
    const { signal, mode, isPatient = false } = this.#options;
    const onAbort = () => this.#wake();
    signal?.addEventListener("abort", onAbort);
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#problem !== undefined) throw this.#problem;
        const step = surveyStep(mode, isPatient, this.#facts());
        if (step === "done") return this.#result();
        const next = this.#servers.filter(({ standing }) => standing === "unasked").slice(0, step);
        for (const one of next) this.#ask(one);
        if (next.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#isOver = true;
      // Who is late goes on: as long as its request is silent, it is known to be slow, and nobody waits for it.
      for (const { standing, end } of this.#servers) if (standing === "asked") end.abort();
    }
  }

  #facts(): SurveyFacts {
    const header = this.#map.versions[0]?.header;
    const { needed, total } = this.#needs.encoding();
    return {
      servers: this.#servers,
      needed: header?.k ?? needed,
      total: header?.n ?? total,
      isRecoverable: this.#map.best !== undefined,
      isNewerLost: this.#map.newerUnrecoverable.length > 0,
    };
  }

  #result(): Surveyed {
    const standings = new Map(this.#servers.map(({ server, standing }) => [server.id, standing]));
    const holders = this.#servers.filter(({ numbers }) => numbers.length > 0);
    if (holders.length > 0) {
      const found = new Map(holders.map(({ server, numbers }) => [server.id, numbers]));
      this.#needs.memory.noteHolders(this.#file.index, found);
    }
    return {
      map: this.#map,
      shares: this.#shares,
      servers: this.#servers.map(({ server }) => server),
      standingOf: (server) => standings.get(server.id) ?? "unasked",
    };
  }

  #ask(one: Asked): void {
    // Who was late a moment ago is asked, and not waited for.
    one.standing = one.server.state() === "slow" ? "late" : "asked";
    const setLate = () => {
      if (one.standing !== "asked") return;
      one.standing = "late";
      this.#wake();
    };
    const cancel: Cancel = this.#needs.clock.after(lateAfterMs(one.server), setLate);
    void this.#question(one).then(
      () => this.#settle(one, "answered", cancel),
      (error: unknown) => {
        const isExpected = error instanceof ServerError || this.#isOver || this.#options.signal?.aborted === true;
        if (!isExpected) this.#problem = error;
        this.#settle(one, "failed", cancel);
      },
    );
  }

  #settle(one: Asked, standing: Standing, cancel: Cancel): void {
    cancel();
    one.standing = standing;
    this.#wake();
  }

  async #question(one: Asked): Promise<void> {
    const { server } = one;
    const signals = [one.end.signal, this.#options.signal].filter((signal) => signal !== undefined);
    const signal = AbortSignal.any(signals);
    const heads = (await this.#allAtOnce(server, signal)) ?? (await this.#oneByOne(server, signal));
    const shares = heads.map(([number, head]) => {
      const share = new MutableShare(server, this.#file.index, number);
      share.put(0, head, SHARE_HEAD_BYTES);
      return share;
    });
    const seen: SeenShare[] = [];
    for (const share of shares) seen.push(await this.#look(share, signal));
    if (this.#isOver) return;
    for (const share of shares) this.#shares.set(share.name, share);
    one.numbers = shares.map(({ number }) => number);
    one.hasShares = shares.length > 0;
    this.#seen.push(...seen);
    if (seen.length > 0) this.#map = serverMap(this.#seen);
  }

  /** The beginnings of all shares in one answer; undefined when the write enabler is not ours, or not theirs. */
  async #allAtOnce(server: GridServer, signal: AbortSignal): Promise<[number, Uint8Array][] | undefined> {
    const [writeEnabler] = writeEnablersFor(this.#needs, this.#file, server);
    if (!this.#file.writeKey || !writeEnabler) return undefined;
    const lease = leasesFor(this.#needs, this.#file.storageIndex, server);
    const read = [{ offset: 0, size: SHARE_HEAD_BYTES }];
    try {
      const { data } = await server.readTestWrite(
        this.#file.index,
        { writeEnabler, lease, shares: new Map(), read },
        signal,
      );
      return [...data].map(([number, [head = new Uint8Array(0)]]) => [number, head]);
    } catch (error) {
      if (error instanceof ServerError && error.code === "write-enabler") return undefined;
      throw error;
    }
  }

  async #oneByOne(server: GridServer, signal: AbortSignal): Promise<[number, Uint8Array][]> {
    const { index } = this.#file;
    const heads = new Map<number, Uint8Array>();
    const readHead = async (number: number) => {
      const range = { at: 0, length: SHARE_HEAD_BYTES };
      try {
        heads.set(number, await server.read("mutable", index, number, range, signal));
      } catch (error) {
        if (!(error instanceof ServerError && error.code === "no-such-share")) throw error;
      }
    };
    const known = this.#needs.memory.holdersOf(index).get(server.id) ?? [];
    const [numbers] = await Promise.all([server.shares("mutable", index, signal), ...known.map(readHead)]);
    await Promise.all(numbers.filter((number) => !known.includes(number)).map(readHead));
    return [...heads];
  }

  /** Judges one share by its header and signature; one that fails is reported to its server. */
  async #look(share: MutableShare, signal: AbortSignal): Promise<SeenShare> {
    const { number, server } = share;
    const place = { server: server.id, share: number };
    const { prefixBytes } = layoutOf("sdmf");
    try {
      const header = readMutableHeader(share.beginning(SHARE_HEAD_BYTES));
      if (this.#options.damaged?.has(damageName(share, header))) {
        return { ...place, state: "bad", remembered: share.beginning(prefixBytes) };
      }
      if (header.format !== this.#file.format || number >= header.n) throw new GridError("bad-share", "another format");
      const name = versionName(header);
      if (!this.#signed.has(name)) {
        const publicKey = await share.read(header.sections.publicKey, signal);
        const signature = await share.read(header.sections.signature, signal);
        verifyHeader(this.#needs.crypto, header, this.#file.fingerprint, { publicKey, signature });
        this.#signed.add(name);
      }
      share.header = header;
      return { ...place, state: "good", header };
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      adviseDamage(share, error);
      return { ...place, state: "bad", remembered: share.beginning(prefixBytes) };
    }
  }
}

/** A share in one version: what is read while somebody writes may begin with one and end with the next. */
export function damageName({ name }: MutableShare, { prefix }: MutableHeader): string {
  return `${name} ${Buffer.from(prefix).toString("hex")}`;
}

/** Tells the server, without waiting for it. */
export function adviseDamage({ server, index, number }: MutableShare, problem: GridError): void {
  void server.advise("mutable", index, number, problem.message).catch(() => {});
}
