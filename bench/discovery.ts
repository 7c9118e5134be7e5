/**
 * `npm run bench:discovery`: 20 `serf` agents (Debian's), 20 members of ours (membership alone) and 20 whole boxes in
 * one run. How long until 99 % of the others see a change, a killed node and a newcomer; bytes per node at rest and
 * for each change; memory and CPU. Prints ratios, ours over serf's; docs/discovery-bench.md says what is in them.
 * `--help` tells the options.
 */
import { randomBytes } from "node:crypto";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rolldown } from "rolldown";
import { createLab } from "../test/lab/lab.ts";
import type { Host } from "../test/lab/lab.ts";
import { temporaryFolder } from "../test/support/at-exit.ts";
import { needDebian } from "../test/support/debian.ts";
import { LineCluster, memberProgram, serfProgram } from "./discovery-agents.ts";
import type { Cluster } from "./discovery-agents.ts";
import { BoxCluster } from "./discovery-boxes.ts";
import type { MeshBytes } from "./discovery-boxes.ts";
import { countAll, cpuSeconds, residentBytes } from "./discovery-counters.ts";
import { report } from "./discovery-report.ts";
import type { Measured } from "./discovery-report.ts";
import { timeToShare } from "./discovery-sums.ts";
import type { Counted } from "./discovery-sums.ts";
import { JSON_OPTION, programOptions, teller } from "./options.ts";

const NODES = 20;
const KEY_BYTES = 32;
/** The links that joining opened are closed after two minutes; other clusters start in that time, too. */
const FULL = { settleMs: 115_000, restMs: 60_000, changes: 15, failures: 8 };
const QUICK = { settleMs: 15_000, restMs: 20_000, changes: 5, failures: 2 };
/** From one change to the next, in turns of the three clusters: each is quiet again before its next turn. */
const CHANGE_PAUSE_MS = 1_000;
/** After the last change, until its gossip has run out. */
const CALM_MS = 3_000;
/** More joins than failures: they take less time, and vary more. */
const JOINS_PER_FAILURE = 2;
const JOIN_PAUSE_MS = 300;

const ABOUT = `Serf agents, members of ours and whole boxes, ${NODES} of each: how long until 99 % of the
others see a change, a killed node and a newcomer; bytes of each node, memory and CPU. Run it as root: it
makes network namespaces, and installs serf if needed. docs/discovery-bench.md says more.`;

const flags = programOptions("npm run bench:discovery --", ABOUT, {
  quick: { text: "fewer changes and shorter rests" },
  json: JSON_OPTION,
});
const plan = flags.quick ? QUICK : FULL;
const say = teller(flags.json);

/** Our gossip is built as the box is, so that memory and start are those of a program and not of its source. */
async function bundleMember(): Promise<string> {
  const file = join(temporaryFolder("bench"), "member.mjs");
  const bundle = await rolldown({ input: join(import.meta.dirname, "member.ts"), platform: "node", logLevel: "warn" });
  await bundle.write({ file, format: "esm", minify: true, codeSplitting: false });
  return file;
}

const zero = (): Measured => ({
  changeMs: [],
  failureMs: [],
  newcomerMs: [],
  rest: [],
  multicast: [],
  busy: [],
  rssBytes: [],
  cpuPercent: [],
});

/**
 * Writes every neighbour's address of the link layer down in each namespace. The kernel has one table of neighbours
 * for all namespaces, of 1024 entries that it found out itself: three clusters of 20 overflow it, and packets are
 * lost. As a by-product no ARP is counted.
 */
