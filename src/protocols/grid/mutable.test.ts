/** One version of a mutable file: the reference's values, round trips, and what each changed byte of a share does. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import { formatCap } from "./caps.ts";
import { SDMF_DATA_MAX_BYTES, MDMF_SEGMENTS_MAX, SEGMENT_MAX_BYTES } from "./constants.ts";
import { plainErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import type { GridFault } from "./errors.ts";
import { dataKeyOf } from "./hashes.ts";
import { MdmfEncoder, encodeSdmf } from "./mutable-encoding.ts";
import type { EncodedVersion, MutableEncoder } from "./mutable-encoding.ts";
import { TEST_KEY_BASE64 } from "./mutable-key.fixture.ts";
import { checkedShare, decodedShares, writtenShare } from "./mutable-shares.fixture.ts";
import type { CheckedShare } from "./mutable-shares.fixture.ts";
import { mutableKeys, openKeys, sealPrivateKey } from "./mutable-keys.ts";
import type { MutableKeys } from "./mutable-keys.ts";
import { dataBytes, placeSections, readMutableHeader, shapeFor } from "./mutable-layout.ts";
import { sectionOf, verifyBlockHashes } from "./mutable-reading.ts";
import type { WriteVector } from "./mutable-writes.ts";

const crypto = gridCrypto();
const keys = mutableKeys(crypto, new Uint8Array(Buffer.from(TEST_KEY_BASE64, "base64")));
const otherKeys = newKeys();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const text = (value: string) => new Uint8Array(Buffer.from(value));
const range = (from: number, to: number) => Uint8Array.from({ length: to - from + 1 }, (_, index) => from + index);
const failure = (code: GridFault) => (error: unknown) => error instanceof GridError && error.code === code;

function newKeys(): MutableKeys {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return mutableKeys(crypto, privateKey.export({ type: "pkcs8", format: "der" }));
}

function encoder(k: number, n: number, of: MutableKeys = keys): MutableEncoder {
  return { crypto, code: plainErasureCode(k, n), keys: of };
}

function sdmfShares(plaintext: Uint8Array, k = 3, n = 10, sequence = 1n): Uint8Array[] {
  const version = encodeSdmf(encoder(k, n), { sequence, plaintext, salt: range(0xf0, 0xff) });
  return version.writes.map((writes) => writtenShare(writes));
}

function saltOf(index: number): Uint8Array {
  return range(0xf0, 0xff).map((byte) => (byte + index) & 0xff);
}

function encodeMdmf(plaintext: Uint8Array, make: MutableEncoder, sequence = 1n) {
  const mdmf = new MdmfEncoder(make, { sequence, dataLength: plaintext.length });
  const writes: WriteVector[][] = Array.from({ length: make.code.n }, () => []);
  for (let index = 0; index < mdmf.segmentCount; index++) {
    const part = plaintext.subarray(index * mdmf.segmentSize, (index + 1) * mdmf.segmentSize);
    mdmf.segment(index, part, saltOf(index)).forEach((write, number) => writes[number]!.push(write));
  }
  const version: EncodedVersion = mdmf.finish();
  return { version, shares: writes.map((own, number) => writtenShare([...own, ...version.writes[number]!])) };
}

function check(share: Uint8Array, number: number, fingerprint = keys.fingerprint): CheckedShare {
  return checkedShare(crypto, share, number, fingerprint);
}

function decode(shares: readonly Uint8Array[], numbers: readonly number[], readKey = keys.readKey): Uint8Array {
  return decodedShares(
    crypto,
    numbers.map((number) => check(shares[number]!, number)),
    readKey,
  );
}

describe("values of the reference", () => {
  const reference: MutableKeys = { ...keys, readKey: unhex("cadaf6f34ba7ee41b9b4bf76a8f34793") };

  test("data key", () => {
    const key = dataKeyOf(crypto, range(0xf0, 0xff), reference.readKey);
    assert.equal(hex(key), "ae3f6d438215b701d13aeb31d8df13a3");
  });

  test("SDMF: signed prefix and blocks of 'hello world'", () => {
    const version = encodeSdmf(encoder(3, 10, reference), {
      sequence: 1n,
      plaintext: text("hello world"),
      salt: range(0xf0, 0xff),
    });
    const expected = unhex(
      `00 0000000000000001 f309c37d53e2ce4e5330f3e0bcacfc8597d781f44a8e916ea2ed14ffd3571a56
      f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 03 0a 000000000000000c 000000000000000b`.replaceAll("\n", ""),
    );
    assert.equal(hex(version.prefix), hex(expected));
    assert.equal(hex(version.checkstring), hex(expected.subarray(0, 57)));
    const blocks = version.writes.map((writes) => {
      const share = writtenShare(writes);
      return hex(sectionOf(share, readMutableHeader(share).sections.data));
    });
    assert.deepEqual([...blocks.slice(0, 4), blocks[9]], ["a9541fbd", "175b3c20", "e17cae00", "9ddc9b88", "ea0ccc1d"]);
  });

  test("MDMF: signed prefix of 'hello world'", () => {
    const { version } = encodeMdmf(text("hello world"), encoder(3, 10, reference));
    const expected = unhex(
      `01 0000000000000001 a594e1a5b46efb207aec120e06d58732edcad1b44960377e2fec67804c23173e
      03 0a 0000000000020001 000000000000000b`.replaceAll("\n", ""),
    );
    assert.equal(hex(version.prefix), hex(expected));
    assert.equal(hex(version.checkstring), hex(expected.subarray(0, 41)));
  });

  test("layouts: where the fields lie", () => {
    const [sdmf] = sdmfShares(text("hello world"));
    const own = readMutableHeader(sdmf!).sections;
    assert.equal(own.publicKey.start, 107);
    assert.equal(own.publicKey.end - own.publicKey.start, 294);
    assert.equal(own.signature.end - own.signature.start, 256);
    assert.equal(own.chain.end - own.chain.start, 34 * 4);
    assert.equal(own.blockHashes.end - own.blockHashes.start, 32);
    assert.equal(own.end, sdmf!.length);
    const { shares } = encodeMdmf(new Uint8Array(300_000), encoder(3, 10));
    const mdmf = readMutableHeader(shares[0]!).sections;
    assert.equal(mdmf.encryptedPrivateKey.start, 123);
    assert.equal(mdmf.data.start, 2167);
    assert.equal(mdmf.data.end - mdmf.data.start, 3 * 16 + 100_000);
    assert.equal(mdmf.blockHashes.end - mdmf.blockHashes.start, 32 * 7);
    assert.equal(mdmf.end, shares[0]!.length);
  });
});

describe("keys", () => {
  test("the caps of the fixed key stay the same", () => {
    const { fingerprint, writeKey, readKey } = keys;
    const write = formatCap({ kind: "mutable-write", format: "sdmf", writeKey, fingerprint });
    const read = formatCap({ kind: "mutable-read", format: "mdmf", readKey, fingerprint });
    assert.equal(write, "URI:SSK:a4ibhc72vxspq5izyzmawbx4j4:7omvmbqfue7ali2ciqh74fyvzvjj3pr2xlki5rrakzuz4k63gfrq");
    assert.equal(read, "URI:MDMF-RO:6iejzgvsorbq4rfzyf77563qqy:7omvmbqfue7ali2ciqh74fyvzvjj3pr2xlki5rrakzuz4k63gfrq");
  });

  test("a write cap opens the key in a share, byte for byte; another write key does not", () => {
    const sealed = sealPrivateKey(crypto, keys);
    assert.deepEqual(openKeys(crypto, keys, sealed), keys);
    assert.throws(() => openKeys(crypto, { ...keys, writeKey: otherKeys.writeKey }, sealed), failure("bad-key"));
    assert.throws(() => openKeys(crypto, { ...keys, writeKey: keys.readKey }, sealed), failure("bad-key"));
    assert.throws(() => openKeys(crypto, { ...keys, fingerprint: otherKeys.fingerprint }, sealed), failure("bad-key"));
    assert.throws(() => openKeys(crypto, keys, sealed.subarray(1)), failure("bad-key"));
  });

  test("keys of another size are refused, as the reference does", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const der = privateKey.export({ type: "pkcs8", format: "der" });
    assert.throws(() => mutableKeys(crypto, der), failure("bad-key"));
  });
});

describe("round trips", () => {
  test("SDMF: any k of N, any length", () => {
    const shape = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 200 }))
      .chain(([k, more, data]) =>
        fc.tuple(
          fc.constant({ k, n: k + more, data }),
          fc.shuffledSubarray(
            Array.from({ length: k + more }, (_, number) => number),
            { minLength: k, maxLength: k },
          ),
        ),
      );
    fc.assert(
      fc.property(shape, ([{ k, n, data }, numbers]) => {
        assert.deepEqual(decode(sdmfShares(data, k, n), numbers), data);
      }),
      { numRuns: 60 },
    );
  });

  for (const length of [0, 1, 131_073, 131_074, 300_000]) {
    test(`MDMF: ${length} bytes`, () => {
      const plaintext = Uint8Array.from({ length }, (_, index) => (index * 31) % 251);
      const { shares } = encodeMdmf(plaintext, encoder(3, 10));
      assert.deepEqual(decode(shares, [9, 4, 2]), plaintext);
    });
  }

  test("1 of 1, and 255 shares", () => {
    const plaintext = text("so many shares");
    assert.deepEqual(decode(sdmfShares(plaintext, 1, 1), [0]), plaintext);
    assert.deepEqual(decode(encodeMdmf(plaintext, encoder(1, 1)).shares, [0]), plaintext);
    assert.deepEqual(decode(sdmfShares(plaintext, 2, 255), [254, 128]), plaintext);
    assert.throws(() => sdmfShares(plaintext, 2, 256), RangeError);
  });

  test("a shorter version leaves stale bytes behind its end, which nobody reads", () => {
    const long = sdmfShares(new Uint8Array(5000), 3, 10, 1n);
    const version = encodeSdmf(encoder(3, 10), { sequence: 2n, plaintext: text("short"), salt: saltOf(1) });
    const shares = version.writes.map((writes, number) => writtenShare(writes, long[number]!));
    assert.equal(shares[0]!.length, long[0]!.length);
    assert.deepEqual(decode(shares, [7, 8, 9]), text("short"));
    const large = encodeMdmf(new Uint8Array(140_000), encoder(3, 10)).shares;
    const small = encodeMdmf(text("short"), encoder(3, 10), 2n).shares;
    const over = small.map((share, number) => writtenShare([{ offset: 0, data: share }], large[number]!));
    assert.deepEqual(decode(over, [7, 8, 9]), text("short"));
  });

  test("MDMF in place: untouched segments keep their blocks, the rest is signed anew", () => {
    const plaintext = Uint8Array.from({ length: 300_000 }, (_, index) => index % 253);
    const { shares } = encodeMdmf(plaintext, encoder(3, 10));
    const hashes = shares.map((share, number) => {
      const header = readMutableHeader(share);
      const part = (name: "chain" | "blockHashes") => sectionOf(share, header.sections[name]);
      return verifyBlockHashes(crypto, header, number, { chain: part("chain"), blockHashes: part("blockHashes") });
    });
    const mdmf = new MdmfEncoder(encoder(3, 10), { sequence: 2n, dataLength: plaintext.length });
    for (const index of [0, 2]) {
      mdmf.keep(
        index,
        hashes.map((own) => own.subarray(32 * index, 32 * index + 32)),
      );
    }
    const changed = plaintext.slice(131_073, 2 * 131_073).fill(7);
    const blocks = mdmf.segment(1, changed, saltOf(9));
    const version = mdmf.finish();
    const after = shares.map((share, number) => writtenShare([blocks[number]!, ...version.writes[number]!], share));
    const expected = plaintext.slice();
    expected.set(changed, 131_073);
    assert.deepEqual(decode(after, [1, 5, 8]), expected);
  });

  test("bugs of a writer are not sent: segments missing, twice, or of a wrong length", () => {
    const mdmf = new MdmfEncoder(encoder(3, 10), { sequence: 1n, dataLength: 131_074 });
    assert.throws(() => mdmf.segment(0, new Uint8Array(5), saltOf(0)), RangeError);
    assert.throws(() => mdmf.segment(2, new Uint8Array(0), saltOf(0)), RangeError);
    mdmf.segment(1, new Uint8Array(1), saltOf(1));
    assert.throws(() => mdmf.segment(1, new Uint8Array(1), saltOf(1)), RangeError);
    assert.throws(() => mdmf.keep(0, []), RangeError);
    assert.throws(() => mdmf.finish(), RangeError);
  });

  test("a large sequence number is exact", () => {
    const sequence = 2n ** 63n + 1n;
    const [share] = sdmfShares(text("late"), 1, 1, sequence);
    assert.equal(check(share!, 0).header.sequence, sequence);
  });
});

/** Flips one bit of each byte; where a reader did not notice, and what a writer then did. */
function unnoticed(shares: readonly Uint8Array[], numbers: number[], skip: (at: number) => boolean) {
  const plaintext = decode(shares, numbers);
  const share = shares[numbers[0]!]!;
  const byReader: number[] = [];
  const byWriter: number[] = [];
  for (let at = 0; at < share.length; at++) {
    if (skip(at)) continue;
    const flipped = share.slice();
    flipped[at]! ^= 1 << (at % 8);
    const altered = shares.with(numbers[0]!, flipped);
    try {
      assert.deepEqual(decode(altered, numbers), plaintext, `byte ${at} gives another plaintext`);
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      continue;
    }
    byReader.push(at);
    try {
      openKeys(crypto, keys, sectionOf(flipped, readMutableHeader(flipped).sections.encryptedPrivateKey));
      byWriter.push(at);
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
    }
  }
  return { byReader, byWriter };
}

