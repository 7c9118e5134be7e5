/**
 * The lan service: hears by mDNS what is on the local network, offers it for publishing, announces this box and
 * services of the community there, and finds other boxes so that a new one sees the communities nearby.
 */
import type { Handlers, Metric, Service } from "../../kernel/contract.ts";
import type { Config } from "../../kernel/config.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { hostPort } from "../../platform/addresses.ts";
import { createMdns } from "../../platform/mdns.ts";
import type { HeardService, Mdns } from "../../platform/mdns.ts";
import { cutTo } from "../../platform/mdns-names.ts";
import { createResolver } from "../../platform/resolve.ts";
import type { DiscoveryClient } from "../discovery/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { createAnnouncer } from "./announcer.ts";
import type { Announcer, Standing } from "./announcer.ts";
import { hostName, isHostName } from "./announcing.ts";
import { lanContract, lanErrors, lanSettings } from "./contract.ts";
import { createHosts } from "./hosts.ts";
import { isPublishable, pathOf, plainTitle } from "./hearing.ts";

/** The DNS-SD type under which boxes announce themselves. */
export const BOX_TYPE = "_comu._tcp";
/** Of a name in TXT; an entry has at most 255 bytes, and all together fit one packet. */
const NAME_BYTES_MAX = 120;
const CODE_BYTES_MAX = 240;
/** What is announced is compared with what should be at least this often; most changes are told at once. */
const ANNOUNCE_LOOK_MS = 5_000;

export interface LanNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  config: Config;
  events: Events;
  mesh: MeshClient;
  discovery: DiscoveryClient;
  run: { port?: number };
}

