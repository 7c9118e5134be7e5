/**
 * The newcomer's side of joining. Three questions to any box of the community, over a link; nothing is written here
 * before the last one is answered.
 *
 *   look ──► the community's first record (it must hash to the id in the code) and the invitation's record
 *   welcome ──► a member's signed word that it lets this box in now
 *   enter ──► our join record is theirs; the gossip keys and further addresses are ours
 */
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Identity } from "../../platform/identity.ts";
import { Admission } from "../../protocols/records/admission.ts";
import { base32 } from "../../protocols/records/base32.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import {
  admissionKinds,
  communityIdOf,
  proofBytes,
  readInvitation,
  readJoin,
} from "../../protocols/records/membership-facts.ts";
import { isBoxId, readRecord } from "../../protocols/records/record.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { FUTURE_MAX_MS } from "../../protocols/records/constants.ts";
import { createRecords } from "../../protocols/records/records.ts";
import type { StoreRow } from "../../protocols/records/records.ts";
import type { JoinCode } from "./code.ts";
import { meshErrors } from "./contract.ts";
import { recordCrypto } from "./crypto.ts";
import { invitationKey } from "./invitations.ts";
import type { Address, Peers } from "./peers.ts";
import { KEY_BYTES } from "./keyring.ts";
import type { EnterAnswer, LookAnswer, WelcomeAnswer } from "./sponsor.ts";
import type { GossipKey, KnownAddress } from "./store.ts";

/** A code whose first box has not heard of the invitation yet is tried again after this pause, so many times. */
const LOOK_AGAIN_MS = 400;
const LOOKS_MAX = 5;
const ASK_TIMEOUT_MS = 6_000;
/** Boxes that are taken of those that the sponsor names. */
export const PEERS_TAKEN_MAX = 64;

/** All that is to be written down when the box has joined. */
export interface Joined {
  community: string;
  genesis: SignedRecord;
  rows: StoreRow[];
  ownSeq: number;
  keys: GossipKey[];
  addresses: KnownAddress[];
  /** Who let this box in, and then those that it named; see `guidesOf`. */
  guides: string[];
  /** The zone that the invitation proposes. */
  zone: string | undefined;
}

export interface JoiningNeeds {
  clock: Clock;
  identity: Identity;
  peers: Peers;
  code: JoinCode;
  self: { name: string; owner: string; zone: string };
  /** Numbers used so far by this box's key, whatever the community. */
  ownSeq: number;
}

const { fail } = meshErrors;

export async function joinCommunity(needs: JoiningNeeds): Promise<Joined> {
  const { code, clock } = needs;
  if (code.invitation && code.invitation.expiresMs <= clock.wallMs()) throw fail("invitation-expired");
  if (code.addresses.length === 0)
    throw fail("community-unreachable", { params: { reason: "no address in the code" } });
  let last: unknown;
  for (const address of code.addresses) {
    try {
      return await joinThrough(needs, address);
    } catch (error) {
      // A refusal by the community itself is final; a box that does not answer is not.
      if (isFailure(error) && error.code in meshErrors.table && error.code !== "community-unreachable") throw error;
      last = error;
    }
  }
  if (isFailure(last, "community-unreachable")) throw last;
  throw fail("community-unreachable", { params: { reason: isFailure(last) ? last.code : "no answer" }, cause: last });
}

