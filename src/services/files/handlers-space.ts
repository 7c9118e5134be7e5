/** The endpoints about the grid and this box's part in it: status, giving disk, lists of servers, devices. */
import type { CallContext, Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { kernelErrors } from "../../kernel/errors.ts";
import { mibOf } from "../../kernel/size.ts";
import type { spaceEndpoints } from "./contract-space.ts";
import { filesErrors } from "./errors.ts";
import { exportPlaces } from "./imported.ts";
import { pause } from "./care/pace.ts";
import type { ServiceParts } from "./parts.ts";
import { statusShown } from "./status.ts";
import type { Device } from "./tree/devices.ts";

type All = Handlers<typeof spaceEndpoints>;

/** Servers that nobody asked yet are asked now; who wants to know how they are waits so long for their answers. */
const FIRST_LOOK_MS = 1_500;
const FIRST_LOOK_STEP_MS = 50;
const GIVE_MIB_MAX = 1_000_000_000;

export function spaceHandlers(parts: ServiceParts): All {
  return { ...givingHandlers(parts), ...serverHandlers(parts), ...deviceHandlers(parts) };
}

/** Guests have no files; they see the servers all the same. */
async function statusOf(parts: ServiceParts, context: CallContext) {
  const { access, clock, tree, factsOf, accountOf } = parts;
  const isMember = context.principal.role !== "guest";
  const account = isMember ? accountOf(context) : "";
  const untilMs = clock.monotonicMs() + FIRST_LOOK_MS;
  const isUnknown = () =>
    factsOf(account)
      .grid.servers()
      .some((server) => server.state() === "unknown");
  while (isUnknown() && clock.monotonicMs() < untilMs) await pause(clock, FIRST_LOOK_STEP_MS, context.signal);
  const hasFiles = isMember && tree.accounts().includes(account);
  const usedBytes = hasFiles ? ((await tree.files(account).room())?.usedBytes ?? 0) : 0;
  const me = { usedBytes, quotaBytes: access.quotaBytes(account) ?? null };
  return statusShown(factsOf(account), me, new URL(context.origin).hostname);
}

function givingHandlers(parts: ServiceParts): Pick<All, "status" | "give" | "stopGiving" | "given" | "access"> {
  const { change, doors } = parts;
  return {
    status: (_input, context) => statusOf(parts, context),
    async give({ size }, context) {
      const giveMiB = size === "off" ? 0 : mibOf(size);
      if (giveMiB > GIVE_MIB_MAX)
        throw kernelErrors.fail("bad-input", { params: { field: "size", reason: "too much" } });
      await change({ giveMiB });
      return statusOf(parts, context);
    },
    async stopGiving(_input, context) {
      await change({ giveMiB: 0 });
      return statusOf(parts, context);
    },
    given: () => givenShown(parts),
    async access(wish, context) {
      await change(Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined)));
      // The wish is kept and tried again; who made it shall know all the same that the door is not open.
      const asked = [wish.webdavPort === undefined ? [] : doors.webdav, wish.sftpPort === undefined ? [] : doors.sftp];
      const shut = asked.flat().find((door) => door.status().reason !== undefined);
      if (shut) throw filesErrors.fail("files-port", { params: { port: shut.status().port } });
      return statusOf(parts, context);
    },
  };
}

/** Accounts of other boxes have no names here: those boxes keep them to themselves. */
function givenShown({ members, mesh, tree, giving, quotaBytes, boxQuotaBytes, pseudonym }: ServiceParts) {
  const names = new Map(tree.accounts().map((account) => [pseudonym(account), account]));
  return members()
    .rows()
    .map(({ boxId, member, name }) => {
      const isOwn = boxId === mesh.selfId;
      const box = mesh.box(boxId);
      return {
        ...{ member, account: (isOwn && names.get(member)) || null },
        ...{ box: box?.name ?? boxId.slice(0, 8), owner: box?.owner || null },
        ...{ usedBytes: giving.usedBytes(name), quotaBytes: quotaBytes() },
        boxUsedBytes: isOwn ? null : giving.boxUsedBytes(boxId),
        boxQuotaBytes: isOwn ? null : boxQuotaBytes(),
      };
    });
}

function serverHandlers({
  access,
  imported,
  grids,
  mesh,
  accountOf,
  changed,
}: ServiceParts): Pick<All, "exportServers" | "importServers" | "dropServer"> {
  return {
    async exportServers(_input, context) {
      // Who reads it may sit at another machine.
      const places = access.places(accountOf(context), mesh.box(mesh.selfId)?.address ?? undefined);
      return {
        body: Buffer.from(await exportPlaces([...places, ...imported.places()])),
        headers: { "content-disposition": 'attachment; filename="servers.yaml"' },
      };
    },
    async importServers(_input, { bytes }) {
      const added = await imported.add(textOf(bytes));
      grids.refresh();
      changed();
      return { added: added.length, servers: added.map(({ id, name }) => ({ id, name })) };
    },
    dropServer({ id }) {
      imported.drop(id);
      grids.refresh();
      changed();
      return {};
    },
  };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw filesErrors.fail("files-bad-servers", { params: { reason: "not-text" }, cause });
  }
}

function deviceHandlers({
  tree,
  accountOf,
  filesOf,
  doors,
  changed,
}: ServiceParts): Pick<All, "devices" | "addDevice" | "dropDevice"> {
  const told = () => {
    for (const door of Object.values(doors)) door.forget();
    changed();
  };
  return {
    devices: (_input, context) => tree.devices.list(accountOf(context)).map(deviceShown),
    async addDevice(wish, context) {
      const entry = await filesOf(context).stat(wish.path);
      if (entry?.kind === "file") throw filesErrors.fail("files-not-a-folder", { params: { path: wish.path } });
      if (!entry) throw filesErrors.fail("files-not-found", { params: { path: wish.path } });
      const { device, password } = tree.devices.add(accountOf(context), wish);
      told();
      return { ...deviceShown(device), password };
    },
    dropDevice({ id }, context) {
      tree.devices.remove(accountOf(context), id);
      told();
      return {};
    },
  };
}

function deviceShown({ id, name, user, mayWrite, path, publicKey, madeMs, usedMs }: Device) {
  const lastUsedAt = usedMs === undefined ? null : isoTime(usedMs);
  return { id, name, user, mayWrite, path, publicKey: publicKey ?? null, createdAt: isoTime(madeMs), lastUsedAt };
}
