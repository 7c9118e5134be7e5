/**
 * The other sides of `bench:kv`: three members of Debian's `etcd`, and for orientation one Redis. Both keep their data
 * in a folder that is given, write with fsync before they answer (etcd by default, Redis with `appendfsync always`),
 * listen on the loopback address, and are ended by their own ids.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { eventually, freePort, start } from "../test/support/process.ts";
import type { Running } from "../test/support/process.ts";
import { startOurs } from "./kv-ours.ts";
import { counterOf } from "./kv-sums.ts";

/** `…Own`: the same members, asked over a connection for each client. `eventual`: ours, with reads in one phase. */
export type SideName = "ours" | "oursOwn" | "eventual" | "etcd" | "etcdOwn" | "redis";

export interface Side {
  name: SideName;
  /** Which generator drives it. */
  generator: "etcd" | "resp";
  /** host:port of each server. */
  endpoints: readonly string[];
  /** How many connections so many clients use. */
  connections(clients: number): number;
  /** Of its servers; empty: not known. */
  pids: readonly number[];
  /** More flags for the generator. */
  flags?: readonly string[];
  /** What it says of itself after the runs, for people. */
  notes(): Promise<string[]>;
  stop(): Promise<void>;
}

const MEMBERS = 3;
const READY_TIMEOUT_MS = 30_000;
const ASK_TIMEOUT_MS = 2_000;
/** Its default of 2 GiB would end a long run: nothing is compacted. 8 GiB is the most that its makers advise. */
const ETCD_QUOTA_BYTES = 8 * 1024 ** 3;

const local = (port: number) => `127.0.0.1:${port}`;
/** One connection to each member, shared by all clients. */
const sharedConnections = (clients: number) => Math.min(clients, MEMBERS);
const ownConnections = (clients: number) => clients;

/**
 * Three members, all defaults but folders, ports, the quota, and less log. Two sides: etcd's client lets many clients
 * share a connection, which is how it is meant and up to twice as fast as one for each client. Stopping the first
 * stops the members.
 */
export async function startEtcd(folder: string): Promise<Side[]> {
  const members: { name: string; client: string; peer: string }[] = [];
  for (let at = 1; at <= MEMBERS; at += 1) {
    members.push({ name: `m${at}`, client: local(await freePort()), peer: local(await freePort()) });
  }
  const cluster = members.map(({ name, peer }) => `${name}=http://${peer}`).join(",");
  const running = members.map(({ name, client, peer }) =>
    start(
      [
        ...["etcd", "--name", name, "--data-dir", join(folder, `etcd-${name}`)],
        ...["--listen-client-urls", `http://${client}`, "--advertise-client-urls", `http://${client}`],
        ...["--listen-peer-urls", `http://${peer}`, "--initial-advertise-peer-urls", `http://${peer}`],
        ...["--initial-cluster", cluster, "--initial-cluster-state", "new", "--initial-cluster-token", "bench-kv"],
        ...["--quota-backend-bytes", String(ETCD_QUOTA_BYTES)],
        ...["--logger", "zap", "--log-level", "error", "--log-outputs", "stderr"],
      ],
      { name: `etcd ${name}` },
    ),
  );
  const endpoints = members.map(({ client }) => client);
  for (const [at, endpoint] of endpoints.entries()) {
    await eventually(`etcd is healthy at ${endpoint}`, READY_TIMEOUT_MS, async () => {
      const { exit } = running[at]!;
      if (exit) throw new Error(`etcd ended (${exit.signal ?? exit.code}): ${running[at]!.output()}`);
      return (await ask(`http://${endpoint}/health`)).includes('"true"');
    });
  }
  const common = { generator: "etcd", endpoints, pids: running.map(({ pid }) => pid) } as const;
  return [
    {
      ...{ ...common, name: "etcd", notes: () => etcdNotes(endpoints), stop: () => stopAll(running) },
      connections: sharedConnections,
    },
    {
      ...common,
      name: "etcdOwn",
      connections: ownConnections,
      notes: async () => [],
      stop: async () => undefined,
    },
  ];
}

/** That fsync was on shows in the counters of its disk; leaders that changed would excuse bad figures. */
async function etcdNotes(endpoints: readonly string[]): Promise<string[]> {
  const metrics = await Promise.all(endpoints.map((endpoint) => ask(`http://${endpoint}/metrics`)));
  const all = (name: string) => metrics.map((text) => counterOf(text, name));
  const syncs = all("etcd_disk_wal_fsync_duration_seconds_count");
  const spentS = all("etcd_disk_wal_fsync_duration_seconds_sum");
  const meanMs = syncs.map((count, at) => ((spentS[at]! / count) * 1000).toFixed(2));
  const leaders = Math.max(...all("etcd_server_leader_changes_seen_total"));
  return [
    `etcd: fsyncs of its log ${syncs.join(", ")} (mean ${meanMs.join(", ")} ms); ` +
      `leaders elected ${leaders}, with the first`,
  ];
}

async function ask(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  return answer.text();
}

/** One process, no replica, each write on disk before its answer: what one box could reach, not what etcd gives. */
export async function startRedis(folder: string): Promise<Side> {
  const port = await freePort();
  const data = join(folder, "redis");
  mkdirSync(data);
  const running = start([
    ...["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", data, "--save", ""],
    ...["--appendonly", "yes", "--appendfsync", "always"],
  ]);
  await running.waitForPort(port);
  return {
    name: "redis",
    generator: "resp",
    endpoints: [local(port)],
    connections: ownConnections,
    pids: [running.pid],
    notes: async () => [],
    stop: () => stopAll([running]),
  };
}

/** Our boxes, in the same two ways, and with reads in one phase (READONLY). Stopping the first stops the boxes. */
export async function startOurSides(folder: string): Promise<Side[]> {
  const { ports, pids = [], stop } = await startOurs(folder);
  const boxes = { generator: "resp", endpoints: ports.map(local), pids } as const;
  const common = { ...boxes, connections: sharedConnections, notes: async () => [], stop: async () => undefined };
  return [
    { ...common, name: "ours", stop },
    { ...common, name: "oursOwn", connections: ownConnections },
    { ...common, name: "eventual", flags: ["-stale"] },
  ];
}

async function stopAll(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map((one) => one.stop()));
}
