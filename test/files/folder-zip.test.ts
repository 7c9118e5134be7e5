/**
 * Folders as one .zip: read back by Info-ZIP and by Python, also beyond 4 GiB; what is not there, changes or never
 * ends; and how many are made at one time.
 */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { crc32 } from "node:zlib";
import type { BytesAnswer } from "../../src/kernel/contract.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { LINK_ENTRIES_MAX } from "../../src/services/files/constants.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import type { Links } from "../../src/services/files/links.ts";
import { PATH_NAMES_MAX } from "../../src/services/files/tree/paths.ts";
import {
  ZIPS_MAX,
  ZIPS_PER_OWNER_MAX,
  ZIP_AHEAD,
  ZIP_AHEAD_FILE_MAX_BYTES,
  ZIP_ENTRIES_MAX,
  ZIP_PIECE_BYTES,
} from "../../src/services/files/zip/constants.ts";
import { createZips } from "../../src/services/files/zip/folder-zip.ts";
import type { ZipSource } from "../../src/services/files/zip/folder-zip.ts";
import { zipOfFiles, zipOfLink } from "../../src/services/files/zip/sources.ts";
import { centralHeader, descriptor, endOfZip, localHeader, zipBytes } from "../../src/services/files/zip/zip-format.ts";
import type { ZipEntry } from "../../src/services/files/zip/zip-format.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { run, runOk } from "../support/process.ts";
import { memoryFiles } from "./memory-files.ts";
import { bytesOf, content, noise } from "./tree-box.ts";

const PYTHON = "/usr/bin/python3";
const MODIFIED_MS = Date.UTC(2024, 4, 3, 10, 20, 30);
const TOP = { name: "Fotos", modifiedMs: MODIFIED_MS };
const { signal } = new AbortController();

before(() => needDebian(["unzip", "python3"]));

const failsWith = (code: string, limit?: number) => (error: unknown) =>
  isFailure(error, code) && (limit === undefined || error.params["limit"] === limit);
const bodyOf = (answer: BytesAnswer) => answer.body as AsyncIterable<Uint8Array>;

/** Every name with its length and time, or what is wrong with the archive. */
async function read(file: string): Promise<{ bad: string | null; all: [string, number, number[]][] }> {
  const script = `
import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(json.dumps({"bad": z.testzip(), "all": [[i.filename, i.file_size, list(i.date_time)] for i in z.infolist()]}))`;
  return JSON.parse(await runOk([PYTHON, "-c", script, file])) as Awaited<ReturnType<typeof read>>;
}

test("what two other programs unpack is what is in the folder, names and times too", async () => {
  const files = memoryFiles();
  const large = noise(3 * ZIP_AHEAD_FILE_MAX_BYTES);
  await files.makeFolder("/2026 àéñ 日本");
  await files.makeFolder("/2026 àéñ 日本/buit");
  await files.write("/2026 àéñ 日本/gran.bin", content(large), { modifiedMs: MODIFIED_MS });
  await files.write("/cap a c\\b.txt", content("hola\n"), { modifiedMs: MODIFIED_MS });
  await files.write("/res", content(), { modifiedMs: MODIFIED_MS });
  for (let n = 0; n < 3 * ZIP_AHEAD; n += 1) await files.write(`/n${n}`, content(`number ${n}`));
  const answer = await createZips().answer("anna", zipOfFiles(files, TOP), "/", signal);
  assert.equal(answer.headers!["content-disposition"], "attachment; filename*=UTF-8''Fotos.zip");
  const bytes = await bytesOf(bodyOf(answer));
  assert.equal(bytes.length, answer.length, "its length is told before");

  const folder = temporaryFolder("zip");
  const file = join(folder, "a.zip");
  writeFileSync(file, bytes);
  const { bad, all } = await read(file);
  assert.equal(bad, null);
  assert.equal(all.length, 6 + 3 * ZIP_AHEAD);
  assert.deepEqual(
    all.find(([name]) => name === "Fotos/2026 àéñ 日本/gran.bin"),
    ["Fotos/2026 àéñ 日本/gran.bin", large.length, [2024, 5, 3, 10, 20, 30]],
  );
  mkdirSync(join(folder, "out"));
  const said = await runOk(["unzip", "-q", file, "-d", join(folder, "out")], { env: { LC_ALL: "C.UTF-8" } });
  assert.equal(said, "", "no warnings");
  const out = join(folder, "out", "Fotos");
  assert.ok(readFileSync(join(out, "2026 àéñ 日本", "gran.bin")).equals(large));
  assert.equal(statSync(join(out, "2026 àéñ 日本", "gran.bin")).mtimeMs, MODIFIED_MS);
  assert.deepEqual(readdirSync(join(out, "2026 àéñ 日本", "buit")), []);
  assert.equal(readFileSync(join(out, "cap a c\\b.txt"), "utf8"), "hola\n");
  assert.equal(readFileSync(join(out, "res"), "utf8"), "");
  assert.equal(readFileSync(join(out, "n7"), "utf8"), "number 7");
});

