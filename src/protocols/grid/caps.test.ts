/** Caps: every worked example of the format, what is no cap, and that a right only ever gets weaker. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  fileOf,
  formatCap,
  isMutable,
  isWritable,
  parseCap,
  readCapOf,
  storageIndexOf,
  verifyCapOf,
  type Cap,
  type KnownCap,
} from "./caps.ts";
import { crypto, hex } from "./chk-files.test.ts";

const WRITE = "aaaqeayeaudaocajbifqydiob4";
const READ = "zlnpn42lu7xedonux53kr42hsm";
const INDEX = "axmc3zjy3mkanylpyx7u2zuqum";
const PRINT = "eaqseizeeutcokbjfivsyljof4ydcmrtgq2tmnzyhe5dwpb5hy7q";
const UEB = "gfpkus2qzmmtl7asmlzr5tebubazmcxgg7ixise3ainzqslkhecq:3:10:100";
const CHK_KEY = "odttyhhwfysluho6d5jkq5gn2m";
const CHK_INDEX = "wgzafhsbcz77bdfbqbhboqc7im";

/** Rows of a cap and what it diminishes to: read, verify. */
const CHAINS: readonly (readonly string[])[] = [
  ["SSK", "SSK-RO", "SSK-Verifier"],
  ["MDMF", "MDMF-RO", "MDMF-Verifier"],
  ["DIR2", "DIR2-RO", "DIR2-Verifier"],
  ["DIR2-MDMF", "DIR2-MDMF-RO", "DIR2-MDMF-Verifier"],
].map(([write, read, verify]) => [
  `URI:${write}:${WRITE}:${PRINT}`,
  `URI:${read}:${READ}:${PRINT}`,
  `URI:${verify}:${INDEX}:${PRINT}`,
]);
const CHK = `URI:CHK:${CHK_KEY}:${UEB}`;
const CHK_VERIFY = `URI:CHK-Verifier:${CHK_INDEX}:${UEB}`;
const DIR_CHK = `URI:DIR2-CHK:${CHK_KEY}:${UEB}`;
const DIR_LIT = "URI:DIR2-LIT:gmzdumj2mewdcnr2kvjesosmjfkdu3tcon3xsm3eoawdaormgi5hw7jmfq";
const LITS = ["URI:LIT:nbswy3dpeb3w64tmmq", "URI:LIT:", DIR_LIT];
const ALL = [...CHAINS.flat(), CHK, CHK_VERIFY, DIR_CHK, `URI:DIR2-CHK-Verifier:${CHK_INDEX}:${UEB}`, ...LITS];

function known(text: string): KnownCap {
  const cap = parseCap(text);
  assert.ok(cap.kind !== "unknown", text);
  return cap;
}

const textOf = (cap: Cap | undefined) => cap && formatCap(cap);

test("every worked example is read and written as it is", () => {
  for (const text of ALL) assert.equal(formatCap(known(text)), text);
});

test("caps diminish: write, read, verify, and never back", () => {
  for (const [write, read, verify] of CHAINS) {
    for (const text of [write!, read!, verify!]) {
      assert.equal(hex(storageIndexOf(crypto, known(text))!), "05d82de538db1406e16fc5ff4d6690a3");
      assert.equal(textOf(verifyCapOf(crypto, known(text))), verify);
      assert.equal(isWritable(known(text)), text === write);
      assert.equal(isMutable(known(text)), text !== verify);
    }
    assert.equal(textOf(readCapOf(crypto, known(write!))), read);
    assert.equal(textOf(readCapOf(crypto, known(read!))), read);
    assert.equal(readCapOf(crypto, known(verify!)), undefined);
  }
  assert.equal(textOf(verifyCapOf(crypto, known(CHK))), CHK_VERIFY);
  assert.equal(textOf(readCapOf(crypto, known(DIR_CHK))), DIR_CHK);
  assert.equal(hex(storageIndexOf(crypto, known(CHK))!), "b1b2029e41167ff08ca1804e17405f43");
  for (const text of LITS) {
    assert.equal(verifyCapOf(crypto, known(text)), undefined);
    assert.equal(storageIndexOf(crypto, known(text)), undefined);
  }
});

