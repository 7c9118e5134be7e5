/**
 * A simulated community that stores files: boxes of different owners in some zones, each with a storage server, on a
 * virtual clock and a network that loses, delays and cuts. Some of the boxes also use the grid, with the shipped code.
 * What happens follows from the seed.
 */
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { fileOf, storageIndexOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import type { DepositsNeeds } from "../../src/services/files/care/deposits.ts";
import { encodingOf } from "../../src/services/files/encoding.ts";
import type { StorageMember } from "../../src/services/files/storage/room.ts";
import type { Share } from "./disk.ts";
import { keySource } from "./keys.ts";
import { CALM, Line } from "./line.ts";
import type { Link } from "./line.ts";
import { Machine } from "./machine.ts";
import { MemberBox, crypto } from "./member-box.ts";
import { shippedParts } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { SimTime } from "./time.ts";

const ZONES = ["hill", "valley", "coast", "town"];
/** As the settings are by default, but segments so small that small files have several. */
const WANTED = { needed: 3, total: 10, happy: 0, segmentKiB: 8 };

export interface WorldConfig {
  parts: Parts;
  seed: number;
  boxes: number;
  /** See `LineNeeds`. */
  isWatched?: boolean;
  quotaBytes?: number;
  heard?: (bytes: Uint8Array) => void;
}

export interface SimBox {
  id: string;
  owner: string;
  zone: string;
  machine: Machine;
  link: Link;
  /** How far its wall clock is wrong. */
  offset: { ms: number };
}

/** What care costs and how often it looks, in a world. */
export interface CareTimes {
  bytesPerSecond: number;
  lookMs: number;
  settledMs: number;
}

type Handler = Parameters<DepositsNeeds["mesh"]["serve"]>[1];

export class GridWorld {
  readonly time = new SimTime();
  readonly random: Random;
  readonly boxes: SimBox[] = [];
  readonly config: WorldConfig;
  readonly #makeKey = keySource();
  readonly #members: MemberBox[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #lines: Line[] = [];

  constructor(config: WorldConfig) {
    this.config = config;
    this.random = seededRandom(config.seed);
    for (let count = 0; count < config.boxes; count++) this.add();
  }

  /** A new box. */
  add(): SimBox {
    const index = this.boxes.length;
    const offset = { ms: 0 };
    const { Room } = this.config.parts;
    const roomOf = (capacity: () => number) => new Room({ capacity, members: [] });
    const machine = new Machine(`box-${index}`, this.time.clock(offset), roomOf);
    // Some are no servers of ours.
    machine.takesWhole = index % 4 !== 3;
    const place = { owner: `owner-${index}`, zone: ZONES[index % ZONES.length]! };
    const box: SimBox = { id: `box-${index}`, ...place, machine, link: { ...CALM }, offset };
    this.boxes.push(box);
    return box;
  }

  /** The box as one that uses the grid, with care if it is wished. Another one of the same box knows nothing of it. */
  async open(box: SimBox, care?: CareTimes, parts: Parts = this.config.parts): Promise<MemberBox> {
    const lines = new Map<SimBox, Line>();
    const lineTo = (other: SimBox) => {
      const line = lines.get(other) ?? this.#line(box, other);
      lines.set(other, line);
      return line;
    };
    const mesh = this.#meshOf(box);
    const others = () => this.boxes.filter((one) => one !== box).map(({ id }) => id);
    const member = new MemberBox({
      ...{ parts, clock: this.time.clock(box.offset), random: this.random, makeKey: this.#makeKey },
      servers: () => this.boxes.map(lineTo),
      encoding: () => encodingOf(WANTED, this.boxes.length),
      secret: crypto.sha256(Buffer.from(`secret of ${box.id}`)),
      ...(care ? { care: { ...care, mesh, others } } : {}),
    });
    this.#members.push(member);
    await member.start();
    return member;
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.stop();
    for (const member of this.#members) await member.stop();
  }

  // --- What lies where --------------------------------------------------------------------------------------------

  /** All complete shares of a file, with the boxes that hold them. */
  sharesOf(cap: KnownCap): { box: SimBox; number: number; share: Share }[] {
    const index = indexOf(cap);
    return this.boxes.flatMap((box) =>
      [...box.machine.disk.sharesOf(index)].map(([number, share]) => ({ box, number, share })),
    );
  }

  /** Different shares of a file on servers that run. */
  goodOf(cap: KnownCap): number {
    const there = this.sharesOf(cap).filter(({ box }) => box.machine.state === "up" && !box.link.isCut);
    return new Set(there.map(({ number }) => number)).size;
  }

  /** Nothing is wrong any more with the boxes and what is between them; what is lost stays lost. */
  heal(boxes: readonly SimBox[] = this.boxes): void {
    for (const { machine, link, offset } of boxes) {
      machine.start();
      machine.givenBytes = Number.MAX_SAFE_INTEGER;
      Object.assign(link, CALM);
      offset.ms = 0;
    }
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!;
  }

  /** In a random order. */
  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return Array.from(list, () => left.splice(this.random.below(left.length), 1)[0]!);
  }

  #line(box: SimBox, other: SimBox): Line {
    const { quotaBytes = Number.MAX_SAFE_INTEGER, isWatched = true, heard } = this.config;
    const member: StorageMember = { swissnum: box.id, member: `${box.id}/anna`, quotaBytes, mayWrite: true };
    const line = new Line({
      ...{ clock: this.time.clock(), random: this.random, machine: other.machine, member, isWatched },
      ...{ id: other.id, seed: crypto.sha256(Buffer.from(other.id)), owner: other.owner, zone: other.zone },
      // To itself a box has no way.
      links: box === other ? [NO_WAY, NO_WAY] : [box.link, other.link],
      ...(heard ? { heard } : {}),
    });
    this.#lines.push(line);
    return line;
  }

  /** What of the mesh care uses, with a message taken or not at once. */
  #meshOf(box: SimBox): DepositsNeeds["mesh"] {
    const isAway = (one: SimBox) => one.machine.state !== "up" || one.link.isCut;
    return {
      serve: (path, handler) => void this.#handlers.set(`${box.id} ${path}`, handler),
      request: async (id, path, body) => {
        const handler = this.#handlers.get(`${id} ${path}`);
        const other = this.boxes.find((one) => one.id === id);
        if (!handler || !other || isAway(other) || isAway(box)) throw new Error("that box does not answer");
        const { signal } = new AbortController();
        this.config.heard?.(body);
        return { status: 200, body: await handler({ peer: box.id, body, signal }), rttMs: 1 };
      },
      box: (id) => {
        const other = this.boxes.find((one) => one.id === id);
        return other && { state: isAway(other) ? "away" : "up" };
      },
    };
  }
}

/** A member whose code has no planted mistake: what it sees is so. */
export function judgeOf(world: GridWorld, box: SimBox): Promise<MemberBox> {
  return world.open(box, undefined, shippedParts);
}

const NO_WAY: Link = { isCut: false, delayMs: 0.05, jitterMs: 0.05, bytesPerMs: 100_000, loss: 0 };

export function indexOf(cap: KnownCap): string {
  return encodeBase32(storageIndexOf(crypto, fileOf(cap))!);
}
