/**
 * Links between boxes. A link ends with `BOX-SECRET`: the first letters of the id of the box that shares, by which any
 * other box of the community finds it, and the secret. What is behind it comes over the mesh, so that it works wherever
 * two boxes see each other; the secret goes to the sharing box alone.
 *
 *   our member ──► our box ── stream "/files/shared": one line {secret, path, at?, length?} ──► the sharing box
 *                          ◄── one line {view} or {error}, then the bytes that were asked for
 */
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { firstLine } from "../../platform/first-line.ts";
import type { MeshClient } from "../mesh/client.ts";
import {
  LINK_ANSWER_BYTES_MAX,
  LINK_ENTRIES_MAX,
  LINK_READS_MAX,
  LINK_READS_PER_BOX_MAX,
  LINK_TIMEOUT_MS,
} from "./constants.ts";
import { filesErrors } from "./errors.ts";
import { sharedView } from "./shapes.ts";
import type { z } from "zod";

const SHARED_PATH = "/files/shared";
/** So many letters of a box's id are in a link. */
const BOX_CHARS = 16;
const QUESTION_BYTES_MAX = 32 * 1024;
/** Alone, or in an address, with what was looked at behind it. */
const TOKEN = /(?:^|[#/])([a-z2-7]{16})-([a-z2-7]{1,64})(?:\/.*)?$/;

export type SharedView = z.output<typeof sharedView>;

/** What is behind a token, on this box or on another one. */
export interface Shared {
  view: SharedView;
  /** Of the entry, when it is a file. */
  read(at: number, length: number): AsyncIterable<Uint8Array>;
}

export interface Links {
  /** The token of a link that is made here. */
  tokenOf(secret: string): string;
  /** Throws `files-link-gone`, `files-unreachable`, and what the other box says. */
  open(token: string, path: string): Promise<Shared>;
  /** The box of a link, if it is in the community now. */
  boxOf(url: string): string | undefined;
  /** The box and the token of a link that somebody pasted. Throws `files-link-gone`. */
  parse(url: string): { boxId: string; token: string };
}

export interface LinksNeeds {
  clock: Clock;
  log: Log;
  mesh: MeshClient;
  /** What a secret of this box opens. Throws `files-link-gone`, `files-not-found`. */
  openOwn: (secret: string, path: string) => Promise<Shared>;
}

export function createLinks(needs: LinksNeeds): Links {
  const { clock, log, mesh } = needs;
  let reads = 0;
  /** By box. */
  const readsOf = new Map<string, number>();
  const count = (peer: string, change: 1 | -1) => {
    reads += change;
    const now = (readsOf.get(peer) ?? 0) + change;
    if (now > 0) readsOf.set(peer, now);
    else readsOf.delete(peer);
  };
  mesh.serveStreams(SHARED_PATH, (peer, stream) => {
    stream.on("error", () => stream.destroy());
    const isTooMany = reads >= LINK_READS_MAX || (readsOf.get(peer) ?? 0) >= LINK_READS_PER_BOX_MAX;
    if (isTooMany) return void stream.destroy();
    count(peer, 1);
    void answer(needs, stream)
      .catch((error: unknown) => log.debug("a link was not read to its end", { error }))
      .finally(() => {
        count(peer, -1);
        stream.destroy();
      });
  });
  const gone = () => filesErrors.fail("files-link-gone");
  const boxOf = (url: string): string | undefined => {
    const head = TOKEN.exec(url)?.[1];
    if (head === undefined) return undefined;
    if (mesh.selfId.startsWith(head)) return mesh.selfId;
    return mesh.boxes().find(({ id, state }) => id.startsWith(head) && state !== "excluded")?.id;
  };
  const split = (url: string) => {
    const [, head, secret] = TOKEN.exec(url.trim()) ?? [];
    const boxId = boxOf(url.trim());
    if (boxId === undefined || secret === undefined) throw gone();
    return { boxId, secret, token: `${head}-${secret}` };
  };
  return {
    tokenOf: (secret) => `${mesh.selfId.slice(0, BOX_CHARS)}-${secret}`,
    boxOf,
    parse(url) {
      const { boxId, token } = split(url);
      return { boxId, token };
    },
    async open(token, path) {
      const { boxId, secret } = split(token);
      if (boxId === mesh.selfId) return needs.openOwn(secret, path);
      const { view, stream } = await askOther(mesh, clock, boxId, { secret, path });
      stream.destroy();
      return {
        view,
        async *read(at, length) {
          const opened = await askOther(mesh, clock, boxId, { secret, path, at, length });
          yield* opened.bytes;
        },
      };
    },
  };
}

interface Question {
  secret: string;
  path: string;
  /** With them: also the bytes. */
  at?: number;
  length?: number;
}

async function askOther(mesh: MeshClient, clock: Clock, boxId: string, question: Question) {
  const stream = await mesh.openStream(boxId, SHARED_PATH);
  const stop = timeLimit(clock, stream);
  try {
    stream.write(`${JSON.stringify(question)}\n`);
    const { line, rest } = await firstLine(stream, LINK_ANSWER_BYTES_MAX);
    stop();
    const said = JSON.parse(line) as { view?: unknown; error?: { code?: unknown } };
    if (said.error) throw refusalOf(said.error.code);
    const view = sharedView.safeParse(said.view);
    if (!view.success) throw unreachable();
    return { view: view.data, stream, bytes: rest };
  } catch (error) {
    stop();
    stream.destroy();
    throw isFailure(error) ? error : unreachable(error);
  }
}

function unreachable(cause?: unknown) {
  return filesErrors.fail("files-unreachable", { params: { found: 0, needed: 1 }, cause });
}

/** Another box does not choose our words. */
function refusalOf(code: unknown) {
  const known = ["files-link-gone", "files-unreachable", "files-damaged"] as const;
  const found = known.find((one) => one === code);
  return found === undefined || found === "files-link-gone"
    ? filesErrors.fail("files-link-gone")
    : filesErrors.fail(found, { params: { found: 0, good: 0, needed: 1 } });
}

/** Our part: one question, one answer. */
async function answer({ openOwn, clock }: LinksNeeds, stream: Duplex): Promise<void> {
  const stop = timeLimit(clock, stream);
  const { line } = await firstLine(stream, QUESTION_BYTES_MAX);
  stop();
  const { secret, path, at, length } = JSON.parse(line) as Partial<Record<keyof Question, unknown>>;
  let shared: Shared;
  try {
    shared = await openOwn(String(secret), String(path));
  } catch (error) {
    if (!isFailure(error)) throw error;
    return void stream.end(`${JSON.stringify({ error: { code: error.code } })}\n`);
  }
  const { view } = shared;
  const head = `${JSON.stringify({ view: { ...view, entries: view.entries.slice(0, LINK_ENTRIES_MAX) } })}\n`;
  if (view.entry.kind !== "file" || !isCount(at) || !isCount(length)) return void stream.end(head);
  async function* all() {
    yield Buffer.from(head);
    yield* shared.read(at as number, length as number);
  }
  await pipeline(Readable.from(all()), stream);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Until the first line is there; afterwards whoever reads has a pace of their own. */
function timeLimit(clock: Clock, stream: Duplex): Cancel {
  return clock.after(LINK_TIMEOUT_MS, () => stream.destroy(new Error("no answer in time")));
}
