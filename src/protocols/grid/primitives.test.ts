/** Base32, netstrings, tagged hashes, Merkle trees and secrets: the format's own values, and what is refused. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { counting, crypto, fromHex, hex, refuses } from "./chk-files.test.ts";
import { HASH_BYTES, KEY_BYTES, PEER_ID_BYTES } from "./constants.ts";
import {
  backupDirectoryHash,
  bucketLeaseSecret,
  clientLeaseSecret,
  dataKeyOf,
  fileLeaseSecret,
  merkleEmptyLeaf,
  mutableContainerMark,
  plaintextHashStream,
  plaintextSegmentHash,
  tagged,
  taggedPair,
  taggedStream,
  tagOf,
  writeEnablerMaster,
} from "./hashes.ts";
import { buildTree, hashAt, leafNode, nodeCount, PartialTree, pathNodes, uncleChain } from "./merkle.ts";
import { netstring, NetstringReader } from "./netstring.ts";
import { leaseSecrets, writeEnabler } from "./secrets.ts";
import { utf8 } from "../wire/utf8.ts";

test("base32 has one spelling per value", () => {
  assert.equal(encodeBase32(utf8("hello world")), "nbswy3dpeb3w64tmmq");
  for (const text of ["A", "a", "aaa", "aaaaaa", "NB", "n0", "nb=", "nb======", "ab", "né", "a a"]) {
    assert.equal(decodeBase32(text), undefined, text);
  }
  assert.deepEqual(decodeBase32(""), new Uint8Array(0));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      assert.deepEqual(decodeBase32(encodeBase32(bytes)), bytes);
    }),
  );
  const chars = [..."abcdefghijklmnopqrstuvwxyz234567"];
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...chars), maxLength: 20 }), (text) => {
      const bytes = decodeBase32(text);
      if (bytes) assert.equal(encodeBase32(bytes), text);
    }),
  );
});

test("the last character of base32 carries only the bits that are left", () => {
  const allowed = ["", "aeimquy4", "aq", "acegikmoqsuwy246", "aiqy"];
  for (let over = 1; over < 5; over++) {
    const text = encodeBase32(counting(10 + over));
    for (const last of "abcdefghijklmnopqrstuvwxyz234567") {
      assert.equal(decodeBase32(text.slice(0, -1) + last) !== undefined, allowed[over]!.includes(last), last);
    }
  }
});

test("netstrings", () => {
  assert.deepEqual(netstring(utf8("hello")), utf8("5:hello,"));
  assert.deepEqual(netstring(new Uint8Array(0)), utf8("0:,"));
  for (const text of ["", "5", "5:", ":,", "5:hell,", "5:hello", "5:hello;", "05:hello,", "-1:,", "a:,", "1 :a,"]) {
    refuses(() => new NetstringReader(utf8(text)).next(), "bad-netstring");
  }
  refuses(() => new NetstringReader(utf8("9999999999999999:,")).next(), "bad-netstring");
  refuses(() => new NetstringReader(utf8("999999999999999:,")).next(), "bad-netstring");
  refuses(() => new NetstringReader(utf8("longer:1:a,")).key(5), "bad-netstring");
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }), (values) => {
      const reader = new NetstringReader(new Uint8Array(Buffer.concat(values.map(netstring))));
      for (const value of values) assert.deepEqual(new Uint8Array(reader.next()), value);
      assert.ok(reader.isEnd);
    }),
  );
});

test("tagged hashes give the format's check values", () => {
  const empty = crypto.sha256(crypto.sha256(new Uint8Array(0)));
  assert.equal(hex(empty), "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456");
  const value = "64b0cafcfe5f99653ae63b644191c890600965073ef48bf9b24f9e623c940229";
  assert.equal(hex(tagged(crypto, tagOf("tag"), utf8("value"))), value);
  assert.equal(hex(tagged(crypto, tagOf("tag"), utf8("va"), utf8("lue"))), value);
  const stream = taggedStream(crypto, tagOf("tag"));
  stream.update(utf8("val"));
  stream.update(utf8("ue"));
  assert.equal(hex(stream.digest()), value);
  assert.equal(
    hex(taggedPair(crypto, tagOf("tag"), utf8("a"), utf8("b"))),
    "e003cf467d5cbcdf2eedb7369cd332e96f4405959a932f35200b862b2dc0a593",
  );
  const dataKey = dataKeyOf(crypto, counting(16, 0xf0), fromHex("cadaf6f34ba7ee41b9b4bf76a8f34793"));
  assert.equal(hex(dataKey), "ae3f6d438215b701d13aeb31d8df13a3");
});

test("tags that are defined and hardly used keep their form", () => {
  const whole = plaintextHashStream(crypto);
  whole.update(utf8("x"));
  assert.deepEqual(whole.digest(), tagged(crypto, tagOf("allmydata_plaintext_v1"), utf8("x")));
  const segment = tagged(crypto, tagOf("allmydata_plaintext_segment_v1"), utf8("x"));
  assert.deepEqual(plaintextSegmentHash(crypto, utf8("x")), segment);
  const directory = tagged(crypto, tagOf("allmydata_backupdb_dirhash_v1"), utf8("x"));
  assert.deepEqual(backupDirectoryHash(crypto, utf8("x")), directory);
  assert.equal(mutableContainerMark(crypto).length, 5);
});

test("a Merkle tree fills its row with numbered empty leaves", () => {
  const empty = "e0024730188e2de564a697cc2987407b24ae7eb6b880190c1a0337a5740e527a";
  assert.equal(hex(merkleEmptyLeaf(crypto, 0)), empty);
  const tenth = "ad6bdacbc961fbc124653306f5b8e757c4eddb06491b1edb48c68d124466fa15";
  assert.equal(hex(merkleEmptyLeaf(crypto, 10)), tenth);
  assert.equal(hex(buildTree(crypto, new Uint8Array(0))), empty);
  assert.deepEqual(buildTree(crypto, counting(HASH_BYTES)), counting(HASH_BYTES));
  const tree = buildTree(crypto, new Uint8Array(10 * HASH_BYTES));
  assert.equal(tree.length, 31 * HASH_BYTES);
  assert.equal(hex(hashAt(tree, leafNode(10, 10))), tenth);
  assert.deepEqual(pathNodes(10, 0), [2, 4, 8, 15, 16]);
  assert.deepEqual(pathNodes(10, 9), [1, 6, 12, 23, 24]);
  assert.deepEqual(uncleChain(1, 0), []);
});

const leafRow = (count: number) => counting(count * HASH_BYTES, 0, 251);
const nodesOf = (tree: Uint8Array, nodes: number[]) => new Map(nodes.map((node) => [node, hashAt(tree, node)]));

test("a partial tree takes any leaf by what it says is missing, in any order", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(size, fc.array(fc.nat(), { maxLength: 10 }), (count, picks) => {
      const tree = buildTree(crypto, leafRow(count));
      const partial = new PartialTree(crypto, count, hashAt(tree, 0));
      for (const pick of picks) {
        const leaf = pick % count;
        const missing = partial.missing(leaf);
        assert.equal(missing.length === 0, partial.leaf(leaf) !== undefined);
        if (missing.length > 0) refuses(() => partial.accept(nodesOf(tree, missing.slice(1))), "bad-hash");
        partial.accept(nodesOf(tree, missing));
        assert.deepEqual(new Uint8Array(partial.leaf(leaf)!), leafRow(count).slice(leaf * 32, leaf * 32 + 32));
        assert.deepEqual(partial.missing(leaf), []);
      }
    }),
    { numRuns: 60 },
  );
});

test("a partial tree takes nothing of what does not lead to its root", () => {
  const count = 13;
  const tree = buildTree(crypto, leafRow(count));
  const nodes = fc.integer({ min: 0, max: nodeCount(count) - 1 });
  fc.assert(
    fc.property(nodes, fc.nat({ max: 255 }), fc.nat({ max: 12 }), (wrong, bit, leaf) => {
      const partial = new PartialTree(crypto, count, hashAt(tree, 0));
      const path = pathNodes(count, leaf);
      const given = nodesOf(tree, path);
      const hash = hashAt(tree, wrong).slice();
      hash[bit >> 3]! ^= 1 << (bit & 7);
      given.set(wrong, hash);
      refuses(() => partial.accept(given), "bad-hash");
      assert.equal(partial.leaf(leaf), undefined);
      partial.accept(nodesOf(tree, path));
    }),
    { numRuns: 100 },
  );
  const partial = new PartialTree(crypto, count, hashAt(tree, 0));
  for (const node of [-1, nodeCount(count), 0.5, Number.NaN]) {
    refuses(() => partial.accept(new Map([[node, new Uint8Array(HASH_BYTES)]])), "bad-hash");
  }
  refuses(() => partial.accept(new Map([[1, new Uint8Array(31)]])), "bad-hash");
  partial.accept(nodesOf(tree, [...Array(nodeCount(count)).keys()]));
});

test("secrets: the worked example", () => {
  const lease = new Uint8Array(32).fill(0xaa);
  const index = fromHex("05d82de538db1406e16fc5ff4d6690a3");
  const peer = counting(PEER_ID_BYTES, 0x40);
  const client = clientLeaseSecret(crypto, "renewal", lease);
  assert.equal(hex(client), "7de9909bd3578e6744896451f2f14c95323f41d05862afab138d52818195f1d3");
  const file = fileLeaseSecret(crypto, "renewal", client, index);
  assert.equal(hex(file), "91f590d20726c896e30bcabe3b59db724e7a6b2982856b34459edd19b0426be0");
  const secrets = leaseSecrets(crypto, lease, index, peer);
  assert.deepEqual(bucketLeaseSecret(crypto, "renewal", file, peer), secrets.renew);
  assert.equal(hex(secrets.renew), "e7a15503723e43f78c1f34e6b4e5ded2cf709410982cc767bdeb72955656e700");
  assert.equal(hex(secrets.cancel), "636b38548db15a308ca39513b083ccabaad1921a1937d6ca1aa2153345998e35");
  const cancel = clientLeaseSecret(crypto, "cancel", lease);
  assert.equal(hex(cancel), "0e0190af12f115e2f375d0d6cff240ea67740539017b23ea054c6aa2cb56ba6a");
  const cancelOfFile = fileLeaseSecret(crypto, "cancel", cancel, index);
  assert.equal(hex(cancelOfFile), "5d7459d129895fef639dfeb764795e16fb8233faa9e44251d875df3ba5181899");
  const master = writeEnablerMaster(crypto, counting(KEY_BYTES));
  assert.equal(hex(master), "f57f1d678a75602b959d26384c58b66c26d147093e906f7a49f0a02ae54a6e0c");
  const enabler = writeEnabler(crypto, counting(KEY_BYTES), peer);
  assert.equal(hex(enabler), "4f14eef9d078459ab09bee4b33c24933885b33bf023571d350474477ab5a4517");
});
