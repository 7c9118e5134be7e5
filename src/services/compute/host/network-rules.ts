/**
 * The firewall of a host's slivers, as text for nftables. Everything that comes from a sliver, from the tunnel, or
 * goes to either is dropped, but for what is said here; what concerns neither is not looked at.
 *
 *   from a sliver   its own source ─► addresses of its slice       further only as far as it may reach
 *   from the tunnel addresses of a slice ─► slivers of it here     WireGuard has checked whose addresses they are
 *   to the host     neighbour discovery, answers to what the host asked
 *   from elsewhere  answers to what a sliver asked
 */
import { isIP } from "node:net";
import type { NetworkPlan, PlannedSliver } from "../../../protocols/compute/network.ts";
import { EGRESS_BURST_BYTES_MIN, EGRESS_BURST_S, EGRESS_BYTES_PER_S_MAX } from "../constants.ts";

export interface Surroundings {
  /** The tunnel's interface. */
  tunnel: string;
  /** Addresses of the boxes of the community, for slivers that may speak with them. */
  boxes: readonly string[];
  /** Name servers of this machine: the only thing of its house that is told to who may speak with the internet. */
  nameServers: readonly string[];
  /** Networks that this machine is attached to, as "192.0.2.0/24". */
  attached: readonly string[];
}

/** What is no part of the internet (RFC 6890), or is somebody's house. */
const NOT_PUBLIC_4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"],
];
/** All of IPv6 that is not 2000::/3. */
const NOT_PUBLIC_6 = ["::/3", "4000::/2", "8000::/1"];

export function rulesOf(plan: NetworkPlan, around: Surroundings): string {
  const { slivers, slices } = plan;
  const ours = set([around.tunnel, ...slivers.map(({ device }) => device)].map(quoted));
  const isWide = slivers.some(({ reach }) => reach !== "slice");
  const jumps = slivers.map(({ device }, at) => `${quoted(device)} : goto from${at}`);
  return [
    ...slices.map(({ addresses }, at) => named(`slice${at}`, "ipv6_addr", addresses, false)),
    ...(isWide ? wideSets(around) : []),
    ...slivers.flatMap((sliver, at) => chain(`from${at}`, fromSliver(sliver, ours))),
    ...chain("tunnel", [
      ...slices.map((_, at) => `ip6 saddr @slice${at} ip6 daddr @slice${at} oifname ${ours} accept`),
      "drop",
    ]),
    ...chain("host", [
      "ct state established,related accept",
      "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
      "drop",
    ]),
    ...chain("elsewhere", ["ct state established,related accept", "drop"]),
    ...chain("input", ["type filter hook input priority -150; policy accept;", `iifname ${ours} goto host`]),
    ...chain("forward", [
      "type filter hook forward priority -150; policy accept;",
      `iifname vmap { ${[...jumps, `${quoted(around.tunnel)} : goto tunnel`].join(", ")} }`,
      `oifname ${ours} goto elsewhere`,
    ]),
    ...(isWide
      ? chain("leaving", ["type nat hook postrouting priority srcnat; policy accept;", ...masks(slivers, ours)])
      : []),
  ]
    .join("\n")
    .concat("\n");
}

function fromSliver({ address, address4, reach, egressBytesPerS, slice }: PlannedSliver, ours: string): string[] {
  const rate = Math.round(Math.min(EGRESS_BYTES_PER_S_MAX, egressBytesPerS));
  const burst = Math.round(Math.max(EGRESS_BURST_BYTES_MIN, rate * EGRESS_BURST_S));
  const own6 = `ip6 saddr ${address}`;
  const own4 = `ip saddr ${address4}`;
  const community = [`${own6} ip6 daddr @boxes6 accept`, `${own4} ip daddr @boxes4 accept`];
  const names = ["udp", "tcp"].flatMap((kind) => [
    `${own6} ip6 daddr @names6 ${kind} dport 53 accept`,
    `${own4} ip daddr @names4 ${kind} dport 53 accept`,
  ]);
  const internet = [`${own6} ip6 daddr != @house6 accept`, `${own4} ip daddr != @house4 accept`];
  return [
    `limit rate over ${rate} bytes/second burst ${burst} bytes drop`,
    `${own6} ip6 daddr @slice${slice} oifname ${ours} accept`,
    // What is in no slice of this host must not leave by another way, nor reach another's sliver.
    ...(reach === "slice" ? [] : [`oifname ${ours} drop`, ...community]),
    ...(reach === "internet" ? [...names, ...internet] : []),
    "drop",
  ];
}

function wideSets({ boxes, nameServers, attached }: Surroundings): string[] {
  // nftables takes no address of one interface ("fe80::1%eth0"), and with it none of the rules.
  const of = (all: readonly string[], family: 4 | 6) =>
    all.filter((one) => isIP(one.split("/")[0]!) === family && !one.includes("%"));
  return ([4, 6] as const).flatMap((family) => {
    const type = family === 4 ? "ipv4_addr" : "ipv6_addr";
    const house = [...(family === 4 ? NOT_PUBLIC_4 : NOT_PUBLIC_6), ...of(attached, family)];
    return [
      named(`boxes${family}`, type, of(boxes, family), false),
      named(`names${family}`, type, of(nameServers, family), false),
      named(`house${family}`, type, house, true),
    ];
  });
}

/** Others see the host's address, and answers find back. */
function masks(slivers: readonly PlannedSliver[], ours: string): string[] {
  const wide = slivers.filter(({ reach }) => reach !== "slice");
  return [
    `ip saddr ${set(wide.map(({ address4 }) => address4!))} oifname != ${ours} masquerade`,
    `ip6 saddr ${set(wide.map(({ address }) => address))} oifname != ${ours} masquerade`,
  ];
}

const quoted = (name: string) => `"${name}"`;
const set = (all: readonly string[]) => `{ ${all.join(", ")} }`;

function named(name: string, type: string, elements: readonly string[], isRanges: boolean): string {
  const parts = [
    `type ${type};`,
    ...(isRanges ? ["flags interval; auto-merge;"] : []),
    ...(elements.length > 0 ? [`elements = ${set([...new Set(elements)].toSorted())};`] : []),
  ];
  return `set ${name} { ${parts.join(" ")} }`;
}

function chain(name: string, lines: readonly string[]): string[] {
  return [`chain ${name} {`, ...lines, "}"];
}
