/**
 * Looks into an image's tarball while it passes, before an engine has the whole of it. The engine itself would find out
 * late or not at all: it unpacks when something is made of the image, into the storage that all share, and writes the
 * templates that an image brings as root of the host, wherever a link leads (CVE-2026-23954 of Incus; LXD 5.0 does the
 * same). So nothing passes that is no image, leads out of its folder, or is larger unpacked than there is room for.
 *
 *   bytes ──► gzip, zstd or nothing ──► headers of tar ──► names, links, sizes ──► metadata.yaml ──► the last bytes
 */
import { Writable, Transform } from "node:stream";
import { finished } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { isFailure } from "../../kernel/errors.ts";
import { IMAGE_ENTRIES_MAX, IMAGE_METADATA_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";
import { checkMetadata } from "./image-metadata.ts";
import { TarReader } from "./tar-reader.ts";
import type { TarEntry } from "./tar-reader.ts";

export interface TarballLimits {
  /** All files of it, unpacked. */
  unpackedBytesMax: number;
  entriesMax?: number;
  /** Hears what its metadata says it is for, before the last bytes pass. */
  architecture?: (name: string) => void;
}

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
/** What an image may bring (null, zero, full, random, urandom, tty, console, ptmx): other devices are the machine's. */
const DEVICES = new Set(["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2"].map((one) => `c ${one}`));
const MAGIC_BYTES = 8;
const TAR_MAGIC_AT = 257;
const OTHERS: readonly [string, readonly number[]][] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["squashfs", [0x68, 0x73, 0x71, 0x73]],
  ["lzma", [0x5d, 0x00, 0x00]],
];

/**
 * Passes all bytes on, the last of them only when all was well; else the stream fails with `image-bad`, whose `said`
 * tells what is wrong.
 */
export function checkTarball(limits: TarballLimits): Transform {
  const check = new ImageCheck(limits);
  let held: Buffer | undefined;
  let way: Way | undefined;
  const take = async (chunk: Buffer) => {
    way ??= wayOf(chunk, check);
    await way.write(chunk);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      // The first bytes tell how it is packed; they may come one by one.
      const isBegun = way !== undefined;
      const piece = isBegun || !held ? chunk : Buffer.concat([held, chunk]);
      const ready = isBegun ? held : undefined;
      held = piece;
      if (!isBegun && piece.length < MAGIC_BYTES) return pass();
      take(piece).then(() => pass(null, ready), pass);
    },
    flush(pass) {
      const last = held;
      if (!last) return pass(bad("it is empty"));
      const rest = way ? Promise.resolve() : take(last);
      rest
        .then(() => way!.end())
        .then(() => check.end())
        .then(() => pass(null, last), pass);
    },
    destroy(error, pass) {
      way?.destroy();
      pass(error);
    },
  });
}

interface Way {
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
  destroy(): void;
}

