/**
 * The headers of a tar as its bytes come: POSIX's (ustar, pax) and GNU's long names. Only what is needed to judge an
 * archive; contents are counted, and given where they are asked for. What programs that unpack read differently is
 * refused: whoever judges must see the names that are written.
 */
import { IMAGE_METADATA_BYTES_MAX, TAR_NAME_BYTES_MAX } from "./constants.ts";

export interface TarEntry {
  /** A character for each byte, as of ISO 8859-1: two names are equal when their bytes are. */
  name: string;
  type: "file" | "folder" | "link" | "hard" | "device" | "other";
  /** Bytes that follow. */
  size: number;
  /** Of a link; as `name`. */
  target: string;
  /** Of a device: "c 1:3". */
  device: string;
}

export interface TarHearer {
  /** Gives who takes the content, whole; such an entry must be small. */
  entry(entry: TarEntry): ((content: Buffer) => void) | undefined;
  problem(said: string): Error;
}

const BLOCK = 512;
const TYPES: Readonly<Record<string, TarEntry["type"]>> = {
  ...{ "0": "file", "\0": "file", "7": "file" },
  ...{ "5": "folder", "2": "link", "1": "hard", "3": "device", "4": "device", "6": "other" },
};
/** Headers that speak of the next entry: GNU's long name and long target, pax of one and of all. */
const ABOUT_NEXT = new Set(["L", "K", "x", "g"]);
/** Programs take one block of zeros for a mistake, and go on behind it. */
const END_BLOCKS = 2;

export class TarReader {
  readonly #hearer: TarHearer;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of content, with its padding, that are still to come. */
  #left = 0;
  #kept: { pieces: Buffer[]; size: number; take: (content: Buffer) => void } | undefined;
  #next: { name?: string; target?: string; size?: number } = {};
  /** Which headers spoke of the next entry. */
  readonly #about = new Set<string>();
  #zeros = 0;

  constructor(hearer: TarHearer) {
    this.#hearer = hearer;
  }

  read(chunk: Buffer): void {
    let data = chunk;
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < data.length) {
      if (this.#left > 0) {
        const some = Math.min(this.#left, data.length - at);
        this.#kept?.pieces.push(Buffer.from(data.subarray(at, at + some)));
        this.#left -= some;
        at += some;
        if (this.#left === 0) this.#give();
      } else if (data.length - at < BLOCK) break;
      else {
        this.#header(data.subarray(at, at + BLOCK));
        at += BLOCK;
      }
    }
    this.#rest = Buffer.from(data.subarray(at));
  }

  /** Throws when the archive ends in the midst. */
  end(): void {
    const isWhole = this.#left === 0 && this.#rest.length === 0 && this.#zeros >= END_BLOCKS;
    if (!isWhole) throw this.#hearer.problem("it ends too early");
  }

  #header(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#zeros += 1;
      return;
    }
    // Programs stop at the first end; what comes behind it only some would see.
    if (this.#zeros > 0) throw this.#hearer.problem("something follows its end");
    if (!isSummed(block)) throw this.#hearer.problem("it is no tarball");
    const flag = String.fromCharCode(block[156]!);
    const said = this.#number(block.subarray(124, 136));
    if (ABOUT_NEXT.has(flag)) {
      if (said > TAR_NAME_BYTES_MAX) throw this.#hearer.problem("a name in it is too long");
      // Which of two would count is not the same for all programs.
      const isOneTooMany = flag === "g" ? this.#about.size > 0 : this.#about.has(flag) || this.#about.has("x");
      if (isOneTooMany || (flag === "x" && this.#about.size > 0)) throw this.#unusual();
      if (flag !== "g") this.#about.add(flag);
      this.#left = Math.ceil(said / BLOCK) * BLOCK;
      this.#keep(said, (content) => this.#aboutNext(flag, content));
      return;
    }
    const size = this.#next.size ?? said;
    this.#left = Math.ceil(size / BLOCK) * BLOCK;
    const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 500) : "";
    const name = this.#next.name ?? (prefix ? `${prefix}/${text(block, 0, 100)}` : text(block, 0, 100));
    const target = this.#next.target ?? text(block, 157, 257);
    this.#next = {};
    this.#about.clear();
    const type = TYPES[flag];
    // Of sparse files the headers go on behind the header; another kind is a pax header to one program alone.
    if (type === undefined) throw this.#unusual();
    const [major, minor] = [block.subarray(329, 337), block.subarray(337, 345)].map((field) => this.#number(field));
    const device = type === "device" ? `${flag === "3" ? "c" : "b"} ${major}:${minor}` : "";
    const take = this.#hearer.entry({ name, type, size, target, device });
    if (type !== "file") {
      // Whether the others have content, programs do not agree about.
      if (size > 0) throw this.#unusual();
    } else if (take) this.#keep(size, take);
  }

  #unusual(): Error {
    return this.#hearer.problem("it is not a usual tarball");
  }

  #keep(size: number, take: (content: Buffer) => void): void {
    if (size > Math.max(IMAGE_METADATA_BYTES_MAX, TAR_NAME_BYTES_MAX)) throw this.#hearer.problem("too long");
    this.#kept = { pieces: [], size, take };
    if (this.#left === 0) this.#give();
  }

  #give(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.take(Buffer.concat(kept.pieces).subarray(0, kept.size));
  }

