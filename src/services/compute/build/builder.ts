/**
 * Makes images on this box, one at a time: a Debian in a folder of the data folder, then a file among its owner's
 * files, then a record that tells the community. What is left of a building that was killed is taken away at the start.
 *
 *   none, done, failed, cancelled ──start──► running ──► done
 *                  ▲                            ├─ error, killed ──► failed
 *                  └────────────────────────────└─ cancel ─────────► cancelled
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { asFailure, isFailure } from "../../../kernel/errors.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { buildDebian, isBuildFailure } from "../../../platform/debian/build.ts";
import type { DebianRecipe } from "../../../platform/debian/build.ts";
import type { BuildStage } from "../../../platform/debian/progress.ts";
import { writeAtomic } from "../../../platform/files.ts";
import type { FilesClient } from "../../files/client.ts";
import { computeErrors } from "../errors.ts";
import type { Image, Images } from "../images.ts";

export interface BuildWish {
  account: string;
  /** Of the image. */
  name: string;
  recipe: DebianRecipe;
  architecture: string;
}

export interface Building {
  state: "none" | "running" | "done" | "failed" | "cancelled";
  name: string;
  suite: string;
  stage: BuildStage;
  percent: number;
  beganMs: number;
  endedMs: number | undefined;
  image: Image | undefined;
  /** What went wrong, and the last lines of the tools. */
  failure: Failure | undefined;
  log: string;
}

export interface BuilderNeeds {
  clock: Clock;
  log: Log;
  /** Of this service alone; it is emptied. */
  folder: string;
  files: FilesClient;
  images: Images;
  changed: () => void;
  build?: typeof buildDebian;
}

const IMAGES_FOLDER = "/Images";
const NOTE = "building.json";
const noteShape = z.object({ name: z.string(), suite: z.string(), beganMs: z.number() });
const NOTHING: Building = {
  ...{ state: "none", name: "", suite: "", stage: "download", percent: 0, beganMs: 0, log: "" },
  ...{ endedMs: undefined, image: undefined, failure: undefined },
};

export class Builder {
  readonly #needs: BuilderNeeds;
  #now: Building = NOTHING;
  #stop: AbortController | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(needs: BuilderNeeds) {
    this.#needs = needs;
  }

  get now(): Building {
    return this.#now;
  }

  /** Takes away what a killed daemon left, and says so. */
  async start(): Promise<void> {
    const note = await readFile(join(this.#needs.folder, NOTE), "utf8").catch(() => undefined);
    await this.#clear();
    if (note === undefined) return;
    const { data } = noteShape.safeParse(parsed(note));
    const failure = computeErrors.fail("compute-build-interrupted");
    this.#now = { ...NOTHING, ...data, state: "failed", endedMs: this.#needs.clock.wallMs(), failure };
  }

  async stop(): Promise<void> {
    this.#stop?.abort(new Error("the box stops"));
    await this.#work;
  }

  /**
   * Begins; `wait` tells when it has ended, however it did. Throws `compute-building`, `compute-image-exists`,
   * `compute-too-many`, and what the files service throws when nothing can be stored.
   */
  async begin(wish: BuildWish): Promise<void> {
    const { clock, images, files, folder } = this.#needs;
    if (this.#stop) throw computeErrors.fail("compute-building", { params: { name: this.#now.name } });
    const stop = (this.#stop = new AbortController());
    const before = this.#now;
    const { name, recipe } = wish;
    this.#now = { ...NOTHING, state: "running", name, suite: recipe.suite, beganMs: clock.wallMs() };
    try {
      images.checkNew(name);
      // Also tells before the long work whether anything can be stored.
      await files.files(wish.account).makeFolder(IMAGES_FOLDER).catch(unlessThere);
      await this.#clear();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { suite, beganMs } = this.#now;
      await writeAtomic(join(folder, NOTE), JSON.stringify({ name, suite, beganMs }));
    } catch (error) {
      [this.#now, this.#stop] = [before, undefined];
      throw error;
    }
    this.#work = this.#run(wish, stop.signal);
    this.#needs.changed();
  }

  /** Resolves when none is under way. */
  wait(): Promise<void> {
    return this.#work;
  }

  /** Resolves when it has ended. Throws `compute-no-building`. */
  async cancel(): Promise<void> {
    if (!this.#stop) throw computeErrors.fail("compute-no-building");
    this.#stop.abort(computeErrors.fail("compute-build-cancelled"));
    await this.#work;
  }

  async #run(wish: BuildWish, signal: AbortSignal): Promise<void> {
    const { clock, log, changed } = this.#needs;
    let end: Partial<Building>;
    try {
      end = { state: "done", percent: 100, image: await this.#make(wish, signal) };
    } catch (error) {
      const failure = asFailure(error);
      const isCancelled = isFailure(failure, "compute-build-cancelled");
      const said = failure.cause instanceof Error && isBuildFailure(failure) ? failure.cause.message : "";
      end = { state: isCancelled ? "cancelled" : "failed", failure, log: said };
      if (!isCancelled && !signal.aborted) log.warn("an image could not be made", { name: wish.name, error });
    }
    await this.#clear().catch((error: unknown) => log.warn("a building could not be cleared away", { error }));
    this.#now = { ...this.#now, ...end, endedMs: clock.wallMs() };
    this.#stop = undefined;
    changed();
  }

  async #make({ account, name, recipe, architecture }: BuildWish, signal: AbortSignal): Promise<Image> {
    const { clock, folder, images, files, build = buildDebian } = this.#needs;
    const progress = (stage: BuildStage, percent: number) => {
      this.#now = { ...this.#now, stage, percent };
      this.#needs.changed();
    };
    const place = join(folder, "debian");
    await mkdir(place);
    signal.throwIfAborted();
    const env = process.env;
    const { file, bytes } = await build(recipe, { folder: place, architecture, clock, env, signal, progress });
    const hash = createHash("sha256");
    const from = this.#now.percent;
    let sent = 0;
    const pieces = async function* () {
      for await (const piece of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
        hash.update(piece);
        yield piece;
        sent += piece.length;
        progress("store", Math.floor(from + ((99 - from) * sent) / bytes));
      }
    };
    const path = `${IMAGES_FOLDER}/${name}.tar.gz`;
    await files.files(account).write(path, pieces(), { mediaType: "application/gzip", signal });
    const known = { hash: hash.digest("hex"), bytes, arch: architecture };
    return images.publish({ account, name, path, known }, signal);
  }

  async #clear(): Promise<void> {
    // What was just killed may still be writing.
    await rm(this.#needs.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unlessThere(error: unknown): void {
  if (!isFailure(error, "files-exists")) throw error;
}
