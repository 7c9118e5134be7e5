/**
 * The member's side of somebody joining: answers the three questions of a stranger (see joining.ts). This is all that
 * a box which is not admitted can reach.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Identity } from "../../platform/identity.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { isInvitationGenuine, isKeyOf } from "../../protocols/records/join-evidence.ts";
import { readAdmit, readJoin, welcomeBytes } from "../../protocols/records/membership-facts.ts";
import type { Welcome } from "../../protocols/records/membership-facts.ts";
import type { JoinRefusal } from "../../protocols/records/membership-rules.ts";
import { readRecord } from "../../protocols/records/record.ts";
import { meshErrors } from "./contract.ts";
import { recordCrypto } from "./crypto.ts";
import { readRequestBody } from "./kinds.ts";
import type { Session } from "./session.ts";
import type { MeshStore } from "./store.ts";

/** Members that the newcomer is told of, to ask when this one is gone. */
const PEERS_TOLD_MAX = 16;

export interface SponsorNeeds {
  clock: Clock;
  identity: Identity;
  rows: MeshStore;
  session: Session;
}

const { fail } = meshErrors;

export interface LookAnswer {
  genesis: unknown;
  admission: string;
  invitation?: unknown;
  inviterKey?: string;
}
export interface WelcomeAnswer {
  welcome: Welcome;
  /** The highest number of the newcomer's own records that we know: it goes on from there. */
  ownSeq: number;
}
export interface EnterAnswer {
  keys: { epoch: number; key: string }[];
  peers: { box: string; address: string; port: number }[];
}

/** One question of the box `peer` (as its link proves). Throws the refusal. */
export function answerJoin(
  needs: SponsorNeeds,
  peer: string,
  question: unknown,
): LookAnswer | WelcomeAnswer | EnterAnswer {
  const { session } = needs;
  const fields = (typeof question === "object" && question !== null ? question : {}) as Record<string, unknown>;
  if (fields["community"] !== session.community)
    throw fail("community-unreachable", { params: { reason: "another community" } });
  if (session.isExcluded(peer)) throw fail("excluded");
  if (fields["step"] === "look") return look(needs, fields);
  if (fields["step"] === "welcome") return welcome(needs, peer, fields);
  if (fields["step"] === "enter") return enter(needs, peer, fields);
  throw fail("community-unreachable", { params: { reason: "an unknown question" } });
}

function look({ rows, session }: SponsorNeeds, fields: Record<string, unknown>): LookAnswer {
  const view = session.admission.view()!;
  const answer: LookAnswer = { genesis: JSON.parse(rows.fact("genesis")!), admission: view.policy.admission };
  if (typeof fields["invitation"] !== "string") return answer;
  const record = session.replica.core.list("invitation").find((one) => one.key === fields["invitation"]);
  if (!record) throw fail("invitation-unknown");
  const key = session.admission.publicKeyOf(record.author, record);
  return { ...answer, invitation: record, ...(key ? { inviterKey: toBase64url(key) } : {}) };
}

function welcome(needs: SponsorNeeds, peer: string, fields: Record<string, unknown>): WelcomeAnswer {
  const { session, identity, clock } = needs;
  const join = readJoin({ ...(fields["join"] as object), welcomes: [] } as Json);
  if (!join || !isKeyOf(join.key, peer, recordCrypto)) throw fail("invitation-unknown");
  if (join.invitation && !isInvitationGenuine(join, peer, session.community, recordCrypto))
    throw fail("invitation-unknown");
  const ownSeq = Math.max(0, ...session.replica.core.ofAuthor(peer).map((record) => record.seq));
  // A box that was cut off while it joined, or lost its database, comes again with the word it had.
  const before = session.replica.core.get(peer, "join", "self");
  const earlier = before && session.isMember(peer) ? readJoin(before.body)?.welcomes[0] : undefined;
  if (earlier) return { ownSeq, welcome: earlier };
  const admitted = session.replica.core.list("admit").find((one) => readAdmit(one.body)?.box === peer);
  const considered = session.admission.considerWelcome(identity.boxId, peer, join, clock.wallMs());
  if ("refused" in considered) {
    const admit = admitted && readAdmit(admitted.body);
    const key = admitted && session.admission.publicKeyOf(admitted.author, admitted);
    if (admit && key && session.isMember(peer)) {
      return {
        ownSeq,
        welcome: { by: admitted.author, byKey: toBase64url(key), atMs: admit.atMs, as: "steward", sig: admit.sig },
      };
    }
    throw refusalFailure(needs, peer, considered.refused, join, fields);
  }
  const sig = toBase64url(identity.sign(welcomeBytes(session.community, peer, considered.atMs, "member")));
  return {
    ownSeq,
    welcome: { by: identity.boxId, byKey: toBase64url(identity.publicKey), atMs: considered.atMs, as: "member", sig },
  };
}

function enter(
  { session, rows, clock, identity }: SponsorNeeds,
  peer: string,
  fields: Record<string, unknown>,
): EnterAnswer {
  const record = readRecord(fields["record"]);
  if (record?.author !== peer) throw fail("record-refused", { params: { kind: "join", reason: "author" } });
  session.replica.step({ type: "received", records: [record], from: peer, via: "offer" });
  if (!session.isMember(peer)) {
    const why = session.admission.view()!.refused.get(peer);
    throw why ? codeOf(why) : fail("record-refused", { params: { kind: "join", reason: "not accepted" } });
  }
  const members = rows.addresses().filter(({ box }) => session.isMember(box));
  const known = members.slice(0, PEERS_TOLD_MAX - 1);
  const self = { box: identity.boxId, ...session.advertise, seenMs: clock.wallMs() };
  return {
    keys: rows.keys().map(({ epoch, key }) => ({ epoch, key: Buffer.from(key).toString("base64url") })),
    peers: [self, ...known].filter((one) => one.box !== peer).map(({ box, address, port }) => ({ box, address, port })),
  };
}

/** Where approval is needed, the request is kept for the stewards to see. */
function refusalFailure(
  { session, clock }: SponsorNeeds,
  peer: string,
  refused: JoinRefusal,
  join: { key: string; invitation?: unknown },
  fields: Record<string, unknown>,
) {
  if (refused === "needs-steward" && session.admission.view()!.policy.admission === "approval") {
    const asks = (fields["box"] ?? {}) as Record<string, unknown>;
    const request = readRequestBody({
      box: peer,
      key: join.key,
      name: String(asks["name"] ?? "").slice(0, 40),
      owner: String(asks["owner"] ?? "").slice(0, 60),
      zone: String(asks["zone"] ?? "").slice(0, 40),
      atMs: clock.wallMs(),
    });
    const known = session.replica.core.list("request").some((one) => one.key === peer);
    if (request && !known) session.replica.put("request", peer, request as unknown as Json);
  }
  return codeOf(refused);
}

function codeOf(refused: JoinRefusal) {
  const codes = {
    "no-welcome": "community-closed",
    "sponsor-no-member": "community-unreachable",
    "no-invitation": "community-closed",
    "needs-steward": "approval-pending",
    "inviter-no-member": "invitation-revoked",
    "inviter-may-not": "invitation-revoked",
    "inviter-excluded": "invitation-revoked",
    expired: "invitation-expired",
    revoked: "invitation-revoked",
    "used-up": "invitation-used",
  } as const;
  return fail(codes[refused]);
}
