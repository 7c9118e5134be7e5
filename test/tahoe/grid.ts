/**
 * A grid of the released Tahoe-LAFS on loopback: storage nodes that speak its HTTPS protocol and one client node that
 * knows them from `private/servers.yaml`, without an introducer. All of it lives in a temporary folder and ends with
 * the test. Nodes run in the installed system by chroot, in the network of the test, and see the system's temporary
 * folder under its own path: files for the CLI go there.
 */
import { X509Certificate, createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryFolder } from "../support/at-exit.ts";
import { eventually, freePort, run, start } from "../support/process.ts";
import type { Owner, RunResult, Running } from "../support/process.ts";
import { needTahoe } from "./install.ts";

/** Python programs on a machine that does other things too. */
const START_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 120_000;

/** $1 the installed system, $2 a folder to show inside under the same path; then the program. */
const ENTER = `
set -eu
root=$1 shared=$2
shift 2
mkdir -p "$root$shared"
mount --rbind /dev "$root/dev"
mount --bind /proc "$root/proc"
mount --bind "$shared" "$root$shared"
exec chroot "$root" "$@"
`;

/** What a client has to know of a storage server: one entry of servers.yaml. */
export interface Announcement {
  nickname: string;
  "permutation-seed-base32": string;
  "anonymous-storage-FURL": string;
  "anonymous-storage-NURLs"?: readonly string[];
}

export interface GridOptions {
  /** The grid is stopped when this ends. */
  owner: Owner;
  servers?: number;
  needed?: number;
  happy?: number;
  total?: number;
  /** Largest segment of immutable files, bytes; 1 MiB when not given. */
  segmentBytes?: number;
  /** The client's convergence secret, 32 bytes; random when not given. */
  convergence?: Uint8Array;
  /** Servers that are not of this grid, such as ours: server id ("v0-…") → announcement. */
  others?: Readonly<Record<string, Announcement>>;
}

/** The command that runs a program inside the installed system. */
export function inside(root: string, command: readonly string[]): string[] {
  return ["unshare", "--mount", "sh", "-c", ENTER, "enter", root, tmpdir(), ...command];
}

/** A node: its folder, and its process, which can be frozen, killed and started again. */
export class TahoeNode {
  readonly name: string;
  readonly folder: string;
  protected readonly root: string;
  readonly #owner: Owner;
  #running: Running | undefined;

  constructor(root: string, folder: string, name: string, owner: Owner) {
    this.root = root;
    this.name = name;
    this.folder = join(folder, name);
    this.#owner = owner;
    mkdirSync(join(this.folder, "private"), { recursive: true });
    // Its name tells `tahoe run` what kind of node this is.
    writeFileSync(join(this.folder, "tahoe-client.tac"), "a node of the tests\n");
  }

