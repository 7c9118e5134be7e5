/**
 * Whether a join record's signatures hold. It can be told from the record alone, without knowing the community's
 * state; whether the evidence suffices for membership is the fold's to say.
 */
import { fromBase64url } from "./base64url.ts";
import { proofBytes, readJoin, welcomeBytes, type JoinBody, type Welcome } from "./membership-facts.ts";
import { boxIdOf, hold, isGenuine, type RecordCrypto, type SignedRecord } from "./record.ts";

export function isJoinGenuine(record: SignedRecord, community: string, crypto: RecordCrypto): boolean {
  const join = readJoin(record.body);
  if (!join || record.key !== "self" || !isKeyOf(join.key, record.author, crypto)) return false;
  return (
    join.welcomes.every((welcome) => isWelcomeGenuine(welcome, record.author, community, crypto)) &&
    (!join.invitation || isInvitationGenuine(join, record.author, community, crypto))
  );
}

/** True when `key` (base64url) is the raw public key that the box id names. */
export function isKeyOf(key: string, box: string, crypto: RecordCrypto): boolean {
  const publicKey = fromBase64url(key, 32);
  return publicKey !== undefined && boxIdOf(publicKey, crypto.sha256) === box;
}

export function isWelcomeGenuine(welcome: Welcome, box: string, community: string, crypto: RecordCrypto): boolean {
  if (!isKeyOf(welcome.byKey, welcome.by, crypto) || welcome.by === box) return false;
  const bytes = welcomeBytes(community, box, welcome.atMs, welcome.as);
  return crypto.verify(fromBase64url(welcome.byKey, 32)!, bytes, fromBase64url(welcome.sig, 64)!);
}

/** The inviter signed the invitation for this community, and whoever held its key used it for this box. */
export function isInvitationGenuine(join: JoinBody, box: string, community: string, crypto: RecordCrypto): boolean {
  const invitation = join.invitation!;
  const read = hold(invitation, community, crypto.sha256);
  if (!("held" in read) || !isGenuine(read.held, fromBase64url(join.inviterKey, 32)!, crypto)) return false;
  const invitationKey = fromBase64url(invitation.key, 32)!;
  return crypto.verify(invitationKey, proofBytes(community, box), fromBase64url(join.proof, 64)!);
}