async function joinThrough(needs: JoiningNeeds, address: Address): Promise<Joined> {
  const { code, clock, identity, peers } = needs;
  const community = base32(code.community);
  const invitation = code.invitation && invitationKey(code.invitation.seed);
  const ask = async <T>(question: object) =>
    (await peers.askAt(address, "join", { community, ...question }, ASK_TIMEOUT_MS)) as { box: string; body: T };

  const seen = await lookPatiently(clock, () =>
    ask<LookAnswer>({ step: "look", ...(invitation ? { invitation: invitation.id } : {}) }),
  );
  const offsetMs = peers.clockOffsetMs() ?? 0;
  if (Math.abs(offsetMs) > FUTURE_MAX_MS) throw fail("clock-wrong");
  const genesis = readRecord(seen.body.genesis);
  if (!genesis || communityIdOf(genesis, recordCrypto.sha256) !== community) {
    throw fail("community-unreachable", { params: { reason: "another community answers there" } });
  }
  const evidence = {
    key: toBase64url(identity.publicKey),
    ...(invitation
      ? {
          invitation: seen.body.invitation,
          inviterKey: seen.body.inviterKey,
          proof: toBase64url(invitation.sign(proofBytes(community, identity.boxId))),
        }
      : {}),
  };
  const { body: let_in } = await ask<WelcomeAnswer>({ step: "welcome", join: evidence, box: needs.self });
  const join = readJoin({ ...evidence, welcomes: [let_in.welcome] } as unknown as Json);
  if (!join) throw fail("community-unreachable", { params: { reason: "the welcome makes no sense" } });
  const written = writeJoin(needs, {
    community,
    genesis,
    body: { ...evidence, welcomes: [let_in.welcome] } as unknown as Json,
    ownSeq: let_in.ownSeq,
  });
  const { body: entered } = await ask<EnterAnswer>({ step: "enter", record: written.join });
  const zone = join.invitation && readInvitation(join.invitation.body)?.zone;
  return {
    community,
    genesis,
    rows: written.rows,
    ownSeq: written.ownSeq,
    zone,
    ...readEntered(entered, seen.box, address, clock.wallMs()),
  };
}

/** The invitation may be younger than what the asked box has heard. */
async function lookPatiently<T>(clock: Clock, look: () => Promise<T>): Promise<T> {
  for (let turn = 1; ; turn += 1) {
    try {
      return await look();
    } catch (error) {
      if (!isFailure(error, "invitation-unknown") || turn >= LOOKS_MAX) throw error;
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    }
  }
}

/** Signs our join record in a core of its own, which is thrown away when the community does not take it. */
function writeJoin(
  { identity, clock, ownSeq }: JoiningNeeds,
  wish: { community: string; genesis: SignedRecord; body: Json; ownSeq: number },
): { join: SignedRecord; rows: StoreRow[]; ownSeq: number } {
  const admission = new Admission({ community: wish.community }, recordCrypto);
  const core = createRecords(
    {
      community: wish.community,
      self: identity.boxId,
      selfKey: identity.publicKey,
      kinds: admissionKinds,
      adoptFirst: false,
    },
    {
      ...recordCrypto,
      sign: identity.sign,
      publicKeyOf: (author, record) => admission.publicKeyOf(author, record),
      mayWrite: (author, record) => admission.mayWrite(author, record),
    },
  );
  core.load([], Math.max(ownSeq, wish.ownSeq));
  const nowMs = clock.wallMs();
  const effects = [
    ...core.step(nowMs, { type: "received", records: [wish.genesis], from: "", via: "sync" }),
    ...core.step(nowMs, { type: "put", kind: "join", key: "self", body: wish.body }),
  ];
  const stores = effects.filter((effect) => effect.type === "store");
  const join = core.get(identity.boxId, "join", "self");
  if (!join) throw fail("community-unreachable", { params: { reason: "the welcome makes no sense" } });
  return { join, rows: stores.flatMap((effect) => effect.put), ownSeq: stores.at(-1)!.ownSeq };
}

function readEntered(
  answer: EnterAnswer,
  sponsor: string,
  at: Address,
  nowMs: number,
): Pick<Joined, "keys" | "addresses" | "guides"> {
  const keys = (Array.isArray(answer.keys) ? answer.keys : [])
    .map(({ epoch, key }) => ({ epoch, key: new Uint8Array(Buffer.from(String(key), "base64url")) }))
    .filter(({ epoch, key }) => Number.isSafeInteger(epoch) && epoch >= 1 && key.length === KEY_BYTES);
  if (keys.length === 0) throw fail("community-unreachable", { params: { reason: "no key was handed over" } });
  const told = (Array.isArray(answer.peers) ? answer.peers : []).slice(0, PEERS_TAKEN_MAX);
  const addresses = told
    .filter((one) => isBoxId(one.box) && typeof one.address === "string" && Number.isInteger(one.port))
    .map(({ box, address, port }, index) => ({ box, address, port, seenMs: nowMs - 1 - index }));
  return {
    keys,
    addresses: [...addresses, { box: sponsor, ...at, seenMs: nowMs }],
    guides: [...new Set([sponsor, ...addresses.map(({ box }) => box)])],
  };
}
