/**
 * Ports of slivers that the community sees. The engine listens on a port of this machine and hands what comes to the
 * sliver's own loopback address (its `proxy` device), so a sliver needs no network for it; the box announces it as a
 * service while somebody listens in the sliver. What is written here is what shall be; the engine is brought to it
 * again and again.
 *
 *   home box ─► rows (on the disk) ─► devices of the instance ─► running, and listens? ─► service record
 *                  └─ what the host's policy does not allow (any more) is closed, and opened again when it does
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Config, Instances } from "../../../platform/engine/instances.ts";
import { ifRoom } from "../../../platform/disk-room.ts";
import { isPortFree } from "../../../platform/free-port.ts";
import type { Store } from "../../../platform/store.ts";
import type { DiscoveryClient } from "../../discovery/client.ts";
import {
  HOST_PORTS_MAX,
  HOST_PORT_FIRST,
  HOST_PORT_RANGE,
  HOST_PORT_TRIES_MAX,
  SLIVER_PORTS_MAX,
} from "../constants.ts";
import { decodeMessage } from "../messages.ts";
import { PORTS_PATH, portsQuestion } from "../messages-ports.ts";
import type { PortsAnswer, PublishedPort } from "../messages-ports.ts";
import type { Books, Entry } from "./books.ts";
import type { Answer } from "./hosting.ts";
import { PortOffers } from "./port-offers.ts";
import type { OpenPort } from "./port-offers.ts";
import type { Reconciler } from "./reconciler.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_ports (sliver TEXT NOT NULL, port INTEGER NOT NULL, hostPort INTEGER NOT NULL UNIQUE,
     slot INTEGER NOT NULL, said TEXT NOT NULL, PRIMARY KEY (sliver, port)) STRICT, WITHOUT ROWID;`,
];

/** The engine's name of a device; a change of devices cannot take one away, so they are used again. */
const DEVICE = "published";
const NONE: Config = { type: "none" };

interface Row {
  sliver: string;
  port: number;
  hostPort: number;
  slot: number;
  said: string;
}

export interface PortsNeeds {
  clock: Clock;
  log: Log;
  store: Store;
  books: Books;
  /** Made later than this. */
  reconciler: () => Reconciler;
  instances: () => Instances;
  discovery: Pick<DiscoveryClient, "offer" | "unoffer">;
  selfId: string;
  /** Of one sliver of another box, as the host's settings say. */
  allowed: () => number;
  changed: () => void;
  isFree?: (port: number) => Promise<boolean>;
  /** Whether somebody is behind a port of this machine at which the engine listens. */
  isListened?: (port: number) => Promise<boolean>;
}

