/**
 * Our core against the golden data of the released Tahoe-LAFS: caps, keys, folders, hashes, trees, erasure code. Each
 * check is also given data with one altered byte and must then fail. (Shares: vector-shares.test.ts.)
 */
import assert from "node:assert/strict";
import test from "node:test";
import { simdMixer } from "../../src/platform/erasure.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { decodeBase32, encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { fileOf, formatCap, parseCap, readCapOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap, MutableWriteCap } from "../../src/protocols/grid/caps.ts";
import { concat } from "../../src/protocols/grid/concat.ts";
import { Directory, literalDirectory } from "../../src/protocols/grid/directory.ts";
import type { DirectoryAccess } from "../../src/protocols/grid/directory.ts";
import { writeMetadata } from "../../src/protocols/grid/directory-metadata.ts";
import type { Metadata } from "../../src/protocols/grid/directory-metadata.ts";
import { sealWriteCap, slotMac, storedRead } from "../../src/protocols/grid/directory-slots.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { erasureCode, plainErasureCode } from "../../src/protocols/grid/erasure.ts";
import * as hashes from "../../src/protocols/grid/hashes.ts";
import { buildTree, uncleChain } from "../../src/protocols/grid/merkle.ts";
import { mutableKeys } from "../../src/protocols/grid/mutable-keys.ts";
import { netstring } from "../../src/protocols/grid/netstring.ts";
import { permutedOrder } from "../../src/protocols/grid/placement.ts";
import { capOf } from "../../src/protocols/grid/vector.ts";
import { readVector } from "../../src/protocols/grid/vector-line.ts";
import { utf8 } from "../../src/protocols/wire/utf8.ts";
import { bytesOf, flipped, golden } from "./golden.ts";

const crypto = gridCrypto();
const mixer = simdMixer(erasureKernel());
const codeOf = (k: number, n: number) => erasureCode(k, n, mixer);
const hex = (text: string) => bytesOf(text, "hex");
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const flippedHex = (text: string, at = 0) => toHex(flipped(hex(text), at));
/** Another letter of the same alphabet in the place of the one at `at`. */
const flippedChar = (text: string, at: number) =>
  text.slice(0, at) + (text[at] === "b" ? "c" : "b") + text.slice(at + 1);

// --- Caps ---------------------------------------------------------------------------------------------------------

interface CapLine {
  kind: "lit" | "chk";
  data?: string;
  seed?: string;
  cap: string;
}

function checkCap(line: CapLine): void {
  assert.equal(capOf({ crypto, codeOf }, readVector(JSON.stringify(line))), line.cap);
}

test("LIT and CHK: every cap out of its parameters and its content", () => {
  const lines = golden<CapLine>("caps", 256);
  for (const line of lines) checkCap(line);
  for (const line of lines.filter((_line, index) => index % 8 === 0)) {
    if (line.cap === "URI:LIT:") continue;
    assert.throws(() => checkCap({ ...line, cap: flippedChar(line.cap, "URI:LIT:".length) }), line.cap);
    const altered = line.seed === undefined ? { data: flippedHex(line.data!) } : { seed: flippedHex(line.seed) };
    assert.throws(() => checkCap({ ...line, ...altered }), line.cap);
  }
});

interface MutableLine {
  kind: "sdmf" | "mdmf";
  privkey: string;
  cap: string;
  readCap: string;
  verifyCap: string;
}

function checkMutable({ kind, privkey, cap, readCap, verifyCap }: MutableLine): void {
  const keys = mutableKeys(crypto, bytesOf(privkey, "base64"));
  const parsed = parseCap(cap) as MutableWriteCap;
  assert.equal(parsed.format, kind);
  assert.equal(toHex(keys.writeKey), toHex(parsed.writeKey));
  assert.equal(toHex(keys.fingerprint), toHex(parsed.fingerprint));
  const { writeKey, fingerprint } = keys;
  const ours: KnownCap = { kind: "mutable-write", format: kind, writeKey, fingerprint };
  assert.equal(formatCap(ours), cap);
  assert.equal(formatCap(readCapOf(crypto, ours)!), readCap);
  assert.equal(formatCap(verifyCapOf(crypto, ours)!), verifyCap);
}