test("a weaker cap holds nothing of the stronger one's key", () => {
  const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(key, hash, fc.constantFrom("sdmf" as const, "mdmf" as const), (writeKey, fingerprint, format) => {
      const write: KnownCap = { kind: "mutable-write", format, writeKey, fingerprint };
      const read = readCapOf(crypto, write)!;
      const verify = verifyCapOf(crypto, read)!;
      const holds = (cap: KnownCap, secret: Uint8Array) => JSON.stringify(fileOf(cap)).includes(JSON.stringify(secret));
      assert.ok(read.kind === "mutable-read" && verify.kind === "mutable-verify");
      assert.ok(!holds(read, writeKey) && !holds(verify, writeKey) && !holds(verify, read.readKey));
      assert.deepEqual(verify, verifyCapOf(crypto, write));
      assert.deepEqual(parseCap(formatCap(read)), read);
    }),
  );
});

test("hints behind an MDMF cap are read over", () => {
  const bare = `URI:MDMF:${WRITE}:${PRINT}`;
  for (const extension of [":3:131073", ":", ":anything\nat all"]) {
    assert.equal(formatCap(known(bare + extension)), bare);
    assert.equal(formatCap(known(`URI:DIR2-MDMF:${WRITE}:${PRINT}${extension}`)), `URI:DIR2-MDMF:${WRITE}:${PRINT}`);
    for (const text of [`URI:SSK:${WRITE}:${PRINT}`, CHK, CHK_VERIFY]) {
      assert.equal((parseCap(text + extension) as { problem?: string }).problem, "malformed");
    }
  }
});

test("a known beginning with something else behind it must not be used", () => {
  const bad = ["URI:LIT:A", "URI:CHK:", "URI:SSK:", `URI:SSK:${WRITE}`, `URI:DIR2:${WRITE}:${PRINT.slice(1)}`];
  bad.push(`URI:CHK:${CHK_KEY}:${UEB.replace(":3:10:", ":11:10:")}`, `URI:CHK:${CHK_KEY}:${UEB.replace(":3:", ":0:")}`);
  bad.push(`URI:CHK:${CHK_KEY}:${UEB.replace(":10:", ":257:")}`, `${CHK}0000000000000000`, `${CHK} `, `${CHK}\n`);
  bad.push(CHK.replace(":100", ":-1"), CHK.replace(":100", ":1e2"), CHK.replace(CHK_KEY, CHK_KEY.slice(0, -1) + "b"));
  for (const text of bad) assert.deepEqual(parseCap(text), { kind: "unknown", text, problem: "malformed" });
});

test("what begins like no cap of ours is kept as it is", () => {
  const texts = ["URI:FUTURE:abc", "ro.URI:FUTURE:abc", "imm.URI:FUTURE:abc", "", "x", "uri:LIT:", "URI:LIT-RO:"];
  texts.push("URI:DIR2-SSK:a:b", "URI:CHK-RO:a", "URI::", "URI:DIR2-:", `ro.imm.${CHK}`, " URI:LIT:");
  for (const text of texts) {
    assert.deepEqual(parseCap(text), { kind: "unknown", text });
    assert.equal(formatCap(parseCap(text)), text);
  }
});

test("a prefix, or the place, is a promise that the cap must keep", () => {
  const problem = (text: string, constraint = {}) => (parseCap(text, constraint) as { problem?: string }).problem;
  for (const [write, read, verify] of CHAINS) {
    for (const promise of ["ro.", "imm."]) assert.equal(problem(promise + write!), "writable");
    assert.equal(problem(write!, { readOnly: true }), "writable");
    assert.equal(problem(write!, { immutable: true }), "writable");
    assert.equal(formatCap(parseCap(`ro.${read}`)), read);
    assert.equal(problem(`imm.${read}`), "mutable");
    assert.equal(problem(`ro.${read}`, { immutable: true }), "mutable");
    assert.equal(formatCap(parseCap(`imm.${verify}`)), verify);
  }
  for (const text of [CHK, CHK_VERIFY, DIR_CHK, ...LITS]) {
    assert.equal(formatCap(parseCap(`imm.${text}`)), text);
    assert.equal(formatCap(parseCap(`ro.${text}`, { immutable: true })), text);
  }
});

test("any text is read without an error, and a known one is canonical", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(...ALL).chain((cap) => fc.nat({ max: cap.length }).map((cut) => cap.slice(0, cut))),
  );
  fc.assert(
    fc.property(text, (given) => {
      const cap = parseCap(given);
      assert.deepEqual(formatCap(parseCap(formatCap(cap))), formatCap(cap));
    }),
  );
});