test("a folder below the top, and one with nothing in it", async () => {
  const files = memoryFiles();
  await files.makeFolder("/a");
  await files.makeFolder("/a/b");
  const file = join(temporaryFolder("zip"), "b.zip");
  const answer = await createZips().answer("anna", zipOfFiles(files, { name: "b", modifiedMs: 0 }), "/a/b", signal);
  writeFileSync(file, await bytesOf(bodyOf(answer)));
  const { bad, all } = await read(file);
  assert.deepEqual([bad, all], [null, [["b/", 0, [1980, 1, 1, 0, 0, 0]]]]);
  assert.equal(zipOfFiles(files, { name: "", modifiedMs: 0 }).name, "files", "the top folder of all");
});

test("beyond 4 GiB, and beyond 65,535 entries", { timeout: 300_000 }, async () => {
  const huge = { name: "big", bytes: 2 ** 32 + 5, modifiedMs: MODIFIED_MS };
  const after = { name: "after", bytes: 2, modifiedMs: MODIFIED_MS };
  const file = join(temporaryFolder("zip"), "huge.zip");
  const fd = openSync(file, "w");
  // Zeros that were never written: a hole in the file.
  const zeros = Buffer.alloc(2 ** 20);
  let checksum = 0;
  for (let left = huge.bytes; left > 0; left -= zeros.length)
    checksum = crc32(zeros.subarray(0, Math.min(zeros.length, left)), checksum);
  const head = localHeader(huge);
  writeSync(fd, head, 0, head.length, 0);
  const behind = Buffer.concat([
    descriptor(huge, checksum),
    localHeader(after),
    Buffer.from("ok"),
    descriptor(after, crc32("ok")),
  ]);
  writeSync(fd, behind, 0, behind.length, head.length + huge.bytes);
  const second = head.length + huge.bytes + descriptor(huge, checksum).length;
  const at = head.length + huge.bytes + behind.length;
  const central = Buffer.concat([
    centralHeader(huge, { checksum, at: 0 }),
    centralHeader(after, { checksum: crc32("ok"), at: second }),
  ]);
  const end = endOfZip(2, { at, bytes: central.length });
  writeSync(fd, Buffer.concat([central, end]), 0, central.length + end.length, at);
  closeSync(fd);
  assert.equal(statSync(file).size, zipBytes([huge, after]));
  const script = `
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.read("after").decode(), [i.file_size for i in z.infolist()], z.open("big").read(3))`;
  assert.equal(await runOk([PYTHON, "-c", script, file]), "ok [4294967301, 2] b'\\x00\\x00\\x00'\n");
  assert.equal(await runOk(["unzip", "-p", file, "after"]), "ok");

  const many: ZipEntry[] = Array.from({ length: 70_000 }, (_, n) => ({ name: `${n}`, bytes: 0, modifiedMs: 0 }));
  const pieces: Buffer[] = [];
  let to = 0;
  const places = many.map((entry) => {
    const piece = Buffer.concat([localHeader(entry), descriptor(entry, 0)]);
    pieces.push(piece);
    to += piece.length;
    return { checksum: 0, at: to - piece.length };
  });
  const lines = Buffer.concat(many.map((entry, n) => centralHeader(entry, places[n]!)));
  pieces.push(lines, endOfZip(many.length, { at: to, bytes: lines.length }));
  const all = join(temporaryFolder("zip"), "many.zip");
  writeFileSync(all, Buffer.concat(pieces));
  assert.equal(statSync(all).size, zipBytes(many));
  const counted = await runOk([
    PYTHON,
    "-c",
    "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))",
    all,
  ]);
  assert.equal(counted, "70000\n");
  assert.match((await run(["unzip", "-t", "-qq", all])).stdout, /^(?:No errors.*)?$/s);
});

/** Folders and files by path; a folder has a list. */
function source(tree: Record<string, string | string[]>, changes: Partial<ZipSource> = {}): ZipSource {
  return {
    ...TOP,
    list: async (path) =>
      (tree[path] as string[]).map((name) => {
        const own = tree[`${path === "/" ? "" : path}/${name}`] ?? "";
        const kind = Array.isArray(own) ? "folder" : "file";
        return { name, kind, bytes: Array.isArray(own) ? 0 : own.length, modifiedMs: 0 };
      }),
    read: async (path) => content(tree[path] as string),
    ...changes,
  };
}

