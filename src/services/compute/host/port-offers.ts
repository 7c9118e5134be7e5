/**
 * Announces published ports to the community while somebody listens behind them. The engine's proxy takes every
 * connection, also when nobody does: so the box knocks itself, and what does not answer is no service.
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { isPortListened } from "../../../platform/port-listened.ts";
import type { DiscoveryClient } from "../../discovery/client.ts";
import { PORTS_LOOK_MS, PORT_SILENCES_MAX } from "../constants.ts";
import { publishedPort } from "../messages-ports.ts";

const saidShape = publishedPort.pick({ title: true, type: true });

/** A port of this machine at which the engine listens for a sliver. */
export interface OpenPort {
  /** Of the service. */
  key: string;
  hostPort: number;
  /** JSON: title and type. */
  said: string;
}

export interface PortOffersNeeds {
  clock: Clock;
  log: Log;
  discovery: Pick<DiscoveryClient, "offer" | "unoffer">;
  changed: () => void;
  /** All that are open now. */
  open: () => OpenPort[];
  isListened?: (port: number) => Promise<boolean>;
}

export class PortOffers {
  readonly #needs: PortOffersNeeds;
  /** Keys of the services that are announced, with what they say. */
  readonly #offered = new Map<string, string>();
  /** By key, of those that are open: how often in a row nobody was behind it. */
  readonly #silences = new Map<string, number>();
  #cancel: Cancel = () => {};
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(needs: PortOffersNeeds) {
    this.#needs = needs;
  }

  start(): void {
    this.#cancel = this.#needs.clock.every(PORTS_LOOK_MS, () => void this.look());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Others are open now. What is new is looked at. */
  opened(): void {
    const all = this.#needs.open();
    // What was closed has to be found again.
    const keys = new Set(all.map(({ key }) => key));
    for (const key of this.#silences.keys()) if (!keys.has(key)) this.#silences.delete(key);
    this.#offer();
    if (all.some((one) => this.#isSilent(one))) void this.look();
  }

  /** Never fails; who asks while it looks gets the same answer. */
  look(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  async #look(): Promise<void> {
    const { clock, open, isListened = (port: number) => isPortListened(clock, port) } = this.#needs;
    const asked = open().map(async ({ key, hostPort }) => {
      const before = this.#silences.get(key) ?? PORT_SILENCES_MAX;
      this.#silences.set(key, (await isListened(hostPort)) ? 0 : before + 1);
    });
    await Promise.all(asked);
    this.#offer();
  }

  /** One at which nobody was found as yet is silent, too. */
  #isSilent({ key }: OpenPort): boolean {
    return (this.#silences.get(key) ?? PORT_SILENCES_MAX) >= PORT_SILENCES_MAX;
  }

  /** Announces what can be opened now, and nothing else; what cannot be announced now is tried again. */
  #offer(): void {
    if (this.#isStopped) return;
    const { discovery, changed, open } = this.#needs;
    const answering = open().filter((one) => !this.#isSilent(one));
    const wanted = new Map(answering.map((one) => [one.key, { ...one, text: `${one.hostPort} ${one.said}` }]));
    let isOther = false;
    for (const key of this.#offered.keys()) {
      if (wanted.has(key)) continue;
      if (!this.#tell(key, () => discovery.unoffer(key))) continue;
      this.#offered.delete(key);
      isOther = true;
    }
    for (const [key, { text, said, hostPort }] of wanted) {
      if (this.#offered.get(key) === text) continue;
      const isTold = this.#tell(key, () => {
        discovery.offer(key, { ...saidShape.parse(JSON.parse(said)), port: hostPort });
      });
      if (isTold) this.#offered.set(key, text);
      isOther ||= isTold;
    }
    if (isOther) changed();
  }

  /** A full disk, records that are full, words of another box that are none: no reason to fail. */
  #tell(key: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#needs.log.info("a port of a sliver could not be announced, or not be taken back", { key, error });
      return false;
    }
  }
}