test("SDMF and MDMF: write key, fingerprint and all three caps out of the private key", () => {
  for (const line of golden<MutableLine>("mutable", 12)) {
    checkMutable(line);
    const der = bytesOf(line.privkey, "base64");
    const altered = Buffer.from(flipped(der, der.length - 1)).toString("base64");
    assert.throws(() => checkMutable({ ...line, privkey: altered }), line.cap);
    for (const name of ["cap", "readCap", "verifyCap"] as const) {
      const at = line[name].lastIndexOf(":") + 1;
      assert.throws(() => checkMutable({ ...line, [name]: flippedChar(line[name], at) }), line[name]);
    }
  }
});

// --- Folders ------------------------------------------------------------------------------------------------------

interface ChildAbout {
  rw_uri?: string;
  ro_uri?: string;
  verify_uri?: string;
  metadata: Metadata;
}

interface FolderLine {
  kind: "folder";
  cap: string;
  readCap: string;
  verifyCap?: string;
  content: string;
  children: Record<string, [type: "filenode" | "dirnode" | "unknown", about: ChildAbout]>;
}

function accessOf(cap: KnownCap): DirectoryAccess {
  const file = fileOf(cap);
  return file.kind === "mutable-write" ? { kind: "mutable", writeKey: file.writeKey } : { kind: "immutable" };
}

function checkFolder({ cap: text, readCap, verifyCap, content: packed, children }: FolderLine): void {
  const cap = parseCap(text) as KnownCap;
  assert.equal(formatCap(readCapOf(crypto, cap)!), readCap);
  const verify = verifyCapOf(crypto, cap);
  assert.equal(verify && formatCap(verify), verifyCap);
  const content = bytesOf(packed, "base64");
  const file = fileOf(cap);
  if (file.kind === "lit") assert.equal(formatCap(literalDirectory(content)!), text);
  if (file.kind === "chk") assert.equal(file.size, content.length);
  const access = accessOf(cap);
  const directory = Directory.read(crypto, access, content);
  assert.deepEqual(directory.skipped(), []);
  const found = directory.children();
  assert.deepEqual(found.map(({ name }) => name).toSorted(), Object.keys(children).toSorted());
  for (const child of found) {
    const [type, about] = children[child.name]!;
    assert.deepEqual([child.write, child.read], [about.rw_uri, about.ro_uri], child.name);
    assert.deepEqual(child.metadata, about.metadata, child.name);
    const ours = { directory: "dirnode", unknown: "unknown" }[child.cap.kind as string] ?? "filenode";
    assert.equal(ours, type, child.name);
    const childVerify = child.cap.kind === "unknown" ? undefined : verifyCapOf(crypto, child.cap);
    assert.equal(childVerify && formatCap(childVerify), about.verify_uri, child.name);
  }
  // As it stands, and packed again out of what was read.
  assert.equal(toHex(directory.write()), toHex(content));
  const entries = found.map(({ name, read, write, metadata }) => {
    const slot = access.kind === "mutable" ? sealWriteCap(crypto, access.writeKey!, write ?? "") : new Uint8Array(0);
    const parts = [utf8(name), utf8(storedRead(access.kind, read)), slot, writeMetadata(metadata)];
    return netstring(concat(parts.map(netstring)));
  });
  assert.equal(toHex(concat(entries)), toHex(content));
}

/** The time in milliseconds that is this one in seconds, both as binary fractions. */
function millisecondsOf(seconds: number): number {
  const near = seconds * 1000;
  const found = [0, 1, -1, 2, -2].map((steps) => near + steps * 2 ** -12).find((ms) => ms / 1000 === seconds);
  assert.ok(found !== undefined, `${seconds} s`);
  return found;
}

test("folders: each child has the name, the caps and the metadata that the client says, and packs the same", () => {
  const lines = golden<FolderLine>("folders", 8);
  for (const line of lines) {
    checkFolder(line);
    const content = bytesOf(line.content, "base64");
    const places = [0, 1, 4, Math.floor(content.length / 3), Math.floor(content.length / 2), content.length - 2];
    for (const at of places.filter((place) => place >= 0 && place < content.length)) {
      const altered = Buffer.from(flipped(content, at)).toString("base64");
      assert.throws(() => checkFolder({ ...line, content: altered }), `${line.cap}: byte ${at}`);
    }
  }
});

