/** Test vectors as other people write them down: names, nesting, kinds, spellings of bytes and keys, and nonsense. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import { encodeBase32 } from "./base32.ts";
import { bytesSource, repeatedSource } from "./byte-source.ts";
import { spelled, spelledTogether } from "./byte-spelling.ts";
import { counting, crypto, fromHex, hex, refuses, sha256Hex } from "./chk-files.test.ts";
import { MUTABLE_KEY_MAX_BYTES, VECTOR_FIELDS_MAX, VECTOR_LITERAL_MAX_BYTES } from "./constants.ts";
import { plainErasureCode } from "./erasure.ts";
import { privateKeyDer } from "./private-key-text.ts";
import { capOf } from "./vector.ts";
import { readVector } from "./vector-line.ts";

const needs = { crypto, codeOf: plainErasureCode };
const capOfLine = (line: object) => capOf(needs, readVector(JSON.stringify(line)));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
/** Worked example B of the formats. */
const EXAMPLE = "URI:CHK:zvditapbljjuqiiadk6oqpyjoy:dyqnmyqse2m7pv3fzvptp725vggiugkidti3vkln6gj4gqe5gt5q:3:10:3000";
const example = {
  kind: "chk",
  convergence: hex(counting(32)),
  k: 3,
  n: 10,
  segsize: 1024,
  data: hex(counting(3000, 0, 251)),
};
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const der = new Uint8Array(pair.privateKey.export({ type: "pkcs8", format: "der" }));
const mutable = { kind: "ssk", privkey: base64(der) };

test("a repeated seed is the same read whole or in pieces, and limits are kept", () => {
  const seeds = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const property = fc.property(seeds, fc.nat(300), fc.nat(300), fc.nat(300), (seed, length, a, b) => {
    const source = repeatedSource(seed, length);
    const whole = Uint8Array.from({ length }, (_, at) => seed[at % seed.length]!);
    assert.equal(hex(source.read(0, length)), hex(whole));
    const [from, to] = [Math.min(a, b, length), Math.min(Math.max(a, b), length)];
    assert.equal(hex(source.read(from, to - from)), hex(whole.subarray(from, to)));
    assert.equal(hex(bytesSource(whole).read(from, to - from)), hex(whole.subarray(from, to)));
  });
  fc.assert(property);
  assert.equal(repeatedSource(new Uint8Array(0), 0).read(0, 0).length, 0);
  refuses(() => repeatedSource(new Uint8Array(0), 1), "bad-parameters");
  refuses(() => repeatedSource(counting(1), -1), "bad-parameters");
});

test("content goes through twice, at most a piece at a time", () => {
  const source = repeatedSource(counting(7), 3_000_001);
  let total = 0;
  const read = (at: number, length: number) => {
    assert.ok(length <= 1_048_576, `${length} bytes at once`);
    total += length;
    return source.read(at, length);
  };
  const content = { length: source.length, read };
  const vector = { kind: "chk", convergence: counting(1), k: 3, n: 10, segsize: 131_072 } as const;
  const cap = capOf(needs, { ...vector, content });
  assert.equal(total, 2 * source.length);
  assert.equal(capOf(needs, { ...vector, content: bytesSource(source.read(0, source.length)) }), cap);
});

