/**
 * The lan service: hears by mDNS what is on the local network, offers it for publishing, announces this box there,
 * and finds other boxes so that a new one sees the communities nearby.
 */
import type { Handlers, Service } from "../../kernel/contract.ts";
import type { Config } from "../../kernel/config.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import { hostPort } from "../../platform/addresses.ts";
import { createMdns } from "../../platform/mdns.ts";
import type { HeardService, Mdns } from "../../platform/mdns.ts";
import type { DiscoveryClient } from "../discovery/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { lanContract, lanErrors, lanSettings } from "./contract.ts";

/** The DNS-SD type under which boxes announce themselves. */
export const BOX_TYPE = "_comu._tcp";
/** The announcement is made anew when the community or the box's name changed, looked at this often. */
const ANNOUNCE_LOOK_MS = 5_000;

export interface LanNeeds {
  clock: Clock;
  log: Log;
  config: Config;
  events: Events;
  mesh: MeshClient;
  discovery: DiscoveryClient;
  run: { port?: number };
}

export function lan(needs: LanNeeds): Service<typeof lanContract.endpoints> {
  let mdns: Mdns | undefined;
  let announced = "";
  let withdraw = () => {};
  let cancel = () => {};
  const settings = () => needs.config.section("lan", lanSettings);

  const heard = (): HeardService[] => mdns?.services() ?? [];
  const view = (service: HeardService) => {
    const address = service.addresses[0] ?? "";
    return {
      id: service.id,
      title: service.name,
      type: service.type,
      category: needs.discovery.categoryOf(service.type),
      host: service.host,
      address,
      port: service.port,
      path: service.txt["path"] ?? "",
      published: address ? needs.discovery.ownAt(address, service.port) : null,
    };
  };

  const handlers: Handlers<typeof lanContract.endpoints> = {
    heard: () =>
      heard()
        .filter((service) => service.type !== BOX_TYPE && service.addresses.length > 0)
        .map(view),
    publishHeard({ id, scope, title }) {
      const service = heard().find((one) => one.id === id);
      if (!service) throw lanErrors.fail("heard-unknown", { params: { id } });
      const path = service.txt["path"];
      return needs.discovery.publish({
        type: service.type,
        title: title ?? service.name.slice(0, 80),
        host: service.addresses[0],
        port: service.port,
        scope,
        ...(path?.startsWith("/") ? { path } : {}),
      });
    },
  };

  const announce = () => {
    const self = needs.mesh.box(needs.mesh.selfId);
    const community = needs.mesh.community();
    const txt = {
      id: needs.mesh.selfId,
      box: self?.name ?? "",
      community: community?.name ?? "",
      communityId: community?.id ?? "",
      mesh: String(needs.mesh.port()),
      code: needs.mesh.openCode() ?? "",
    };
    const wanted = settings().announce ? JSON.stringify(txt) : "";
    if (wanted === announced || !mdns) return;
    announced = wanted;
    withdraw();
    withdraw = () => {};
    // The label of a DNS-SD instance: no dots, at most 63 bytes.
    const name = `${(txt.box || "Comu").replaceAll(".", " ").slice(0, 20)} (${txt.id.slice(0, 4)})`;
    if (wanted) withdraw = mdns.announce({ name, type: BOX_TYPE, port: needs.run.port ?? 0, txt });
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

  return {
    contract: lanContract,
    handlers,
    async start() {
      mdns = createMdns({
        clock: needs.clock,
        log: needs.log.area("lan"),
        hostName: `comu-${needs.mesh.selfId.slice(0, 8)}.local`,
        onChange: () => needs.events.emit("lan.changed", "host"),
      });
      needs.mesh.hearNearby(nearby);
      announce();
      cancel = needs.clock.every(ANNOUNCE_LOOK_MS, announce);
    },
    async stop() {
      cancel();
      announced = "";
      withdraw = () => {};
      await mdns?.close();
      mdns = undefined;
    },
    health: () => (mdns && !mdns.working() ? [{ code: "no-multicast", severity: "info" }] : []),
  };
}