test("folders: a new one with the same children, linked at the same time, is the same byte for byte", () => {
  let compared = 0;
  for (const { cap, content, children } of golden<FolderLine>("folders", 8)) {
    const linked = Object.entries(children).filter(([, [, { metadata }]]) => metadata["tahoe"] !== undefined);
    if (linked.length === 0) continue;
    const directory = new Directory(crypto, accessOf(parseCap(cap) as KnownCap));
    for (const [name, [, { rw_uri: write, ro_uri: read, metadata }]] of linked) {
      const { linkmotime } = metadata["tahoe"] as { linkmotime: number };
      const caps = { ...(write ? { write } : {}), ...(read ? { read } : {}) };
      directory.set({ name, ...caps, metadata }, millisecondsOf(linkmotime));
    }
    assert.equal(toHex(directory.write()), toHex(bytesOf(content, "base64")));
    compared++;
  }
  assert.ok(compared >= 2, `${compared} folders with times`);
});

// --- Answers of single functions ----------------------------------------------------------------------------------

type Input = Record<string, string>;
type Answer = (input: Record<string, Uint8Array>, given: Record<string, string | number>) => Uint8Array;

function streamed(stream: { update(bytes: Uint8Array): void; digest(): Uint8Array }, data: Uint8Array): Uint8Array {
  stream.update(data.subarray(0, 7));
  stream.update(data.subarray(7));
  return stream.digest();
}

/** Their functions by name, as ours. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  tagged_hash: ({ tag, val }) => hashes.tagged(crypto, hashes.tagOf(tag!), val!),
  tagged_pair_hash: ({ tag, val1, val2 }) => hashes.taggedPair(crypto, hashes.tagOf(tag!), val1!, val2!),
  hmac: ({ tag, data }) => slotMac(crypto, tag!, data!),
  storage_index_hash: ({ key }) => hashes.chkStorageIndex(crypto, key!),
  block_hash: ({ data }) => hashes.blockHash(crypto, data!),
  uri_extension_hash: ({ data }) => hashes.uebHash(crypto, data!),
  plaintext_hash: ({ data }) => streamed(hashes.plaintextHashStream(crypto), data!),
  plaintext_segment_hash: ({ data }) => hashes.plaintextSegmentHash(crypto, data!),
  crypttext_hash: ({ data }) => streamed(hashes.crypttextHashStream(crypto), data!),
  crypttext_segment_hash: ({ data }) => hashes.crypttextSegmentHash(crypto, data!),
  my_renewal_secret_hash: ({ my_secret }) => hashes.clientLeaseSecret(crypto, "renewal", my_secret!),
  my_cancel_secret_hash: ({ my_secret }) => hashes.clientLeaseSecret(crypto, "cancel", my_secret!),
  file_renewal_secret_hash: ({ client_renewal_secret, storage_index }) =>
    hashes.fileLeaseSecret(crypto, "renewal", client_renewal_secret!, storage_index!),
  file_cancel_secret_hash: ({ client_cancel_secret, storage_index }) =>
    hashes.fileLeaseSecret(crypto, "cancel", client_cancel_secret!, storage_index!),
  bucket_renewal_secret_hash: ({ file_renewal_secret, peerid }) =>
    hashes.bucketLeaseSecret(crypto, "renewal", file_renewal_secret!, peerid!),
  bucket_cancel_secret_hash: ({ file_cancel_secret, peerid }) =>
    hashes.bucketLeaseSecret(crypto, "cancel", file_cancel_secret!, peerid!),
  ssk_writekey_hash: ({ privkey }) => hashes.writeKeyOf(crypto, privkey!),
  ssk_pubkey_fingerprint_hash: ({ pubkey }) => hashes.fingerprintOf(crypto, pubkey!),
  ssk_readkey_hash: ({ writekey }) => hashes.readKeyOf(crypto, writekey!),
  ssk_readkey_data_hash: ({ IV, readkey }) => hashes.dataKeyOf(crypto, IV!, readkey!),
  ssk_storage_index_hash: ({ readkey }) => hashes.mutableStorageIndex(crypto, readkey!),
  ssk_write_enabler_master_hash: ({ writekey }) => hashes.writeEnablerMaster(crypto, writekey!),
  ssk_write_enabler_hash: ({ writekey, peerid }) =>
    hashes.writeEnablerOf(crypto, hashes.writeEnablerMaster(crypto, writekey!), peerid!),
  mutable_rwcap_salt_hash: ({ writekey }) => hashes.childSalt(crypto, writekey!),
  mutable_rwcap_key_hash: ({ iv, writekey }) => hashes.childKey(crypto, iv!, writekey!),
  backupdb_dirhash: ({ contents }) => hashes.backupDirectoryHash(crypto, contents!),
  permute_server_hash: ({ peer_selection_index, server_permutation_seed }) =>
    rankOf(peer_selection_index!, server_permutation_seed!),
  convergence_hash: ({ data, convergence }, { k, n, segsize }) => {
    const segments = { k: Number(k), n: Number(n), segmentBytes: Number(segsize) };
    return streamed(hashes.convergenceKeyStream(crypto, convergence!, segments), data!);
  },
};

/** What a server is sorted by, taken where our order asks for it. */
function rankOf(storageIndex: Uint8Array, seed: Uint8Array): Uint8Array {
  const ranks: Uint8Array[] = [];
  const sha1 = (bytes: Uint8Array) => {
    ranks.push(crypto.sha1(bytes));
    return ranks.at(-1)!;
  };
  permutedOrder({ sha1 }, storageIndex, [{ seed }]);
  return ranks[0]!;
}

