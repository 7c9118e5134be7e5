/**
 * What the mesh reports of its state: warnings, the doctor's checks, figures.
 */
import type { Check, Metric, Warning } from "../../kernel/contract.ts";
import type { Links } from "../../platform/links.ts";
import type { Answering } from "./answering.ts";
import type { BoxView } from "./client.ts";
import type { Address, Peers } from "./peers.ts";
import type { Session } from "./session.ts";

/** A clock that differs more than this from the others' is worth a warning; records allow ten minutes. */
export const CLOCK_OFF_MS = 60_000;

export interface StatusNeeds {
  selfId: string;
  session: () => Session | undefined;
  strangers: Peers;
  boxes: () => BoxView[];
  answering: Answering;
  links: Links;
  advertise: () => Address;
  webPort: () => number;
  /** See `GossipLog.flapping`. */
  flapping: () => boolean;
}

export function meshWarnings({ session, strangers, selfId, boxes, flapping }: StatusNeeds): Warning[] {
  const list: Warning[] = [];
  const open = session();
  const offsetMs = (open?.peers ?? strangers).clockOffsetMs() ?? 0;
  if (Math.abs(offsetMs) > CLOCK_OFF_MS) {
    list.push({ code: "clock-off", severity: "warning", params: { seconds: Math.round(Math.abs(offsetMs) / 1000) } });
  }
  if (!open) return list;
  for (const { box } of open.evidence.list().filter((one) => open.isMember(one.box))) {
    const name = boxes().find((one) => one.id === box)?.name ?? box.slice(0, 8);
    list.push({ code: "numbers-twice", severity: "warning", params: { box: name } });
  }
  if (flapping()) list.push({ code: "boxes-flapping", severity: "warning" });
  if (open.gossip.contested()) list.push({ code: "identity-twice", severity: "warning" });
  if (open.isExcluded(selfId) || open.peers.excluded()) list.push({ code: "excluded", severity: "error" });
  else if (open.boxesHere() === 1 && (open.admission.view()?.members.size ?? 1) > 1) {
    list.push({ code: "peers-none", severity: "warning" });
  }
  return list;
}

export async function meshDoctor(needs: StatusNeeds): Promise<Check[]> {
  const session = needs.session();
  const others = needs.boxes().filter((box) => !box.self && (box.state === "up" || box.state === "suspect"));
  const members = session?.admission.view()?.members.size ?? 1;
  const seconds = Math.round(Math.abs(session?.peers.clockOffsetMs() ?? 0) / 1000);
  const ids = others.map((box) => box.id);
  const reached = session && ids.length > 0 ? await needs.answering.reachable(session, ids) : true;
  const { address, port } = needs.advertise();
  return [
    {
      code: "ports",
      ok: port > 0,
      severity: "error",
      params: { port: String(needs.webPort()), meshPort: String(port) },
    },
    { code: "clock", ok: seconds * 1000 <= CLOCK_OFF_MS, severity: "warning", params: { seconds } },
    {
      code: "peers",
      ok: others.length > 0 || members === 1,
      severity: "warning",
      params: { up: others.length, known: members - 1 },
    },
    { code: "reachability", ok: reached, severity: "error", params: { address, port: String(port) } },
  ];
}

export function meshMetrics({ session, links, answering }: StatusNeeds): Metric[] {
  const open = session();
  if (!open) return [];
  const { refused, authors, records, bytes, equivocations } = open.replica.core.stats();
  const gossip = open.gossip.core.counts();
  const linked = links.stats();
  const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, value });
  const counter = (name: string, help: string, value: number, labels?: Record<string, string>): Metric => ({
    name,
    type: "counter",
    help,
    value,
    labels,
  });
  return [
    gauge("mesh_boxes_up", "Boxes that answer, this one included.", open.boxesHere()),
    gauge("mesh_agents", "Members of the gossip that are no boxes.", open.agents.count()),
    gauge("mesh_local_health", "How slow this box seems to itself, 0 is good.", open.gossip.core.health()),
    gauge("mesh_record_authors", "Boxes of which records are held.", authors),
    gauge("mesh_records", "Records held.", records),
    gauge("mesh_records_bytes", "Bytes of records held.", bytes),
    counter("mesh_gossip_bytes_total", "Bytes of gossip before sealing.", gossip.bytesIn, { direction: "in" }),
    counter("mesh_gossip_bytes_total", "Bytes of gossip before sealing.", gossip.bytesOut, { direction: "out" }),
    counter("mesh_gossip_packets_total", "Packets of gossip.", gossip.packetsIn, { direction: "in" }),
    counter("mesh_gossip_packets_total", "Packets of gossip.", gossip.packetsOut, { direction: "out" }),
    counter("mesh_gossip_unopened_total", "Packets and streams that no key opens.", open.gossip.unopened()),
    counter("mesh_suspicions_total", "Boxes that this one suspected.", gossip.suspicions),
    counter("mesh_link_bytes_total", "Bytes over links.", linked.bytesIn, { direction: "in" }),
    counter("mesh_link_bytes_total", "Bytes over links.", linked.bytesOut, { direction: "out" }),
    counter("mesh_link_refused_total", "Requests of boxes that had used up their share of time.", answering.refused()),
    counter("mesh_equivocations_total", "Records that had a number which their author used already.", equivocations),
    ...Object.entries(refused).map(([reason, count]) =>
      counter("mesh_records_refused_total", "Records refused.", count, { reason }),
    ),
  ];
}
