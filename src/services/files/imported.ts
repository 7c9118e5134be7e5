/**
 * Storage servers of Tahoe-LAFS that the host took into the list, from a servers.yaml; and the way back. What reads
 * YAML is large, and loaded when there is some: most boxes never see any.
 */
import { decodeBase32, encodeBase32 } from "../../protocols/grid/base32.ts";
import { IMPORTED_MAX } from "./constants.ts";
import { filesErrors } from "./errors.ts";
import { formatNurl, parseNurl } from "./grid/nurl.ts";
import type { ServerPlace } from "./grid/storage-client.ts";
import type { SpaceStore } from "./space-store.ts";

export interface Imported {
  places(): readonly ServerPlace[];
  /** Rejects with `files-bad-servers`, `files-too-many`. */
  add(text: string): Promise<ServerPlace[]>;
  /** Throws `files-server-unknown`. */
  drop(id: string): void;
}

export function createImported(rows: SpaceStore): Imported {
  let known: readonly ServerPlace[] | undefined;
  const read = () => rows.imported().flatMap(({ id, entry }) => placeIn(id, entry) ?? []);
  const places = () => (known ??= read());
  return {
    places,
    async add(text) {
      const { importServers } = await import("./grid/servers-yaml.ts");
      const { servers, skipped } = importServers(text);
      if (servers.length === 0) {
        const reason = skipped[0]?.reason ?? "no-servers";
        throw filesErrors.fail("files-bad-servers", { params: { reason } });
      }
      if (new Set([...places().map(({ id }) => id), ...servers.map(({ id }) => id)]).size > IMPORTED_MAX)
        throw filesErrors.fail("files-too-many", { params: { limit: IMPORTED_MAX } });
      const added = servers.map(({ id, nickname, seed, tubId, nurls }) => {
        const place = { id, name: nickname, seed, tubId, owner: undefined, zone: undefined, nurls };
        rows.addImported(id, entryOf(place));
        return place;
      });
      known = undefined;
      return added;
    },
    drop(id) {
      if (!rows.dropImported(id)) throw filesErrors.fail("files-server-unknown", { params: { name: id } });
      known = undefined;
    },
  };
}

/** As a client of Tahoe-LAFS reads it. The swissnums in it are secrets of the account whose places these are. */
export async function exportPlaces(places: readonly ServerPlace[]): Promise<string> {
  const { exportServers } = await import("./grid/servers-yaml.ts");
  return exportServers(places.map(({ id, name, seed, tubId, nurls }) => ({ id, nickname: name, seed, tubId, nurls })));
}

function entryOf({ name, seed, tubId, nurls }: ServerPlace): string {
  return JSON.stringify({ name, seed: encodeBase32(seed), tub: encodeBase32(tubId), nurls: nurls.map(formatNurl) });
}

function placeIn(id: string, entry: string): ServerPlace | undefined {
  const { name, seed, tub, nurls } = JSON.parse(entry) as { name: string; seed: string; tub: string; nurls: string[] };
  const bytes = { seed: decodeBase32(seed), tubId: decodeBase32(tub) };
  const parsed = nurls.map(parseNurl).filter((one) => typeof one !== "string");
  if (!bytes.seed || !bytes.tubId || parsed.length === 0) return undefined;
  return { id, name, seed: bytes.seed, tubId: bytes.tubId, owner: undefined, zone: undefined, nurls: parsed };
}
