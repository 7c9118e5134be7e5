/**
 * Devices: a name and a password for each, by which WebDAV and SFTP know whose files they serve and how far. A
 * password is made here, of 125 random bits, and told once; of such a one a plain hash gives nothing away, and it can
 * be compared at each request, which the slow hash of a chosen password could not.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { filesErrors } from "../errors.ts";
import { DEVICES_MAX } from "./constants.ts";
import { pathOf } from "./paths.ts";
import type { TreeStore } from "./store.ts";

export interface Device {
  id: string;
  account: string;
  name: string;
  user: string;
  /** The folder that it sees as its root. */
  path: string;
  mayWrite: boolean;
  /** As in a file authorized_keys: "ssh-ed25519 AAAA…". */
  publicKey: string | undefined;
  madeMs: number;
  usedMs: number | undefined;
}

interface Row {
  id: string;
  account: string;
  name: string;
  user: string;
  path: string;
  may_write: number;
  secret_hash: string;
  public_key: string | null;
  made_ms: number;
  used_ms: number | null;
}

export interface DeviceWish {
  name: string;
  mayWrite: boolean;
  path?: string | undefined;
  publicKey?: string | undefined;
}

const PASSWORD_CHARS = 25;
const USER_CHARS = 12;
const NAME_MAX_CHARS = 100;
const PUBLIC_KEY_MAX_CHARS = 4000;
/** Its last use is noted at most this often. */
const USED_EVERY_MS = 60_000;

export class Devices {
  readonly #store: TreeStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor({ store, clock, random }: { store: TreeStore; clock: Clock; random: Random }) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /** The password is told here and never again. Throws `files-too-many`. */
  add(account: string, wish: DeviceWish): { device: Device; password: string } {
    if (this.list(account).length >= DEVICES_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: DEVICES_MAX } });
    }
    const letters = encodeBase32(this.#random.bytes(32));
    const password = letters.slice(0, PASSWORD_CHARS).replace(/.{5}(?!$)/g, "$&-");
    const id = encodeBase32(this.#random.bytes(10));
    const user = encodeBase32(this.#random.bytes(10)).slice(0, USER_CHARS);
    this.#store
      .query("INSERT INTO files_devices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)")
      .run(
        id,
        account,
        wish.name.slice(0, NAME_MAX_CHARS),
        user,
        pathOf(wish.path ?? "/"),
        wish.mayWrite ? 1 : 0,
        hashOf(password).toString("hex"),
        wish.publicKey?.trim().slice(0, PUBLIC_KEY_MAX_CHARS) ?? null,
        this.#clock.wallMs(),
      );
    return { device: this.list(account).find((device) => device.id === id)!, password };
  }

  list(account: string): Device[] {
    return this.#store
      .query<Row>("SELECT * FROM files_devices WHERE account = ? ORDER BY made_ms, rowid")
      .all(account)
      .map(deviceOf);
  }

  /** Throws `files-not-found` when there is none. */
  remove(account: string, id: string): void {
    const { changes } = this.#store.query("DELETE FROM files_devices WHERE account = ? AND id = ?").run(account, id);
    if (Number(changes) === 0) throw filesErrors.fail("files-not-found", { params: { path: id } });
  }

  removeAll(account: string): void {
    this.#store.query("DELETE FROM files_devices WHERE account = ?").run(account);
  }

  /** The device, if the password is right. Takes as long for a user that does not exist. */
  signIn(user: string, password: string): Device | undefined {
    const row = this.#byUser(user);
    const stored = Buffer.from(row?.secret_hash ?? "00".repeat(32), "hex");
    const isRight = timingSafeEqual(hashOf(password), stored);
    if (!row || !isRight) return undefined;
    this.#used(row);
    return deviceOf(row);
  }

  /** For SFTP: whose key it may be. The caller proves that the other side has it, and then calls `used`. */
  find(user: string): Device | undefined {
    const row = this.#byUser(user);
    return row && deviceOf(row);
  }

  used(user: string): void {
    const row = this.#byUser(user);
    if (row) this.#used(row);
  }

  #byUser(user: string): Row | undefined {
    return this.#store.query<Row>("SELECT * FROM files_devices WHERE user = ?").get(user);
  }

  #used({ id, used_ms }: Row): void {
    const nowMs = this.#clock.wallMs();
    if (used_ms !== null && Math.abs(nowMs - used_ms) < USED_EVERY_MS) return;
    this.#store.query("UPDATE files_devices SET used_ms = ? WHERE id = ?").run(nowMs, id);
  }
}

/** People may leave out the hyphens, and write capital letters. */
function hashOf(password: string): Buffer {
  return createHash("sha256").update(password.replaceAll("-", "").trim().toLowerCase()).digest();
}

function deviceOf(row: Row): Device {
  return {
    id: row.id,
    account: row.account,
    name: row.name,
    user: row.user,
    path: row.path,
    mayWrite: row.may_write === 1,
    publicKey: row.public_key ?? undefined,
    madeMs: row.made_ms,
    usedMs: row.used_ms ?? undefined,
  };
}