export class Ports {
  readonly #needs: PortsNeeds;
  readonly #rows = new Map<string, Row>();
  /** By sliver: the devices that were given to the engine last. */
  readonly #given = new Map<string, string>();
  readonly #offers: PortOffers;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(needs: PortsNeeds) {
    this.#needs = needs;
    this.#offers = new PortOffers({ ...needs, open: () => this.#open() });
    needs.store.migrate("compute-ports", MIGRATIONS);
    for (const row of needs.store.prepare<Row>("SELECT * FROM compute_ports").all()) this.#rows.set(keyOf(row), row);
  }

  /** For home boxes. */
  get answers(): Record<string, Answer> {
    return { [PORTS_PATH]: (peer, body) => this.#inTurn(() => this.#tell(peer, decodeMessage(portsQuestion, body))) };
  }

  /** Brings engine and announcements to what is written; never fails. On a full disk some of it waits. */
  apply(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isStopped || !this.#needs.reconciler().isReady) return;
      const { books, log } = this.#needs;
      for (const row of this.#rows.values()) if (!books.get(row.sliver)) ifRoom(() => this.#drop(row));
      for (const entry of books.all()) {
        await this.#devices(entry).catch((error: unknown) => {
          log.warn("the ports of a sliver could not be set", { sliver: entry.sliver, error });
        });
      }
      for (const sliver of this.#given.keys()) if (!books.get(sliver)) this.#given.delete(sliver);
      this.#offers.opened();
    });
  }

  start(): void {
    this.#offers.start();
  }

  /** The engine may have other devices than it was given: what it has is asked for at the next `apply`. */
  lookAgain(sliver: string): void {
    this.#given.set(sliver, "");
  }

  /** Looks who listens behind what is open, and announces it. */
  look(): Promise<void> {
    return this.#offers.look();
  }

  /** Services are withdrawn by whoever starts next; other boxes see that this one is gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#offers.stop();
    await this.#work;
  }

  /** Those at which the engine listens now. */
  #open(): OpenPort[] {
    const { books, reconciler } = this.#needs;
    const isOpen = ({ sliver }: Entry) =>
      reconciler().instanceOf(sliver)?.state === "running" && this.#given.has(sliver);
    const rows = books.all().flatMap((entry) => (isOpen(entry) ? this.#allowedOf(entry) : []));
    return rows.map((row) => ({ ...row, key: serviceKey(row) }));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  async #tell(peer: string, { sliver, ports }: ReturnType<typeof portsQuestion.parse>): Promise<PortsAnswer> {
    const entry = this.#needs.books.get(sliver);
    if (!entry || entry.borrower.box !== peer) return { known: false, ports: [] };
    const wanted = new Map(ports.map((one) => [one.port, one]));
    for (const row of this.#of(sliver)) if (!wanted.has(row.port)) this.#drop(row);
    const refused = new Map<number, "ports-not-lent" | "ports-too-many" | "ports-used-up">();
    for (const one of wanted.values()) {
      const why = await this.#take(entry, one);
      if (why) refused.set(one.port, why);
    }
    // Not waited for: the engine may be at work on the sliver for long.
    void this.apply();
    const allowed = new Set(this.#allowedOf(entry).map(({ port }) => port));
    return {
      known: true,
      ports: [...wanted.keys()].map((port) => {
        const row = this.#rows.get(keyOf({ sliver, port }));
        if (row && allowed.has(port)) return { port, hostPort: row.hostPort };
        return { port, hostPort: null, why: refused.get(port) ?? ("ports-not-lent" as const) };
      }),
    };
  }

  /** Writes it down, with a port of this machine. Gives why not. */
  async #take(entry: Entry, { port, title, type }: PublishedPort) {
    const { sliver } = entry;
    const there = this.#rows.get(keyOf({ sliver, port }));
    const said = JSON.stringify({ title, type });
    if (there) {
      if (there.said !== said) this.#put({ ...there, said });
      return undefined;
    }
    const most = this.#mostOf(entry);
    if (most === 0) return "ports-not-lent" as const;
    const own = this.#of(sliver);
    if (own.length >= most) return "ports-too-many" as const;
    const hostPort = this.#rows.size < HOST_PORTS_MAX ? await this.#freePort() : undefined;
    if (hostPort === undefined) return "ports-used-up" as const;
    const taken = new Set(own.map(({ slot }) => slot));
    const slot = Array.from({ length: SLIVER_PORTS_MAX }, (_, at) => at).find((at) => !taken.has(at))!;
    this.#put({ sliver, port, hostPort, slot, said });
    return undefined;
  }

  /** What is on this box's own account needs nobody's permission. */
  #mostOf({ borrower }: Entry): number {
    return borrower.box === this.#needs.selfId ? SLIVER_PORTS_MAX : Math.min(SLIVER_PORTS_MAX, this.#needs.allowed());
  }

  #of(sliver: string): Row[] {
    return [...this.#rows.values()].filter((row) => row.sliver === sliver).toSorted((a, b) => a.slot - b.slot);
  }

  #allowedOf(entry: Entry): Row[] {
    return this.#of(entry.sliver).slice(0, this.#mostOf(entry));
  }

  async #freePort(): Promise<number | undefined> {
    const { isFree = isPortFree } = this.#needs;
    const taken = new Set([...this.#rows.values()].map(({ hostPort }) => hostPort));
    let tries = 0;
    for (let port = HOST_PORT_FIRST; port < HOST_PORT_FIRST + HOST_PORT_RANGE; port += 1) {
      if (taken.has(port)) continue;
      if (await isFree(port)) return port;
      tries += 1;
      if (tries >= HOST_PORT_TRIES_MAX) return undefined;
    }
    return undefined;
  }

  /** Gives the instance the devices that it should have, where it has others. */
  async #devices(entry: Entry): Promise<void> {
    const { reconciler, instances, isFree = isPortFree } = this.#needs;
    const { sliver } = entry;
    const instance = reconciler().instanceOf(sliver);
    if (!instance || instance.state === "busy") return;
    if (instance.state === "stopped") {
      // Somebody else may listen there by now: then it would not start.
      for (const row of this.#allowedOf(entry)) {
        if (await isFree(row.hostPort)) continue;
        const hostPort = await this.#freePort();
        if (hostPort !== undefined) this.#put({ ...row, hostPort });
      }
    }
    const wanted = new Map(this.#allowedOf(entry).map((row) => [`${DEVICE}-${row.slot}`, deviceOf(row)]));
    const now = JSON.stringify([...wanted]);
    if (this.#given.get(sliver) === now) return;
    // Most slivers publish nothing, and never did. What was seen is older than what was given.
    if (wanted.size === 0 && instance.hasPorts === false && !this.#given.has(sliver))
      return void this.#given.set(sliver, now);
    const { devices } = await instances().get(instance.name);
    const change: Record<string, Config> = {};
    for (const [name, device] of Object.entries(devices)) {
      const isOurs = name.startsWith(`${DEVICE}-`) && device["type"] !== "none";
      if (isOurs && !wanted.has(name)) change[name] = NONE;
    }
    for (const [name, device] of wanted) if (!isSame(devices[name], device)) change[name] = device;
    if (Object.keys(change).length > 0) {
      // Only these: another change may have come to the others since they were looked at.
      await instances().update(instance.name, { devices: change });
    }
    this.#given.set(sliver, now);
  }

  #put(row: Row): void {
    const { sliver, port, hostPort, slot, said } = row;
    this.#needs.store
      .prepare("INSERT OR REPLACE INTO compute_ports (sliver, port, hostPort, slot, said) VALUES (?, ?, ?, ?, ?)")
      .run(sliver, port, hostPort, slot, said);
    this.#rows.set(keyOf(row), row);
  }

  #drop({ sliver, port }: Row): void {
    this.#needs.store.prepare("DELETE FROM compute_ports WHERE sliver = ? AND port = ?").run(sliver, port);
    this.#rows.delete(keyOf({ sliver, port }));
  }
}

const keyOf = ({ sliver, port }: { sliver: string; port: number }) => `${sliver} ${port}`;
const serviceKey = ({ sliver, port }: Row) => `sliver-${sliver}-${port}`;

/** On all addresses of this machine, as services are; inside, the sliver's own loopback. */
function deviceOf({ hostPort, port }: Row): Config {
  return { type: "proxy", bind: "host", listen: `tcp:0.0.0.0:${hostPort}`, connect: `tcp:127.0.0.1:${port}` };
}

function isSame(a: Config | undefined, b: Config): boolean {
  return a !== undefined && Object.entries(b).every(([key, value]) => a[key] === value);
}
