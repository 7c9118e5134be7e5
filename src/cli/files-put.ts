/**
 * `comu files put`: files and folders of this machine into the box's. Small files go in one request each, large ones in
 * pieces that a killed box or command does not have to take again: the same file finds its upload by name, size and
 * time.
 */
import type { Stats } from "node:fs";
import { lstat, open, readFile, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { systemClock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import type { Failure } from "../kernel/errors.ts";
import { PIECE_BYTES_MAX } from "../services/files/contract-tree.ts";
import { filesErrors } from "../services/files/errors.ts";
import { cliErrors } from "./call.ts";
import type { Entry, Transfer } from "./files-transfer.ts";
import { ask, oneOfMany, severalAtOnce, skipped, waits } from "./files-transfer.ts";

/** Files up to this go in one request. */
const SMALL_BYTES = 1024 * 1024;
/**
 * Files up to this travel with the change of their folder, which takes many in one write: the more of them are under
 * way, the fewer writes. Larger ones fill the line by themselves.
 */
const TINY_BYTES = 16 * 1024;
const PLACES = 100;
const TINY_PLACES = 1;
const PLACES_OF_OTHERS = 16;
/** Somebody who waits for the storage servers is told this often how far it is. */
const LOOK_MS = 500;
const clock = systemClock();

interface Upload {
  id: string;
  receivedBytes: number;
  storedBytes: number;
  state: "receiving" | "storing" | "done" | "failed";
  error?: string;
  waitingFor?: string;
}

interface Local {
  file: string;
  /** Where it goes in the box. */
  path: string;
  facts: Stats;
}

/** Gives the paths of the files that were put. Throws `file-unreadable`. */
export async function putAll(transfer: Transfer, sources: readonly string[], target: string): Promise<string[]> {
  const put: string[] = [];
  async function* jobs() {
    for await (const local of localFiles(transfer, sources, target)) {
      const run = () =>
        oneOfMany(transfer, local.path, async () => {
          transfer.progress.at(local.path);
          await putFile(transfer, local);
          transfer.files += 1;
          transfer.bytes += local.facts.size;
          put.push(local.path);
        });
      yield { places: local.facts.size <= TINY_BYTES ? TINY_PLACES : PLACES_OF_OTHERS, run };
    }
  }
  await severalAtOnce(jobs(), PLACES);
  return put;
}

/** Folders are made on the way, each before what is in it. */
async function* localFiles(transfer: Transfer, sources: readonly string[], target: string): AsyncGenerator<Local> {
  // As `cp` has it: into a folder that is there, or that is asked for by a slash or by several sources.
  const isInto = sources.length > 1 || target.endsWith("/") || (await isFolder(transfer, target));
  const folder = target.replace(/\/+$/, "");
  if (isInto && folder !== "" && !(await isFolder(transfer, folder))) await makeFolder(transfer, folder);
  for (const source of sources) {
    const facts = await readable(source, () => stat(source));
    if (facts.isFile()) transfer.progress.expect(facts.size);
    yield* below({ file: source, path: isInto ? `${folder}/${basename(resolve(source))}` : target, facts });
  }

  async function* below(local: Local): AsyncGenerator<Local> {
    if (local.facts.isFile()) return yield local;
    if (!local.facts.isDirectory()) return skipped(transfer, local.file, local.facts.isSymbolicLink());
    await makeFolder(transfer, local.path);
    let names: string[] = [];
    await oneOfMany(transfer, local.path, async () => {
      names = (await readable(local.file, () => readdir(local.file))).toSorted();
    });
    if (transfer.progress.isShown) await expectAll(transfer, local.file, names);
    for (const name of names) {
      const [file, path] = [join(local.file, name), `${local.path}/${name}`];
      let facts: Stats | undefined;
      // Links are not followed: one to a folder above would never end.
      await oneOfMany(transfer, path, async () => {
        facts = await readable(file, () => lstat(file));
      });
      if (facts) yield* below({ file, path, facts });
    }
  }
}

/** All files of a folder together: counted one by one as they are begun, the line would always be nearly full. */
async function expectAll({ progress }: Transfer, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const facts = await lstat(join(folder, name)).catch(() => undefined);
    if (facts?.isFile()) progress.expect(facts.size);
  }
}

async function isFolder(transfer: Transfer, path: string): Promise<boolean> {
  try {
    return (await ask<Entry>(transfer, "entry", { path: path || "/" })).kind === "folder";
  } catch (error) {
    if (isFailure(error, "files-not-found")) return false;
    throw error;
  }
}

async function makeFolder(transfer: Transfer, path: string): Promise<void> {
  try {
    await ask(transfer, "makeFolder", { path });
  } catch (error) {
    if (!isFailure(error, "files-exists") || !(await isFolder(transfer, path))) throw error;
  }
}

async function putFile(transfer: Transfer, { file, path, facts }: Local): Promise<void> {
  const modifiedAt = new Date(facts.mtimeMs).toISOString();
  if (facts.size <= SMALL_BYTES) {
    const content = await readable(file, () => readFile(file));
    await ask(transfer, "putSmall", { path, modifiedAt }, content);
    return transfer.progress.done(facts.size);
  }
  const fingerprint = `${path} ${facts.size} ${Math.floor(facts.mtimeMs)}`;
  const begun = await ask<Upload>(transfer, "beginUpload", { path, bytes: facts.size, modifiedAt, fingerprint });
  const upload = await sendPieces(transfer, file, facts.size, begun);
  await stored(transfer, path, upload);
}

async function sendPieces(transfer: Transfer, file: string, size: number, begun: Upload): Promise<Upload> {
  let upload = begun.state === "failed" ? await ask<Upload>(transfer, "retryUpload", { id: begun.id }) : begun;
  transfer.progress.had(halfDone(upload));
  const handle = await readable(file, () => open(file, "r"));
  try {
    while (upload.state === "receiving" && upload.receivedBytes < size) {
      const offset = upload.receivedBytes;
      const piece = Buffer.alloc(Math.min(PIECE_BYTES_MAX, size - offset));
      const { bytesRead } = await readable(file, () => handle.read(piece, 0, piece.length, offset));
      // It got shorter while it was read.
      if (bytesRead !== piece.length) throw cliErrors.fail("file-unreadable", { params: { file } });
      const before = halfDone(upload);
      upload = await ask<Upload>(transfer, "putPiece", { id: upload.id, offset }, piece);
      transfer.progress.done(halfDone(upload) - before);
    }
  } finally {
    await handle.close();
  }
  return upload;
}

/** The box has to take it in, and the storage servers too. */
function halfDone({ receivedBytes, storedBytes }: Upload): number {
  return (receivedBytes + storedBytes) / 2;
}

/** Waits until the storage servers have it. */
async function stored(transfer: Transfer, path: string, sent: Upload): Promise<void> {
  const { isShown, done } = transfer.progress;
  let shownBytes = halfDone(sent);
  const look = async (wait: boolean) => {
    const seen = await ask<Upload>(transfer, "upload", { id: sent.id, wait });
    const nowBytes = Math.max(shownBytes, halfDone(seen));
    done(nowBytes - shownBytes);
    shownBytes = nowBytes;
    return seen;
  };
  // The answer that is waited for comes at the end only; these looks are for the line, and may fail.
  const stopLooking = isShown ? clock.every(LOOK_MS, () => void look(false).catch(() => {})) : () => {};
  try {
    await untilStored(transfer, path, sent, () => look(true));
  } finally {
    stopLooking();
  }
}

async function untilStored(transfer: Transfer, path: string, sent: Upload, look: () => Promise<Upload>): Promise<void> {
  let upload = sent;
  let told: string | undefined;
  while (upload.state === "storing" || upload.state === "receiving") {
    upload = await look();
    if (upload.waitingFor !== undefined && upload.waitingFor !== told) {
      waits(transfer, path, await failureOf(transfer, upload));
    }
    told = upload.waitingFor ?? told;
  }
  if (upload.state !== "done") throw await failureOf(transfer, upload);
}

async function failureOf(transfer: Transfer, { error: code = "" }: Upload): Promise<Failure> {
  if (code === "files-not-spread") {
    const { grid } = await ask<{ grid: { reachable: number; happy: number } }>(transfer, "status", {});
    return filesErrors.fail(code, { params: { found: grid.reachable, wanted: grid.happy } });
  }
  return code in filesErrors.table ? filesErrors.fail(code as "files-no-room") : cliErrors.fail("upload-failed");
}

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw cliErrors.fail("file-unreadable", { params: { file }, cause });
  }
}
