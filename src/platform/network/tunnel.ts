/**
 * A WireGuard interface of our own: of the kernel, or where that has none, of the program wireguard-go, which stays
 * when the daemon ends. It is brought to what is wished; what is there already stays untouched, so that nothing that
 * flows is disturbed.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { isFailure } from "../../kernel/errors.ts";
import { ensureFolder, writeAtomic } from "../files.ts";
import { ROUTE_METRIC, ROUTE_PROTOCOL, TUNNEL_KEEPALIVE_S, TUNNEL_MTU } from "./constants.ts";
import { runTool } from "./tools.ts";

export interface TunnelPeer {
  /** Base64, 44 characters. */
  key: string;
  /** "address:port"; undefined: it has to come by itself. */
  endpoint: string | undefined;
  /** What may come from it, and what goes to it: IPv6 addresses as RFC 5952 writes them. */
  addresses: readonly string[];
}

export interface TunnelKey {
  private: string;
  public: string;
}

export interface TunnelWish {
  device: string;
  key: TunnelKey;
  /** UDP. */
  port: number;
  peers: readonly TunnelPeer[];
  /** Where the settings are written for `wg` to read; nobody else may. */
  file: string;
}

/** The key in the folder, made there at the first time. */
export async function openTunnelKey(folder: string, file: string): Promise<TunnelKey> {
  await ensureFolder(folder);
  const stored = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stored !== undefined && /^[A-Za-z0-9+/]{43}=\n$/.test(stored)) return keyOf(stored.trim());
  const { d = "" } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const made = Buffer.from(d, "base64url").toString("base64");
  await writeAtomic(file, `${made}\n`);
  return keyOf(made);
}

function keyOf(secret: string): TunnelKey {
  const raw = Buffer.from(secret, "base64");
  // PKCS8 of X25519 (RFC 8410) is this and the key.
  const der = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw]);
  const { x = "" } = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({
    format: "jwk",
  });
  return { private: secret, public: Buffer.from(x, "base64url").toString("base64") };
}

/** Makes the interface where there is none, and brings key, port, peers and routes to what is wished. */
export async function applyTunnel(wish: TunnelWish, endpoints: Map<string, string>): Promise<void> {
  const { device } = wish;
  const isNew = !(await hasDevice(device));
  if (isNew) {
    await makeDevice(device);
    await runTool("ip", ["link", "set", "dev", device, "addrgenmode", "none"]).catch(ignoreRefused);
    endpoints.clear();
  }
  const wished = new Map(wish.peers.map(({ key, addresses }) => [key, addresses.toSorted().join(" ")]));
  const isMoved = ({ key, endpoint = "" }: TunnelPeer) => (endpoints.get(key) ?? "") !== endpoint;
  if (isNew || !(await isAs(wish, wished)) || wish.peers.some(isMoved)) {
    // Whoever has not moved keeps where it was heard last, which may be another place than the one that is known.
    await writeAtomic(
      wish.file,
      settingsOf(wish, (peer) => isNew || isMoved(peer)),
    );
    await runTool("wg", [isNew ? "setconf" : "syncconf", device, wish.file]);
    await runTool("ip", ["link", "set", "dev", device, "mtu", String(TUNNEL_MTU), "up"]);
    endpoints.clear();
    for (const { key, endpoint } of wish.peers) if (endpoint !== undefined) endpoints.set(key, endpoint);
  }
  await applyRoutes(device, new Set(wish.peers.flatMap(({ addresses }) => addresses)));
}

export async function removeTunnel(device: string): Promise<void> {
  if (await hasDevice(device)) await runTool("ip", ["link", "delete", "dev", device]);
  // wireguard-go does not always take its control socket away.
  await rm(`/run/wireguard/${device}.sock`, { force: true });
}

export async function hasDevice(device: string): Promise<boolean> {
  return (await runTool("ip", ["-o", "link", "show"])).split("\n").some((line) => line.split(/: |@/)[1] === device);
}

async function makeDevice(device: string): Promise<void> {
  try {
    await runTool("ip", ["link", "add", "dev", device, "type", "wireguard"]);
  } catch (error) {
    if (!isFailure(error, "network-refused")) throw error;
    // A kernel without it.
    await runTool("wireguard-go", [device]);
  }
}

async function isAs({ device, key, port }: TunnelWish, wished: ReadonlyMap<string, string>): Promise<boolean> {
  const [own, listens, allowed] = await Promise.all(
    ["public-key", "listen-port", "allowed-ips"].map((what) => runTool("wg", ["show", device, what])),
  );
  if (own!.trim() !== key.public || listens!.trim() !== String(port)) return false;
  const there = allowed!.split("\n").filter(Boolean);
  const isKnown = (line: string) => {
    const [peer = "", rest = ""] = line.split("\t");
    const addresses = rest.split(" ").filter((one) => one.endsWith("/128"));
    return (
      wished.get(peer) ===
      addresses
        .map((one) => one.slice(0, -4))
        .toSorted()
        .join(" ")
    );
  };
  return there.length === wished.size && there.every(isKnown);
}

function settingsOf({ key, port, peers }: TunnelWish, withEndpoint: (peer: TunnelPeer) => boolean): string {
  const parts = peers.map((peer) =>
    [
      "[Peer]",
      `PublicKey = ${peer.key}`,
      `PersistentKeepalive = ${TUNNEL_KEEPALIVE_S}`,
      ...(peer.endpoint !== undefined && withEndpoint(peer) ? [`Endpoint = ${peer.endpoint}`] : []),
      ...peer.addresses.map((one) => `AllowedIPs = ${one}/128`),
    ].join("\n"),
  );
  return [`[Interface]\nPrivateKey = ${key.private}\nListenPort = ${port}`, ...parts].join("\n\n").concat("\n");
}

async function applyRoutes(device: string, wished: ReadonlySet<string>): Promise<void> {
  const mark = ["proto", String(ROUTE_PROTOCOL)];
  const said = await runTool("ip", ["-6", "-o", "route", "show", "dev", device, ...mark]);
  const there = new Set(said.split("\n").flatMap((line) => line.trim().split(" ")[0] || []));
  for (const one of there) {
    if (!wished.has(one)) await runTool("ip", ["-6", "route", "delete", `${one}/128`, "dev", device, ...mark]);
  }
  for (const one of wished) {
    if (there.has(one)) continue;
    const how = ["dev", device, ...mark, "metric", String(ROUTE_METRIC)];
    await runTool("ip", ["-6", "route", "replace", `${one}/128`, ...how]);
  }
}

function ignoreRefused(error: unknown): void {
  if (!isFailure(error, "network-refused")) throw error;
}
