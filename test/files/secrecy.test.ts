/**
 * Who has less cannot come to more: a read cap gives no write cap, a verify cap no plaintext. And whoever listens on
 * the lines, or owns the servers' disks, or looks after the files of others, finds nothing that could be read there:
 * no content, no name, nothing that is said of a file, no key, no secret of a link.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFailure } from "../../src/kernel/errors.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { fileOf, formatCap, parseCap, readCapOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { FileCap, KnownCap } from "../../src/protocols/grid/caps.ts";
import { readKeyOf } from "../../src/protocols/grid/hashes.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import { crypto } from "../../sim/files/member-box.ts";
import type { MemberBox } from "../../sim/files/member-box.ts";
import { shippedParts as parts } from "../../sim/files/parts.ts";
import { bytesOf, inOnePiece } from "../../sim/files/promises.ts";
import { GridWorld, indexOf } from "../../sim/files/world.ts";

const LIMIT_MS = 600_000;
const HOUR_MS = 3_600_000;
const CARE = { bytesPerSecond: 1e6, lookMs: 60_000, settledMs: 600_000 };

const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const capOfAll = fc.oneof(
  fc.record({ key, uebHash: hash, size: fc.nat() }).map((one): FileCap => ({ kind: "chk", k: 3, n: 10, ...one })),
  fc
    .record({ writeKey: key, fingerprint: hash, format: fc.constantFrom("sdmf" as const, "mdmf" as const) })
    .map((one): FileCap => ({ kind: "mutable-write", ...one })),
);

/** What a cap lets its holder know, as its text and as its bytes, also those that the text spells. */
function holds(cap: KnownCap, secret: Uint8Array): boolean {
  const inside = Object.values(fileOf(cap)).some((value) => value instanceof Uint8Array && same(value, secret));
  return inside || formatCap(cap).includes(encodeBase32(secret));
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

test("no weaker cap holds what makes a stronger one, and there is no way back", () => {
  const whole = fc.record({ file: capOfAll, isFolder: fc.boolean() });
  fc.assert(
    fc.property(whole, ({ file, isFolder }) => {
      const cap: KnownCap = isFolder ? { kind: "directory", file } : file;
      const [read, verify] = [readCapOf(crypto, cap)!, verifyCapOf(crypto, cap)!];
      if (file.kind === "mutable-write") {
        const readKey = readKeyOf(crypto, file.writeKey);
        assert.ok(!holds(read, file.writeKey) && holds(read, readKey));
        assert.ok(!holds(verify, file.writeKey) && !holds(verify, readKey));
      } else if (file.kind === "chk") assert.ok(!holds(verify, file.key));
      // From the text alone, as somebody gets it.
      const [given, weakest] = [parseCap(formatCap(read)) as KnownCap, parseCap(formatCap(verify)) as KnownCap];
      assert.equal(fileOf(given).kind === "mutable-write", false);
      assert.equal(readCapOf(crypto, weakest), undefined);
      assert.equal(formatCap(readCapOf(crypto, given)!), formatCap(read));
      assert.equal(formatCap(verifyCapOf(crypto, given)!), formatCap(verify));
    }),
  );
});

test("with a read cap nothing is written, with a verify cap nothing is read", async (t) => {
  const world = new GridWorld({ parts, seed: 1, boxes: 10 });
  t.after(() => world.close());
  const [owner, other] = [await world.open(world.boxes[0]!), await world.open(world.boxes[1]!)];
  await world.time.pass(10_000);
  const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
  const content = Buffer.from("what only some may read ".repeat(20));
  const { cap: chk } = await of(owner.grid.upload(bytesContent(content)));
  const refused = (code: string) => (error: unknown) => isFailure(error, code);
  await assert.rejects(of(bytesOf(other.grid.download(verifyCapOf(crypto, chk)!))), refused("files-bad-cap"));
  for (const format of ["sdmf", "mdmf"] as const) {
    const cap = await of(owner.grid.createMutable(format, content));
    const [read, verify] = [readCapOf(crypto, cap)!, verifyCapOf(crypto, cap)!];
    await assert.rejects(of(other.grid.modifyMutable(read, () => Buffer.from("x"))), refused("files-read-only"));
    await assert.rejects(of(other.grid.modifyMutable(verify, () => Buffer.from("x"))), refused("files-read-only"));
    await assert.rejects(of(other.grid.readMutable(verify)), refused("files-bad-cap"));
    await assert.rejects(of(bytesOf(other.grid.download(verify))), refused("files-bad-cap"));
    assert.ok(same((await of(other.grid.readMutable(read))).content, content));
  }
  // A folder that is given to read: nothing below it can be written either.
  await of(owner.files.makeFolder("/a"));
  await of(owner.files.makeFolder("/a/b"));
  await of(other.files.attach("/given", (await of(owner.files.caps("/a"))).read!));
  assert.equal((await of(other.files.caps("/given"))).write, null);
  assert.equal((await of(other.files.caps("/given/b"))).write, null);
  await assert.rejects(of(other.files.write("/given/b/x", inOnePiece(content))), refused("files-read-only"));
});

// --- What others can see ------------------------------------------------------------------------------------------

const NAMES = ["Grandmother's letters", "cançó de bressol.txt", "tiny note"];
const SAID = ["application/x-family-secret", "a property that nobody else may see"];
const TEXT = "The quick brown fox buries the family silver under the old oak. ";
const TINY = "the code of the door is 4711";

/** As it is, and as programs spell bytes. */
function spellings(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const texts = [bytes.toString("hex"), bytes.toString("base64"), bytes.toString("base64url"), encodeBase32(secret)];
  const wide = Buffer.from(bytes.toString("utf8"), "utf16le");
  // The end of base64 depends on what follows.
  return [bytes, wide, ...texts.map((text) => Buffer.from(text.replace(/=+$/, "").slice(0, -1)))];
}

/** The secrets of everything that this member keeps. */
async function keysOf({ files }: MemberBox): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  for await (const { cap } of walk(files.view, "/")) {
    const file = fileOf(cap);
    if (file.kind === "chk") keys.push(file.key);
    if (file.kind === "mutable-write") keys.push(file.writeKey, readKeyOf(crypto, file.writeKey));
  }
  return keys;
}

