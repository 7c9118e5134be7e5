/**
 * Images: files of members that the community may read, told by signed records with their SHA-256. A host fetches one
 * through the files service, in pieces from whoever is near, and believes nothing but the hash.
 */
import { createHash } from "node:crypto";
import { Readable, pipeline } from "node:stream";
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { checkTarball } from "../../platform/engine/tarball.ts";
import { parseCap } from "../../protocols/grid/caps.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import type { FilesClient } from "../files/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { plainArch } from "./architecture.ts";
import { IMAGES_PER_BOX_MAX, IMAGE_BYTES_MAX } from "./constants.ts";
import { computeErrors } from "./errors.ts";
import { NAME } from "./use/slice-file.ts";

export const IMAGE_KIND = "compute-image";
const BODY_BYTES_MAX = 1024;
const HASH = /^[0-9a-f]{64}$/;

const body = z.object({
  hash: z.string().regex(HASH),
  bytes: z.number().int().min(1).max(IMAGE_BYTES_MAX),
  arch: z.string().min(1).max(30),
  cap: z.string().max(500),
  /** A pseudonym would do; the name is what people look for. */
  account: z.string().max(200),
});

export const imageKind: KindSpec = {
  kind: IMAGE_KIND,
  retentionMs: null,
  bodyMaxBytes: BODY_BYTES_MAX,
  livePerAuthorMax: IMAGES_PER_BOX_MAX,
  validate: (json: Json) => body.safeParse(json).success,
};

export interface Image extends z.output<typeof body> {
  name: string;
  box: string;
}

export interface NewImage {
  account: string;
  name: string;
  /** Among the account's files. */
  path: string;
  /** By default what its metadata says, with which it has to agree. */
  arch?: string | undefined;
  /** Of a file that this box has just made. */
  known?: { hash: string; bytes: number; arch: string };
}

export interface Images {
  /** Of the whole community, the own ones first. */
  list(): Image[];
  /** By its name, or its hash; of two with the same name the own one, then the one of the first box. */
  find(nameOrHash: string): Image | undefined;
  /** Throws `compute-image-exists`, `compute-too-many`. */
  checkNew(name: string): void;
  /** Reads the whole file for its hash, unless it is `known`. Throws what reading and `checkNew` throw. */
  publish(wish: NewImage, signal: AbortSignal): Promise<Image>;
  withdraw(account: string, name: string): void;
  /**
   * The bytes as they come; the caller checks them against the hash. Anybody may tell of a file that has another one:
   * of several files each is given in its turn. `compute-image-unknown` when nobody tells of one.
   */
  open(hash: string, signal: AbortSignal): Image & { content: Readable };
}

/** Images of which it is remembered how often they were opened. */
const OPENED_KEPT_MAX = 100;

export function createImages({ mesh, files }: { mesh: MeshClient; files: FilesClient }): Images {
  const list = () => {
    const found = mesh.records(IMAGE_KIND).flatMap(({ author, key, body: json }) => {
      const read = body.safeParse(json);
      return read.success && NAME.test(key) ? [{ ...read.data, name: key, box: author }] : [];
    });
    const isOther = ({ box }: Image) => Number(box !== mesh.selfId);
    return found.toSorted((a, b) => isOther(a) - isOther(b) || (a.name + a.box < b.name + b.box ? -1 : 1));
  };
  const opened = new Map<string, number>();
  const own = (name: string) => list().find((image) => image.box === mesh.selfId && image.name === name);
  const find = (nameOrHash: string) =>
    list().find((image) => image.name === nameOrHash || (HASH.test(nameOrHash) && image.hash === nameOrHash));
  const checkNew = (name: string) => {
    if (own(name)) throw computeErrors.fail("compute-image-exists", { params: { name } });
    if (list().filter(({ box }) => box === mesh.selfId).length >= IMAGES_PER_BOX_MAX) {
      throw computeErrors.fail("compute-too-many", { params: { limit: IMAGES_PER_BOX_MAX } });
    }
  };
  const hashOf = async ({ account, path }: NewImage, signal: AbortSignal) => {
    const { entry, content } = await files.files(account).read(path, { signal });
    if (entry.bytes === 0 || entry.bytes > IMAGE_BYTES_MAX) {
      throw computeErrors.fail("compute-image-bad", { params: { reason: `${entry.bytes} bytes` } });
    }
    const hash = createHash("sha256");
    let bytes = 0;
    // Hosts look into it as well; here its owner hears at once what is wrong.
    let arch = "";
    const check = checkTarball({ unpackedBytesMax: IMAGE_BYTES_MAX, architecture: (name) => (arch = plainArch(name)) });
    const look = pipeline(Readable.from(content), check, (error) => {
      if (error) look.destroy(error);
    });
    try {
      for await (const piece of look as AsyncIterable<Buffer>) {
        hash.update(piece);
        bytes += piece.length;
      }
    } catch (error) {
      if (!isFailure(error, "image-bad")) throw error;
      throw computeErrors.fail("compute-image-bad", { params: { reason: String(error.params["said"]) }, cause: error });
    }
    return { hash: hash.digest("hex"), bytes, arch };
  };
  return {
    list,
    find,
    checkNew,
    async publish(wish, signal) {
      const { account, name, path, known } = wish;
      checkNew(name);
      const { hash, bytes, arch } = known ?? (await hashOf(wish, signal));
      if (wish.arch !== undefined && plainArch(wish.arch) !== arch) {
        throw computeErrors.fail("compute-image-bad", { params: { reason: `architecture: ${arch}` } });
      }
      const { read: cap } = await files.caps(account, path);
      if (cap === null) throw computeErrors.fail("compute-image-bad", { params: { reason: path } });
      // Somebody else may have taken the name while the file was read.
      checkNew(name);
      const image = { hash, bytes, arch, cap, account };
      mesh.publish(IMAGE_KIND, name, image);
      return { ...image, name, box: mesh.selfId };
    },
    withdraw(account, name) {
      if (own(name)?.account !== account) throw computeErrors.fail("compute-image-unknown", { params: { name } });
      mesh.withdraw(IMAGE_KIND, name);
    },
    open(hash, signal) {
      const told = list().filter((one) => one.hash === hash);
      const copies = [...Map.groupBy(told, ({ cap }) => cap).values()].map(([first]) => first!);
      const turn = opened.get(hash) ?? 0;
      opened.delete(hash);
      opened.set(hash, turn + 1);
      for (const old of [...opened.keys()].slice(0, -OPENED_KEPT_MAX)) opened.delete(old);
      const image = copies[turn % copies.length];
      const cap = image && parseCap(image.cap);
      if (!image || !cap || cap.kind === "unknown") {
        throw computeErrors.fail("compute-image-unknown", { params: { name: hash.slice(0, 12) } });
      }
      const content = files.grid("").download(cap, { length: image.bytes, signal });
      return { ...image, content: Readable.from(content, { objectMode: false }) };
    },
  };
}
