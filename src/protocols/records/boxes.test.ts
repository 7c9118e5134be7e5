/**
 * Boxes for the tests of this folder: real Ed25519 keys and SHA-256 of node:crypto, records cores joined by functions
 * that count what would cross the wire.
 */
import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import test from "node:test";
import type { Json } from "./canonical-json.ts";
import { RECORDS_PER_MESSAGE_MAX } from "./constants.ts";
import { boxIdOf, signRecord, type SignedRecord } from "./record.ts";
import { createRecords, type Records, type RecordsConfig, type RecordsDeps } from "./records.ts";
import type { RecordsEffect, Via } from "./step.ts";
import type { SyncSession } from "./sync-session.ts";

export const COMMUNITY = "testcommunity";
export const NOW_MS = Date.UTC(2026, 10, 20);
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

export const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");

export function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" });
  return verify(null, bytes, key, signature);
}

export interface Identity {
  id: string;
  publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

/** A key pair; repeatable when a seed is given. */
export function identity(seed?: string): Identity {
  const pkcs8 = seed && Buffer.concat([PKCS8, createHash("sha256").update(seed).digest()]);
  const privateKey: KeyObject = pkcs8
    ? createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" })
    : generateKeyPairSync("ed25519").privateKey;
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(12));
  return { id: boxIdOf(publicKey, sha256), publicKey, sign: (bytes) => sign(null, bytes, privateKey) };
}

/** Everybody who may write, with their keys. */
export class World {
  readonly keys = new Map<string, Uint8Array>();

  add(who: Identity): Identity {
    this.keys.set(who.id, who.publicKey);
    return who;
  }

  records(self: Identity, config: Partial<RecordsConfig> = {}, deps: Partial<RecordsDeps> = {}): Records {
    const base = { community: COMMUNITY, self: self.id, selfKey: self.publicKey, adoptFirst: false };
    const kind = { kind: "note", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 100 };
    return createRecords(
      { ...base, kinds: [kind], ...config },
      {
        sha256,
        verify: verifyEd25519,
        sign: self.sign,
        publicKeyOf: (author) => this.keys.get(author),
        mayWrite: (author) => this.keys.has(author),
        ...deps,
      },
    );
  }
}

export function signed(who: Identity, fields: Partial<SignedRecord> & { seq: number }, body: Json = "x"): SignedRecord {
  const base = { author: who.id, kind: "note", key: "k", timeMs: NOW_MS, floor: 1, untilMs: null, body };
  return signRecord({ ...base, ...fields }, COMMUNITY, who.sign, sha256).record;
}

export function receive(records: Records, list: unknown[], nowMs = NOW_MS, via: Via = "sync"): RecordsEffect[] {
  return receiveFrom("peer", records, list, nowMs, via);
}

export function receiveFrom(from: string, records: Records, list: unknown[], nowMs: number, via: Via): RecordsEffect[] {
  return records.step(nowMs, { type: "received", records: list, from, via });
}

/** Any number of records, in messages of the permitted size. */
export function receiveAll(records: Records, list: unknown[]): void {
  for (let i = 0; i < list.length; i += RECORDS_PER_MESSAGE_MAX)
    receive(records, list.slice(i, i + RECORDS_PER_MESSAGE_MAX));
}

export function put(records: Records, key: string, body: Json, nowMs = NOW_MS): RecordsEffect[] {
  return records.step(nowMs, { type: "put", kind: "note", key, body });
}

export function pushed(effects: RecordsEffect[]): SignedRecord[] {
  return effects.flatMap((effect) => (effect.type === "push" ? effect.records : []));
}

export interface Wire {
  rounds: number;
  bytes: number;
  largest: number;
  session: SyncSession;
}

/** One whole session; every message goes through JSON, as on the wire. */
export function synchronise(asker: Records, answerer: Records, nowMs = NOW_MS): Wire {
  const session = asker.startSync();
  const wire: Wire = { rounds: 0, bytes: 0, largest: 0, session };
  const carry = (message: unknown): unknown => {
    const text = JSON.stringify(message);
    wire.bytes += text.length;
    wire.largest = Math.max(wire.largest, text.length);
    return JSON.parse(text);
  };
  for (let request = session.next(); request; request = session.next()) {
    wire.rounds++;
    const effects = answerer.step(nowMs, { type: "syncRequest", request: carry(request), from: "asker" });
    const reply = effects.find((effect) => effect.type === "syncAnswer");
    assert.ok(reply?.type === "syncAnswer");
    asker.step(nowMs, { type: "syncAnswer", session, answer: carry(reply.answer), from: "answerer" });
    asker.step(nowMs, { type: "recheck" });
    answerer.step(nowMs, { type: "recheck" });
  }
  return wire;
}

test("the tests' boxes have real keys: an id is the hash of the key, a signature holds for its bytes only", () => {
  const who = identity();
  assert.match(who.id, /^[a-z2-7]{52}$/);
  const bytes = Buffer.from("bytes");
  assert.ok(verifyEd25519(who.publicKey, bytes, who.sign(bytes)));
  assert.ok(!verifyEd25519(who.publicKey, Buffer.from("other"), who.sign(bytes)));
  assert.equal(identity("seed").id, identity("seed").id);
});