async function knowNeighbours(hosts: readonly Host[]): Promise<void> {
  const mac = ({ address }: Host) => ["02", "00", ...address.split(".").map((part) => hex(Number(part)))].join(":");
  for (const host of hosts) {
    const lines = hosts
      .filter((other) => other !== host && other.zone === host.zone)
      .map((other) => `neighbour replace ${other.address} lladdr ${mac(other)} dev eth0 nud permanent`);
    const input = [`link set eth0 address ${mac(host)}`, ...lines, ""].join("\n");
    await host.runOk(["ip", "-batch", "-"], { input });
  }
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

async function measureRest(clusters: readonly Cluster[], boxes: BoxCluster, results: Map<Cluster, Measured>) {
  const cpuBefore = clusters.map((cluster) => cluster.processes().map(({ pid }) => cpuSeconds(pid)));
  const meshBefore = await boxes.meshBytes();
  const before = clusters.map((cluster) => countAll(cluster.processes()));
  await sleep(plan.restMs);
  for (const [at, cluster] of clusters.entries()) {
    const result = results.get(cluster)!;
    const after = countAll(cluster.processes());
    const seconds = (after.mesh.atMs - before[at]!.mesh.atMs) / 1000;
    result.rest = [before[at]!.mesh, after.mesh];
    result.multicast = [before[at]!.multicast, after.multicast];
    for (const [index, { pid }] of cluster.processes().entries()) {
      result.rssBytes.push(residentBytes(pid));
      result.cpuPercent.push(((cpuSeconds(pid) - cpuBefore[at]![index]!) / seconds) * 100);
    }
  }
  return meshDifference(meshBefore, await boxes.meshBytes(), plan.restMs / 1000);
}

/** Bytes per second of one box. */
function meshDifference(before: MeshBytes, after: MeshBytes, seconds: number): MeshBytes {
  const perBox = (from: number, to: number) => (to - from) / seconds / NODES;
  return { gossip: perBox(before.gossip, after.gossip), links: perBox(before.links, after.links) };
}

async function measureChanges(clusters: readonly Cluster[], results: Map<Cluster, Measured>) {
  const before: Counted[] = clusters.map((cluster) => countAll(cluster.processes()).mesh);
  for (let turn = 0; turn < plan.changes; turn += 1) {
    // Nobody is always the first.
    for (let step = 0; step < clusters.length; step += 1) {
      const cluster = clusters[(turn + step) % clusters.length]!;
      const [seen] = await Promise.all([cluster.change(turn), sleep(CHANGE_PAUSE_MS)]);
      results.get(cluster)!.changeMs.push(timeToShare(seen));
    }
  }
  await sleep(CALM_MS);
  for (const [at, cluster] of clusters.entries()) {
    results.get(cluster)!.busy = [before[at]!, countAll(cluster.processes()).mesh];
  }
}

/** One node of each cluster is killed at one moment; then new ones come to each in turn. */
async function measureFailures(clusters: readonly Cluster[], results: Map<Cluster, Measured>) {
  for (let turn = 0; turn < plan.failures; turn += 1) {
    await Promise.all(
      clusters.map(async (cluster) => {
        results.get(cluster)!.failureMs.push(timeToShare(await cluster.kill()));
      }),
    );
    for (let step = 0; step < clusters.length * JOINS_PER_FAILURE; step += 1) {
      const cluster = clusters[step % clusters.length]!;
      results.get(cluster)!.newcomerMs.push(timeToShare(await cluster.join()));
      await sleep(JOIN_PAUSE_MS);
    }
    const last = clusters.map((cluster) => {
      const { failureMs, newcomerMs } = results.get(cluster)!;
      return `${cluster.label} ${Math.round(failureMs.at(-1)!)} and ${Math.round(newcomerMs.at(-1)!)} ms`;
    });
    say(`  ${turn + 1} of ${plan.failures}: failure and last newcomer seen: ${last.join(", ")}`);
  }
}

async function main(): Promise<void> {
  const load = [loadavg()[0]!];
  const installed = await needDebian(["serf", "iproute2", "util-linux"]);
  if (installed.length > 0) say(`installed from Debian: ${installed.join(" ")}`);
  say("building the member, and a lab with a network for each cluster");
  const script = await bundleMember();
  const perZone = NODES + plan.failures * JOINS_PER_FAILURE;
  const zones = ["serf", "members", "boxes"] as const;
  const hosts = zones.flatMap((zone) =>
    Array.from({ length: perZone }, (_, at) => ({ name: `${zone[0]}${at + 1}`, zone })),
  );
  const lab = createLab({ hosts });
  await knowNeighbours(lab.hosts);
  const hostsOf = (zone: string) => lab.hosts.filter((host) => host.zone === zone);
  const key = randomBytes(KEY_BYTES);
  const serf = new LineCluster(serfProgram(key), hostsOf("serf"));
  const members = new LineCluster(memberProgram(key, script), hostsOf("members"));
  const boxes = new BoxCluster(hostsOf("boxes"));
  const clusters = [serf, members, boxes];
  const results = new Map<Cluster, Measured>(clusters.map((cluster) => [cluster, zero()]));
  try {
    for (const cluster of [boxes, serf, members]) {
      say(`starting ${NODES} ${cluster.label}, one after the other`);
      await cluster.start(NODES);
    }
    say(`all see all; letting them settle for ${plan.settleMs / 1000} s`);
    await sleep(plan.settleMs);
    say(`at rest for ${plan.restMs / 1000} s`);
    load.push(loadavg()[0]!);
    const mesh = await measureRest(clusters, boxes, results);
    load.push(loadavg()[0]!);
    say(`${plan.changes} changes in each, in turns`);
    await measureChanges(clusters, results);
    say(`${plan.failures} times a node killed and a newcomer, in each`);
    await measureFailures(clusters, results);
    load.push(loadavg()[0]!);
    say("done");
    const [ofSerf, ofMembers, ofBoxes] = clusters.map((cluster) => results.get(cluster)!) as [
      Measured,
      Measured,
      Measured,
    ];
    const machine = { cores: cpus().length, load: load.map((value) => Math.round(value * 100) / 100) };
    const { text, json } = report({ nodes: NODES, serf: ofSerf, members: ofMembers, boxes: ofBoxes, mesh, machine });
    if (!flags.json) process.stdout.write(`\n${text}\n\n`);
    process.stdout.write(`${JSON.stringify(json)}\n`);
  } finally {
    lab.remove();
  }
}

if (process.getuid?.() !== 0) {
  process.stderr.write("bench:discovery makes network namespaces: run it as root\n");
  process.exit(1);
}
await main();
// Killed children are reaped by the exit steps; nothing else may keep this process.
process.exit(0);
