/**
 * Images: tarballs that the engine has taken in, each named by the SHA-256 of its bytes. So an image that came over a
 * slow link through other people's boxes is checked here once more, by whoever is going to run it.
 */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { Transform } from "node:stream";
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { checked } from "./answers.ts";
import { fail } from "./errors.ts";
import type { About } from "./errors.ts";
import type { TaskOptions } from "./instances.ts";
import { fingerprint } from "./names.ts";
import { task } from "./operations.ts";
import type { Transport } from "./transport.ts";

export interface Image {
  fingerprint: string;
  sizeBytes: number;
  architecture: string;
  /** Such as `os`, `release`, `description`. */
  properties: Readonly<Record<string, string>>;
  type: "container" | "virtual-machine";
  uploadedAt: string;
}

export interface Images {
  list(): Promise<Image[]>;
  get(fingerprint: string): Promise<Image>;
  /**
   * Takes in a unified tarball, streaming, and gives its fingerprint. With a `fingerprint` nothing else is taken:
   * `image-bad`; without one, LXD also takes a tarball that ends too early, since it looks at its beginning only. One
   * that is there already is `already-exists`, whose `name` is its fingerprint.
   */
  import(tarball: Readable, options?: TaskOptions & { fingerprint?: string; sizeBytes?: number }): Promise<string>;
  delete(fingerprint: string, options?: TaskOptions): Promise<void>;
}

const imageShape = z.object({
  ...{ fingerprint: z.string(), size: z.number(), architecture: z.string(), type: z.string().nullish() },
  ...{ properties: z.record(z.string(), z.string()).nullish(), uploaded_at: z.string() },
});
const imported = z.object({ fingerprint: z.string() });

export function images(transport: Transport): Images {
  const about = (name: string): About => ({ kind: "image", name });
  return {
    async list() {
      const answer = await transport.ask({ path: "/images", query: { recursion: "1" }, about: about("") });
      return checked(z.array(imageShape), answer.metadata, "a list of images").map(asImage);
    },
    async get(print) {
      const answer = await transport.ask({ path: `/images/${fingerprint(print)}`, about: about(print) });
      return asImage(checked(imageShape, answer.metadata, "an image"));
    },
    async import(tarball, { fingerprint: wanted, sizeBytes, ...options } = {}) {
      if (wanted !== undefined) fingerprint(wanted);
      const hash = createHash("sha256");
      const body = tarball.pipe(counted(hash, wanted));
      tarball.once("error", (error) => body.destroy(error));
      body.once("close", () => tarball.destroy());
      const size: Record<string, string> = sizeBytes === undefined ? {} : { "Content-Length": String(sizeBytes) };
      const headers = { ...size, "Content-Type": "application/octet-stream" };
      const ask = { method: "POST", path: "/images", body, headers, about: about(wanted ?? ""), ...options } as const;
      try {
        const done = checked(imported, await task(transport, ask), "an import");
        return done.fingerprint;
      } catch (error) {
        if (!isFailure(error, "already-exists") || !body.readableEnded) throw error;
        throw fail("already-exists", { params: { kind: "image", name: sum(hash) }, cause: error });
      } finally {
        body.destroy();
      }
    },
    async delete(print, options) {
      const path = `/images/${fingerprint(print)}`;
      await task(transport, { method: "DELETE", path, about: about(print), ...options });
    },
  };
}

const sum = (hash: ReturnType<typeof createHash>) => hash.copy().digest("hex");

/** Passes bytes on and counts them into the hash; the last of them only when the hash is the wanted one. */
function counted(hash: ReturnType<typeof createHash>, wanted: string | undefined): Transform {
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      // One chunk stays back, so that an engine never has the whole of a wrong tarball.
      const ready = held;
      held = chunk;
      done(null, ready);
    },
    flush(done) {
      const found = sum(hash);
      if (wanted !== undefined && !found.startsWith(wanted)) {
        return done(fail("image-bad", { params: { said: `its SHA-256 is ${found}` } }));
      }
      done(null, held);
    },
  });
}

function asImage(one: z.infer<typeof imageShape>): Image {
  return {
    ...{ fingerprint: one.fingerprint, sizeBytes: one.size, architecture: one.architecture },
    ...{ properties: one.properties ?? {}, uploadedAt: one.uploaded_at },
    type: one.type === "virtual-machine" ? "virtual-machine" : "container",
  };
}