/** By the first bytes: what takes the packing off on the way to the check. */
function wayOf(first: Buffer, check: ImageCheck): Way {
  const begins = (magic: readonly number[]) => magic.every((byte, at) => first[at] === byte);
  const packing = OTHERS.find(([, magic]) => begins(magic));
  if (packing) throw bad(`it is packed with ${packing[0]}; it must be gzip, zstd or a plain tar`);
  const unpack = begins(GZIP) ? createGunzip() : begins(ZSTD) ? createZstdDecompress() : undefined;
  if (!unpack) {
    if (first.length > TAR_MAGIC_AT + 5 && first.toString("latin1", TAR_MAGIC_AT, TAR_MAGIC_AT + 5) !== "ustar") {
      throw bad("it is no tarball");
    }
    return { write: async (chunk) => check.read(chunk), end: async () => {}, destroy: () => {} };
  }
  let problem: Error | undefined;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        check.read(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const note = (error: Error) => {
    problem ??= isFailure(error) ? error : bad(`it cannot be unpacked: ${error.message}`);
    unpack.destroy();
    sink.destroy();
  };
  unpack.on("error", note);
  sink.on("error", note);
  unpack.pipe(sink);
  const ended = finished(sink).catch((error: Error) => note(error));
  const rethrow = () => {
    if (problem) throw problem;
  };
  return {
    async write(chunk) {
      rethrow();
      if (!unpack.write(chunk)) {
        await Promise.race([new Promise<void>((resolve) => unpack.once("drain", resolve)), ended]);
      }
      rethrow();
    },
    async end() {
      rethrow();
      unpack.end();
      await ended;
      rethrow();
    },
    destroy() {
      unpack.destroy();
      sink.destroy();
    },
  };
}

/** What an image may hold, and what it must. */
class ImageCheck {
  readonly #limits: TarballLimits;
  readonly #tar: TarReader;
  /** Paths in the image that lead elsewhere: nothing may be written through one. */
  readonly #links = new Set<string>();
  #metadata: Buffer | undefined;
  #hasRoot = false;
  #entries = 0;
  #bytes = 0;

  constructor(limits: TarballLimits) {
    this.#limits = limits;
    this.#tar = new TarReader({
      entry: (entry) => this.#entry(entry),
      problem: (said) => bad(said),
    });
  }

  read(chunk: Buffer): void {
    this.#tar.read(chunk);
  }

  async end(): Promise<void> {
    this.#tar.end();
    if (!this.#metadata) throw bad("it has no metadata.yaml");
    if (!this.#hasRoot) throw bad("it has no rootfs");
    // Names in the archive have a character for each byte.
    const bytesOf = (path: string) => Buffer.from(path, "utf8").toString("latin1");
    const architecture = await checkMetadata(this.#metadata, (path) => this.#linkOn(`rootfs/${bytesOf(path)}`), bad);
    this.#limits.architecture?.(architecture);
  }

  /** Gives who takes its content, where that is wanted. */
  #entry({ name, type, size, target, device }: TarEntry): ((content: Buffer) => void) | undefined {
    this.#entries += 1;
    this.#bytes += size;
    const { unpackedBytesMax, entriesMax = IMAGE_ENTRIES_MAX } = this.#limits;
    if (this.#entries > entriesMax) throw bad(`it has more than ${entriesMax} files`);
    if (this.#bytes > unpackedBytesMax)
      throw bad(`unpacked it is more than ${Math.floor(unpackedBytesMax / 2 ** 20)} MiB`);
    const path = plain(name);
    if (path === "") return undefined;
    const top = path.split("/")[0]!;
    if (!["metadata.yaml", "templates", "rootfs", "rootfs.img"].includes(top)) {
      throw bad(`${shown(name)} does not belong into an image`);
    }
    const link = this.#linkOn(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    if (link !== undefined) throw bad(`${shown(name)} leads through the link ${shown(link)}`);
    if (type === "device" && !DEVICES.has(device)) throw bad(`${shown(name)} is a device of the machine`);
    if (top !== "rootfs" && type !== "file" && type !== "folder") throw bad(`${shown(name)} is no plain file`);
    if (top === path && top.startsWith("rootfs") && type !== (top === "rootfs" ? "folder" : "file")) {
      throw bad(`${shown(name)} is no folder`);
    }
    if (type === "link" || (type === "hard" && this.#isLink(name, plain(target)))) this.#links.add(path);
    else this.#links.delete(path);
    if (top.startsWith("rootfs")) this.#hasRoot = true;
    if (path !== "metadata.yaml") return undefined;
    if (this.#metadata) throw bad("it has two files metadata.yaml");
    if (size > IMAGE_METADATA_BYTES_MAX) throw bad("its metadata.yaml is too long");
    return (content) => void (this.#metadata = content);
  }

  /** Another name for a link is one, too. Throws for what another name must not be for. */
  #isLink(name: string, target: string): boolean {
    const through = this.#linkOn(target.slice(0, Math.max(0, target.lastIndexOf("/"))));
    if (!target.startsWith("rootfs/") || through !== undefined) throw bad(`${shown(name)} leads out of the image`);
    return this.#links.has(target);
  }

  /** The first link on a path, the path itself included. */
  #linkOn(path: string): string | undefined {
    if (this.#links.size === 0) return undefined;
    const parts = path.split("/");
    for (let length = 1; length <= parts.length; length += 1) {
      const part = parts.slice(0, length).join("/");
      if (this.#links.has(part)) return part;
    }
    return undefined;
  }
}

/** A name without "./" and doubled slashes. Throws for one that leads out. */
function plain(name: string): string {
  if (name.startsWith("/")) throw bad(`${shown(name)} leads out of the image`);
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw bad(`${shown(name)} leads out of the image`);
  return parts.join("/");
}

const SHOWN_CHARS_MAX = 100;
const shown = (name: string) =>
  Buffer.from(name, "latin1").toString("utf8").replaceAll(/\p{C}/gu, "?").slice(0, SHOWN_CHARS_MAX);
const bad = (said: string) => fail("image-bad", { params: { said } });
