/** Recovery phrases: the published vectors of BIP39, what is forgiven, what is told, and what follows from a phrase. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { PHRASE_WORDS } from "./constants.ts";
import { entropyOf, keysOf, phraseOf } from "./phrase.ts";

/** Of 128 bits: https://github.com/trezor/python-mnemonic/blob/master/vectors.json, which the standard names. */
const VECTORS: readonly [string, string][] = [
  ["00000000000000000000000000000000", `${"abandon ".repeat(11)}about`],
  ["7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f", "legal winner thank year wave sausage worth useful legal winner thank yellow"],
  [
    "80808080808080808080808080808080",
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
  ],
  ["ffffffffffffffffffffffffffffffff", `${"zoo ".repeat(11)}wrong`],
  ["9e885d952ad362caeb4efe34a8e91bd2", "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic"],
  ["c0ba5a8e914111210f2bd131f3d5e08d", "scheme spot photo card baby mountain device kick cradle pact join borrow"],
  ["23db8160a31d3e0dca3688ed941adbf3", "cat swing flag economy stadium alone churn speed unique patch report train"],
  [
    "f30f8c1da665478f49b001d94c5fc452",
    "vessel ladder alter error federal sibling chat ability sun glass valve picture",
  ],
];
/** Of sixteen bytes 7f, by another implementation of RFC 5869: the first eight bytes of each. */
const FIXED = ["2ba3c8f305855272", "93d8c51c692d4267", "6542e2fe7936f128"];
const PHRASE = VECTORS[4]![1];
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const refused = (code: string, params: object) => (error: unknown) => {
  assert.ok(isFailure(error, code), String(error));
  assert.deepEqual(error.params, params);
  return true;
};

test("the published vectors, both ways", async () => {
  for (const [hex, phrase] of VECTORS) {
    assert.equal(await phraseOf(bytes(hex)), phrase);
    assert.deepEqual(await entropyOf(phrase), bytes(hex));
    assert.equal(phrase.split(" ").length, PHRASE_WORDS);
  }
});

test("case, spaces, line breaks, commas and numbers do not matter", async () => {
  const words = PHRASE.split(" ");
  const numbered = (mark: string) => words.map((word, index) => `${index + 1}${mark}${word}`);
  const typed = [
    `  ${PHRASE.toUpperCase()}\n`,
    words.join("\r\n"),
    words.join(", "),
    words.join(" \t\u00a0 "),
    numbered(". ").join("\n"),
    numbered(".").join(" "),
    numbered(") ").join(", "),
    numbered("\t").join("\n"),
  ];
  for (const one of typed) assert.deepEqual(await entropyOf(one), bytes(VECTORS[4]![0]), one);
});

test("which words are wrong is told by their place, and no word is told", async () => {
  const words = PHRASE.split(" ");
  const wrong = words.with(2, "grap").with(11, "pícnic2").join(" ");
  await assert.rejects(entropyOf(wrong), refused("files-phrase-word", { numbers: "3, 12" }));
  for (const count of [0, 1, 11, 13, 24]) {
    const some = Array.from({ length: count }, () => "zoo").join(" ");
    await assert.rejects(entropyOf(some), refused("files-phrase-count", { count, wanted: 12 }));
  }
  const swapped = words.with(0, words[1]!).with(1, words[0]!).join(" ");
  await assert.rejects(entropyOf(swapped), refused("files-phrase-wrong", {}));
  await assert.rejects(entropyOf("abandon ".repeat(12)), (error: Error) => error.cause === undefined);
});

test("locator, key and proof are three values of 32 bytes that another bit of the phrase changes", () => {
  const seen = new Set<string>();
  for (const hex of ["00".repeat(16), `01${"00".repeat(15)}`, "ff".repeat(16)]) {
    const { locator, key, proof } = keysOf(bytes(hex));
    assert.deepEqual(keysOf(bytes(hex)), { locator, key, proof });
    assert.equal(key.length, 32);
    for (const one of [locator, proof]) assert.match(one, /^[0-9a-f]{64}$/);
    for (const one of [locator, Buffer.from(key).toString("hex"), proof]) seen.add(one);
  }
  assert.equal(seen.size, 9);
  // The form of these is for ever: words on paper outlast versions.
  const { locator, key, proof } = keysOf(bytes("7f".repeat(16)));
  assert.deepEqual(
    [locator, Buffer.from(key).toString("hex"), proof].map((one) => one.slice(0, 16)),
    FIXED,
  );
});
