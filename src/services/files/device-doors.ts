/** WebDAV and SFTP as this box serves them: who comes in, and what they see. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { createDoor } from "./doors.ts";
import type { Door } from "./doors.ts";
import type { SftpLogin } from "./sftp/login.ts";
import type { Device } from "./tree/devices.ts";
import type { FileSystem } from "./tree/file-system.ts";
import type { Tree } from "./tree/tree.ts";

const HOST_KEY_NOTE = "sftp-host-key";

export interface DeviceDoorsNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  tree: Tree;
  /** For what is on its way. */
  folder: string;
  notes: { note: (name: string) => string | undefined; setNote: (name: string, value: string) => void };
  wanted: () => { webdavPort: number; sftpPort: number; address: string };
  changed: () => void;
}

export function createDeviceDoors(needs: DeviceDoorsNeeds): { webdav: Door; sftp: Door } {
  const { clock, random, log, tree, notes, wanted, changed } = needs;
  /** Undefined when its folder is gone. */
  const filesOf = async ({ account, path, mayWrite }: Device): Promise<FileSystem | undefined> => {
    const files = tree.files(account);
    try {
      return path === "/" && mayWrite ? files : await files.below(path, mayWrite);
    } catch (error) {
      if (isFailure(error, "files-not-found") || isFailure(error, "files-not-a-folder")) return undefined;
      throw error;
    }
  };
  const hostKey = (make: () => string) => {
    const kept = notes.note(HOST_KEY_NOTE);
    if (kept !== undefined) return kept;
    const made = make();
    notes.setNote(HOST_KEY_NOTE, made);
    return made;
  };
  const webdav = createDoor({
    ...{ clock, log, changed, name: "WebDAV" },
    wanted: () => ({ port: wanted().webdavPort, address: wanted().address }),
    open: async (port, address) => {
      const { createWebdav } = await import("./webdav/webdav.ts");
      const server = createWebdav({
        ...{ clock, random, log, address, port },
        authenticate: async (user, password) => {
          const device = tree.devices.signIn(user, password);
          const files = device && (await filesOf(device));
          if (!device || !files) return undefined;
          // Locks hold among all who see the same tree.
          return { files, mayWrite: device.mayWrite, account: `${device.account}:${device.path}` };
        },
      });
      await server.listen();
      return server;
    },
  });
  const sftp = createDoor({
    ...{ clock, log, changed, name: "SFTP" },
    wanted: () => ({ port: wanted().sftpPort, address: wanted().address }),
    open: async (port, address) => {
      // SSH is much to read; most boxes have this door closed.
      const [{ createSftp }, { makeHostKey }] = await Promise.all([
        import("./sftp/sftp-server.ts"),
        import("./sftp/host-key.ts"),
      ]);
      return createSftp({
        ...{ clock, log, address, port, hostKey: hostKey(makeHostKey), spoolFolder: join(needs.folder, "sftp") },
        authenticate: async (login) => {
          const device = deviceOf(tree, login);
          const files = device && (await filesOf(device));
          if (!device || !files) return undefined;
          if (login.method === "key") tree.devices.used(device.user);
          return { name: device.user, files, isAllowed: () => tree.devices.find(device.user) !== undefined };
        },
      });
    },
  });
  return { webdav, sftp };
}

/** With a key: whose it would be; that the other side has it is proved afterwards. */
function deviceOf({ devices }: Tree, login: SftpLogin): Device | undefined {
  if (login.method === "password") return devices.signIn(login.username, login.password);
  const device = devices.find(login.username);
  const [, base64 = ""] = device?.publicKey?.split(/\s+/) ?? [];
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const isSame = base64 !== "" && hash(Buffer.from(base64, "base64")) === hash(login.publicKey);
  return isSame ? device : undefined;
}
