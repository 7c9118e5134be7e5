/** Directories: the reference's values, odd names, what a reader learns, and which caps must stay out. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import { formatCap } from "./caps.ts";
import { concat } from "./concat.ts";
import { CHILD_METADATA_MAX_BYTES, CHILD_NAME_MAX_BYTES, DIRECTORY_CHILDREN_MAX } from "./constants.ts";
import { Directory, compareNames, literalDirectory } from "./directory.ts";
import type { DirectoryAccess } from "./directory.ts";
import { linkMetadata, readMetadata, writeMetadata } from "./directory-metadata.ts";
import { childCaps, openWriteCap, sealWriteCap } from "./directory-slots.ts";
import { GridError } from "./errors.ts";
import type { GridFault } from "./errors.ts";
import { netstring } from "./netstring.ts";

const crypto = gridCrypto();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const text = (value: string) => new Uint8Array(Buffer.from(value));
const failure = (code: GridFault) => (error: unknown) => error instanceof GridError && error.code === code;

const FINGERPRINT = "eaqseizeeutcokbjfivsyljof4ydcmrtgq2tmnzyhe5dwpb5hy7q";
const SSK = `URI:SSK:aaaqeayeaudaocajbifqydiob4:${FINGERPRINT}`;
const SSK_RO = `URI:SSK-RO:zlnpn42lu7xedonux53kr42hsm:${FINGERPRINT}`;
const VERIFIER = `URI:SSK-Verifier:axmc3zjy3mkanylpyx7u2zuqum:${FINGERPRINT}`;
const LIT = "URI:LIT:nbswy3dp";
const writeKey = new Uint8Array(16).fill(0x11);
const otherKey = new Uint8Array(16).fill(0x12);
const writable: DirectoryAccess = { kind: "mutable", writeKey };
const readable: DirectoryAccess = { kind: "mutable" };
const immutable: DirectoryAccess = { kind: "immutable" };
const NOW_MS = 1_700_000_000_500;

const entryOf = (name: string, read: string, write: Uint8Array, metadata = "{}") =>
  netstring(concat([netstring(text(name)), netstring(text(read)), netstring(write), netstring(text(metadata))]));

describe("values of the reference", () => {
  test("the write slot", () => {
    const slot = sealWriteCap(crypto, writeKey, SSK);
    assert.equal(slot.length, 135);
    assert.equal(hex(slot.subarray(0, 16)), "386db3912d08a5ad2d0b5b196177e786");
    assert.equal(hex(slot.subarray(-32)), "2795bfafbd19490e4756822a9a129a43e35693751506dcb6b0eb03d23b8a4208");
    const empty = sealWriteCap(crypto, writeKey, "");
    assert.equal(
      hex(empty),
      "d05f738a043b8404b7495ccb5d550186ee73ea4826550a3fc4bbc8414c6b665c7a89d753b95d66ffd7fee753ebf7058b",
    );
  });

  test("a whole directory", () => {
    const directory = new Directory(crypto, writable);
    directory.set({ name: "naïve.txt", write: SSK }, NOW_MS);
    const content = directory.write();
    assert.equal(content.length, 324);
    assert.equal(hex(crypto.sha256(content)), "3b6df049777d247bd3df89ba5b867d743773fbdf2e8df32d70916da3ca5d69ec");
  });

  test("an immutable directory in its cap", () => {
    const content = text("32:1:a,16:URI:LIT:nbswy3dp,0:,2:{},,");
    const cap = literalDirectory(content)!;
    assert.equal(formatCap(cap), "URI:DIR2-LIT:gmzdumj2mewdcnr2kvjesosmjfkdu3tcon3xsm3eoawdaormgi5hw7jmfq");
    const directory = Directory.read(crypto, immutable, content);
    assert.equal(directory.get("a")?.read, LIT);
    assert.equal(hex(directory.write()), hex(content));
    assert.equal(literalDirectory(new Uint8Array(56)), undefined);
  });

  test("names sort by code point", () => {
    assert.ok(compareNames("\u{1f600}", "\ue000") > 0);
    assert.ok(compareNames("a", "ab") < 0 && compareNames("b", "ab") > 0 && compareNames("x", "x") === 0);
  });
});

describe("round trips", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constantFrom("", "/", "..", "__proto__", "e\u0301", "\u00e9", "\u{1f600}", "\ue000", "a\0b", " ", "9:x,"),
  );
  const caps = fc.constantFrom<{ write?: string; read?: string }>(
    { write: SSK },
    { read: SSK_RO },
    { read: LIT },
    { write: SSK, read: SSK_RO },
    { write: "URI:FUTURE:w", read: "URI:FUTURE-RO:r" },
    { read: "imm.URI:FUTURE:i" },
  );
  const metadata = fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined });

  test("any names: read again it is the same, and its names are sorted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, caps, metadata), { maxLength: 12 }), (list) => {
        const directory = new Directory(crypto, writable);
        for (const [own, given, about] of list) directory.set({ name: own, ...given, metadata: about }, NOW_MS);
        const content = directory.write();
        const again = Directory.read(crypto, writable, content);
        assert.deepEqual(again.skipped(), []);
        // As JSON: -0 is written as 0.
        assert.equal(JSON.stringify(again.children()), JSON.stringify(directory.children()));
        assert.equal(hex(again.write()), hex(content));
        const names = again.children().map((child) => text(child.name));
        assert.deepEqual(names.map(hex), names.toSorted((a, b) => Buffer.compare(a, b)).map(hex));
        for (const [own] of list) assert.ok(again.get(own));
      }),
      { numRuns: 150 },
    );
  });

  test("any bytes: a GridError or a directory, never a crash", () => {
    const good = new Directory(crypto, writable);
    good.set({ name: "a", write: SSK }, NOW_MS);
    const content = good.write();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(content.length - 1), fc.nat(255), (noise, at, value) => {
        const changed = content.slice();
        changed[at] = value;
        for (const bytes of [noise, changed, content.subarray(0, at)]) {
          for (const access of [writable, readable, immutable]) {
            try {
              Directory.read(crypto, access, bytes).write();
            } catch (error) {
              assert.ok(error instanceof GridError, String(error));
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("untouched children keep their bytes, also unusual ones; those that cannot be used stay", () => {
    const odd = [
      entryOf("bad", "URI:SSK:broken", sealWriteCap(crypto, writeKey, "")),
      entryOf("odd", `${SSK_RO}  `, sealWriteCap(crypto, writeKey, `${SSK}   `), '{ "size":12345678901234567890 }'),
      entryOf("worse", LIT, sealWriteCap(crypto, writeKey, ""), "[1]"),
      entryOf("z", LIT, text("short")),
    ];
    const directory = Directory.read(crypto, writable, concat(odd));
    assert.equal(directory.get("odd")?.write, SSK);
    assert.deepEqual(directory.skipped(), [
      { name: "bad", problem: "bad-cap" },
      { name: "worse", problem: "bad-metadata" },
      { name: "z", problem: "bad-slot" },
    ]);
    directory.set({ name: "aa", read: LIT }, NOW_MS);
    assert.ok(hex(directory.write()).endsWith(odd.map(hex).join("")));
    assert.equal(directory.delete("bad"), true);
    assert.equal(directory.delete("bad"), false);
    assert.ok(!hex(directory.write()).includes(hex(odd[0]!)));
  });

  test("two names that normalise to one: the later counts, the earlier is kept until the name is set", () => {
    const slot = sealWriteCap(crypto, writeKey, "");
    const content = concat([entryOf("e\u0301", LIT, slot), entryOf("\u00e9", SSK_RO, slot)]);
    const directory = Directory.read(crypto, writable, content);
    assert.equal(directory.get("e\u0301")?.read, SSK_RO);
    assert.deepEqual(directory.skipped(), [{ name: "\u00e9", problem: "duplicate" }]);
    assert.equal(hex(directory.write()), hex(content));
    directory.delete("\u00e9");
    assert.equal(directory.write().length, 0);
  });
});

describe("what a read cap gives", () => {
  const full = new Directory(crypto, writable);
  full.set({ name: "mine", write: SSK }, NOW_MS);
  full.set({ name: "future", write: "URI:FUTURE:secret", read: "URI:FUTURE-RO:open" }, NOW_MS);

  test("no write cap, and no way to change anything", () => {
    const directory = Directory.read(crypto, readable, full.write());
    assert.equal(directory.get("mine")?.write, undefined);
    assert.equal(directory.get("mine")?.read, SSK_RO);
    assert.equal(directory.get("future")?.read, "ro.URI:FUTURE-RO:open");
    const shown = JSON.stringify(directory.children()) + Buffer.from(full.write()).toString("latin1");
    assert.ok(!shown.includes("URI:SSK:") && !shown.includes("secret"));
    assert.throws(() => directory.set({ name: "x", read: LIT }, NOW_MS), failure("not-permitted"));
    assert.throws(() => directory.delete("mine"), failure("not-permitted"));
  });

  test("another write key opens no write cap", () => {
    const slot = sealWriteCap(crypto, writeKey, SSK);
    assert.equal(openWriteCap(crypto, writeKey, slot), SSK);
    assert.throws(() => openWriteCap(crypto, otherKey, slot), failure("bad-directory"));
    const directory = Directory.read(crypto, { kind: "mutable", writeKey: otherKey }, full.write());
    assert.deepEqual(directory.children(), []);
  });
});

describe("which caps a directory holds", () => {
  const shown = (kind: "mutable" | "immutable", write?: string, read?: string) => {
    const caps = childCaps(crypto, kind, { write, read });
    return caps && [caps.write, caps.read];
  };

  test("known ones", () => {
    assert.deepEqual(shown("mutable", SSK), [SSK, SSK_RO]);
    assert.deepEqual(shown("mutable", SSK, LIT), [SSK, SSK_RO]);
    assert.deepEqual(shown("mutable", LIT), [undefined, LIT]);
    assert.deepEqual(shown("mutable", undefined, `ro.${SSK_RO}`), [undefined, SSK_RO]);
    assert.equal(shown("mutable", undefined, SSK), undefined);
    assert.equal(shown("mutable", `ro.${SSK}`), undefined);
    assert.equal(shown("mutable", undefined, VERIFIER), undefined);
    assert.equal(shown("mutable", "URI:SSK:broken", LIT), undefined);
    assert.deepEqual(shown("immutable", undefined, LIT), [undefined, LIT]);
    assert.equal(shown("immutable", undefined, SSK_RO), undefined);
    assert.equal(shown("immutable", SSK), undefined);
  });

  test("unknown ones: the table of the reference", () => {
    const [plain, ro, imm] = ["URI:FUTURE:x", "ro.URI:FUTURE:x", "imm.URI:FUTURE:x"];
    assert.equal(shown("mutable", plain), undefined);
    assert.equal(shown("immutable", plain), undefined);
    assert.deepEqual(shown("mutable", ro), [undefined, ro]);
    assert.deepEqual(shown("mutable", imm), [undefined, imm]);
    assert.equal(shown("immutable", ro), undefined);
    assert.deepEqual(shown("immutable", imm), [undefined, imm]);
    assert.deepEqual(shown("mutable", plain, plain), [plain, ro]);
    assert.deepEqual(shown("mutable", plain, ro), [plain, ro]);
    assert.equal(shown("mutable", plain, imm), undefined);
    assert.equal(shown("mutable", plain, SSK), undefined);
    assert.equal(shown("immutable", plain, plain), undefined);
    assert.deepEqual(shown("mutable", undefined, plain), [undefined, ro]);
    assert.deepEqual(shown("mutable", undefined, imm), [undefined, imm]);
    assert.deepEqual(shown("immutable", undefined, plain), [undefined, imm]);
    assert.deepEqual(shown("immutable", undefined, ro), [undefined, imm]);
  });

  test("on disk the prefix that the directory implies is gone", () => {
    const mutable = new Directory(crypto, writable);
    mutable.set({ name: "r", read: "URI:FUTURE:r" }, NOW_MS);
    mutable.set({ name: "i", read: "imm.URI:FUTURE:i" }, NOW_MS);
    const stored = Buffer.from(mutable.write()).toString("latin1");
    assert.ok(stored.includes(",12:URI:FUTURE:r,") && stored.includes(",16:imm.URI:FUTURE:i,"));
    const fixed = new Directory(crypto, immutable);
    fixed.set({ name: "i", read: "imm.URI:FUTURE:i" }, NOW_MS);
    assert.ok(Buffer.from(fixed.write()).toString("latin1").includes(",12:URI:FUTURE:i,0:,"));
    assert.throws(() => fixed.set({ name: "m", read: SSK_RO }, NOW_MS), failure("bad-cap"));
    assert.throws(() => mutable.set({ name: "m" }, NOW_MS), failure("bad-cap"));
  });

  test("a write slot makes an immutable directory invalid", () => {
    const content = entryOf("a", LIT, sealWriteCap(crypto, writeKey, ""));
    assert.throws(() => Directory.read(crypto, immutable, content), failure("bad-directory"));
  });

  test("no-write stores only the read cap", () => {
    const directory = new Directory(crypto, writable);
    directory.set({ name: "a", write: SSK, metadata: { "no-write": true } }, NOW_MS);
    assert.equal(Directory.read(crypto, writable, directory.write()).get("a")?.write, undefined);
    assert.equal(directory.get("a")?.read, SSK_RO);
  });
});

describe("metadata and limits", () => {
  test("the times of a link", () => {
    const first = linkMetadata(undefined, { a: 1, tahoe: { linkcrtime: 5 } }, NOW_MS);
    assert.deepEqual(first, { a: 1, tahoe: { linkcrtime: 1_700_000_000.5, linkmotime: 1_700_000_000.5 } });
    const second = linkMetadata(first, { b: 2 }, NOW_MS + 1000);
    assert.deepEqual(second, { b: 2, tahoe: { linkcrtime: 1_700_000_000.5, linkmotime: 1_700_000_001.5 } });
    assert.deepEqual(linkMetadata(first, undefined, NOW_MS)["a"], 1);
    const old = linkMetadata({ ctime: 7 }, {}, NOW_MS);
    assert.deepEqual(old, { tahoe: { linkcrtime: 7, linkmotime: 1_700_000_000.5 } });
  });

  test("its spelling", () => {
    const written = writeMetadata({ "a,b:": 'c"d\\":', é: ["😀", { x: null }] });
    const expected = String.raw`{"a,b:": "c\"d\\\":", "\u00e9": ["\ud83d\ude00", {"x": null}]}`;
    assert.equal(Buffer.from(written).toString(), expected);
    assert.equal(readMetadata(text("[]")), undefined);
  });

  test("names and metadata that we write", () => {
    const directory = new Directory(crypto, writable);
    const set = (name: string, metadata = {}) => directory.set({ name, read: LIT, metadata }, NOW_MS);
    set("x".repeat(CHILD_NAME_MAX_BYTES));
    assert.throws(() => set("x".repeat(CHILD_NAME_MAX_BYTES + 1)), failure("too-large"));
    assert.throws(() => set("half \ud800"), failure("bad-directory"));
    assert.throws(() => set("m", { m: "x".repeat(CHILD_METADATA_MAX_BYTES) }), failure("too-large"));
    assert.throws(() => set("m", { m: 1n }), failure("bad-directory"));
  });

  test("children", () => {
    const entry = netstring(text("0:,0:,0:,2:{},"));
    const content = new Uint8Array(entry.length * (DIRECTORY_CHILDREN_MAX + 1));
    for (let at = 0; at < content.length; at += entry.length) content.set(entry, at);
    assert.throws(() => Directory.read(crypto, immutable, content), failure("too-large"));
    assert.ok(Directory.read(crypto, immutable, content.subarray(0, 10 * entry.length)).skipped().length === 9);
  });
});

test("a copy changes alone, and a child that cannot be used counts, too", () => {
  const first = Directory.read(
    crypto,
    writable,
    entryOf("future", "URI:CHK:broken", sealWriteCap(crypto, writeKey, "")),
  );
  assert.equal(first.get("future"), undefined);
  assert.deepEqual([first.size, first.has("future"), first.has("other")], [1, true, false]);
  const copy = first.copy();
  copy.set({ name: "other", read: LIT }, NOW_MS);
  copy.delete("future");
  assert.deepEqual(
    [first.has("future"), first.has("other"), copy.has("future"), copy.has("other")],
    [true, false, false, true],
  );
  for (const one of [first, copy]) {
    const extra = one.write().length - one.contentBytes;
    assert.ok(extra > 0 && extra < 8, `${extra} bytes around the only entry`);
  }
});

test("what has changed since: new, other, and gone, and nothing else", () => {
  const before = new Directory(crypto, writable);
  for (const name of ["a", "b", "c"]) before.set({ name, read: LIT }, NOW_MS);
  const after = before.copy();
  assert.deepEqual(after.changedSince(before), []);
  after.set({ name: "b", read: LIT }, NOW_MS + 1);
  after.set({ name: "d", read: LIT }, NOW_MS);
  after.delete("a");
  assert.deepEqual(after.changedSince(before).toSorted(), ["a", "b", "d"]);
  assert.deepEqual(before.changedSince(after).toSorted(), ["a", "b", "d"]);
  const anew = Directory.read(crypto, writable, before.write());
  assert.deepEqual(anew.changedSince(before).toSorted(), ["a", "b", "c"], "read anew, it may be");
});

test("read in steps, it is the same directory", () => {
  const entries = Array.from({ length: 25 }, (_none, n) => entryOf(`name ${n % 24}`, LIT, new Uint8Array(0)));
  const content = concat(entries);
  const reading = Directory.readInSteps(crypto, readable, content, 10);
  assert.deepEqual([reading.next().done, reading.next().done], [false, false]);
  const { done, value } = reading.next();
  assert.equal(done, true);
  assert.equal(value!.size, 24);
  assert.equal(hex(value!.write()), hex(Directory.read(crypto, readable, content).write()));
});
