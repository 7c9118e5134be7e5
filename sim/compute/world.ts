/**
 * A small community of boxes that lend and use computers, with the shipped code for books, reconciler, talk and slices
 * on a virtual clock. Daemons die and come back, engines fail, the network loses and splits; what is on a disk or in an
 * engine stays.
 */
import { createLog } from "../../src/kernel/log.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { openStore } from "../../src/platform/store.ts";
import type { Store } from "../../src/platform/store.ts";
import { LENDS_NOTHING } from "../../src/protocols/compute/lending.ts";
import type { LendPolicy } from "../../src/protocols/compute/lending.ts";
import { RESOURCE_NAMES, sumOf } from "../../src/protocols/compute/resources.ts";
import type { SliceSpec } from "../../src/protocols/compute/slice.ts";
import { COMPUTE_KIND } from "../../src/services/compute/compute-record.ts";
import type { Books } from "../../src/services/compute/host/books.ts";
import type { NetworkBooks } from "../../src/services/compute/host/network-books.ts";
import type { Reconciler } from "../../src/services/compute/host/reconciler.ts";
import type { SliceStore } from "../../src/services/compute/use/slice-store.ts";
import type { Slices } from "../../src/services/compute/use/slices.ts";
import type { BoxView, MeshClient, PeerAnswer, RecordView } from "../../src/services/mesh/client.ts";
import { SimTime } from "../files/time.ts";
import { SimEngine } from "./engine.ts";
import type { Parts } from "./parts.ts";

type Serve = Parameters<MeshClient["serve"]>[1];

/** One run of a box's daemon. */
interface Run {
  isAlive: boolean;
  books: Books;
  reconciler: Reconciler;
  /** What home boxes told it about their slices. */
  told: NetworkBooks;
  rows: SliceStore;
  slices: Slices;
  serves: Map<string, Serve>;
}

export interface SimBox {
  id: string;
  owner: string;
  zone: string;
  store: Store;
  engine: SimEngine;
  policy: LendPolicy;
  run: Run | undefined;
  /** Boxes of different sides do not hear one another. */
  side: number;
}

export interface WorldConfig {
  seed: number;
  boxes: number;
  parts: Parts;
}

const GIB = 2 ** 30;

export class ComputeWorld {
  readonly time = new SimTime();
  readonly random: Random;
  readonly boxes: SimBox[];
  readonly complaints: string[] = [];
  /** 0 to 1: questions and answers that get lost. */
  loss = 0;
  readonly #parts: Parts;
  readonly #told = new Set<string>();

  constructor({ seed, boxes, parts }: WorldConfig) {
    this.random = seededRandom(seed);
    this.#parts = parts;
    const complain = (text: string) => this.complain(text);
    this.boxes = Array.from({ length: boxes }, (_, at) => ({
      ...{ id: `box${at}`, owner: `owner${at}`, zone: `zone${at % 3}`, store: openStore(":memory:") },
      engine: new SimEngine({ time: this.time, random: this.random, complain }),
      policy: {
        ...LENDS_NOTHING,
        lent: { cores: 4, memoryBytes: 4 * GIB, diskBytes: 40 * GIB, egressBytesPerS: 2 ** 20 },
        ...{ slivers: 8, to: "community", priority: "arrival" },
      },
      ...{ run: undefined, side: 0 },
    }));
  }

  /** Each complaint once, with the time of the first. */
  complain(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.complaints.push(`${Math.round(this.time.nowMs)} ms: ${text}`);
  }

