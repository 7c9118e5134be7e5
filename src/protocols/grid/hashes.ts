/**
 * The tagged hashes of the grid formats: every value that is hashed is hashed for one purpose, which its tag names,
 * so that nothing hashed for one purpose can pass for another. H(tag, x) is SHA-256 twice over netstring(tag), x.
 */
import { concat } from "./concat.ts";
import { KEY_BYTES } from "./constants.ts";
import type { GridCrypto, HashStream } from "./crypto.ts";
import { netstring } from "./netstring.ts";
import { utf8 } from "../wire/utf8.ts";

/** A tag, framed as it is hashed. */
export type Tag = Uint8Array;

/** Frames a tag once, so that hashing does not do it again each time. */
export function tagOf(name: string | Uint8Array): Tag {
  return netstring(typeof name === "string" ? utf8(name) : name);
}

/** H: 32 bytes over the tag and the parts one after the other. */
export function tagged(crypto: GridCrypto, tag: Tag, ...parts: Uint8Array[]): Uint8Array {
  return crypto.sha256(crypto.sha256(tag, ...parts));
}

/** H2: 32 bytes over the tag and two values, each framed as a netstring. */
export function taggedPair(crypto: GridCrypto, tag: Tag, a: Uint8Array, b: Uint8Array): Uint8Array {
  return crypto.sha256(crypto.sha256(tag, netstring(a), netstring(b)));
}

/** H of something too long to be in memory. */
export function taggedStream(crypto: GridCrypto, tag: Tag): HashStream {
  const stream = crypto.sha256Stream();
  stream.update(tag);
  return { update: (bytes) => stream.update(bytes), digest: () => crypto.sha256(stream.digest()) };
}

const short = (hash: Uint8Array) => hash.slice(0, KEY_BYTES);

// --- Immutable files ----------------------------------------------------------------------------------------------

const CONVERGENCE = utf8("allmydata_immutable_content_to_key_with_added_secret_v1+");
const CHK_STORAGE_INDEX = tagOf("allmydata_immutable_key_to_storage_index_v1");
const BLOCK = tagOf("allmydata_encoded_subshare_v1");
const UEB = tagOf("allmydata_uri_extension_v1");
const CRYPTTEXT = tagOf("allmydata_crypttext_v1");
const CRYPTTEXT_SEGMENT = tagOf("allmydata_crypttext_segment_v1");
const PLAINTEXT = tagOf("allmydata_plaintext_v1");
const PLAINTEXT_SEGMENT = tagOf("allmydata_plaintext_segment_v1");

/** The plaintext goes in, the 16 bytes of the file's key come out. `segmentBytes` is the rounded segment size. */
export function convergenceKeyStream(
  crypto: GridCrypto,
  secret: Uint8Array,
  { k, n, segmentBytes }: { k: number; n: number; segmentBytes: number },
): HashStream {
  const parts = [CONVERGENCE, netstring(secret), netstring(utf8(`${k},${n},${segmentBytes}`))];
  const stream = taggedStream(crypto, tagOf(concat(parts)));
  return { update: (bytes) => stream.update(bytes), digest: () => short(stream.digest()) };
}

export function chkStorageIndex(crypto: GridCrypto, key: Uint8Array): Uint8Array {
  return short(tagged(crypto, CHK_STORAGE_INDEX, key));
}

/** Of one block; of salt and block in an MDMF share. */
export function blockHash(crypto: GridCrypto, ...parts: Uint8Array[]): Uint8Array {
  return tagged(crypto, BLOCK, ...parts);
}

export function uebHash(crypto: GridCrypto, ueb: Uint8Array): Uint8Array {
  return tagged(crypto, UEB, ueb);
}

/** Of the whole ciphertext. */
export function crypttextHashStream(crypto: GridCrypto): HashStream {
  return taggedStream(crypto, CRYPTTEXT);
}

/** Of the ciphertext of one segment, without padding. */
export function crypttextSegmentHash(crypto: GridCrypto, ciphertext: Uint8Array): Uint8Array {
  return tagged(crypto, CRYPTTEXT_SEGMENT, ciphertext);
}

/** Defined by the format; no longer stored. */
export function plaintextHashStream(crypto: GridCrypto): HashStream {
  return taggedStream(crypto, PLAINTEXT);
}

/** Defined by the format; no longer stored. */
export function plaintextSegmentHash(crypto: GridCrypto, plaintext: Uint8Array): Uint8Array {
  return tagged(crypto, PLAINTEXT_SEGMENT, plaintext);
}

// --- Merkle trees -------------------------------------------------------------------------------------------------

const MERKLE_NODE = tagOf("Merkle tree internal node");
const MERKLE_EMPTY = tagOf("Merkle tree empty leaf");

export function merkleNode(crypto: GridCrypto, left: Uint8Array, right: Uint8Array): Uint8Array {
  return taggedPair(crypto, MERKLE_NODE, left, right);
}

/** The leaf that pads the row at the absolute index `leaf`. */
export function merkleEmptyLeaf(crypto: GridCrypto, leaf: number): Uint8Array {
  return tagged(crypto, MERKLE_EMPTY, utf8(String(leaf)));
}

// --- Mutable files ------------------------------------------------------------------------------------------------