type AnswerLine =
  | { kind: "hash"; function: string; input: Input; output: string }
  | { kind: "tree"; leaves: string[]; nodes: string[]; chains: number[][] }
  | { kind: "zfec"; k: number; n: number; blocks: string[]; shares: string[] }
  | { kind: "base32"; data: string; text: string };

function checkAnswer(line: AnswerLine): void {
  switch (line.kind) {
    case "hash": {
      const answer = ANSWERS[line.function];
      assert.ok(answer, line.function);
      const texts = Object.entries(line.input).filter(([, value]) => typeof value === "string");
      const input = Object.fromEntries(texts.map(([name, value]) => [name, hex(value)]));
      return assert.equal(toHex(answer(input, line.input)), line.output, line.function);
    }
    case "tree": {
      const { leaves, nodes, chains } = line;
      assert.equal(toHex(buildTree(crypto, hex(leaves.join("")))), nodes.join(""));
      return chains.forEach((chain, leaf) => assert.deepEqual(uncleChain(leaves.length, leaf), chain));
    }
    case "zfec": {
      const blocks = line.blocks.map(hex);
      const lastK = line.shares.map((share, number) => ({ number, bytes: hex(share) })).slice(-line.k);
      for (const code of [plainErasureCode(line.k, line.n), codeOf(line.k, line.n)]) {
        assert.deepEqual(code.encode(blocks).map(toHex), line.shares);
        assert.deepEqual(code.decode(lastK).map(toHex), line.blocks);
      }
      return;
    }
    case "base32":
      assert.equal(encodeBase32(hex(line.data)), line.text);
      return assert.equal(toHex(decodeBase32(line.text)!), line.data);
  }
}

/** The same with one byte of what came out altered. */
function alteredAnswer(line: AnswerLine): AnswerLine {
  switch (line.kind) {
    case "hash":
      return { ...line, output: flippedHex(line.output) };
    case "tree":
      return { ...line, nodes: line.nodes.with(-1, flippedHex(line.nodes.at(-1)!)) };
    case "zfec":
      return { ...line, shares: line.shares.with(-1, flippedHex(line.shares.at(-1)!)) };
    case "base32":
      return { ...line, text: line.text === "" ? "aa" : flippedChar(line.text, 0) };
  }
}

test("hashes, trees, erasure code and base32 give what theirs give", () => {
  const lines = golden<AnswerLine>("answers", 115);
  for (const line of lines) {
    checkAnswer(line);
    assert.throws(() => checkAnswer(alteredAnswer(line)), JSON.stringify(line).slice(0, 200));
  }
  const asked = new Set(lines.flatMap((line) => (line.kind === "hash" ? [line.function] : [])));
  assert.deepEqual([...asked].toSorted(), Object.keys(ANSWERS).toSorted());
});
