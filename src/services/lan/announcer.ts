/**
 * Announces services of the community on each interface, and keeps that true: looks when something changed in the
 * community or on the network, and compares what is announced with what should be.
 */
import type { Cancel, Clock } from "../../kernel/clock.ts";
import type { Announced, Mdns, MdnsAnnouncement, MdnsLink } from "../../platform/mdns.ts";
import type { DiscoveryClient, ServiceView } from "../discovery/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Hosts } from "./hosts.ts";
import { hostName, leftTo, neighboursOf, wantedServices } from "./announcing.ts";
import type { Choice, LeftTo, Wanted } from "./announcing.ts";

/** On a new network we first listen for so long who announces what. */
export const LISTEN_FIRST_MS = 3_000;
/** Looks are at least so far apart. */
export const LOOK_PAUSE_MS = 500;

export interface AnnouncerNeeds {
  clock: Clock;
  mesh: MeshClient;
  discovery: DiscoveryClient;
  mdns: Mdns;
  choice: () => Choice;
  hosts: Hosts;
  /** What is announced is not what it was. */
  onChange: () => void;
}

/** One service that should be on the network, and how that stands. */
export interface Standing {
  service: ServiceView;
  announcement: MdnsAnnouncement;
  /** As it is called on the network. */
  name: string;
  /** announced; starting: its name is being claimed; left: another box, or its own machine, announces it. */
  state: "announced" | "starting" | "left";
  /** Interfaces on which this box announces it. */
  devices: string[];
  leftTo: LeftTo;
}

export interface Announcer {
  /** Something changed: looks now, or soon when it has just looked. */
  look(): void;
  list(): Standing[];
  stop(): void;
}

/** What we announce on one interface. */
interface Line {
  sinceMs: number;
  held: Map<string, { announced: Announced; text: string; name: string }>;
  left: Map<string, LeftTo>;
}

export function createAnnouncer(needs: AnnouncerNeeds): Announcer {
  const { clock, mesh } = needs;
  const lines = new Map<MdnsLink, Line>();
  let wanted: Wanted[] = [];
  let lookedMs = -Infinity;
  let cancel: Cancel | undefined;
  let shown = "";

  const boxUp = () => {
    const up = mesh.boxes().filter((box) => box.state === "up" || box.state === "suspect");
    const byHost = new Map(up.map((box) => [hostName(box.id), box.id]));
    return (host: string) => byHost.get(host);
  };
  const keep = (link: MdnsLink, line: Line, isUp: ReturnType<typeof boxUp>) => {
    const neighbours = neighboursOf(link.services());
    const ids = new Set(wanted.map(({ service }) => service.id));
    for (const [id, { announced }] of line.held) {
      if (ids.has(id)) continue;
      announced.withdraw();
      line.held.delete(id);
    }
    line.left.clear();
    for (const one of wanted) {
      const { id } = one.service;
      const held = line.held.get(id);
      const left = leftTo(one, neighbours, mesh.selfId, isUp, held?.announced.told() ?? false);
      if (left) {
        line.left.set(id, left);
        held?.announced.withdraw(left.to === "box");
        line.held.delete(id);
      } else keepOne(link, line, one);
    }
  };
  const keepOne = (link: MdnsLink, line: Line, { service, announcement, here }: Wanted) => {
    const own = { ...announcement, host: { ...announcement.host!, ...(here ? { addresses: link.addresses } : {}) } };
    const text = JSON.stringify(own);
    const held = line.held.get(service.id);
    if (held?.text === text) return;
    const renamed = held !== undefined && held.name !== own.name;
    if (renamed) held.announced.withdraw();
    if (held && !renamed) held.announced.update(own);
    const announced = held && !renamed ? held.announced : link.announce(own);
    line.held.set(service.id, { announced, text, name: own.name });
  };

  const look = () => {
    lookedMs = clock.monotonicMs();
    cancel?.();
    cancel = undefined;
    const self = mesh.box(mesh.selfId);
    const about = { id: mesh.selfId, zone: self?.zone ?? "", address: self?.address ?? "" };
    const announced = new Set([...lines.values()].flatMap((line) => [...line.held.keys()]));
    wanted = wantedServices(needs.discovery.list(), needs.choice(), about, announced, needs.hosts.addressOf);
    const links = needs.mdns.links();
    for (const link of lines.keys()) if (!links.includes(link)) lines.delete(link);
    const isUp = boxUp();
    for (const link of links) {
      const line = lines.get(link) ?? { sinceMs: lookedMs, held: new Map(), left: new Map() };
      lines.set(link, line);
      const waitMs = line.sinceMs + LISTEN_FIRST_MS - lookedMs;
      if (waitMs > 0) lookIn(waitMs);
      else keep(link, line, isUp);
    }
    // A name is claimed after about a second: then say so.
    const held = [...lines.values()].flatMap((line) => [...line.held.values()]);
    if (held.some(({ announced: one }) => !one.told())) lookIn(LOOK_PAUSE_MS);
    const now = JSON.stringify(list().map(({ name, state, devices, leftTo: left }) => [name, state, devices, left]));
    if (now === shown) return;
    shown = now;
    needs.onChange();
  };
  const lookIn = (delayMs: number) => {
    cancel?.();
    cancel = clock.after(delayMs, look);
  };

  const list = (): Standing[] =>
    wanted.map(({ service, announcement }) => {
      const here = [...lines].flatMap(([link, line]) => {
        const held = line.held.get(service.id);
        return held ? [{ device: link.device, announced: held.announced }] : [];
      });
      const left = [...lines.values()].map((line) => line.left.get(service.id)).find(Boolean) ?? null;
      const told = here.filter(({ announced }) => announced.told());
      return {
        service,
        announcement,
        name: told[0]?.announced.name() ?? announcement.name,
        state: told.length > 0 ? "announced" : left && here.length === 0 ? "left" : "starting",
        devices: told.map(({ device }) => device),
        leftTo: left,
      };
    });

  return {
    look() {
      const waitMs = lookedMs + LOOK_PAUSE_MS - clock.monotonicMs();
      if (waitMs <= 0) look();
      else lookIn(waitMs);
    },
    list,
    stop() {
      cancel?.();
      lines.clear();
      wanted = [];
    },
  };
}