const WRITE_KEY = tagOf("allmydata_mutable_privkey_to_writekey_v1");
const FINGERPRINT = tagOf("allmydata_mutable_pubkey_to_fingerprint_v1");
const READ_KEY = tagOf("allmydata_mutable_writekey_to_readkey_v1");
const MUTABLE_STORAGE_INDEX = tagOf("allmydata_mutable_readkey_to_storage_index_v1");
const DATA_KEY = tagOf("allmydata_mutable_readkey_to_datakey_v1");
const WRITE_ENABLER_MASTER = tagOf("allmydata_mutable_writekey_to_write_enabler_master_v1");
const WRITE_ENABLER = tagOf("allmydata_mutable_write_enabler_master_and_nodeid_to_write_enabler_v1");
const CONTAINER_HEADER = tagOf("allmydata_mutable_container_header");

/** 16 bytes, of the private key as PKCS#8 DER. */
export function writeKeyOf(crypto: GridCrypto, pkcs8Der: Uint8Array): Uint8Array {
  return short(tagged(crypto, WRITE_KEY, pkcs8Der));
}

/** 32 bytes, of the public key as SubjectPublicKeyInfo DER. */
export function fingerprintOf(crypto: GridCrypto, spkiDer: Uint8Array): Uint8Array {
  return tagged(crypto, FINGERPRINT, spkiDer);
}

export function readKeyOf(crypto: GridCrypto, writeKey: Uint8Array): Uint8Array {
  return short(tagged(crypto, READ_KEY, writeKey));
}

export function mutableStorageIndex(crypto: GridCrypto, readKey: Uint8Array): Uint8Array {
  return short(tagged(crypto, MUTABLE_STORAGE_INDEX, readKey));
}

/** The key of what is encrypted with this salt. 16 bytes. */
export function dataKeyOf(crypto: GridCrypto, salt: Uint8Array, readKey: Uint8Array): Uint8Array {
  return short(taggedPair(crypto, DATA_KEY, salt, readKey));
}

export function writeEnablerMaster(crypto: GridCrypto, writeKey: Uint8Array): Uint8Array {
  return tagged(crypto, WRITE_ENABLER_MASTER, writeKey);
}

export function writeEnablerOf(crypto: GridCrypto, master: Uint8Array, peerId: Uint8Array): Uint8Array {
  return taggedPair(crypto, WRITE_ENABLER, master, peerId);
}

/** The 5 bytes after the magic text of a mutable share on a server's disk. */
export function mutableContainerMark(crypto: GridCrypto): Uint8Array {
  return tagged(crypto, CONTAINER_HEADER, utf8("Tahoe mutable container v2\n")).slice(0, 5);
}

// --- Directories --------------------------------------------------------------------------------------------------

const CHILD_SALT = tagOf("allmydata_dirnode_child_rwcap_to_salt_v1");
const CHILD_KEY = tagOf("allmydata_mutable_writekey_and_salt_to_dirnode_child_capkey_v1");
const BACKUP_DIRECTORY = tagOf("allmydata_backupdb_dirhash_v1");

/** 16 bytes, of the child's write cap, which may be empty. */
export function childSalt(crypto: GridCrypto, writeCap: Uint8Array): Uint8Array {
  return short(tagged(crypto, CHILD_SALT, writeCap));
}

/** 16 bytes: the key of a child's write slot. */
export function childKey(crypto: GridCrypto, salt: Uint8Array, writeKey: Uint8Array): Uint8Array {
  return short(taggedPair(crypto, CHILD_KEY, salt, writeKey));
}

/** Of a packed directory description, in a backup's own database. */
export function backupDirectoryHash(crypto: GridCrypto, description: Uint8Array): Uint8Array {
  return tagged(crypto, BACKUP_DIRECTORY, description);
}

// --- Leases -------------------------------------------------------------------------------------------------------

const CLIENT = {
  renewal: utf8("allmydata_client_renewal_secret_v1"),
  cancel: utf8("allmydata_client_cancel_secret_v1"),
};
const FILE = {
  renewal: tagOf("allmydata_file_renewal_secret_v1"),
  cancel: tagOf("allmydata_file_cancel_secret_v1"),
};
const BUCKET = {
  renewal: tagOf("allmydata_bucket_renewal_secret_v1"),
  cancel: tagOf("allmydata_bucket_cancel_secret_v1"),
};

export type LeaseSecretKind = keyof typeof CLIENT;

/** Here the lease secret is the tag and the constant the value. */
export function clientLeaseSecret(crypto: GridCrypto, kind: LeaseSecretKind, leaseSecret: Uint8Array): Uint8Array {
  return tagged(crypto, tagOf(leaseSecret), CLIENT[kind]);
}

export function fileLeaseSecret(
  crypto: GridCrypto,
  kind: LeaseSecretKind,
  clientSecret: Uint8Array,
  storageIndex: Uint8Array,
): Uint8Array {
  return taggedPair(crypto, FILE[kind], clientSecret, storageIndex);
}

export function bucketLeaseSecret(
  crypto: GridCrypto,
  kind: LeaseSecretKind,
  fileSecret: Uint8Array,
  peerId: Uint8Array,
): Uint8Array {
  return taggedPair(crypto, BUCKET[kind], fileSecret, peerId);
}
