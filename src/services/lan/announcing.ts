/**
 * Which services of the community are announced on the local network, under which names, and when that is left to
 * another. Pure, and made so that every box of a community says the very same of a service: then two that announce it
 * for a moment do not contradict one another.
 */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { HeardService, MdnsAnnouncement } from "../../platform/mdns.ts";
import { cutTo, folded } from "../../platform/mdns-names.ts";
import type { ServiceView } from "../discovery/client.ts";
import type { AnnounceChoice } from "./contract.ts";
import { isPublishable } from "./hearing.ts";

/** Services announced on one network. More would only be scrolled past, and cost a packet each per hour. */
export const LAN_ANNOUNCED_MAX = 200;
/** Points of quality that a newcomer must be better by to take the place of one that is announced. */
export const KEPT_BONUS = 10;
/** Bytes of the box's name in the name of a service; the label has 63. */
const BOX_BYTES_MAX = 24;
const NAME_BYTES_MAX = 63;
/** TXT entries are at most 255 bytes (RFC 6763, section 6.1). */
const PATH_BYTES_MAX = 200;
/** Characters of a box id in a host name. */
const ID_LENGTH = 8;

export interface Choice {
  what: AnnounceChoice;
  /** Empty: all. */
  categories: readonly string[];
}

export interface Wanted {
  service: ServiceView;
  announcement: MdnsAnnouncement;
  /** It runs on this box itself, which has other addresses on each network. */
  here: boolean;
}

export interface Self {
  id: string;
  zone: string;
  address: string;
}

/** The host name of a box in mDNS: nobody else's, since it is made from its key. */
export function hostName(boxId: string): string {
  return `comu-${boxId.slice(0, ID_LENGTH)}.local`;
}

export function isHostName(name: string): boolean {
  return /^comu-[a-z2-7]{8}\.local$/.test(name);
}

/**
 * What to announce, own services first, then the best. `announced`: what is announced now, which stays longer.
 * `addressOf`: the address of a host that is named in words, where it is known.
 */
export function wantedServices(
  all: readonly ServiceView[],
  choice: Choice,
  self: Self,
  announced: ReadonlySet<string>,
  addressOf: (name: string) => string | undefined,
): Wanted[] {
  const score = ({ id, quality }: ServiceView) => (quality.score ?? -1) + (announced.has(id) ? KEPT_BONUS : 0);
  // What gave no answer when it was last measured from here would not answer a neighbour either.
  const answers = (service: ServiceView) =>
    service.state === "up" && (service.own || service.quality.reachable !== false);
  const fitting = all.filter((service) => answers(service) && isChosen(service, choice, self));
  fitting.sort((a, b) => Number(b.own) - Number(a.own) || score(b) - score(a) || (a.id < b.id ? -1 : 1));
  const placed: { service: ServiceView; host: Host }[] = [];
  for (const service of fitting) {
    if (placed.length >= LAN_ANNOUNCED_MAX) break;
    const host = hostOf(service, addressOf);
    if (host) placed.push({ service, host });
  }
  const nameOf = namesFor(
    placed.map(({ service }) => service),
    all,
  );
  return placed.map(({ service, host }) => ({
    service,
    announcement: { name: nameOf(service), type: service.type, port: service.port, txt: txtOf(service), host },
    here: service.own && service.host === self.address,
  }));
}

type Host = NonNullable<MdnsAnnouncement["host"]>;

function isChosen(service: ServiceView, { what, categories }: Choice, self: Self): boolean {
  if (what === "off" || (categories.length > 0 && !categories.includes(service.category))) return false;
  if (service.own || what === "community") return true;
  if (what === "open") return service.open;
  return what === "zone" && self.zone !== "" && service.zone === self.zone;
}

/** Path, and the id by which other boxes know that this is a service of the community. */
function txtOf({ id, path }: ServiceView): Record<string, string> {
  return { ...(path !== "" && Buffer.byteLength(path) <= PATH_BYTES_MAX ? { path } : {}), comu: id };
}

/**
 * "Parish radio (Can Mora)". Of several of one title, type and box all but the first by id have a piece of their id in
 * the name. That is told from all services, whatever is announced, so that every box gives the same names.
 */
