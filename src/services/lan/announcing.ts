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

/** What to announce, own services first, then the best. `announced`: what is announced now, which stays longer. */
export function wantedServices(
  all: readonly ServiceView[],
  choice: Choice,
  self: Self,
  announced: ReadonlySet<string>,
): Wanted[] {
  const score = ({ id, quality }: ServiceView) => (quality.score ?? -1) + (announced.has(id) ? KEPT_BONUS : 0);
  // What gave no answer when it was last measured from here would not answer a neighbour either.
  const answers = (service: ServiceView) =>
    service.state === "up" && (service.own || service.quality.reachable !== false);
  const fitting = all.filter((service) => answers(service) && isChosen(service, choice, self));
  const placed = fitting.flatMap((service) => {
    const host = hostOf(service);
    return host ? [{ service, host }] : [];
  });
  placed.sort(
    ({ service: a }, { service: b }) => Number(b.own) - Number(a.own) || score(b) - score(a) || (a.id < b.id ? -1 : 1),
  );
  const names = namesOf(all);
  return placed.slice(0, LAN_ANNOUNCED_MAX).map(({ service, host }) => ({
    service,
    announcement: { name: names.get(service.id)!, type: service.type, port: service.port, txt: txtOf(service), host },
    here: service.own && service.host === self.address,
  }));
}

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
 * "Parish radio (Can Mora)". Of several that would have one name, all but the first by id have a piece of their id in
 * it. Names are given over all services, whatever is announced, so that every box gives the same.
 */
function namesOf(all: readonly ServiceView[]): Map<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const service of all.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    let name = nameOf(service, "");
    if (taken.has(folded(`${service.type} ${name}`))) name = nameOf(service, `, ${service.id.split("-").at(-1)}`);
    taken.add(folded(`${service.type} ${name}`));
    names.set(service.id, name);
  }
  return names;
}

function nameOf({ title, box }: ServiceView, more: string): string {
  const plain = (text: string) => text.replace(/\p{C}/gu, "").trim();
  const ending = ` (${cutTo(plain(box), BOX_BYTES_MAX)}${more})`;
  return cutTo(plain(title) || "?", NAME_BYTES_MAX - Buffer.byteLength(ending)) + ending;
}

/**
 * The name and address by which a service is reached. A name for an address is made from both box and address, so that
 * it means the same whoever says it, and never something else later. Undefined: nobody could be sent there.
 */
function hostOf(service: ServiceView): MdnsAnnouncement["host"] | undefined {
  const host = service.host.toLowerCase().replace(/\.$/, "");
  if (isIP(host) !== 0) {
    if (!isPublishable(host)) return undefined;
    const hash = createHash("sha256").update(`${service.boxId} ${host}`).digest("hex").slice(0, ID_LENGTH);
    return { name: `comu-${service.boxId.slice(0, ID_LENGTH)}-${hash}.local`, addresses: [host] };
  }
  const sound = host.length <= 200 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/.test(host);
  // ".local" is another network's at another box. A full name is resolved by whoever asks, as certificates want it.
  return sound && (service.own || !host.endsWith(".local")) ? { name: host, addresses: [] } : undefined;
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
