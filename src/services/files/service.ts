/**
 * The files service: each account's tree over the grid of the community's storage servers, this box's own server, the
 * care for what is kept, and the doors for devices. Here its parts are put together; what each does is in its file.
 *
 *   pages, commands ─► handlers ─► Tree ─► Grid of the account ─► storage servers, ours among them
 *   devices ─► WebDAV, SFTP ──────┘          ▲                          │ record "storage", /files/access
 *   care: goes round all ────────────────────┘                          ▼ other boxes
 */
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import { roleAtLeast } from "../../kernel/contract.ts";
import type { CallContext, Service } from "../../kernel/contract.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { throttle } from "../../kernel/throttle.ts";
import type { Store } from "../../platform/store.ts";
import type { MeshClient } from "../mesh/client.ts";
import { foldName } from "../people/client.ts";
import type { PeopleClient } from "../people/client.ts";
import { announced } from "./access.ts";
import { careAccounts, createChecks } from "./care/accounts.ts";
import { createCare } from "./care/care.ts";
import type { Care } from "./care/care.ts";
import { careStore } from "./care/care-store.ts";
import type { Checking } from "./care/checking.ts";
import type { CareStore } from "./care/care-store.ts";
import { createDeposits } from "./care/deposits.ts";
import { createNotes } from "./care/notes.ts";
import { createPace } from "./care/pace.ts";
import type { FilesClient } from "./client.ts";
import { CHANGED_PAUSE_MS } from "./constants.ts";
import { filesContract } from "./contract.ts";
import { createDeviceDoors } from "./device-doors.ts";
import { BOX_ACCOUNT } from "./grids.ts";
import { careHandlers } from "./handlers-care.ts";
import { openShared, sharingHandlers } from "./handlers-sharing.ts";
import { recoveryHandlers } from "./handlers-recovery.ts";
import { spaceHandlers } from "./handlers-space.ts";
import { treeHandlers } from "./handlers-tree.ts";
import { createLinks } from "./links.ts";
import type { ServiceParts, TicketTarget } from "./parts.ts";
import { createKeeping } from "./recovery/keeping.ts";
import { createLeaving } from "./recovery/leaving.ts";
import { createRecovery } from "./recovery/recovery.ts";
import type { Recovery } from "./recovery/recovery.ts";
import { recoveryStore } from "./recovery/recovery-store.ts";
import { createTakeUp } from "./recovery/taking-up.ts";
import { filesSettings } from "./settings.ts";
import { createSpace, isClockRight } from "./space.ts";
import type { Space } from "./space.ts";
import { expiryRows, spaceStore } from "./space-store.ts";
import type { SpaceStore } from "./space-store.ts";
import { checksOf, metricsOf, warningsOf } from "./status.ts";
import type { Facts } from "./status.ts";
import { createTickets } from "./tickets.ts";
import { Tree } from "./tree/tree.ts";
import { createZips } from "./zip/folder-zip.ts";

const KIB = 1024;

export interface FilesNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  config: Config;
  events: Events;
  store: Store;
  mesh: MeshClient;
  people: PeopleClient;
  dataFolder: string;
  version: string;
  run: { bind?: string };
}

export function files(system: FilesNeeds): Service<typeof filesContract.endpoints> & { client: FilesClient } {
  const made = makeParts({ ...system, log: system.log.area("files") });
  const { tree, care, doors, grids, space, changed } = made;
  let isStarted = false;

  const ownFacts = () => made.factsOf(tree.accounts()[0]);
  const isUsed = () => tree.accounts().length > 0;
  const follow = async () => {
    await Promise.all([space.follow(), doors.webdav.follow(), doors.sftp.follow()]);
    changed();
  };
  const parts: ServiceParts = {
    ...made,
    async change(patch) {
      await system.config.change({ files: patch });
      await follow();
    },
  };
  system.config.listen({ commit: () => void (isStarted && follow()) });
  system.people.onLeft((name, isRemoved) => {
    const account = foldName(name);
    tree.endAccess(account);
    if (isRemoved) {
      // Who gets this name one day finds nothing of what was here.
      tree.forget(account);
      made.careRows.dropAccount(account);
      made.recovery.forget(account);
    }
    made.tickets.end(account);
    for (const door of Object.values(doors)) door.forget();
    changed();
  });
  return {
    contract: filesContract,
    handlers: {
      ...{ ...treeHandlers(parts), ...sharingHandlers(parts), ...careHandlers(parts), ...spaceHandlers(parts) },
      ...recoveryHandlers(parts),
    },
    client: {
      files: (account) => tree.files(foldName(account)),
      grid: (account) => grids.of(foldName(account)),
      caps: (account, path) => tree.files(foldName(account)).caps(path),
    },
    async start() {
      await space.start();
      isStarted = true;
      await follow();
      await tree.start();
      care.start();
      made.recovery.start();
    },
    async stop() {
      isStarted = false;
      await made.recovery.stop();
      await care.stop();
      await Promise.all([doors.webdav.stop(), doors.sftp.stop()]);
      await tree.stop();
      await space.stop();
    },
    health: () => (isStarted ? warningsOf(ownFacts(), isUsed()) : []),
    doctor: async () => (isStarted ? checksOf(ownFacts(), isUsed()) : []),
    metrics: () => (isStarted ? metricsOf(ownFacts()) : []),
  };
}

type Made = Omit<ServiceParts, "change"> & { space: Space };

