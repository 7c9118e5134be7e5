/**
 * Links: a secret by which anybody may read, or write, one file or what is in one folder. Only the hash of the secret
 * is kept. A link to a folder stays with that folder, and shows what is in it now; one to a file stays with its name in
 * its folder, and shows its content now. It ends when its day comes, when it is taken back, or when what it leads to is
 * put into the trash.
 */
import { isFailure } from "../../../kernel/errors.ts";
import { decodeBase32, encodeBase32 } from "../../../protocols/grid/base32.ts";
import { formatCap, isWritable, parseCap, readCapOf } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import { filesErrors } from "../errors.ts";
import { SHARES_MAX, SHARE_NOTE_MAX_CHARS } from "./constants.ts";
import { isFolder } from "./entries.ts";
import type { FileSystem } from "./file-system.ts";
import type { MemberFiles } from "./member-files.ts";
import { join, nameOf, namesOf, parentOf, pathOf } from "./paths.ts";
import { directoryCapOf, folderAt, placeOf } from "./places.ts";
import { SharedFile } from "./shared-file.ts";
import type { TreeParts } from "./tree-parts.ts";

export type ShareMode = "read" | "write";

export interface Share {
  id: string;
  account: string;
  path: string;
  kind: "file" | "folder";
  mode: ShareMode;
  note: string;
  madeMs: number;
  /** Undefined: until it is taken back. */
  expiresMs: number | undefined;
}

interface Row {
  id: string;
  account: string;
  token_hash: string;
  path: string;
  kind: "file" | "folder";
  mode: ShareMode;
  folder: string;
  name: string;
  note: string;
  made_ms: number;
  expires_ms: number | null;
}

export interface SharingNeeds {
  parts: Pick<TreeParts, "store" | "clock" | "random" | "crypto">;
  filesOf: (account: string) => MemberFiles;
}

const TOKEN_BYTES = 32;

export class Sharing {
  readonly #needs: SharingNeeds;

  constructor(needs: SharingNeeds) {
    this.#needs = needs;
  }

  /** The secret is told here and never again: 52 letters of base32. Throws `files-not-found`, `files-read-only`. */
  async make(
    account: string,
    wish: { path: string; mode: ShareMode; expiresMs?: number | undefined; note?: string },
  ): Promise<{ share: Share; secret: string }> {
    const { parts, filesOf } = this.#needs;
    const { store, clock, random } = parts;
    const target = await this.#target(filesOf(account), wish.path, wish.mode);
    const count = store.query<{ count: number }>("SELECT count(*) AS count FROM files_shares WHERE account = ?");
    if (count.get(account)!.count >= SHARES_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: SHARES_MAX } });
    }
    const secret = random.bytes(TOKEN_BYTES);
    const id = encodeBase32(random.bytes(10));
    store
      .query("INSERT INTO files_shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        id,
        account,
        this.#hash(secret),
        target.path,
        target.kind,
        wish.mode,
        target.folder,
        target.name,
        (wish.note ?? "").slice(0, SHARE_NOTE_MAX_CHARS),
        clock.wallMs(),
        wish.expiresMs ?? null,
      );
    return { share: this.list(account).find((share) => share.id === id)!, secret: encodeBase32(secret) };
  }

  /** Those that have not ended, the newest first. */
  list(account: string): Share[] {
    const { store, clock } = this.#needs.parts;
    const sql = `SELECT * FROM files_shares WHERE account = ? AND (expires_ms IS NULL OR expires_ms > ?)
      ORDER BY made_ms DESC, rowid DESC`;
    return store.query<Row>(sql).all(account, clock.wallMs()).map(shareOf);
  }

  /** Takes a link back. Throws `files-link-gone` when there is none. */
  end(account: string, id: string): void {
    const { changes } = this.#needs.parts.store
      .query("DELETE FROM files_shares WHERE account = ? AND id = ?")
      .run(account, id);
    if (Number(changes) === 0) throw filesErrors.fail("files-link-gone");
  }

  endAll(account: string): void {
    this.#needs.parts.store.query("DELETE FROM files_shares WHERE account = ?").run(account);
  }

  /** Removes those whose day has come. */
  sweep(): void {
    const { store, clock } = this.#needs.parts;
    store.query("DELETE FROM files_shares WHERE expires_ms <= ?").run(clock.wallMs());
  }

  /**
   * What a secret opens: a file system of which "/" is the shared folder, or the shared file. Throws `files-link-gone`.
   * Open it anew for each request: a link may end at any time.
   */
  async open(secret: string): Promise<{ share: Share; name: string; files: FileSystem }> {
    const { parts, filesOf } = this.#needs;
    const bytes = decodeBase32(secret);
    const row =
      bytes?.length === TOKEN_BYTES
        ? parts.store.query<Row>("SELECT * FROM files_shares WHERE token_hash = ?").get(this.#hash(bytes))
        : undefined;
    if (!row || (row.expires_ms !== null && row.expires_ms <= parts.clock.wallMs())) throw gone();
    const files = filesOf(row.account);
    const cap = parseCap(row.folder);
    if (cap.kind !== "directory") throw gone();
    const share = shareOf(row);
    const base = row.kind === "folder" ? row.path : parentOf(row.path);
    const folder = files.from(row.mode === "read" ? this.#weaker(cap) : cap, base);
    if (row.kind === "folder") return { share, name: nameOf(row.path), files: folder };
    const file = new SharedFile(folder, join("/", row.name));
    try {
      if ((await file.stat("/"))?.kind !== "file") throw gone();
    } catch (error) {
      throw isFailure(error, "files-not-found") ? gone() : error;
    }
    return { share, name: row.name, files: file };
  }

  async #target(files: MemberFiles, path: string, mode: ShareMode) {
    const own = pathOf(path);
    if (own === "/") {
      const { folder } = await folderAt(files.view, []);
      return { path: own, kind: "folder" as const, folder: formatCap(folder.cap), name: "" };
    }
    const place = await placeOf(files.view, own);
    if (!place.child) throw filesErrors.fail("files-not-found", { params: { path: own } });
    const isDirectory = isFolder(place.child);
    const cap = isDirectory ? directoryCapOf(place.child, own) : place.folder.cap;
    if (mode === "write" && !isWritable(cap)) throw filesErrors.fail("files-read-only", { params: { path: own } });
    const name = namesOf(own).at(-1)!;
    return { path: own, kind: isDirectory ? ("folder" as const) : ("file" as const), folder: formatCap(cap), name };
  }

  #weaker(cap: DirectoryCap): DirectoryCap {
    return readCapOf(this.#needs.parts.crypto, cap) as DirectoryCap;
  }

  #hash(secret: Uint8Array): string {
    return encodeBase32(this.#needs.parts.crypto.sha256(secret));
  }
}

function gone() {
  return filesErrors.fail("files-link-gone");
}

function shareOf({ id, account, path, kind, mode, note, made_ms, expires_ms }: Row): Share {
  return { id, account, path, kind, mode, note, madeMs: made_ms, expiresMs: expires_ms ?? undefined };
}