  start(box: SimBox): void {
    if (box.run) return;
    const { Books, serveHosting, Reconciler, createHosts, sliceStore, Slices } = this.#parts;
    const { NetworkBooks, networkAnswers, networkTelling } = this.#parts;
    const run = { isAlive: true, serves: new Map<string, Serve>() } as Run;
    const inner = this.time.clock();
    // The dead set no timers off.
    const alive = (work: () => void) => () => void (run.isAlive && work());
    const clock = {
      ...inner,
      after: (ms: number, work: () => void) => inner.after(ms, alive(work)),
      every: (ms: number, work: () => void) => inner.every(ms, alive(work)),
    };
    const log = createLog({ clock, level: "error", write: (line) => this.complain(line) });
    const mesh = this.#meshOf(box, run);
    const policy = () => box.policy;
    run.books = new Books({ store: box.store, policy });
    const engine = box.engine.open(() => run.isAlive);
    run.reconciler = new Reconciler({ clock, log, books: run.books, engine, changed: () => this.#check(box) });
    run.told = new NetworkBooks(box.store);
    const more = networkAnswers({ books: run.books, told: run.told, changed: () => {} });
    const own = serveHosting({
      more,
      ...{ clock, log, mesh, books: run.books, reconciler: run.reconciler },
      ...{ effortOf: () => 0, hasImage: () => false },
      run: async () => ({ exitCode: 0, stdout: "", stderr: "" }),
    });
    run.rows = sliceStore(box.store);
    const hosts = createHosts({
      mesh,
      own: (path, body) => own.answer(path, box.id, body),
      reliabilityOf: (id) => run.rows.reliability(id),
    });
    const tell = networkTelling({ clock, log, hosts });
    run.slices = new Slices({ clock, random: this.random, log, mesh, rows: run.rows, hosts, changed: () => {}, tell });
    box.run = run;
    run.reconciler.start();
    run.slices.start();
  }

  /** As by kill -9: nothing that it was about to do is done any more. */
  kill(box: SimBox): void {
    if (box.run) box.run.isAlive = false;
    box.run = undefined;
  }

  /** The books are gone, as when an old copy of the data folder was put back. */
  loseBooks(box: SimBox): void {
    this.kill(box);
    box.store.exec("DELETE FROM compute_bookings; DELETE FROM compute_networks");
  }

  /** What puts the books back as they are now, later, as with an old copy of the data folder. */
  copyBooks(box: SimBox): () => void {
    box.store.exec("CREATE TABLE copy AS SELECT * FROM compute_bookings");
    return () => {
      this.kill(box);
      box.store.exec("DELETE FROM compute_bookings; INSERT INTO compute_bookings SELECT * FROM copy; DROP TABLE copy");
    };
  }

  apply(box: SimBox, name: string, spec: SliceSpec): void {
    const { run } = box;
    if (!run) return;
    const there = run.rows.named("member", name);
    if (there?.isGone) return;
    const madeMs = this.time.nowMs;
    run.rows.putSlice({
      ...(there ?? { id: `${box.id}-${name}`, account: "member", name, madeMs, isGone: false }),
      spec,
    });
    void run.slices.follow(`${box.id}-${name}`);
  }

  remove(box: SimBox, name: string): void {
    const slice = box.run?.rows.named("member", name);
    if (!slice) return;
    box.run!.rows.putSlice({ ...slice, isGone: true });
    void box.run!.slices.follow(slice.id);
  }

  /** Never more than is lent, whatever happens. */
  #check(box: SimBox): void {
    const used = sumOf([...box.engine.instances.values()].map(({ spec }) => spec));
    for (const name of RESOURCE_NAMES) {
      if (used[name] > box.policy.lent[name]) this.complain(`${box.id} has given away more ${name} than it lends`);
    }
  }

  #meshOf(box: SimBox, run: Run): MeshClient {
    const view = ({ id, owner, zone, run: isUp }: SimBox) =>
      ({ id, owner, zone, state: isUp ? "up" : "away", self: id === box.id, rttMs: 10 }) as BoxView;
    const mesh: Partial<MeshClient> = {
      selfId: box.id,
      box: (id) => this.boxes.filter((one) => one.id === id).map(view)[0],
      boxes: () => this.boxes.map(view),
      records: () => this.boxes.map(({ id }) => ({ author: id, kind: COMPUTE_KIND }) as RecordView),
      serve: (path, handler) => void run.serves.set(path, handler),
      request: (to, path, body, options) => this.#request(box, run, { to, path, body }, options),
    };
    return mesh as MeshClient;
  }

  #request(
    from: SimBox,
    run: Run,
    { to, path, body }: { to: string; path: string; body: Uint8Array },
    { timeoutMs = 10_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<PeerAnswer> {
    const target = this.boxes.find(({ id }) => id === to);
    return new Promise((resolve, reject) => {
      const fail = (text: string) => void (run.isAlive && reject(new Error(text)));
      this.time.after(timeoutMs, () => fail("no answer in time"));
      signal?.addEventListener("abort", () => fail("given up"));
      const isLost = () => this.random.float() < this.loss || from.side !== target?.side;
      this.time.after(1 + this.random.below(200), () => {
        const handler = target?.run?.serves.get(path);
        if (isLost() || !handler) return;
        const answered = handler({ peer: from.id, body, signal: new AbortController().signal });
        void answered.then(
          (answer) =>
            this.time.after(1 + this.random.below(200), () => {
              if (!isLost() && run.isAlive) resolve({ status: 200, body: answer, rttMs: 1 });
            }),
          (error: unknown) => fail(String(error)),
        );
      });
    });
  }
}