describe("each byte of a share", () => {
  test("SDMF: a reader misses only the encrypted key, a writer nothing", () => {
    const shares = sdmfShares(text("hello world"));
    const { encryptedPrivateKey } = readMutableHeader(shares[4]!).sections;
    const { byReader, byWriter } = unnoticed(shares, [4, 1, 2], () => false);
    assert.deepEqual(byWriter, []);
    // The last offset says only where the encrypted key ends.
    const others = byReader.filter((at) => at < encryptedPrivateKey.start);
    assert.ok(others.every((at) => at >= 99 && at < 107));
    assert.ok(byReader.length - others.length === encryptedPrivateKey.end - encryptedPrivateKey.start);
  });

  test("MDMF: a reader misses the encrypted key, a writer the unused bytes before the data", () => {
    const { shares } = encodeMdmf(text("hello world"), encoder(3, 10));
    const { encryptedPrivateKey, publicKey, data } = readMutableHeader(shares[4]!).sections;
    const { byReader, byWriter } = unnoticed(shares, [4, 1, 2], () => false);
    const unused = Array.from({ length: data.start - publicKey.end }, (_, index) => publicKey.end + index);
    assert.deepEqual(byWriter, unused);
    const isKey = (at: number) => at >= encryptedPrivateKey.start && at < encryptedPrivateKey.end;
    const others = byReader.filter((at) => !isKey(at) && !unused.includes(at));
    assert.ok(others.every((at) => at >= 59 && at < 67));
  });

  test("a share under another number, of another file, cut off, or empty", () => {
    const shares = sdmfShares(text("hello world"));
    assert.throws(() => check(shares[3]!, 4), failure("bad-hash"));
    assert.throws(() => check(shares[3]!, 10), failure("bad-share"));
    assert.throws(() => check(shares[3]!, 3, otherKeys.fingerprint), failure("bad-key"));
    for (const length of [0, 1, 106, 107, 500]) {
      assert.throws(() => check(shares[3]!.subarray(0, length), 3), failure("truncated"));
    }
  });

  test("signed by another key, and the right public key beside it", () => {
    const forged = encodeSdmf(encoder(3, 10, { ...otherKeys, publicKey: keys.publicKey }), {
      sequence: 9n,
      plaintext: text("not by the owner"),
      salt: saltOf(3),
    });
    assert.throws(() => check(writtenShare(forged.writes[0]!), 0), failure("bad-signature"));
  });

  test("random bytes and random headers give a GridError, never a crash", () => {
    const [share] = sdmfShares(text("hello world"));
    const { shares } = encodeMdmf(text("hello world"), encoder(3, 10));
    const base = fc.constantFrom(share!, shares[0]!);
    const edits = fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(base, edits, fc.uint8Array({ maxLength: 300 }), (good, list, noise) => {
        const edited = good.slice();
        for (const [at, value] of list) edited[at] = value;
        for (const bytes of [edited, noise]) {
          try {
            check(bytes, 0);
          } catch (error) {
            assert.ok(error instanceof GridError, String(error));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a read cap", () => {
  test("decodes, and its key opens no private key", () => {
    const shares = sdmfShares(text("for readers"));
    assert.deepEqual(decode(shares, [0, 5, 9]), text("for readers"));
    const sealed = sectionOf(shares[0]!, readMutableHeader(shares[0]!).sections.encryptedPrivateKey);
    const cap = { writeKey: keys.readKey, fingerprint: keys.fingerprint };
    assert.throws(() => openKeys(crypto, cap, sealed), failure("bad-key"));
  });

  test("a verify cap gives no plaintext: the storage index does not decrypt", () => {
    const shares = sdmfShares(text("for readers"));
    assert.notDeepEqual(decode(shares, [0, 5, 9], keys.storageIndex), text("for readers"));
  });
});

describe("limits", () => {
  /** A header with one field replaced. */
  function withField(share: Uint8Array, at: number, value: bigint): Uint8Array {
    const changed = share.slice();
    new DataView(changed.buffer).setBigUint64(at, value);
    return changed;
  }

  test("SDMF length, MDMF segment size and segments, and sizes above 2^53", () => {
    const [sdmf] = sdmfShares(text("hello world"), 1, 1);
    const mdmf = encodeMdmf(text("hello world"), encoder(1, 1)).shares[0]!;
    const size = (bytes: number) => withField(withField(sdmf!, 59, BigInt(bytes)), 67, BigInt(bytes));
    assert.throws(() => readMutableHeader(size(SDMF_DATA_MAX_BYTES + 1)), failure("too-large"));
    assert.throws(() => readMutableHeader(size(SDMF_DATA_MAX_BYTES)), failure("bad-share"));
    assert.throws(() => readMutableHeader(withField(mdmf, 43, BigInt(SEGMENT_MAX_BYTES + 1))), failure("too-large"));
    assert.throws(() => readMutableHeader(withField(mdmf, 43, 0n)), failure("bad-share"));
    const long = BigInt(MDMF_SEGMENTS_MAX) * 131_072n;
    assert.throws(() => readMutableHeader(withField(mdmf, 51, long + 1n)), failure("too-large"));
    assert.throws(() => readMutableHeader(withField(mdmf, 51, long)), failure("bad-share"));
    for (const at of [43, 51, 59, 115]) {
      assert.throws(() => readMutableHeader(withField(mdmf, at, 2n ** 53n)), failure("too-large"));
    }
    assert.throws(() => shapeFor("sdmf", 3, 10, SDMF_DATA_MAX_BYTES + 1), failure("too-large"));
    assert.equal(dataBytes(shapeFor("mdmf", 3, 10, 131_073 * MDMF_SEGMENTS_MAX)), (16 + 43_691) * MDMF_SEGMENTS_MAX);
  });

  test("lengths of keys, signature and chain", () => {
    const sections = (signatureBytes: number, publicKeyBytes: number) => {
      const own = { ...keys, publicKey: new Uint8Array(publicKeyBytes) };
      const signing = { ...crypto, rsaSign: () => new Uint8Array(signatureBytes) };
      const version = encodeSdmf(
        { crypto: signing, code: plainErasureCode(1, 1), keys: own },
        { sequence: 1n, plaintext: text("x"), salt: saltOf(0) },
      );
      return readMutableHeader(writtenShare(version.writes[0]!)).sections;
    };
    assert.equal(sections(1024, 4096).signature.end, 107 + 4096 + 1024);
    assert.throws(() => sections(1025, 294), failure("bad-share"));
    assert.throws(() => sections(256, 4097), failure("bad-share"));
    // Nor does a writer put keys over the blocks of an MDMF share.
    const lengths = { publicKeyBytes: 294, privateKeyBytes: 2000, signatureBytes: 256 };
    assert.throws(() => placeSections(shapeFor("mdmf", 1, 1, 5), lengths), failure("too-large"));
  });
});
