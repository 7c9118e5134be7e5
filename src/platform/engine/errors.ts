/**
 * What can go wrong with a container engine, as stable codes. `asEngineFailure` reads what an engine said; Incus and
 * LXD give an HTTP code and a sentence in English, and some of the sentences are all that tells two cases apart.
 */
import { defineErrors } from "../../kernel/errors.ts";
import type { Failure } from "../../kernel/errors.ts";
import { ENGINE_SAID_CHARS_MAX } from "./constants.ts";

export const engineErrors = defineErrors({
  /** No socket of an engine is there. Nothing was done. Params: paths. */
  "engine-missing": 503,
  /** This account may not speak with the engine. Nothing was done. Params: socket. */
  "engine-refused": 403,
  /** The socket is there and nobody answers at it. Nothing was done. Params: socket. */
  "engine-unreachable": 503,
  /** The connection broke, or the engine was started again, after it was asked: nobody knows whether it was done. */
  "engine-interrupted": 502,
  /** No answer in time: nobody knows whether it was done. Params: seconds. */
  "engine-timeout": 504,
  /** What answers is no engine, or one that speaks otherwise than known. Params: what. */
  "engine-garbled": 502,
  /** An answer, a file or an output is longer than taken. Params: limit. */
  "engine-answer-too-large": 502,
  /** The engine's disk, pool or a quota is full. Params: said. */
  "engine-full": 507,
  /** Our own limit of questions or streams under way is reached. Params: limit. */
  "engine-busy": 503,
  /** The engine cannot do this at all here. Params: what. */
  "engine-unable": 501,
  /** The engine does not take what it was given. Params: said. */
  "engine-bad-request": 400,
  /** It tried and could not. Params: said. */
  "engine-failed": 502,
  /** The task was cancelled. */
  "engine-cancelled": 409,
  /** Params: name. */
  "no-such-instance": 404,
  /** Params: name. */
  "no-such-image": 404,
  /** Anything else that is not there: a snapshot, a file, a network … Params: kind, name. */
  "engine-has-no": 404,
  /** Params: kind, name. */
  "already-exists": 409,
  /** It runs and must be stopped, is stopped and must run, or something else is being done with it. Params: said. */
  "instance-state": 409,
  /** The tarball is no image, or not the one that was meant. Params: said. */
  "image-bad": 400,
});

export const fail = engineErrors.fail;

type Kind = "instance" | "command" | "image" | "snapshot" | "file" | "operation" | CollectionKind;
type CollectionKind = "network" | "profile" | "storage-pool" | "project";

/** What a request was about, for the words of an error. */
export interface About {
  kind: Kind;
  name: string;
  /** The instance that a file or snapshot is of. */
  instance?: string;
  /** The image that an instance is made of. */
  image?: string;
}

const FULL = /no space left|disk quota exceeded|not enough space|quota.*exceed|exceeds? .*(?:limit|quota)|ENOSPC/i;
const EXISTS = /already exists|already (?:in use|used|defined)/i;
const STATE =
  /is (?:not |already )?(?:running|stopped)|already (?:running|stopped|started)|isn't running|is busy|frozen/i;
const BAD_IMAGE =
  /fingerprints don't match|metadata|tar: |unsquashfs|unpack|unexpected EOF|gzip|compression|not a.*archive|rootfs/i;
const MISSING = /\bnot found\b|(?:does not|doesn't) exist|no such object/i;
const MISSING_INSTANCE = /instance not found/i;
const MISSING_IMAGE = /image.* not found|image not provided/i;
const MISSING_OTHER = new RegExp(
  `\\b(profile|network|storage pool|project)\\b(?: "([^"]+)")?(?: for project "[^"]*"| not found| doesn't exist)`,
  "i",
);
const BAD_REQUEST = /^invalid\b|unknown configuration key/i;
const UNABLE = /not supported|isn't supported|not operational|unsupported|requires? .*kernel|doesn't support/i;

/** `code`: the HTTP status that the engine gave, or 400 for a task that failed. */
export function asEngineFailure(code: number, text: string, about: About): Failure {
  const said = text.replaceAll(/\s+/g, " ").trim().slice(0, ENGINE_SAID_CHARS_MAX) || `HTTP ${code}`;
  const cause = new Error(`the engine says ${code}: ${said}`);
  if (FULL.test(said)) return fail("engine-full", { params: { said }, cause });
  if (code === 403) return fail("engine-refused", { params: { socket: said }, cause });
  if (code === 404 || MISSING.test(said) || MISSING_IMAGE.test(said)) return missing(said, about, cause);
  if (code === 409 || EXISTS.test(said)) {
    if (STATE.test(said) && !EXISTS.test(said)) return fail("instance-state", { params: { said }, cause });
    return fail("already-exists", { params: { kind: about.kind, name: about.name }, cause });
  }
  if (STATE.test(said)) return fail("instance-state", { params: { said }, cause });
  if (about.kind === "image" && BAD_IMAGE.test(said)) return fail("image-bad", { params: { said }, cause });
  if (code === 501 || UNABLE.test(said)) return fail("engine-unable", { params: { what: said }, cause });
  if (BAD_REQUEST.test(said) || (code === 400 && !/^failed/i.test(said))) {
    return fail("engine-bad-request", { params: { said }, cause });
  }
  return fail("engine-failed", { params: { said }, cause });
}

function missing(said: string, about: About, cause: Error): Failure {
  if (about.kind === "image" || MISSING_IMAGE.test(said)) {
    return fail("no-such-image", { params: { name: about.image ?? about.name }, cause });
  }
  // An instance may lack what it is to stand on.
  const [, kind, name] = about.kind === "instance" ? (MISSING_OTHER.exec(said) ?? []) : [];
  if (kind !== undefined) {
    return fail("engine-has-no", { params: { kind: kind.toLowerCase(), name: name ?? "" }, cause });
  }
  if (about.kind === "instance" || MISSING_INSTANCE.test(said)) {
    return fail("no-such-instance", { params: { name: about.instance ?? about.name }, cause });
  }
  return fail("engine-has-no", { params: { kind: about.kind, name: about.name }, cause });
}