test("bytes in hexadecimal, base64 and base32 are told apart, and those of one line together", () => {
  for (const length of [0, 1, 2, 3, 16, 20, 32, 33]) {
    const bytes = counting(length, 99);
    const urls = base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    for (const text of [hex(bytes), hex(bytes).toUpperCase(), base64(bytes), urls]) {
      assert.equal(hex(spelledTogether([text])[0]!), hex(bytes), text);
    }
  }
  const together = (...texts: string[]) => spelledTogether(texts).map((bytes) => bytes && hex(bytes));
  const secret = counting(32, 99);
  for (const text of [encodeBase32(secret), `${encodeBase32(secret).toUpperCase()}====`, hex(secret), base64(secret)]) {
    assert.deepEqual(together(text), [hex(secret)]);
  }
  // What leaves a choice is as the others are, if it can be.
  assert.deepEqual(together("abcd"), ["abcd"]);
  assert.deepEqual(together("abcd", "YQ=="), ["69b71d", "61"]);
  assert.deepEqual(together(hex(secret), "abcd", "YQ=="), [hex(secret), "abcd", "61"]);
  assert.deepEqual(together("mzxq", encodeBase32(secret)), ["666f", hex(secret)]);
  assert.deepEqual(together("abcdef", encodeBase32(secret)), ["abcdef", hex(secret)]);
  assert.deepEqual(together("zz!", "YQ=="), [undefined, "61"]);
  for (const text of ["a", "abc!", "YQ=", "zz!", "0x"]) assert.equal(spelled(text, "base64"), undefined, text);
  assert.equal(spelled("0g", "hex"), undefined);
  for (const text of ["YQ==", "Aaaaaaaa", "a", "ab=", "71"]) assert.equal(spelled(text, "base32"), undefined, text);
});

test("one vector in many ways of writing it", () => {
  const { convergence, data, ...rest } = example;
  const seed = counting(251);
  const same: object[] = [
    example,
    { ...example, kind: "CHK", segsize: "1024" },
    { ...example, convergence: base64(fromHex(convergence)), data: base64(fromHex(data)) },
    { ...example, convergence: encodeBase32(fromHex(convergence)) },
    { ...example, data: base64(fromHex(data)) },
    { ...example, convergence: base64(fromHex(convergence)) },
    { ...rest, convergence, seed: hex(seed), length: 3000 },
    { ...rest, convergence, seed: hex(seed), length: 3000, sha256: sha256Hex(fromHex(data)) },
    { ...rest, convergence_hex: convergence, dataBase64: base64(fromHex(data)), length: 3000 },
    { format: "chk", convergence, N: 10, K: 3, max_segment_size: 1024, data, expected: "something else" },
    {
      convergence: base64(fromHex(convergence)),
      format: { kind: "chk", params: null },
      sample: { seed: base64(seed), length: 3000 },
      zfec: { required: 3, total: 10, segmentSize: 1024 },
    },
  ];
  for (const line of same) assert.equal(capOfLine(line), EXAMPLE, JSON.stringify(line).slice(0, 150));
  assert.equal(capOf(needs, readVector(`\ufeff${JSON.stringify(example)}\r`)), EXAMPLE);
  assert.notEqual(capOfLine({ ...example, segsize: 1027 }), EXAMPLE);
  // Left out: 3 of 10 in segments of 1 MiB.
  const usual = { kind: "chk", convergence, data };
  assert.equal(capOfLine(usual), capOfLine({ ...usual, k: 3, n: 10, segsize: 1_048_576 }));
  assert.equal(capOfLine({ kind: "lit", data: "hello world", encoding: "UTF-8" }), "URI:LIT:nbswy3dpeb3w64tmmq");
});

test("kinds: of files and directories, with less right, and by their format", () => {
  const kind = (line: object) => /^URI:([^:]+)/.exec(capOfLine({ ...mutable, ...line }))![1];
  assert.equal(kind({}), "SSK");
  assert.equal(kind({ kind: "SDMF" }), "SSK");
  assert.equal(kind({ kind: "mutable", format: "MDMF" }), "MDMF");
  assert.equal(kind({ kind: "ssk", params: { format: "mdmf" } }), "MDMF");
  assert.equal(kind({ kind: "URI:SSK-RO" }), "SSK-RO");
  assert.equal(kind({ kind: "mdmf-verifier" }), "MDMF-Verifier");
  assert.equal(kind({ kind: "dir2" }), "DIR2");
  assert.equal(kind({ kind: "DIR2", format: "mdmf" }), "DIR2-MDMF");
  assert.equal(kind({ kind: "dir2_mdmf_ro" }), "DIR2-MDMF-RO");
  const { kind: _kind, ...content } = example;
  assert.equal(kind({ ...content, kind: "dir2-chk" }), "DIR2-CHK");
  assert.equal(kind({ ...content, kind: "dir2-chk", data: "" }), "DIR2-LIT");
  assert.equal(kind({ ...content, kind: "chk-verifier" }), "CHK-Verifier");
  refuses(() => kind({ kind: "lit-verifier", data: "" }), "not-permitted");
  for (const line of [{ kind: "tree" }, { kind: "" }, { kind: "chk", format: "mdmf" }, { kind: 7 }]) {
    refuses(() => kind({ ...content, ...line }), "bad-parameters");
  }
});

