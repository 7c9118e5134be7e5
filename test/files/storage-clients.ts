/** Clients of storage servers for tests: of our own server in this process, of the released one, and of any address. */
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { createResolver } from "../../src/platform/resolve.ts";
import { parseNurl } from "../../src/services/files/grid/nurl.ts";
import type { Nurl } from "../../src/services/files/grid/nurl.ts";
import { importServers } from "../../src/services/files/grid/servers-yaml.ts";
import type { AnnouncedServer } from "../../src/services/files/grid/servers-yaml.ts";
import { StorageClient } from "../../src/services/files/grid/storage-client.ts";
import type { ClientLimits, ServerPlace } from "../../src/services/files/grid/storage-client.ts";
import type { Owner } from "../support/process.ts";
import type { Announcement } from "../tahoe/grid.ts";

const clock = systemClock();

/** As it would come from a servers.yaml. */
export function announcedOf(id: string, ann: Announcement): AnnouncedServer {
  const { servers, skipped } = importServers(JSON.stringify({ storage: { [id]: { ann } } }));
  if (!servers[0]) throw new Error(`not a server: ${skipped[0]!.reason}`);
  return servers[0];
}

export function placeOf({ id, nickname: name, seed, tubId, nurls }: AnnouncedServer): ServerPlace {
  return { id, name, seed, tubId, owner: undefined, zone: undefined, nurls };
}

export function clientOf(owner: Owner, place: ServerPlace, limits: Partial<ClientLimits> = {}): StorageClient {
  const needs = { clock, random: seededRandom(1), resolver: createResolver({ clock }), limits };
  const client = new StorageClient(place, needs);
  owner.after(() => client.close());
  return client;
}

export function nurlAt(pin: string, port: number): Nurl {
  const nurl = parseNurl(`pb://${pin}@127.0.0.1:${port}/swissnumexample#v=1`);
  if (typeof nurl === "string") throw new Error(nurl);
  return nurl;
}

/** A client of whatever listens there. */
export function clientAt(owner: Owner, pin: string, port: number, limits: Partial<ClientLimits> = {}): StorageClient {
  const bytes = new Uint8Array(20);
  const place = { id: "v0-test", name: "test", seed: bytes, tubId: bytes, owner: undefined, zone: undefined };
  return clientOf(owner, { ...place, nurls: [nurlAt(pin, port)] }, limits);
}
