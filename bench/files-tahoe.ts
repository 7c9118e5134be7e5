/**
 * The other side of `bench:files`: the released Tahoe-LAFS as Debian packages it, five storage nodes and a gateway
 * that speaks the HTTPS protocol to them, all as shipped but for the numbers of pieces.
 */
import { TahoeClient, startGrid } from "../test/tahoe/grid.ts";
import type { Announcement, TahoeGrid } from "../test/tahoe/grid.ts";
import { freePort } from "../test/support/process.ts";
import type { Running } from "../test/support/process.ts";
import { Http } from "./files-http.ts";
import { HAPPY, NEEDED, SERVERS, TOTAL, delayed } from "./files-sides.ts";
import type { Gateway, Side } from "./files-sides.ts";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const ENCODING = { needed: NEEDED, happy: HAPPY, total: TOTAL };

class TahoeGateway implements Gateway {
  readonly client: TahoeClient;
  readonly #http: Http;
  readonly #nicknames: readonly string[];

  constructor(client: TahoeClient, nicknames: readonly string[]) {
    this.client = client;
    this.#nicknames = nicknames;
    this.#http = new Http({ host: "127.0.0.1", port: client.webPort });
  }

  async put(content: Uint8Array): Promise<string> {
    return (await this.#http.ask("PUT", "/uri", { body: content })).toString().trim();
  }

  async get(name: string, content: Uint8Array): Promise<void> {
    await this.#http.compare(`/uri/${encodeURIComponent(name)}`, content);
  }

  async newFolder(): Promise<string> {
    return (await this.#http.ask("POST", "/uri?t=mkdir")).toString().trim();
  }

  async putInto(folder: string, name: string, content: Uint8Array): Promise<void> {
    await this.#http.ask("PUT", `/uri/${encodeURIComponent(folder)}/${name}`, { body: content });
  }

  async makeFolder(folder: string, name: string): Promise<void> {
    await this.#http.ask("POST", `/uri/${encodeURIComponent(folder)}?t=mkdir&name=${name}`);
  }

  /** It stores the files first, and then writes all entries at once. */
  async putFolder(from: string, folder: string): Promise<void> {
    await this.client.ok(["cp", "--recursive", from, `${folder}/`]);
  }

  ready(): Promise<void> {
    return this.client.waitForServers(this.#nicknames);
  }
}

export async function startTahoe(): Promise<Side> {
  // What is forgotten is killed when this process ends.
  const owner = { after: () => undefined };
  const grid = await startGrid({ owner, servers: SERVERS, ...ENCODING });
  const gateway = new TahoeGateway(
    grid.client,
    grid.servers.map(({ name }) => name),
  );
  let far: { gateway: TahoeGateway; links: Running } | undefined;
  return {
    name: "tahoe",
    gateway,
    async far() {
      far ??= await startFar(grid);
      return far.gateway;
    },
    storagePids: grid.servers.map(({ running }) => running.pid),
    gatewayPid: grid.client.running.pid,
    freeze: (server) => grid.servers[server]!.freeze(),
    thaw: (server) => grid.servers[server]!.thaw(),
    async stop() {
      await far?.gateway.client.kill();
      await far?.links.kill();
      await Promise.all([grid.client, ...grid.servers].map((node) => node.kill()));
    },
  };
}

async function startFar({ root, folder, servers }: TahoeGrid): Promise<{ gateway: TahoeGateway; links: Running }> {
  const { ports, links } = await delayed(servers.map(({ port }) => port));
  const nearby = join(folder, "far");
  mkdirSync(nearby);
  const client = new TahoeClient(root, nearby, await freePort(), { owner: { after: () => undefined }, ...ENCODING });
  const at = (text: string, index: number) => text.replaceAll(`:${servers[index]!.port}/`, `:${ports[index]}/`);
  const announced = servers.map((server, index): [string, Announcement] => {
    const ann = server.announcement;
    const nurls = ann["anonymous-storage-NURLs"]!.map((nurl) => at(nurl, index));
    const furl = at(ann["anonymous-storage-FURL"], index);
    return [server.id, { ...ann, "anonymous-storage-FURL": furl, "anonymous-storage-NURLs": nurls }];
  });
  client.know(Object.fromEntries(announced));
  await client.start();
  const gateway = new TahoeGateway(
    client,
    servers.map(({ name }) => name),
  );
  await gateway.ready();
  return { gateway, links };
}
