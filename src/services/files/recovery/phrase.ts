/**
 * Recovery phrases: twelve English words of BIP39, which are 128 random bits and a checksum of 4. What is left with
 * other boxes, under which name, and who may take it back follow from them by HKDF-SHA256. None of the three tells
 * anything of another, or of the words.
 *
 * The words are English in every language of the program: the standard has no Catalan list, and a phrase must be read
 * by a box that speaks another language than the one that made it.
 */
import { hkdfSync } from "node:crypto";
import { filesErrors } from "../errors.ts";
import { PHRASE_WORDS } from "./constants.ts";

const KEY_BYTES = 32;

export interface PhraseKeys {
  /** Under which other boxes keep the sealed root. 32 bytes in hex; nobody guesses it. */
  locator: string;
  /** Opens the sealed root. 32 bytes; kept nowhere. */
  key: Uint8Array;
  /** Whoever shows it may take the sealed root back: boxes are told its hash. 32 bytes in hex. */
  proof: string;
}

/** `entropy`: 16 random bytes. */
export async function phraseOf(entropy: Uint8Array): Promise<string> {
  const { bip39, list } = await load();
  return bip39.entropyToMnemonic(entropy, list);
}

/**
 * The 16 bytes of a phrase as somebody types it: case, spaces, line breaks, commas and numbers before the words do not
 * matter. Throws `files-phrase-count`, `files-phrase-word` (which ones are in no list), `files-phrase-wrong`.
 */
export async function entropyOf(typed: string): Promise<Uint8Array> {
  const words = wordsOf(typed);
  const { bip39, list } = await load();
  if (words.length !== PHRASE_WORDS) {
    throw filesErrors.fail("files-phrase-count", { params: { count: words.length, wanted: PHRASE_WORDS } });
  }
  const known = new Set(list);
  const strange = words.flatMap((word, index) => (known.has(word) ? [] : [index + 1]));
  if (strange.length > 0) throw filesErrors.fail("files-phrase-word", { params: { numbers: strange.join(", ") } });
  try {
    return bip39.mnemonicToEntropy(words.join(" "), list);
  } catch {
    // The words are there, so it is the checksum. The cause is left out: it could tell words.
    throw filesErrors.fail("files-phrase-wrong");
  }
}

export function keysOf(entropy: Uint8Array): PhraseKeys {
  const derived = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", entropy, "", `comu files recovery: ${purpose}`, KEY_BYTES));
  return {
    locator: derived("locator").toString("hex"),
    key: derived("key"),
    proof: derived("proof").toString("hex"),
  };
}

function wordsOf(typed: string): string[] {
  const plain = typed.normalize("NFKD").toLowerCase();
  // Numbers as the page shows them: "1. able" or "1) able".
  return plain
    .replaceAll(/(^|[\s,])\d{1,2}[.)]?(?=[\s,]|\p{L})/gu, "$1 ")
    .split(/[\s,;]+/)
    .filter((word) => word !== "");
}

/** Loaded by those who use it: the list alone is 2,048 words. */
async function load() {
  const [bip39, { wordlist }] = await Promise.all([
    import("@scure/bip39"),
    import("@scure/bip39/wordlists/english.js"),
  ]);
  return { bip39, list: wordlist };
}