test("what servers hold, what goes over the lines, what caretakers get: nothing of it can be read", async (t) => {
  const heard: Buffer[] = [];
  const world = new GridWorld({
    ...{ parts, seed: 2, boxes: 12, isWatched: false },
    heard: (bytes) => void heard.push(Buffer.from(bytes)),
  });
  t.after(() => world.close());
  const owner = await world.open(world.boxes[0]!, CARE);
  const takers: MemberBox[] = [];
  for (const box of world.boxes.slice(1)) takers.push(await world.open(box, CARE));
  const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
  const { files } = owner;
  await of(files.makeFolder(`/${NAMES[0]}`));
  const path = `/${NAMES[0]}/${NAMES[1]}`;
  await of(files.write(path, inOnePiece(Buffer.from(TEXT.repeat(400))), { mediaType: SAID[0]! }));
  await of(files.change(path, { properties: { note: SAID[1]! } }));
  await of(files.write(`/${NAMES[2]}`, inOnePiece(Buffer.from(TINY))));
  const { secret } = await of(owner.tree.sharing.make("anna", { path, mode: "read" }));
  // Care leaves verify caps with others; servers are lost, shares damaged, and all is repaired.
  await world.time.pass(HOUR_MS);
  for (const { machine } of world.boxes.slice(8)) machine.loseDisk();
  await world.time.pass(24 * HOUR_MS);
  await of(files.remove(`/${NAMES[2]}`));
  await of(files.write(`/${NAMES[0]}/${NAMES[2]}`, inOnePiece(Buffer.from(TEXT.repeat(3)))));

  const shares = world.boxes.flatMap(({ machine }) => [...machine.disk.all()].map(({ share }) => share.bytes));
  const enablers = world.boxes.flatMap(({ machine }) =>
    [...machine.disk.mutable.values()].map((one) => one.writeEnabler),
  );
  const advised = world.boxes.flatMap(({ machine }) => machine.advised.map((one) => Buffer.from(one)));
  const seen = [...heard, ...shares, ...enablers, ...advised].map((bytes) => Buffer.from(bytes));
  const isSeen = (secretBytes: Uint8Array) =>
    spellings(secretBytes).some((one) => seen.some((bytes) => bytes.includes(one)));

  // What may be seen is: the search finds things.
  const { write } = await of(files.caps(`/${NAMES[0]}`));
  const folder = parseCap(write!) as KnownCap;
  assert.ok(seen.some((bytes) => bytes.includes(indexOf(folder))));
  assert.ok(
    seen.some((bytes) => bytes.includes("URI:CHK-Verifier:")),
    "caretakers got verify caps",
  );
  assert.ok(takers.some(({ rows }) => rows.depositsOf(world.boxes[0]!.id) > 0));
  assert.ok(isSeen((fileOf(folder) as { fingerprint: Uint8Array }).fingerprint));

  const texts = [...NAMES, ...SAID, TEXT.slice(0, 30), TINY, secret].map((text) => Buffer.from(text));
  for (const text of texts) assert.equal(isSeen(text), false, text.toString());
  const keys = await of(keysOf(owner));
  assert.ok(keys.length >= 5);
  for (const one of keys) assert.equal(isSeen(one), false, Buffer.from(one).toString("hex"));
});