export function lan(needs: LanNeeds): Service<typeof lanContract.endpoints> {
  let mdns: Mdns | undefined;
  let announcer: Announcer | undefined;
  let announced = "";
  let withdraw = () => {};
  let cancels: (() => void)[] = [];
  const settings = () => needs.config.section("lan", lanSettings);

  const heard = (): HeardService[] => mdns?.services() ?? [];
  const view = (service: HeardService) => {
    const address = service.addresses[0] ?? "";
    return {
      id: service.id,
      title: plainTitle(service),
      type: service.type,
      category: needs.discovery.categoryOf(service.type),
      host: service.host,
      address,
      port: service.port,
      path: pathOf(service),
      published: address ? needs.discovery.ownAt(address, service.port) : null,
    };
  };

  const handlers: Handlers<typeof lanContract.endpoints> = {
    heard: () => heard().filter(isListed).map(view),
    publishHeard({ id, scope, title }) {
      const service = heard().find((one) => one.id === id && isListed(one));
      if (!service) throw lanErrors.fail("heard-unknown", { params: { id } });
      const host = service.addresses.find(isPublishable);
      if (!host) throw lanErrors.fail("heard-unreachable", { params: { title: service.name } });
      const path = pathOf(service);
      return needs.discovery.publish({
        type: service.type,
        title: title ?? plainTitle(service),
        host,
        port: service.port,
        scope,
        ...(path ? { path } : {}),
      });
    },
    announced: () => announcer?.list().map(standingView) ?? [],
  };
  const standingView = ({ service, announcement, name, state, devices, leftTo }: Standing) => ({
    id: service.id,
    name,
    type: service.type,
    category: service.category,
    box: service.box,
    own: service.own,
    state,
    by: leftTo?.to === "box" && state === "left" ? (needs.mesh.box(leftTo.boxId)?.name ?? "") : null,
    host: announcement.host?.name ?? "",
    address: service.host,
    port: service.port,
    path: service.path,
    devices,
  });

  const announce = () => {
    const self = needs.mesh.box(needs.mesh.selfId);
    const community = needs.mesh.community();
    const txt = {
      id: needs.mesh.selfId,
      box: cutTo(self?.name ?? "", NAME_BYTES_MAX),
      community: cutTo(community?.name ?? "", NAME_BYTES_MAX),
      communityId: community?.id ?? "",
      mesh: String(needs.mesh.port()),
      code: codeOf(needs.mesh.openCode()),
    };
    const wanted = settings().announce ? JSON.stringify(txt) : "";
    if (wanted === announced || !mdns) return;
    announced = wanted;
    withdraw();
    withdraw = () => {};
    const name = `${cutTo(txt.box || "Comu", 40)} (${txt.id.slice(0, 4)})`;
    if (wanted) withdraw = mdns.announce({ name, type: BOX_TYPE, port: needs.run.port ?? 0, txt });
  };
  const look = () => {
    announce();
    announcer?.look();
  };
  /** Boxes that are heard here and belong to a community. */
  const nearby = () =>
    heard()
      .filter(
        (service) => service.type === BOX_TYPE && service.txt["communityId"] && service.txt["id"] !== needs.mesh.selfId,
      )
      .map(({ txt, port, addresses }) => ({
        box: txt["box"] ?? "",
        community: txt["community"] ?? "",
        communityId: txt["communityId"] ?? "",
        address: hostPort(addresses[0] ?? "", Number(txt["mesh"] ?? 0)),
        url: `http://${hostPort(addresses[0] ?? "", port)}/`,
        code: txt["code"] ?? "",
      }));

  needs.config.listen({ commit: look });
  return {
    contract: lanContract,
    handlers,
    async start() {
      mdns = createMdns({
        clock: needs.clock,
        random: needs.random,
        log: needs.log.area("lan"),
        hostName: hostName(needs.mesh.selfId),
        isSpeaker: isHostName,
        onChange() {
          needs.events.emit("lan.changed", "host");
          announcer?.look();
        },
      });
      const { clock } = needs;
      const hosts = createHosts({ clock, resolver: createResolver({ clock }), onChange: () => announcer?.look() });
      announcer = createAnnouncer({
        hosts,
        clock: needs.clock,
        mesh: needs.mesh,
        discovery: needs.discovery,
        mdns,
        choice: () => ({ what: settings().announceServices, categories: settings().announceCategories }),
        onChange: () => needs.events.emit("lan.announced", "host"),
      });
      needs.mesh.hearNearby(nearby);
      look();
      const listening = needs.events.listen(({ type }) => type === "discovery.changed" && announcer?.look());
      cancels = [needs.clock.every(ANNOUNCE_LOOK_MS, look), ...(listening ? [listening] : [])];
    },
    async stop() {
      for (const cancel of cancels) cancel();
      announcer?.stop();
      announcer = undefined;
      announced = "";
      withdraw = () => {};
      await mdns?.close();
      mdns = undefined;
    },
    metrics: () => (mdns ? metricsOf(mdns, announcer) : []),
    health: () => (mdns && !mdns.working() ? [{ code: "no-multicast", severity: "info" }] : []),
  };
}

/** A code with many addresses is left away: who is beside us needs none to find us, and can be given it. */
function codeOf(code: string | null): string {
  return code !== null && Buffer.byteLength(code) <= CODE_BYTES_MAX ? code : "";
}

/** What is no service of the local network: boxes, and what boxes announce of the community. */
function isListed(service: HeardService): boolean {
  return service.type !== BOX_TYPE && !service.txt["comu"] && service.addresses.length > 0;
}

function metricsOf(mdns: Mdns, announcer: Announcer | undefined): Metric[] {
  const stats = mdns.stats();
  const counter = (name: string, help: string, value: number): Metric => ({
    name: `lan_${name}_total`,
    type: "counter",
    help,
    value,
  });
  const told = announcer?.list().filter(({ state }) => state === "announced").length ?? 0;
  return [
    { name: "lan_announced", type: "gauge", help: "Services announced on the local network.", value: told },
    counter("packets_in", "mDNS packets read.", stats.packetsIn),
    counter("packets_out", "mDNS packets sent.", stats.packetsOut),
    counter("packets_broken", "mDNS packets that were not sound.", stats.broken),
    counter("packets_foreign", "mDNS packets from other networks, not read.", stats.strangers),
    counter("packets_over_rate", "mDNS packets not read because too many came.", stats.overRate),
    counter("answers_dropped", "mDNS questions not answered because too many were asked.", stats.answersDropped),
  ];
}
