/**
 * The kinds of records that say who belongs to a community, their bodies, and the byte strings that are signed inside
 * them. A body that is not of its shape says nothing: it is as if the record were not there.
 *
 * Nothing here goes by a record's `timeMs` or by whether another record is still there: a refresh changes the one, and
 * expiry or compaction ends the other. So bodies carry their own times, and a join carries its evidence whole.
 */
import { utf8 } from "../wire/utf8.ts";
import { base32 } from "./base32.ts";
import { fromBase64url } from "./base64url.ts";
import type { Json } from "./canonical-json.ts";
import { INVITATION_USES_MAX, POLICY_HISTORY_MAX, WELCOMES_MAX } from "./constants.ts";
import type { KindSpec } from "./kinds.ts";
import { isBoxId, isTime, readRecord, signedBytesOf, type RecordCrypto, type SignedRecord } from "./record.ts";

export type AdmissionMode = "open" | "invitation" | "approval";
export type Inviters = "members" | "stewards";

export interface GenesisBody {
  name: string;
  /** The founder's raw public key, base64url. */
  founderKey: string;
  nonce: string;
  createdMs: number;
  admission: AdmissionMode;
  inviters: Inviters;
}

export interface PolicyTerm {
  /** In force from then on, until the next term. */
  fromMs: number;
  admission: AdmissionMode;
  inviters: Inviters;
}

/** The policy with its past: who came in under an earlier one stays in. */
export interface PolicyBody {
  terms: PolicyTerm[];
}

export interface InvitationBody {
  expiresMs: number;
  uses: number;
  /** Revoked from then on. A live record, because a tombstone would be forgotten one day. */
  revokedMs?: number;
  zone?: string;
  note?: string;
}

/**
 * A member's word that it let this box in at that time. Without it a newcomer could date its own joining back, to
 * before an invitation expired or was revoked, or to when the community was open.
 */
export interface Welcome {
  by: string;
  /** The member's raw public key, base64url, so that the join can be checked by itself. */
  byKey: string;
  atMs: number;
  as: WelcomeAs;
  sig: string;
}

/** "member": the policy of that time allowed it. "steward": a steward decided it, whatever the policy. */
export type WelcomeAs = "member" | "steward";

export interface JoinBody {
  /** The newcomer's raw public key, base64url. */
  key: string;
  welcomes: Welcome[];
  /** The invitation's record whole, with the inviter's key: it stays good when the inviter drops its own copy. */
  invitation?: SignedRecord;
  inviterKey?: string;
  /** By the invitation's key over `proofBytes`. */
  proof?: string;
  /** Left the community then. (A tombstone in place of a join is not accepted: others may lean on it.) */
  leftMs?: number;
}

export interface AdmitBody {
  box: string;
  key: string;
  atMs: number;
  /** Over `welcomeBytes` as a steward. The newcomer copies it into its join, and no longer needs this record. */
  sig: string;
}

export interface StewardBody {
  atMs: number;
  /** No longer a steward since; what was decided before stands. A tombstone instead voids that too. */
  endedMs?: number;
}

export interface ExcludeBody {
  reason: string;
  /** Of the excluded box, invitations and decisions numbered up to this one stay good. 0: none. */
  lastSeq: number;
  atMs: number;
}

export const ADMISSION_KINDS = ["community", "policy", "invitation", "join", "admit", "steward", "exclude"] as const;
export type AdmissionKind = (typeof ADMISSION_KINDS)[number];

/** The community's id: first 16 bytes of the hash of what the founder signed. */
export function communityIdOf(genesis: SignedRecord, sha256: RecordCrypto["sha256"]): string {
  return base32(sha256(signedBytesOf(genesis, "")!.bytes).subarray(0, 16));
}

/** What the invitation's key signs: it was used for this box. */
export function proofBytes(community: string, box: string): Uint8Array {
  return utf8(`comu-join-1\n${community}\n${box}`);
}

/** What a member signs to welcome a box. */
export function welcomeBytes(community: string, box: string, atMs: number, as: WelcomeAs): Uint8Array {
  return utf8(`comu-welcome-1\n${community}\n${box}\n${atMs}\n${as}`);
}

type Fields = Record<string, unknown>;

export function readGenesis(body: Json): GenesisBody | undefined {
  const fields = asFields(body);
  const { name, founderKey, nonce, createdMs } = fields;
  const good = isText(name, 64) && isKey(founderKey) && isText(nonce, 64) && isTime(createdMs) && isTerm(fields);
  return good ? (fields as unknown as GenesisBody) : undefined;
}

