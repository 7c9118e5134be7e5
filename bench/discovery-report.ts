/**
 * What `bench:discovery` prints: figures of the three clusters side by side, the ratios, and which of them are above
 * the target.
 */
import type { MeshBytes } from "./discovery-boxes.ts";
import { bytesPerChange, bytesPerSecond, median, quantile, ratio, table } from "./discovery-sums.ts";
import type { Counted } from "./discovery-sums.ts";

/** What was measured of one cluster. */
export interface Measured {
  /** Until 99 % of the others saw it, one for each change, killed node, newcomer. */
  changeMs: number[];
  failureMs: number[];
  newcomerMs: number[];
  /** Counters before and after; empty until measured. */
  rest: [Counted, Counted] | [];
  multicast: [Counted, Counted] | [];
  busy: [Counted, Counted] | [];
  /** At the end of the time at rest, one for each process. */
  rssBytes: number[];
  cpuPercent: number[];
}

export interface Results {
  nodes: number;
  serf: Measured;
  members: Measured;
  boxes: Measured;
  /** Bytes per second and box at rest, as the boxes count them. */
  mesh: MeshBytes;
  machine: { cores: number; load: number[] };
}

/** Ours over serf's must not be above it. Memory and CPU are told without a target. */
const RATIO_TARGET = 1;

interface Line {
  name: string;
  title: string;
  unit: string;
  digits: number;
  isTarget: boolean;
  of: (measured: Measured) => number;
}

const whole = { unit: "ms", digits: 0, isTarget: true };
const LINES: readonly Line[] = [
  { name: "time_change", title: "change seen by 99 %, median", ...whole, of: (one) => median(one.changeMs) },
  {
    name: "time_change_p90",
    title: "change seen by 99 %, 90 % of changes",
    ...whole,
    of: (one) => quantile(one.changeMs, 0.9),
  },
  { name: "time_failure", title: "killed node seen by 99 %, median", ...whole, of: (one) => median(one.failureMs) },
  { name: "time_newcomer", title: "newcomer seen by 99 %, median", ...whole, of: (one) => median(one.newcomerMs) },
  {
    ...{ name: "bytes_rest", title: "bytes/s of a node at rest, median", unit: "bytes/s", digits: 0, isTarget: true },
    of: ({ rest }) => median(bytesPerSecond(...counted(rest))),
  },
  {
    ...{ name: "bytes_change", title: "bytes of a node for one change", unit: "bytes", digits: 0, isTarget: true },
    of: ({ rest, busy, changeMs }) => bytesPerChange(counted(rest), counted(busy), changeMs.length),
  },
  {
    ...{ name: "multicast", title: "beside it, multicast bytes/s", unit: "bytes/s", digits: 0, isTarget: false },
    of: ({ multicast }) => median(bytesPerSecond(...counted(multicast))),
  },
  {
    ...{ name: "memory", title: "resident memory, median, MB", unit: "MB", digits: 1, isTarget: false },
    of: (one) => median(one.rssBytes) / 1e6,
  },
  {
    ...{ name: "cpu", title: "CPU at rest, median, % of a core", unit: "%", digits: 2, isTarget: false },
    of: (one) => median(one.cpuPercent),
  },
];

function counted(pair: Measured["rest"]): [Counted, Counted] {
  if (pair.length === 0) throw new Error("nothing was counted");
  return pair;
}

/** The text for people, and the one object for programs. */
export function report(results: Results): { text: string; json: object } {
  const { serf, members, boxes, mesh, machine, nodes } = results;
  const rows = [["", "serf", "members", "boxes", "members/serf", "boxes/serf"]];
  const ratios: Record<string, number | null> = {};
  const medians: Record<string, object> = {};
  const above: string[] = [];
  for (const { name, title, unit, digits, isTarget, of } of LINES) {
    const [theirs, alone, whole] = [of(serf), of(members), of(boxes)];
    const shown = [theirs, alone, whole].map((value) => (Number.isFinite(value) ? value.toFixed(digits) : "not seen"));
    const found = { members: ratio(alone, theirs), boxes: ratio(whole, theirs) };
    for (const [column, value] of Object.entries(found)) {
      ratios[`${name}_${column}`] = value;
      if (isTarget && (value === null || value > RATIO_TARGET)) above.push(`${name}_${column} ${value ?? "not seen"}`);
    }
    rows.push([title, ...shown, ...Object.values(found).map((value) => value?.toFixed(2) ?? "-")]);
    const finite = (value: number) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);
    medians[name] = { members: finite(alone), boxes: finite(whole), peer: finite(theirs), unit };
  }
  const text = [
    table(rows),
    "",
    `serf: ${nodes} agents. members: ${nodes} processes with our gossip and nothing else. boxes: ${nodes} daemons with`,
    "links, records, pages and mDNS; a change is a published service, a killed box counts as seen when it is shown as",
    "away, a newcomer from the moment at which it is given the code. Bytes are whole frames, in and out, of one node.",
    `Of a box's bytes at rest ${mesh.gossip.toFixed(0)} a second are gossip (before sealing, without headers) and ` +
      `${mesh.links.toFixed(0)} links.`,
    `Machine: ${machine.cores} cores; load over one minute before, at rest, after rest and at the end: ` +
      `${machine.load.join(", ")}.`,
    above.length > 0 ? `ABOVE ${RATIO_TARGET.toFixed(1)}: ${above.join(", ")}` : "No ratio is above 1.0.",
  ].join("\n");
  return {
    text,
    json: {
      bench: "discovery",
      ratios,
      medians,
      above,
      boxBytesPerS: { gossip: Math.round(mesh.gossip), links: Math.round(mesh.links) },
      machine,
      runs: serf.changeMs.length,
    },
  };
}
