/**
 * Our side of `bench:files`: five boxes that give space and a sixth that gives none and knows them from a servers.yaml,
 * just as the nodes of the other side know one another. Each is a whole box as it is shipped, in a process and a
 * community of its own. Clients reach the sixth over the socket that `comu files put` uses, by the same requests.
 */
import { join } from "node:path";
import { startBox } from "../test/support/box.ts";
import type { Box } from "../test/support/box.ts";
import { eventually } from "../test/support/process.ts";
import type { Running } from "../test/support/process.ts";
import { PIECE_BYTES_MAX } from "../src/services/files/contract-tree.ts";
import { exportServers, importServers } from "../src/services/files/grid/servers-yaml.ts";
import type { AnnouncedServer } from "../src/services/files/grid/servers-yaml.ts";
import { Http } from "./files-http.ts";
import { HAPPY, NEEDED, SERVERS, TOTAL, delayed } from "./files-sides.ts";
import type { Gateway, Side } from "./files-sides.ts";

const READY_TIMEOUT_MS = 60_000;
/** As shipped, not with the short intervals of the tests. */
const AS_SHIPPED = { COMU_PROFILE: "" };
const SPACE = "20GiB";

interface Upload {
  id: string;
  state: string;
  error?: string;
}

class OurGateway implements Gateway {
  readonly #box: Box;
  readonly #http: Http;
  #names = 0;

  constructor(box: Box) {
    this.#box = box;
    this.#http = new Http({ socketPath: join(box.data, "comu.sock") });
  }

  /** In pieces, each on the gateway's disk when it is answered, then waits for the storage servers. */
  async put(content: Uint8Array): Promise<string> {
    const path = `/${this.#newName("file")}`;
    const wish = { path, bytes: content.length };
    let upload = await this.#json<Upload>("POST", "/files/uploads", Buffer.from(JSON.stringify(wish)));
    for (let offset = 0; offset < content.length; offset += PIECE_BYTES_MAX) {
      const piece = content.subarray(offset, offset + PIECE_BYTES_MAX);
      upload = await this.#json<Upload>("PUT", `/files/uploads/${upload.id}?offset=${offset}`, piece);
    }
    while (upload.state === "receiving" || upload.state === "storing") {
      upload = await this.#json<Upload>("GET", `/files/uploads/${upload.id}?wait=true`);
    }
    if (upload.state !== "done") throw new Error(`an upload has ${upload.state}: ${upload.error}`);
    return path;
  }

  async get(name: string, content: Uint8Array): Promise<void> {
    await this.#http.compare(`/api/v1/files/content?path=${encodeURIComponent(name)}`, content);
  }

  async newFolder(): Promise<string> {
    const name = this.#newName("folder");
    await this.makeFolder("", name);
    return `/${name}`;
  }

  async putInto(folder: string, name: string, content: Uint8Array): Promise<void> {
    await this.#json("PUT", `/files/content?path=${encodeURIComponent(`${folder}/${name}`)}`, content);
  }

  async makeFolder(folder: string, name: string): Promise<void> {
    await this.#json("POST", "/files/folders", Buffer.from(JSON.stringify({ path: `${folder}/${name}` })));
  }

  async putFolder(from: string, folder: string): Promise<void> {
    await this.#box.cli(["files", "put", from, `${folder}/`]);
  }

  async ready(): Promise<void> {
    await eventually("all servers answer", READY_TIMEOUT_MS, async () => {
      const status = await this.#box.api<{ grid: { servers: { state: string }[] } }>("/files/status");
      const up = status.grid.servers.filter(({ state }) => state === "up");
      if (up.length < SERVERS) throw new Error(JSON.stringify(status.grid.servers));
      return true;
    });
  }

  #newName(kind: string): string {
    this.#names += 1;
    return `${kind}-${this.#names}`;
  }

  async #json<T>(method: string, path: string, body?: Uint8Array): Promise<T> {
    const call = body === undefined ? {} : { body, type: "application/json" };
    return JSON.parse((await this.#http.ask(method, `/api/v1${path}`, call)).toString()) as T;
  }
}

function start(name: string): Promise<Box> {
  return startBox({ name, owner: "Bench", newCommunity: name, env: AS_SHIPPED });
}

/** A box that gives space, and how clients of its owner reach that. */
async function startStorage(name: string): Promise<{ box: Box; server: AnnouncedServer }> {
  const box = await start(name);
  await box.cli(["files", "give", SPACE, "--json"]);
  const { body } = await box.ask<unknown>("/api/v1/files/servers.yaml");
  // JSON is YAML: the helper that asks may have taken it apart.
  const { servers } = importServers(typeof body === "string" ? body : JSON.stringify(body));
  if (!servers[0]) throw new Error(`${name} tells no storage server: ${JSON.stringify(body)}`);
  return { box, server: servers[0] };
}

async function startGateway(name: string, servers: readonly AnnouncedServer[]): Promise<{ box: Box; to: OurGateway }> {
  const box = await start(name);
  const values = { files: { needed: NEEDED, total: TOTAL, happy: HAPPY } };
  await box.api("/settings", { method: "PATCH", body: { values } });
  const http = new Http({ socketPath: join(box.data, "comu.sock") });
  const body = Buffer.from(exportServers(servers));
  await http.ask("POST", "/api/v1/files/servers", { body, type: "application/yaml" });
  http.close();
  const to = new OurGateway(box);
  await to.ready();
  return { box, to };
}

export async function startOurs(): Promise<Side> {
  const storages: { box: Box; server: AnnouncedServer }[] = [];
  for (let at = 1; at <= SERVERS; at += 1) storages.push(await startStorage(`Storage ${at}`));
  const servers = storages.map(({ server }) => server);
  const near = await startGateway("Gateway", servers);
  let far: { box: Box; to: OurGateway; links: Running } | undefined;
  return {
    name: "ours",
    gateway: near.to,
    async far() {
      far ??= await startFar(servers);
      return far.to;
    },
    storagePids: storages.map(({ box }) => box.process!.pid),
    gatewayPid: near.box.process!.pid,
    freeze: (server) => storages[server]!.box.process!.signal("SIGSTOP"),
    thaw: (server) => storages[server]!.box.process!.signal("SIGCONT"),
    async stop() {
      const boxes = [near.box, ...(far ? [far.box] : []), ...storages.map(({ box }) => box)];
      await Promise.all(boxes.map((box) => box.stop()));
      await far?.links.kill();
    },
  };
}

async function startFar(servers: readonly AnnouncedServer[]) {
  const { ports, links } = await delayed(servers.map(({ nurls }) => nurls[0]!.port));
  const through = servers.map((server, at) => ({
    ...server,
    nurls: [{ ...server.nurls[0]!, host: "127.0.0.1", port: ports[at]! }],
  }));
  return { ...(await startGateway("Far gateway", through)), links };
}