  #aboutNext(flag: string, content: Buffer): void {
    if (flag === "L") this.#next.name = text(content, 0, content.length);
    else if (flag === "K") this.#next.target = text(content, 0, content.length);
    else for (const [key, value] of this.#records(content)) this.#said(flag, key, value);
  }

  #said(flag: string, key: string, value: string): void {
    const isForAll = flag === "g" && ["path", "linkpath", "size"].includes(key);
    // Nobody makes such images, and programs read them differently.
    if (isForAll || key.startsWith("GNU.sparse")) throw this.#unusual();
    const isName = key === "path" || key === "linkpath";
    // An empty one means none to some; behind a zero byte some read on.
    if (isName && (value === "" || value.includes("\0"))) throw this.#unusual();
    if (key === "path") this.#next.name = value;
    else if (key === "linkpath") this.#next.target = value;
    else if (key === "size") {
      if (!/^\d{1,15}$/.test(value)) throw this.#hearer.problem("it is no tarball");
      this.#next.size = Number(value);
    }
  }

  /** Pax: "LENGTH KEY=VALUE\n", the length of all of it. */
  #records(content: Buffer): [string, string][] {
    const found: [string, string][] = [];
    for (let at = 0; at < content.length;) {
      const [digits] = /^[1-9]\d{0,8}(?= )/.exec(content.toString("latin1", at, at + 10)) ?? [""];
      const space = at + digits.length;
      const end = at + Number(digits);
      const equals = content.indexOf(0x3d, space);
      // Its last byte is the end of the line.
      if (digits === "" || equals < 0 || equals >= end || content[end - 1] !== 0x0a) {
        throw this.#hearer.problem("it is no tarball");
      }
      found.push([content.toString("latin1", space + 1, equals), content.toString("latin1", equals + 1, end - 1)]);
      at = end;
    }
    return found;
  }

  /** Octal, or GNU's binary form for large ones. */
  #number(field: Buffer): number {
    if ((field[0]! & 0x80) !== 0) {
      let value = field[0]! & 0x7f;
      for (const byte of field.subarray(1)) value = value * 256 + byte;
      if (Number.isSafeInteger(value)) return value;
      throw this.#hearer.problem("it is no tarball");
    }
    const digits = field.toString("latin1").replaceAll("\0", " ").trim();
    if (!/^[0-7]*$/.test(digits)) throw this.#hearer.problem("it is no tarball");
    return Number.parseInt(digits || "0", 8);
  }
}

function text(block: Buffer, from: number, to: number): string {
  const end = block.indexOf(0, from);
  return block.toString("latin1", from, end < 0 || end > to ? to : end);
}

/** The header's own sum, in which its field counts as spaces. */
function isSummed(block: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += at >= 148 && at < 156 ? 0x20 : block[at]!;
  return Number.parseInt(text(block, 148, 156).trim(), 8) === sum;
}