test("a private key in PEM and DER, as PKCS#8 and PKCS#1", () => {
  const pem = (type: "pkcs1" | "pkcs8") => pair.privateKey.export({ type, format: "pem" }) as string;
  const pkcs1 = new Uint8Array(pair.privateKey.export({ type: "pkcs1", format: "der" }));
  const wrapped = base64(der).replaceAll(/.{64}/g, "$&\n");
  const ways = [pem("pkcs8"), pem("pkcs1"), base64(der), base64(pkcs1), wrapped, hex(der)];
  for (const text of [...ways, pem("pkcs1").replaceAll("\n", "\\n")]) assert.equal(hex(privateKeyDer(text)), hex(der));
  const publicPem = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
  for (const text of ["", "nonsense", base64(der.subarray(1)), publicPem]) {
    refuses(() => privateKeyDer(text), "bad-key");
  }
  refuses(() => privateKeyDer("M".repeat(4 * MUTABLE_KEY_MAX_BYTES + 1)), "too-large");
  refuses(() => capOfLine({ ...mutable, privkey: base64(der.subarray(0, 600)) }), "bad-key");
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  refuses(() => capOfLine({ ...mutable, privkey: small }), "bad-key");
});

test("what is missing, contradicts itself or is too large is refused", () => {
  const { data: _data, ...noContent } = example;
  const { convergence: _convergence, ...noSecret } = example;
  const bad: object[] = [
    noContent,
    noSecret,
    { ...noContent, seed: "61" },
    { ...example, seed: "61" },
    { ...example, length: 2999 },
    { ...example, data: "zz!" },
    { ...example, data: 7 },
    { ...example, k: 11 },
    { ...example, k: 2.5 },
    { ...example, n: "ten" },
    { ...example, encoding: "rot13" },
    { kind: "mdmf" },
    { data: "" },
  ];
  for (const line of bad) refuses(() => capOfLine(line), "bad-parameters");
  for (const line of ["", "nonsense", "7", "null", "[]", '{"kind":']) refuses(() => readVector(line), "bad-parameters");
  refuses(() => capOfLine({ ...example, sha256: "00".repeat(32) }), "bad-hash");
  const many = Object.fromEntries(Array.from({ length: VECTOR_FIELDS_MAX + 1 }, (_, index) => [`x${index}`, index]));
  refuses(() => capOfLine(many), "too-large");
  const literal = (length: number) => ({ kind: "lit", seed: "61", length });
  assert.equal(capOfLine(literal(VECTOR_LITERAL_MAX_BYTES)).length, 8 + Math.ceil((VECTOR_LITERAL_MAX_BYTES * 8) / 5));
  refuses(() => capOfLine(literal(VECTOR_LITERAL_MAX_BYTES + 1)), "too-large");
});

test("any text gives a vector or a GridError", () => {
  const names = fc.constantFrom("kind", "format", "k", "n", "segsize", "data", "seed", "length", "privkey", "encoding");
  const kinds = fc.constantFrom("chk", "lit", "ssk", "dir2-chk");
  const values = fc.oneof(kinds, fc.string(), fc.integer(), fc.jsonValue());
  const property = fc.property(
    fc.oneof(
      fc.json(),
      fc.dictionary(names, values).map((line) => JSON.stringify(line)),
    ),
    (line) => {
      try {
        readVector(line);
      } catch (error) {
        refuses(() => {
          throw error;
        });
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});
