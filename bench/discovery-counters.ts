/**
 * What the kernel counts of a process and of its network namespace: bytes of its interface, memory, CPU time. Read
 * from /proc, which costs the measured processes nothing.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Counted } from "./discovery-sums.ts";

const CLOCK_TICKS_PER_S = Number(execFileSync("getconf", ["CLK_TCK"]).toString());
const DEVICE = "eth0";
/** Columns of /proc/net/dev after the device's name. */
const RECEIVED_BYTES = 0;
const SENT_BYTES = 8;

export interface Process {
  name: string;
  pid: number;
}

/** An interface counts it, the counters of multicast do not. */
const ETHERNET_HEADER_BYTES = 14;

/** Bytes of Ethernet frames, received and sent, of the interface in the process's namespace. */
function interfaceBytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/net/dev`, "utf8")
    .split("\n")
    .find((one) => one.trimStart().startsWith(`${DEVICE}:`));
  if (line === undefined) throw new Error(`process ${pid} has no ${DEVICE}`);
  const columns = line.slice(line.indexOf(":") + 1).trim();
  const numbers = columns.split(/\s+/).map(Number);
  return numbers[RECEIVED_BYTES]! + numbers[SENT_BYTES]!;
}

/**
 * The multicast among them: mDNS of the boxes, and the neighbour discovery of IPv6 of everybody. It is not the mesh's,
 * and on a network with other neighbours it would be other bytes.
 */
function multicastBytes(pid: number): number {
  const four = namedCounters(readFileSync(`/proc/${pid}/net/netstat`, "utf8"), "IpExt:");
  const six = new Map(
    readFileSync(`/proc/${pid}/net/snmp6`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .map(([name, value]) => [name ?? "", Number(value)]),
  );
  const sum = (counters: Map<string, number>, names: string[]) =>
    names.reduce((total, name) => total + (counters.get(name) ?? 0), 0);
  const octets = sum(four, ["InMcastOctets", "OutMcastOctets"]) + sum(six, ["Ip6InMcastOctets", "Ip6OutMcastOctets"]);
  const packets = sum(four, ["InMcastPkts", "OutMcastPkts"]) + sum(six, ["Ip6InMcastPkts", "Ip6OutMcastPkts"]);
  return octets + packets * ETHERNET_HEADER_BYTES;
}

/** A line of names and one of numbers, both beginning with the same word. */
export function namedCounters(text: string, word: string): Map<string, number> {
  const [names, numbers] = text
    .split("\n")
    .filter((line) => line.startsWith(word))
    .map((line) => line.split(/\s+/).slice(1));
  return new Map(names?.map((name, at) => [name, Number(numbers?.[at])]));
}

/** Bytes of each process's node without multicast, and the multicast. */
export function countAll(processes: readonly Process[]): { mesh: Counted; multicast: Counted } {
  const atMs = performance.now();
  const mesh = new Map<string, number>();
  const multicast = new Map<string, number>();
  for (const { name, pid } of processes) {
    const apart = multicastBytes(pid);
    multicast.set(name, apart);
    mesh.set(name, interfaceBytes(pid) - apart);
  }
  return { mesh: { atMs, bytes: mesh }, multicast: { atMs, bytes: multicast } };
}

export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line![1]) * 1024;
}

/** CPU seconds of a process so far, user and system (proc(5), fields 14 and 15). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_S;
}
