/**
 * A cluster of processes that say in lines what they see: `serf` agents, or members of ours (`member.ts`). The two
 * differ in their command, the words of their lines, and how one is told to change its tag; all else is the same.
 *
 * Serf's lines are those of its log: `serf monitor` and the RPC's stream hold events back for 1 to 3 s to put them
 * together, and the log does not. A change and a join count from the line by which the node itself says that it has
 * begun, so that neither side pays for the start of a command.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../test/lab/lab.ts";
import type { Running } from "../test/support/process.ts";
import type { Process } from "./discovery-counters.ts";
import { NOT_SEEN } from "./discovery-sums.ts";

/** What the measurement needs of a cluster, whatever it is made of. Times are from the act, one for each watcher. */
export interface Cluster {
  readonly label: string;
  /** Starts its nodes one after the other; resolves when each sees all. */
  start(count: number): Promise<void>;
  /** One node changes what it says of itself: a different one in each turn, from 0. */
  change(turn: number): Promise<number[]>;
  /** One node is killed (SIGKILL). */
  kill(): Promise<number[]>;
  /** A new node comes. */
  join(): Promise<number[]>;
  /** Those that run. */
  processes(): Process[];
}

/** Waits for a change or a newcomer, and for a failure; beyond it something counts as not seen. */
export const SEEN_TIMEOUT_MS = 15_000;
export const FAILED_TIMEOUT_MS = 60_000;
const ALL_SEEN_TIMEOUT_MS = 60_000;
/** Between two starts. */
const START_PAUSE_MS = 300;

export type Event = "join" | "update" | "failed";

export interface Program {
  label: string;
  command(name: string, host: Host, joins: Host | undefined): string[];
  /** The line by which it says that it runs, and is in the cluster if it was to join one. */
  ready: RegExp;
  /** The line with which joining begins. */
  joining: RegExp;
  line(event: Event, name: string): RegExp;
  /** Gives the node a new tag. */
  change(node: Node, turn: number): Promise<void>;
}

export interface Node {
  name: string;
  host: Host;
  process: Running;
}

/** `serf` from Debian, with its default profile (lan). */
export function serfProgram(key: Buffer): Program {
  const words = { join: "Join", update: "Update", failed: "Failed" } as const;
  return {
    label: "serf",
    command: (name, host, joins) => [
      ...["serf", "agent", `-node=${name}`, `-bind=${host.address}:7946`, `-encrypt=${key.toString("base64")}`],
      ...["-tag", "note=0", ...(joins ? [`-join=${joins.address}:7946`] : [])],
    ],
    ready: /Serf agent running/,
    joining: /Joining cluster/,
    line: (event, name) => new RegExp(`serf: EventMember${words[event]}: ${name}( |$)`, "m"),
    async change({ host }, turn) {
      await host.run(["serf", "tags", "-set", `note=${turn + 1}`]);
    },
  };
}

/** Our gossip alone; `script` is `member.ts`, bundled. */
export function memberProgram(key: Buffer, script: string): Program {
  return {
    label: "members",
    command: (name, host, joins) => [
      // Node's flag is the launcher's.
      ...[process.execPath, "--max-semi-space-size=16", script, "--name", name, "--address", host.address],
      ...["--key", key.toString("base64"), ...(joins ? ["--join", joins.address] : [])],
    ],
    ready: /^ready$/,
    joining: /^joining$/,
    line: (event, name) => new RegExp(`^${event} ${name}$`, "m"),
    async change({ process }) {
      process.signal("SIGUSR2");
    },
  };
}

export class LineCluster implements Cluster {
  private readonly program: Program;
  private readonly hosts: Host[];
  private readonly nodes: Node[] = [];

  /** One host for each node that will ever be. */
  constructor(program: Program, hosts: readonly Host[]) {
    this.program = program;
    this.hosts = [...hosts];
  }

  get label(): string {
    return this.program.label;
  }

  async start(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const node = this.startNode();
      this.nodes.push(node);
      // The first must listen before others join it; a serf agent that finds nobody ends.
      if (index === 0) await node.process.waitForLine(this.program.ready);
      await sleep(START_PAUSE_MS);
    }
    const { line } = this.program;
    const seen = this.nodes.flatMap(({ name, process }) =>
      this.nodes
        .filter((other) => other.name !== name)
        .map((other) => process.waitForLine(line("join", other.name), ALL_SEEN_TIMEOUT_MS)),
    );
    await Promise.all(seen);
  }

  async change(turn: number): Promise<number[]> {
    const node = this.nodes[(turn + 1) % this.nodes.length]!;
    const watched = this.watch("update", node, SEEN_TIMEOUT_MS);
    const begun = moment(node.process, this.program.line("update", node.name), SEEN_TIMEOUT_MS);
    const acted = this.program.change(node, turn);
    const [seen, fromMs] = await Promise.all([watched, begun, acted]);
    return since(seen, fromMs);
  }

  async kill(): Promise<number[]> {
    // The oldest but the one that the others join.
    const [node] = this.nodes.splice(1, 1) as [Node];
    const watched = this.watch("failed", node, FAILED_TIMEOUT_MS);
    const fromMs = performance.now();
    await node.process.kill();
    return since(await watched, fromMs);
  }

  async join(): Promise<number[]> {
    const node = this.startNode();
    const watched = this.watch("join", node, SEEN_TIMEOUT_MS);
    const [seen, fromMs] = await Promise.all([
      watched,
      moment(node.process, this.program.joining, SEEN_TIMEOUT_MS),
      node.process.waitForLine(this.program.ready),
    ]);
    this.nodes.push(node);
    return since(seen, fromMs);
  }

  processes(): Process[] {
    return this.nodes.map(({ name, process }) => ({ name, pid: process.pid }));
  }

  private startNode(): Node {
    const host = this.hosts.shift();
    if (!host) throw new Error(`no host is left for ${this.label}`);
    const name = `node-${host.address.split(".").at(-1)}`;
    const command = this.program.command(name, host, this.nodes[0]?.host);
    return { name, host, process: host.start(command) };
  }

  /** When each of the others says it. What one of them had said before counts as not seen: it was about the past. */
  private async watch(event: Event, about: Node, timeoutMs: number): Promise<number[]> {
    const line = this.program.line(event, about.name);
    const others = this.nodes.filter((node) => node !== about);
    return Promise.all(
      others.map(async ({ process }) => (line.test(process.output()) ? NOT_SEEN : moment(process, line, timeoutMs))),
    );
  }
}

function since(seen: readonly number[], fromMs: number): number[] {
  if (fromMs === NOT_SEEN) throw new Error("a node did not say that it had begun");
  return seen.map((ms) => ms - fromMs);
}

/** When a process prints such a line. */
async function moment(process: Running, line: RegExp, timeoutMs: number): Promise<number> {
  try {
    await process.waitForLine(line, timeoutMs);
    return performance.now();
  } catch {
    return NOT_SEEN;
  }
}
