/**
 * Which server gets which share: the order in which the servers of a grid are used for a file, the number that says
 * how well its shares are spread ("servers of happiness"), and a placement that makes this number as large as it can
 * be, keeps shares where they are, prefers earlier servers, and then spreads over owners or zones. The same question
 * always gets the same answer.
 */
import { utf8 } from "../wire/utf8.ts";
import { decodeBase32 } from "./base32.ts";
import type { GridCrypto } from "./crypto.ts";

/** A server is named by its id. */
export interface Holding {
  server: string;
  share: number;
}

export interface PlacementQuestion {
  /** The share numbers are 0 to `shares` - 1. */
  shares: number;
  /** Servers that take shares, in permuted order, each once. */
  writable: readonly string[];
  /** Servers that keep what they have, in permuted order, none of them writable. */
  readOnly: readonly string[];
  /** Which server holds which share already. Other servers and other numbers are passed over. */
  existing: readonly Holding[];
  /** What fails together: the owner, or the zone, or both, the worse loss first. Without it each stands for itself. */
  domainOf?: (server: string) => string | readonly string[];
}

const KEY_ID = /^v0-([a-z2-7]{52})$/;

/**
 * What places a server in the permuted order: `announced` (base32) if there is one, else the key in its id, else a
 * hash of the id, which other clients may not agree with. Undefined when what is announced is no base32.
 */
export function permutationSeed(
  crypto: Pick<GridCrypto, "sha256">,
  serverId: string,
  announced?: string,
): Uint8Array | undefined {
  if (announced !== undefined) return decodeBase32(announced);
  const key = KEY_ID.exec(serverId)?.[1];
  const decoded = key === undefined ? undefined : decodeBase32(key);
  return decoded ?? crypto.sha256(utf8(serverId));
}

/** The servers in the order in which every operation on a file tries them. `storageIndex` has 16 bytes. */
export function permutedOrder<Server extends { seed: Uint8Array }>(
  crypto: Pick<GridCrypto, "sha1">,
  storageIndex: Uint8Array,
  servers: readonly Server[],
): Server[] {
  return servers
    .map((server) => {
      const bytes = new Uint8Array(storageIndex.length + server.seed.length);
      bytes.set(storageIndex);
      bytes.set(server.seed, storageIndex.length);
      return { server, rank: crypto.sha1(bytes) };
    })
    .toSorted((a, b) => compareBytes(a.rank, b.rank))
    .map(({ server }) => server);
}

/** "Servers of happiness": so many different servers hold a different share each. */
export function happiness(holdings: readonly Holding[]): number {
  return matching([...new Set(holdings.map(({ server }) => server))], holdings, new Set()).size;
}

/**
 * For each share its server; a share is missing only if no server is writable. On read-only servers shares stay where
 * they are and count; writable ones keep what they have, or get one that is not placed yet. What is then left over goes
 * to a writable server that holds it, or to the one with the fewest shares. With `domainOf`, where the servers would
 * otherwise be equal, the domain with the fewest shares comes first.
 */
export function placeShares(question: PlacementQuestion): Map<number, string> {
  const { shares, writable, readOnly } = question;
  const known = question.existing.filter(({ share }) => Number.isInteger(share) && share >= 0 && share < shares);
  const placed = new Placed(question.domainOf ?? ((server) => server));
  for (const group of [readOnly, writable]) {
    for (const [share, server] of matching(group, known, new Set(placed.serverOf.keys()))) placed.put(share, server);
  }
  const unplaced = () => Array.from({ length: shares }, (_, share) => share).filter((one) => !placed.serverOf.has(one));
  const idle = new Set(writable.filter((server) => placed.sharesOn(server) === 0));
  for (const share of unplaced()) {
    const server = placed.emptiest([...idle]);
    if (server === undefined) break;
    idle.delete(server);
    placed.put(share, server);
  }
  for (const share of unplaced()) {
    const holders = new Set(known.filter((one) => one.share === share).map(({ server }) => server));
    const server = placed.emptiest(writable.filter((one) => holders.has(one))) ?? placed.emptiest(writable);
    if (server !== undefined) placed.put(share, server);
  }
  return new Map([...placed.serverOf].toSorted(([a], [b]) => a - b));
}

/** A placement in the making. */
class Placed {
  readonly serverOf = new Map<number, string>();
  private readonly perServer = new Map<string, number>();
  private readonly perDomain = new Map<string, number>();
  private readonly domainOf: NonNullable<PlacementQuestion["domainOf"]>;

  constructor(domainOf: NonNullable<PlacementQuestion["domainOf"]>) {
    this.domainOf = domainOf;
  }

  put(share: number, server: string): void {
    this.serverOf.set(share, server);
    this.perServer.set(server, this.sharesOn(server) + 1);
    for (const domain of this.domains(server)) this.perDomain.set(domain, (this.perDomain.get(domain) ?? 0) + 1);
  }

  sharesOn(server: string): number {
    return this.perServer.get(server) ?? 0;
  }

  private domains(server: string): readonly string[] {
    return [this.domainOf(server)].flat();
  }

  /** Of servers whose domains have equally few shares the one with the fewest, of those the first. */
  emptiest(servers: readonly string[]): string | undefined {
    let best: string | undefined;
    for (const server of servers) {
      if (best === undefined || this.isEmptier(server, best)) best = server;
    }
    return best;
  }

  private isEmptier(server: string, than: string): boolean {
    const [own, other] = [this.domains(server), this.domains(than)];
    for (const [index, domain] of own.entries()) {
      const more = (this.perDomain.get(domain) ?? 0) - (this.perDomain.get(other[index] ?? "") ?? 0);
      if (more !== 0) return more < 0;
    }
    return this.sharesOn(server) < this.sharesOn(than);
  }
}

/**
 * A largest set of pairs (share, server) out of `holdings` in which nothing occurs twice, without the shares in `used`.
 * One server after the other is added, and moves others to another share of theirs where it must (an augmenting path,
 * found breadth first). Who is in stays in, so that earlier servers come first. Shares that a search in vain came by
 * are of no use to later searches either: who claims to hold everything does not make this slow.
 */
function matching(servers: readonly string[], holdings: readonly Holding[], used: ReadonlySet<number>) {
  const held = new Map<string, number[]>(servers.map((server) => [server, []]));
  for (const { server, share } of holdings.toSorted((a, b) => a.share - b.share)) {
    if (!used.has(share)) held.get(server)?.push(share);
  }
  const serverOf = new Map<number, string>();
  const shareOf = new Map<string, number>();
  const settled = new Set<number>();
  for (const server of servers) {
    const wantedBy = new Map<number, string>();
    let free: number | undefined;
    const queue = [server];
    for (let next = 0; next < queue.length && free === undefined; next += 1) {
      for (const share of held.get(queue[next]!)!) {
        if (wantedBy.has(share) || settled.has(share)) continue;
        wantedBy.set(share, queue[next]!);
        const owner = serverOf.get(share);
        if (owner === undefined) {
          free = share;
          break;
        }
        queue.push(owner);
      }
    }
    if (free === undefined) for (const share of wantedBy.keys()) settled.add(share);
    while (free !== undefined) {
      const taker: string = wantedBy.get(free)!;
      const before = shareOf.get(taker);
      serverOf.set(free, taker);
      shareOf.set(taker, free);
      free = before;
    }
  }
  return serverOf;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}
