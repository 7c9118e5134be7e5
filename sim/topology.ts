/**
 * Where the boxes stand: the graphs of real networks, with a delay and a loss for each link, and from them the delay
 * and loss of every path. A graph is one zone; for more boxes the zone is laid side by side, zones joined by the
 * backbone between their busiest nodes.
 *
 * Link delays are an assumption, stated here: radio and switching time per hop, since the sources measured none.
 */
import { readFileSync } from "node:fs";
import { EventQueue } from "./event-queue.ts";

export interface Path {
  /** One way, with no other traffic. */
  delayMs: number;
  /** Chance that a datagram is lost on the way. */
  loss: number;
}

export interface Topology {
  readonly name: string;
  path(from: number, to: number): Path;
}

/** Per hop: delay and loss of each type of link. */
const LINKS: Record<string, Path> = {
  wds: { delayMs: 1.5, loss: 0.0005 },
  "ap/client": { delayMs: 3, loss: 0.001 },
};
const ETX_DELAY_MS = 3;
/** The radio repeats lost frames; what is left after so many attempts is lost to us. */
const RADIO_ATTEMPTS = 5;
const BACKBONE: Path = { delayMs: 6, loss: 0.0005 };
/** Zones lie in a line; each step along it. */
const BACKBONE_STEP_MS = 0.2;

interface Graph {
  nodes: number;
  links: [from: number, to: number, type: string, size: number][];
}

export const graphs = {
  guifi: "guifi-alt-penedes-2015.json",
  graz: "ffgraz-2015.json",
  "graz-2007": "ffgraz-2007.json",
} as const;

export type GraphName = keyof typeof graphs | "flat";

/** Boxes next to one another on one switch. */
const FLAT: Path = { delayMs: 0.5, loss: 0 };

export function topology(name: GraphName): Topology {
  if (name === "flat") return { name, path: () => FLAT };
  const file = new URL(`fixtures/${graphs[name]}`, import.meta.url);
  const zone = new Zone(JSON.parse(readFileSync(file, "utf8")) as Graph);
  return { name, path: (from, to) => zone.path(from, to) };
}

class Zone {
  readonly #nodes: number;
  readonly #links: { to: number; delayMs: number; loss: number }[][];
  readonly #gateway: number;
  /** By source, when first asked: delay and survival to each node. */
  readonly #reached: ({ delayMs: Float32Array; arrives: Float32Array } | undefined)[] = [];

  constructor(graph: Graph) {
    this.#nodes = graph.nodes;
    this.#links = Array.from({ length: graph.nodes }, () => []);
    for (const [from, to, type, size] of graph.links) {
      const link = linkOf(type, size);
      this.#links[from]!.push({ to, ...link });
      this.#links[to]!.push({ to: from, ...link });
    }
    const degrees = this.#links.map((links) => links.length);
    this.#gateway = degrees.indexOf(Math.max(...degrees));
  }

  path(from: number, to: number): Path {
    const [zoneA, zoneB] = [Math.floor(from / this.#nodes), Math.floor(to / this.#nodes)];
    const [a, b] = [from % this.#nodes, to % this.#nodes];
    if (zoneA === zoneB) {
      const reach = this.#reach(a);
      return { delayMs: reach.delayMs[b]!, loss: 1 - reach.arrives[b]! };
    }
    const reach = this.#reach(this.#gateway);
    const delayMs =
      reach.delayMs[a]! + reach.delayMs[b]! + BACKBONE.delayMs + BACKBONE_STEP_MS * Math.abs(zoneA - zoneB);
    return { delayMs, loss: 1 - reach.arrives[a]! * reach.arrives[b]! * (1 - BACKBONE.loss) };
  }

  /** Shortest paths by delay (Dijkstra); the event queue serves as the heap. */
  #reach(source: number) {
    const known = this.#reached[source];
    if (known) return known;
    const delayMs = new Float32Array(this.#nodes).fill(Infinity);
    const arrives = new Float32Array(this.#nodes);
    const frontier = new EventQueue();
    const come = (node: number, atMs: number, chance: number) => {
      if (Math.fround(atMs) >= delayMs[node]!) return;
      delayMs[node] = atMs;
      arrives[node] = chance;
      frontier.at(atMs, () => {
        if (delayMs[node] !== Math.fround(atMs)) return;
        for (const link of this.#links[node]!) come(link.to, atMs + link.delayMs, chance * (1 - link.loss));
      });
    };
    come(source, 0, 1);
    while (frontier.size > 0) frontier.take()();
    return (this.#reached[source] = { delayMs, arrives });
  }
}

function linkOf(type: string, size: number): Path {
  if (type !== "etx") return LINKS[type] ?? LINKS["ap/client"]!;
  // Not measured (0) counts as average.
  const etx = size > 0 ? Math.max(1, size) : 2;
  return { delayMs: ETX_DELAY_MS * etx, loss: (1 - 1 / etx) ** RADIO_ATTEMPTS };
}