export function readPolicy(body: Json): PolicyBody | undefined {
  const { terms } = asFields(body);
  if (!Array.isArray(terms) || terms.length < 1 || terms.length > POLICY_HISTORY_MAX) return undefined;
  let beforeMs = -1;
  for (const term of terms) {
    const fields = asFields(term);
    if (!isTerm(fields) || !isTime(fields.fromMs) || fields.fromMs <= beforeMs) return undefined;
    beforeMs = fields.fromMs;
  }
  return { terms: terms as unknown as PolicyTerm[] };
}

export function readInvitation(body: Json): InvitationBody | undefined {
  const { expiresMs, uses, revokedMs, zone, note } = asFields(body);
  const isCount = Number.isSafeInteger(uses) && (uses as number) >= 1 && (uses as number) <= INVITATION_USES_MAX;
  const texts = [zone, note].every((text) => text === undefined || isText(text, 200));
  const good = isTime(expiresMs) && isCount && texts && (revokedMs === undefined || isTime(revokedMs));
  return good ? (body as unknown as InvitationBody) : undefined;
}

export function readJoin(body: Json): JoinBody | undefined {
  const { key, welcomes, invitation, inviterKey, proof, leftMs } = asFields(body);
  if (!isKey(key) || !(leftMs === undefined || isTime(leftMs))) return undefined;
  if (!Array.isArray(welcomes) || welcomes.length > WELCOMES_MAX || !welcomes.every(isWelcome)) return undefined;
  const base = { key, welcomes: welcomes as unknown as Welcome[], leftMs };
  if (invitation === undefined) return base;
  const record = readRecord(invitation);
  const isInvitation = record?.kind === "invitation" && isKey(record.key) && readInvitation(record.body);
  if (!isInvitation || !isKey(inviterKey) || typeof proof !== "string" || !fromBase64url(proof, 64)) return undefined;
  return { ...base, invitation: record, inviterKey, proof };
}

export function readAdmit(body: Json): AdmitBody | undefined {
  const { box, key, atMs, sig } = asFields(body);
  if (!isBoxId(box) || !isKey(key) || !isTime(atMs) || typeof sig !== "string") return undefined;
  return fromBase64url(sig, 64) ? { box, key, atMs, sig } : undefined;
}

export function readSteward(body: Json): StewardBody | undefined {
  const { atMs, endedMs } = asFields(body);
  return isTime(atMs) && (endedMs === undefined || isTime(endedMs)) ? { atMs, endedMs } : undefined;
}

export function readExclude(body: Json): ExcludeBody | undefined {
  const { reason, lastSeq, atMs } = asFields(body);
  return isText(reason, 500) && isTime(lastSeq) && isTime(atMs) ? { reason, lastSeq, atMs } : undefined;
}

function isWelcome(value: unknown): boolean {
  const { by, byKey, atMs, as, sig } = asFields(value);
  if (as !== "member" && as !== "steward") return false;
  return isBoxId(by) && isKey(byKey) && isTime(atMs) && fromBase64url(sig, 64) !== undefined;
}

function isTerm({ admission, inviters }: Fields): boolean {
  return (
    ["open", "invitation", "approval"].includes(admission as string) &&
    ["members", "stewards"].includes(inviters as string)
  );
}

function isKey(value: unknown): value is string {
  return fromBase64url(value, 32) !== undefined;
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max;
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** To be registered with the records core. */
export const admissionKinds: readonly KindSpec[] = [
  { kind: "community", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 1, validate: isRead(readGenesis) },
  { kind: "policy", retentionMs: null, bodyMaxBytes: 4096, livePerAuthorMax: 1, validate: isRead(readPolicy) },
  { kind: "invitation", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 64, validate: isRead(readInvitation) },
  { kind: "join", retentionMs: null, bodyMaxBytes: 4096, livePerAuthorMax: 1, validate: isRead(readJoin) },
  { kind: "admit", retentionMs: null, bodyMaxBytes: 512, livePerAuthorMax: 128, validate: isRead(readAdmit) },
  { kind: "steward", retentionMs: null, bodyMaxBytes: 256, livePerAuthorMax: 64, validate: isRead(readSteward) },
  { kind: "exclude", retentionMs: null, bodyMaxBytes: 2048, livePerAuthorMax: 128, validate: isRead(readExclude) },
];

function isRead(read: (body: Json) => unknown): (body: Json) => boolean {
  return (body) => read(body) !== undefined;
}
