/**
 * Where this box's accounts store, and who stores on this box: the storage server, what it tells the community, the
 * members and their quotas, the places at other boxes, imported servers, and from all of that a grid for each account.
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { throttle } from "../../kernel/throttle.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import { createResolver } from "../../platform/resolve.ts";
import type { MeshClient } from "../mesh/client.ts";
import type { Access } from "./access.ts";
import { createAccess } from "./access.ts";
import { CLOCK_OFF_MAX_MS, REFRESH_PAUSE_MS } from "./constants.ts";
import type { Giving } from "./giving.ts";
import { createGiving } from "./giving.ts";
import type { Grids } from "./grids.ts";
import { createGrids } from "./grids.ts";
import type { Imported } from "./imported.ts";
import { createImported } from "./imported.ts";
import type { Members } from "./members.ts";
import { createMembers } from "./members.ts";
import type { FilesSecrets } from "./secrets.ts";
import { openSecrets } from "./secrets.ts";
import type { SpaceStore } from "./space-store.ts";
import type { ExpiryRows } from "./storage/expired-shares.ts";
import { STORAGE_KEY, STORAGE_KIND, storageKind } from "./storage-record.ts";

const MIB = 1024 * 1024;

export interface Space {
  giving: Giving;
  access: Access;
  imported: Imported;
  grids: Grids;
  members(): Members;
  /** What each account of the community may store here. */
  quotaBytes(): number;
  /** What all accounts of one other box together may store here. */
  boxQuotaBytes(): number;
  /** How other boxes, and this one's storage server, know an account of this box. */
  pseudonym(account: string): string;
  start(): Promise<void>;
  /** The settings changed. Never rejects. */
  follow(): Promise<void>;
  stop(): Promise<void>;
}

export interface SpaceSettings {
  giveMiB: number;
  storagePort: number;
  quotaMiB: number;
  boxQuotaMiB: number;
  keepExpiredDays: number;
  needed: number;
  total: number;
  happy: number;
  segmentKiB: number;
}

export interface SpaceNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  mesh: MeshClient;
  rows: SpaceStore;
  expiryRows: ExpiryRows;
  dataFolder: string;
  version: string;
  settings: () => SpaceSettings;
  /** Of the disk, what stays free. */
  reserveMiB: () => number;
  /** On which the server listens. */
  address: () => string;
  changed: () => void;
}

/** Registers with the mesh at once; the rest works from `start` on. */
export function createSpace(needs: SpaceNeeds): Space {
  const { clock, random, log, mesh, rows, settings, changed } = needs;
  const quotaBytes = () => settings().quotaMiB * MIB;
  const boxQuotaBytes = () => settings().boxQuotaMiB * MIB;
  let secrets: FilesSecrets | undefined;
  let members: Members | undefined;
  const known = { secrets: () => opened(secrets), members: () => opened(members) };

  const giving = createGiving({
    ...{ clock, log, rows, dataFolder: needs.dataFolder, version: needs.version, ...known },
    expiryRows: needs.expiryRows,
    isClockRight: () => isClockRight(mesh),
    address: needs.address,
    wanted: () => {
      const { giveMiB, storagePort: port, keepExpiredDays } = settings();
      return { giveMiB, port, keepExpiredDays, reserveMiB: needs.reserveMiB() };
    },
    changed: () => {
      announce(mesh, giving);
      grids.refresh();
      changed();
    },
  });
  const access = createAccess({
    ...{ clock, log, mesh, rows, giving, quotaBytes, boxQuotaBytes, ...known },
    address: needs.address,
    changed: (account) => grids.refresh(account),
  });
  const imported = createImported(rows);
  const grids = createGrids({
    ...{ clock, log, random, changed, secrets: known.secrets },
    resolver: createResolver({ clock }),
    access: () => access,
    imported: imported.places,
    encoding: settings,
    keyFile: join(needs.dataFolder, "files", "keys"),
  });
  let isStarted = false;
  let seenMembers = "";
  const refresh = throttle(clock, REFRESH_PAUSE_MS, () => {
    if (!isStarted) return;
    grids.refresh();
    // Who may store here: a box came, or was excluded.
    const now = mesh
      .boxes()
      .map(({ id, state }) => `${id}${state === "excluded"}`)
      .join(" ");
    if (now !== seenMembers) giving.membersChanged();
    seenMembers = now;
  });
  mesh.registerKind(storageKind);
  mesh.onRecords(STORAGE_KIND, refresh);
  mesh.onBoxes(refresh);
  mesh.onJoined(() => isStarted && announce(mesh, giving));
  const follow = async () => {
    await giving.follow();
    giving.membersChanged();
  };
  return {
    ...{ giving, access, imported, grids, quotaBytes, boxQuotaBytes, follow, members: known.members },
    pseudonym: (account) => known.secrets().pseudonym(account),
    async start() {
      secrets = await openSecrets(needs.dataFolder);
      const membersNow = () => {
        const inside = mesh.boxes().filter(({ state }) => state !== "excluded");
        return new Set([mesh.selfId, ...inside.map(({ id }) => id)]);
      };
      members = createMembers({
        ...{ clock, rows, quotaBytes, boxQuotaBytes, secrets, membersNow, selfId: mesh.selfId },
        changed: giving.membersChanged,
      });
      isStarted = true;
      await follow();
    },
    async stop() {
      isStarted = false;
      await grids.close();
      await giving.stop();
    },
  };
}

/** Do the other boxes agree with our clock? True while nobody was asked. */
export function isClockRight(mesh: Pick<MeshClient, "clockOffsetMs">): boolean {
  return Math.abs(mesh.clockOffsetMs() ?? 0) <= CLOCK_OFF_MAX_MS;
}

function opened<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("the files service is not started");
  return part;
}

/** On a full disk it is left for the next change; that there is room again is one. */
function announce(mesh: MeshClient, giving: Giving): void {
  const body = giving.announcement();
  const said = mesh.records(STORAGE_KIND).find(({ author }) => author === mesh.selfId);
  // A restart is nothing new.
  if (isDeepStrictEqual(said?.body, body)) return;
  ifRoom(() => {
    if (body) mesh.publish(STORAGE_KIND, STORAGE_KEY, { ...body });
    else mesh.withdraw(STORAGE_KIND, STORAGE_KEY);
  });
}