test("what cannot be read is said before anything is sent, or breaks the answer off", async () => {
  const zips = createZips();
  const away = filesErrors.fail("files-unreachable", { params: { found: 1, needed: 3 } });
  const failing = source({ "/": ["a"], "/a": "text" }, { read: async () => Promise.reject(away) });
  await assert.rejects(zips.answer("anna", failing, "/", signal), failsWith("files-unreachable"));
  const folder = source({ "/": [] }, { list: async () => Promise.reject(away) });
  await assert.rejects(zips.answer("anna", folder, "/", signal), failsWith("files-unreachable"));

  const large = "x".repeat(ZIP_PIECE_BYTES);
  for (const other of ["", "y".repeat(9), "y".repeat(11)]) {
    const tree = { "/": ["a", "b"], "/a": large, "/b": "y".repeat(10) };
    const changed = source(tree, { read: async (path) => content(path === "/a" ? large : other) });
    const answer = await zips.answer("anna", changed, "/", signal);
    await assert.rejects(bytesOf(bodyOf(answer)), failsWith("files-changed"));
  }
  for (const bytes of [-1, 0.5, NaN, 2 ** 53, Number.MAX_SAFE_INTEGER]) {
    const list = async () => [{ name: "a", kind: "file" as const, bytes, modifiedMs: 0 }];
    await assert.rejects(zips.answer("anna", source({}, { list }), "/", signal), failsWith("files-too-large"));
  }
  for (const name of ["..", "a/b", "a\u0000b", ""]) {
    const hostile = source({ "/": [name] });
    await assert.rejects(zips.answer("anna", hostile, "/", signal), failsWith("files-bad-name"), JSON.stringify(name));
  }
});

test("a folder has so many entries, or holds itself, and no more is told than that it is too many", async () => {
  const zips = createZips();
  const names = Array.from({ length: ZIP_ENTRIES_MAX - 1 }, (_, n) => `${n}`);
  const most = await zips.answer("anna", source({ "/": names }), "/", signal);
  await bodyOf(most)[Symbol.asyncIterator]().return?.();
  const more = zips.answer("anna", source({ "/": [...names, "one more"] }), "/", signal);
  await assert.rejects(more, failsWith("files-too-many", ZIP_ENTRIES_MAX));
  const endless = source({}, { list: async () => [{ name: "again", kind: "folder", bytes: 0, modifiedMs: 0 }] });
  await assert.rejects(zips.answer("anna", endless, "/", signal), failsWith("files-too-many", PATH_NAMES_MAX));

  const entries = Array.from({ length: LINK_ENTRIES_MAX }, () => ({}));
  const view = { name: "x", entry: { name: "", modifiedAt: "2026-01-01T00:00:00.000Z" }, entries };
  const links = { open: async () => ({ view }) } as unknown as Links;
  const link = zipOfLink(links, "token", view as never);
  await assert.rejects(zips.answer("anna", link, "/", signal), failsWith("files-too-many", LINK_ENTRIES_MAX - 1));
});

test("so many at one time, for one and for all; who goes away makes room", async () => {
  const zips = createZips();
  const tree = { "/": ["a"], "/a": "x".repeat(2 * ZIP_PIECE_BYTES) };
  const open: BytesAnswer[] = [];
  for (let n = 0; n < ZIPS_PER_OWNER_MAX; n += 1) open.push(await zips.answer("anna", source(tree), "/", signal));
  await assert.rejects(zips.answer("anna", source(tree), "/", signal), failsWith("files-too-many", ZIPS_PER_OWNER_MAX));
  while (open.length < ZIPS_MAX) open.push(await zips.answer(`owner ${open.length}`, source(tree), "/", signal));
  await assert.rejects(zips.answer("biel", source(tree), "/", signal), failsWith("files-too-many"));
  // One is read to its end, one is left in the middle, one before its beginning, and of one the caller has gone.
  await bytesOf(bodyOf(open[0]!));
  const gone = new AbortController();
  await bodyOf(open[2]!)[Symbol.asyncIterator]().return?.();
  await zips.answer("biel", source(tree), "/", signal);
  const iterator = bodyOf(open[1]!)[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
  await zips.answer("biel", source(tree), "/", signal);
  await zips.answer("biel", source(tree), "/", gone.signal);
  await assert.rejects(zips.answer("carla", source(tree), "/", signal), failsWith("files-too-many"));
  gone.abort();
  await zips.answer("carla", source(tree), "/", signal);
});