  /** Its process, which is there between `start` and `kill`. */
  get running(): Running {
    if (!this.#running) throw new Error(`${this.name} is not running`);
    return this.#running;
  }

  /** Starts its process, which ends when the owner does, and waits until it says that it runs. */
  async start(): Promise<void> {
    const command = inside(this.root, ["tahoe", "run", "--allow-stdin-close", this.folder]);
    this.#running = start(command, { name: `tahoe ${this.name}`, env: { LC_ALL: "C.UTF-8" }, owner: this.#owner });
    await this.#running.waitForLine(/client running/, START_TIMEOUT_MS);
  }

  /** Takes connections and never answers, until `thaw`. */
  freeze(): void {
    this.running.signal("SIGSTOP");
  }

  thaw(): void {
    this.running.signal("SIGCONT");
  }

  /** As a power cut; `restart` brings it back with what is on its disk. */
  async kill(): Promise<void> {
    await this.running.kill();
  }

  async restart(): Promise<void> {
    if (this.#running) await this.kill();
    await this.start();
  }

  protected read(...path: string[]): string {
    return readFileSync(join(this.folder, ...path), "utf8").trim();
  }
}

export class TahoeServer extends TahoeNode {
  readonly port: number;

  constructor(root: string, folder: string, name: string, port: number, owner: Owner) {
    super(root, folder, name, owner);
    this.port = port;
    const node = { nickname: name, "web.port": "", "tub.port": `tcp:${port}:interface=127.0.0.1` };
    const tub = { ...node, "tub.location": `tcp:127.0.0.1:${port}` };
    const storage = { enabled: true, force_foolscap: false, reserved_space: 0 };
    writeFileSync(join(this.folder, "tahoe.cfg"), configText({ node: tub, client: {}, storage }));
  }

  override async start(): Promise<void> {
    await super.start();
    await this.running.waitForPort(this.port, "tcp", START_TIMEOUT_MS);
  }

  /** "v0-…": its public key, by which clients name it. */
  get id(): string {
    return this.read("node.pubkey").replace(/^pub-/, "");
  }

  /** Its Foolscap address: the tub id in it goes into lease secrets and write enablers. */
  get furl(): string {
    return this.read("private", "storage.furl");
  }

  /** The secret path part of both addresses. */
  get swissnum(): string {
    return this.furl.slice(this.furl.lastIndexOf("/") + 1);
  }

  /** Its address for the HTTPS protocol. */
  get nurl(): string {
    const certificate = new X509Certificate(this.read("private", "node.pem"));
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    const pin = createHash("sha256").update(key).digest("base64url");
    return `pb://${pin}@127.0.0.1:${this.port}/${this.swissnum}#v=1`;
  }

  get announcement(): Announcement {
    return {
      nickname: this.name,
      "permutation-seed-base32": this.read("permutation-seed"),
      "anonymous-storage-FURL": this.furl,
      "anonymous-storage-NURLs": [this.nurl],
    };
  }

  get sharesFolder(): string {
    return join(this.folder, "storage", "shares");
  }

  /** Files of its shares of one storage index (26 characters): share number → path. */
  shares(storageIndex: string): Map<number, string> {
    const folder = join(this.sharesFolder, storageIndex.slice(0, 2), storageIndex);
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return new Map(names.map((name) => [Number(name), join(folder, name)]));
  }
}

/** One server as the client sees it now, from its web API. */
export interface SeenServer {
  nodeid: string;
  nickname: string;
  connection_status: string;
  last_received_data: number | null;
}

export class TahoeClient extends TahoeNode {
  readonly webPort: number;

  constructor(root: string, folder: string, webPort: number, options: GridOptions) {
    super(root, folder, "client", options.owner);
    this.webPort = webPort;
    this.configure(options);
  }

  /** Writes its configuration, which it reads when it starts. */
  configure(options: Omit<GridOptions, "owner">): void {
    const webPort = `tcp:${this.webPort}:interface=127.0.0.1`;
    const node = { nickname: "client", "web.port": webPort, "tub.port": "disabled", "tub.location": "disabled" };
    const client: Record<string, unknown> = {
      force_foolscap: false,
      "shares.needed": options.needed ?? 3,
      "shares.happy": options.happy ?? 1,
      "shares.total": options.total ?? 10,
    };
    if (options.segmentBytes) client["shares._max_immutable_segment_size_for_testing"] = options.segmentBytes;
    writeFileSync(join(this.folder, "tahoe.cfg"), configText({ node, client, storage: { enabled: false } }));
    writeFileSync(join(this.folder, "node.url"), this.url);
    if (options.convergence) {
      writeFileSync(join(this.folder, "private", "convergence"), `${base32(options.convergence)}\n`);
    }
  }

  /** Servers that it is to know after its next start. JSON is YAML. */
  know(servers: Readonly<Record<string, Announcement>>): void {
    const storage = Object.fromEntries(Object.entries(servers).map(([id, ann]) => [id, { ann }]));
    writeFileSync(join(this.folder, "private", "servers.yaml"), JSON.stringify({ storage }, undefined, 2));
  }

  /** Base address of its web API, with a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.webPort}/`;
  }

  override async start(): Promise<void> {
    await super.start();
    await this.running.waitForPort(this.webPort, "tcp", START_TIMEOUT_MS);
  }

  async servers(): Promise<SeenServer[]> {
    const response = await fetch(`${this.url}?t=json`);
    return ((await response.json()) as { servers: SeenServer[] }).servers;
  }

  /** Nicknames of the servers that it is connected to. */
  async connected(): Promise<string[]> {
    const seen = await this.servers();
    return seen.filter((server) => /^Connected/i.test(server.connection_status)).map(({ nickname }) => nickname);
  }

  /** Waits until it is connected to exactly these servers. */
  async waitForServers(nicknames: readonly string[]): Promise<void> {
    const wanted = nicknames.toSorted().join(" ");
    await eventually(
      `the client is connected to ${wanted}`,
      START_TIMEOUT_MS,
      async () => (await this.connected()).toSorted().join(" ") === wanted,
      100,
    );
  }

  /** Runs the real CLI. The exit code is the caller's to judge. */
  tahoe(args: readonly string[], input?: string | Buffer): Promise<RunResult> {
    const command = inside(this.root, ["tahoe", "--node-directory", this.folder, ...args]);
    const options = { timeoutMs: COMMAND_TIMEOUT_MS, env: { LC_ALL: "C.UTF-8" } };
    return run(command, input === undefined ? options : { ...options, input });
  }

  /** As `tahoe`; an exit code other than 0 is an error. Gives what it printed, without the end of line. */
  async ok(args: readonly string[], input?: string | Buffer): Promise<string> {
    const result = await this.tahoe(args, input);
    if (result.code === 0) return result.stdout.trimEnd();
    throw new Error(`tahoe ${args.join(" ")} ended with ${result.code}: ${result.stderr}${result.stdout}`);
  }
}

export interface TahoeGrid {
  /** The installed system. */
  root: string;
  /** Below the system's temporary folder, so that the CLI sees files in it. */
  folder: string;
  servers: readonly TahoeServer[];
  client: TahoeClient;
}

/** Starts the storage nodes side by side, then the client, and waits until it is connected to all. */
export async function startGrid(options: GridOptions): Promise<TahoeGrid> {
  const root = await needTahoe();
  const folder = temporaryFolder("tahoe");
  const ports = new Set<number>();
  while (ports.size < (options.servers ?? 5)) ports.add(await freePort());
  const servers = [...ports].map(
    (port, index) => new TahoeServer(root, folder, `storage-${index}`, port, options.owner),
  );
  await Promise.all(servers.map((server) => server.start()));
  const client = new TahoeClient(root, folder, await freePort(), options);
  const known = { ...options.others, ...Object.fromEntries(servers.map((one) => [one.id, one.announcement])) };
  client.know(known);
  await client.start();
  await client.waitForServers(Object.values(known).map(({ nickname }) => nickname));
  return { root, folder, servers, client };
}

function configText(sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  const lines = Object.entries(sections).map(
    ([name, values]) =>
      `[${name}]\n${Object.entries(values)
        .map(([key, value]) => `${key} = ${String(value)}\n`)
        .join("")}`,
  );
  return lines.join("\n");
}

/** As in the node's own files: RFC 4648, lower case, no padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}