/** Everything, in the order in which it needs one another. Nothing runs yet. */
function makeParts(system: FilesNeeds): Made {
  const { clock, random, log, config, mesh, store, dataFolder, version } = system;
  const settings = () => config.section("files", filesSettings);
  const boxSetting = (key: string) => config.values()["box"]?.[key];
  const address = () => system.run.bind || String(boxSetting("bind") ?? "") || everywhere();
  const folder = join(dataFolder, "files");
  const rows = spaceStore(store);
  const careRows = careStore(store);
  const changed = throttle(clock, CHANGED_PAUSE_MS, () => system.events.emit("files.changed", "member"));
  const uploadChanged = throttle(clock, CHANGED_PAUSE_MS, () => system.events.emit("files.uploads", "member"));
  const space = createSpace({
    ...{ clock, random, log, mesh, rows, dataFolder, version, settings, address, changed },
    expiryRows: expiryRows(store, rows),
    reserveMiB: () => Number(boxSetting("diskReserveMiB") ?? 0),
  });
  const { grids, access, giving } = space;
  const tree = new Tree({
    ...{ clock, random, store, crypto: grids.crypto, gridOf: grids.of },
    spoolFolder: join(folder, "spool"),
    settings: { trashDays: () => settings().trashDays, quotaBytes: access.quotaBytes },
    isClockRight: () => isClockRight(mesh),
    changed: () => changed(),
    uploadChanged: () => uploadChanged(),
  });
  const checkingOf = createChecks({ clock, crypto: grids.crypto, rows: careRows, gridOf: grids.of });
  const care = makeCare({ ...system, rows, careRows, space, tree, checkingOf, changed });
  const recovery = makeRecovery({ ...system, tree, care, changed });
  const doors = createDeviceDoors({
    ...{ clock, random, log, tree, changed, folder, notes: rows },
    wanted: () => ({ webdavPort: settings().webdavPort, sftpPort: settings().sftpPort, address: address() }),
  });
  const links = createLinks({
    ...{ clock, log, mesh },
    openOwn: (secret, path) => openShared(tree.sharing, secret, path),
  });
  const accountOf = ({ principal }: Pick<CallContext, "principal">) =>
    foldName(principal.account ?? system.people.ownerName());
  const factsOf = (account: string | undefined): Facts => ({
    giving: giving.status(),
    grid: account === undefined ? grids.nobodys : grids.of(account),
    care: care.status(),
    doors: { webdav: doors.webdav.status(), sftp: doors.sftp.status() },
    boxIds: mesh.boxes().map(({ id }) => id),
  });
  return {
    ...{ clock, mesh, tree, grids, giving, access, links, care, careRows, recovery, doors, changed, space },
    ...{ imported: space.imported, members: space.members, quotaBytes: space.quotaBytes },
    ...{ boxQuotaBytes: space.boxQuotaBytes, pseudonym: space.pseudonym },
    ...{ accountOf, checkingOf, factsOf },
    mayStill: ({ principal: { session } }) => {
      // Without one it is the owner, on this machine.
      return () => session === undefined || roleAtLeast(system.people.sessionRole(session) ?? "public", "member");
    },
    tickets: createTickets<TicketTarget>(clock, random),
    zips: createZips(),
    filesOf: (context) => tree.files(accountOf(context)),
  };
}

interface CareParts extends FilesNeeds {
  rows: SpaceStore;
  careRows: CareStore;
  space: Space;
  tree: Tree;
  checkingOf: (account: string) => Checking;
  changed: () => void;
}

function makeCare({ clock, log, mesh, config, rows, careRows, space, tree, checkingOf, changed }: CareParts): Care {
  const { grids } = space;
  const pace = createPace(clock, () => config.section("files", filesSettings).careBudgetKiBps * KIB);
  const boxesThatGive = () => announced(mesh).map(({ boxId }) => boxId);
  const deposits = createDeposits({
    ...{ clock, log, mesh, rows: careRows, pace },
    others: () => boxesThatGive().filter((boxId) => boxId !== mesh.selfId),
    isClockRight: () => isClockRight(mesh),
    // Its servers are looked at only as long as there is something to look after.
    grid: async () => (boxesThatGive().length > 0 && careRows.deposits() > 0 ? grids.of(BOX_ACCOUNT) : undefined),
  });
  return createCare({
    ...{ clock, log, rows: careRows, pace, deposits, changed },
    accounts: async () => careAccounts(tree, grids.of, checkingOf),
    notes: createNotes(rows),
  });
}

interface RecoveryParts extends FilesNeeds {
  tree: Tree;
  care: Care;
  changed: () => void;
}

/** Registers with the mesh at once. */
function makeRecovery({ clock, log, random, mesh, store, tree, care, changed }: RecoveryParts): Recovery {
  const rows = recoveryStore(store);
  const mayAsk = (boxId: string) => {
    const state = mesh.box(boxId)?.state;
    return state === "up" || state === "suspect";
  };
  return createRecovery({
    ...{ clock, log, random, rows, changed, mayAsk },
    keeping: createKeeping({ clock, mesh, rows, isClockRight: () => isClockRight(mesh) }),
    leaving: createLeaving({
      ...{ log, mesh, kept: (locator: string) => rows.kept(locator).map(({ sealed }) => sealed) },
      givers: () => announced(mesh).map(({ boxId }) => boxId),
    }),
    rootCap: async (account) => (await tree.files(account).caps("/")).write!,
    knownRoot: (account) => tree.rootOf(account),
    takeUp: createTakeUp(tree, care.again),
  });
}

/** All addresses of this machine, also where it has none of IPv6. */
function everywhere(): string {
  const families = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ family }) => family) ?? []);
  return families.includes("IPv6") ? "::" : "0.0.0.0";
}