function namesFor(wanted: readonly ServiceView[], all: readonly ServiceView[]): (service: ServiceView) => string {
  const kindOf = ({ type, title, box }: ServiceView) => folded(`${type} ${title} ${box}`);
  const firsts = new Map(wanted.map((service) => [kindOf(service), service.id]));
  for (const service of firsts.size > 0 ? all : []) {
    const first = firsts.get(kindOf(service));
    if (first !== undefined && service.id < first) firsts.set(kindOf(service), service.id);
  }
  return (service) => {
    const isFirst = firsts.get(kindOf(service)) === service.id;
    return nameOf(service, isFirst ? "" : `, ${service.id.split("-").at(-1)}`);
  };
}

function nameOf({ title, box }: ServiceView, more: string): string {
  const plain = (text: string) => text.replace(/\p{C}/gu, "").trim();
  const ending = ` (${cutTo(plain(box), BOX_BYTES_MAX)}${more})`;
  return cutTo(plain(title) || "?", NAME_BYTES_MAX - Buffer.byteLength(ending)) + ending;
}

/**
 * The name and address by which a service is reached. The name is made from both its box and its host, so that it is
 * nobody else's, means the same whoever says it, and never something else later. Undefined: nobody could be sent there.
 */
function hostOf(
  { boxId, own, host: said }: ServiceView,
  addressOf: (name: string) => string | undefined,
): Host | undefined {
  const host = said.toLowerCase().replace(/\.$/, "");
  // A name of this network: its machine answers for it. One of another box's network means nothing here.
  if (host.endsWith(".local")) return own && isHost(host) ? { name: host, addresses: [] } : undefined;
  const address = isIP(host) !== 0 ? host : isHost(host) ? addressOf(host) : undefined;
  if (address === undefined || !isPublishable(address)) return undefined;
  const hash = createHash("sha256").update(`${boxId} ${host}`).digest("hex").slice(0, ID_LENGTH);
  return { name: `comu-${boxId.slice(0, ID_LENGTH)}-${hash}.local`, addresses: [address] };
}

function isHost(name: string): boolean {
  return name.length <= 200 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/.test(name);
}

/** Says the same as another, or says it itself; null where it is ours to say. */
export type LeftTo = { to: "box"; boxId: string } | { to: "machine" } | null;

export interface Neighbours {
  /** Heard with the id of a service of the community. */
  byService: ReadonlyMap<string, readonly HeardService[]>;
  /** "TYPE PORT ADDRESS" of what announces itself. */
  direct: ReadonlySet<string>;
}

export function neighboursOf(heard: readonly HeardService[]): Neighbours {
  const byService = new Map<string, HeardService[]>();
  const direct = new Set<string>();
  for (const one of heard) {
    const id = one.txt["comu"];
    if (id) byService.set(id, [...(byService.get(id) ?? []), one]);
    else for (const address of one.addresses) direct.add(`${one.type} ${one.port} ${address}`);
  }
  return { byService, direct };
}

/**
 * Whether another announces it already: the machine that it runs on, as its own; the box that it belongs to; or another
 * box of the community that was first. Of two that both do, the one with the smaller id goes on. Only boxes that are up
 * count, so that a box that fell silent is replaced at once, and only words that are the same as ours, so that a
 * stranger cannot silence us with wrong ones.
 */
export function leftTo(
  { service, announcement }: Wanted,
  { byService, direct }: Neighbours,
  selfId: string,
  boxUp: (hostName: string) => string | undefined,
  telling: boolean,
): LeftTo {
  if (direct.has(`${service.type} ${service.port} ${service.host}`)) return { to: "machine" };
  if (service.own) return null;
  for (const one of byService.get(service.id) ?? []) {
    const same = one.type === announcement.type && one.port === announcement.port;
    if (!same || one.host !== folded(announcement.host!.name)) continue;
    for (const speaker of one.speakers) {
      const boxId = boxUp(speaker);
      if (boxId === undefined || boxId === selfId) continue;
      if (!telling || boxId === service.boxId || boxId < selfId) return { to: "box", boxId };
    }
  }
  return null;
}
