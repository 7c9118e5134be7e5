/**
 * The addresses of this machine, best first for being reached by other boxes, and the plain form of an address.
 */
import type { NetworkInterfaceInfo } from "node:os";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

export interface LocalAddress {
  address: string;
  family: 4 | 6;
  /** Name of the interface, for instance "eth0". */
  device: string;
  kind: "community" | "private" | "public" | "unique-local" | "shared" | "link-local";
}

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * Usable addresses, best first: 10/8 (what community networks number their nodes with), other private IPv4, public
 * IPv4, public IPv6, unique-local IPv6, carrier-shared 100.64/10, and link-local at the end. Loopback is left out,
 * and so are the bridges of container engines, which nobody outside can reach.
 */
export function localAddresses(interfaces: Interfaces = networkInterfaces()): LocalAddress[] {
  const found: LocalAddress[] = [];
  for (const [device, infos] of Object.entries(interfaces)) {
    if (CONTAINER_DEVICE.test(device)) continue;
    for (const info of infos ?? []) {
      if (info.internal || isLoopback(info.address)) continue;
      const family = info.family === "IPv4" ? 4 : 6;
      found.push({ address: info.address, family, device, kind: kindOf(info.address) });
    }
  }
  return found.sort((a, b) => RANK.indexOf(a.kind) - RANK.indexOf(b.kind) || a.family - b.family);
}

/** True when the address belongs to this machine, loopback included. */
export function isLocal(address: string, interfaces: Interfaces = networkInterfaces()): boolean {
  const plain = plainAddress(address);
  if (isLoopback(plain)) return true;
  const bare = plain.split("%")[0]!;
  return Object.values(interfaces).some((infos) => infos?.some((info) => info.address === bare));
}

/** ::ffff:10.0.0.1 (an IPv4 peer on a socket for both families) becomes 10.0.0.1; the rest stays as it is. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/** "10.0.0.1:7000", "[fe80::1%eth0]:7000". */
export function hostPort(address: string, port: number): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

const RANK = ["community", "private", "public", "unique-local", "shared", "link-local"];
export const CONTAINER_DEVICE = /^(docker|podman|cni|br-[0-9a-f]{12}|virbr|lxcbr|lxdbr|incusbr|c[sw][0-9a-f]{12}$)/;

const RANGES: readonly [LocalAddress["kind"], string, number, "ipv4" | "ipv6"][] = [
  ["community", "10.0.0.0", 8, "ipv4"],
  ["private", "172.16.0.0", 12, "ipv4"],
  ["private", "192.168.0.0", 16, "ipv4"],
  ["shared", "100.64.0.0", 10, "ipv4"],
  ["link-local", "169.254.0.0", 16, "ipv4"],
  ["unique-local", "fc00::", 7, "ipv6"],
  ["link-local", "fe80::", 10, "ipv6"],
];
const LISTS = RANGES.map(([kind, network, bits, family]) => {
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return { kind, family, list };
});

function kindOf(address: string): LocalAddress["kind"] {
  const bare = address.split("%")[0]!;
  const family = isIP(bare) === 4 ? "ipv4" : "ipv6";
  return LISTS.find((range) => range.family === family && range.list.check(bare, family))?.kind ?? "public";
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/**
 * A host that every reader may be sent to. Not this machine under any of its names, since that is another machine for
 * each reader; and no address in an odd spelling (0x7f.1, 2130706433), which says the same in disguise.
 */
export function isForeignHost(host: string): boolean {
  if (!/^[A-Za-z0-9.:_-]+$/.test(host)) return false;
  const name = host.toLowerCase().replace(/\.$/, "");
  if (isIP(name) === 4) return !/^(0|127)\./.test(name);
  if (isIP(name) === 6) return !/^(::1?|::ffff:.*)$/.test(name);
  const last = name.split(".").at(-1)!;
  return name !== "localhost" && !name.endsWith(".localhost") && !name.includes(":") && !/^(\d|0x)/.test(last);
}

/** Addresses that nobody offers a service at: unspecified, link-local, multicast, reserved, and clouds' metadata. */
const SPECIAL = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 3],
  ["100.100.100.200", 32],
] as const)
  SPECIAL.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::", 128],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128],
] as const)
  SPECIAL.addSubnet(network, bits, "ipv6");

/** True for an address that another box's word must not lead to, and for what is no address. */
export function isSpecial(address: string): boolean {
  const plain = plainAddress(address).split("%")[0]!;
  const family = isIP(plain);
  return family === 0 || SPECIAL.check(plain, family === 4 ? "ipv4" : "ipv6");
}

/** The networks that this machine is directly attached to and that the address belongs to, as "10.1.2.3/24". */
export function attachedNetworks(address: string, interfaces: Interfaces = networkInterfaces()): string[] {
  const found: string[] = [];
  for (const info of Object.values(interfaces).flatMap((infos) => infos ?? [])) {
    if (info.cidr && !info.internal && isWithin(address, info.cidr)) found.push(info.cidr);
  }
  return found;
}

/** Is the address in the network, "10.1.2.3/24"? */
export function isWithin(address: string, cidr: string): boolean {
  const plain = plainAddress(address).split("%")[0]!;
  const [network, bits] = cidr.split("/") as [string, string];
  if (isIP(plain) === 0 || isIP(plain) !== isIP(network)) return false;
  const family = isIP(plain) === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(plain, family);
}

/** Whoever has one address of IPv6 has all of its network's 2^64. */
export function rateKeyOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [front = ""] = plain.split("::");
  return front.split(":").slice(0, 4).join(":");
}
