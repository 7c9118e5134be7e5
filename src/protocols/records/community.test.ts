/** A community for the tests of admission: makes its records with real keys, each box numbering its own. */
import assert from "node:assert/strict";
import test from "node:test";
import { Admission } from "./admission.ts";
import { toBase64url } from "./base64url.ts";
import { identity, NOW_MS, sha256, verifyEd25519, type Identity } from "./boxes.test.ts";
import type { Json } from "./canonical-json.ts";
import {
  communityIdOf,
  proofBytes,
  welcomeBytes,
  type JoinBody,
  type Welcome,
  type WelcomeAs,
} from "./membership-facts.ts";
import { signRecord, type SignedRecord } from "./record.ts";

const MINUTE_MS = 60_000;
const CREATED_MS = NOW_MS - 1000 * MINUTE_MS;
export const crypto = { sha256, verify: verifyEd25519 };
export const who = (name: string): Identity => identity(`admission ${name}`);
export const at = (minute: number): number => CREATED_MS + minute * MINUTE_MS;
export const publicKey = (box: Identity): string => toBase64url(box.publicKey);

/** Makes records of one community; every box numbers its own. */
export class Community {
  readonly founder = who("founder");
  readonly genesis: SignedRecord;
  readonly id: string;
  readonly list: SignedRecord[] = [];
  readonly #seqs = new Map<string, number>();

  constructor(admission: string, inviters = "members") {
    const body = {
      name: "Riu",
      founderKey: publicKey(this.founder),
      nonce: "n",
      createdMs: CREATED_MS,
      admission,
      inviters,
    };
    this.genesis = this.#sign(this.founder, "community", "self", body, "");
    this.id = communityIdOf(this.genesis, sha256);
    this.list.push(this.genesis);
  }

  #sign(box: Identity, kind: string, key: string, body: Json, community = this.id): SignedRecord {
    const seq = (this.#seqs.get(box.id) ?? 0) + 1;
    this.#seqs.set(box.id, seq);
    const fields = { author: box.id, seq, kind, key, timeMs: CREATED_MS, floor: 1, untilMs: null, body };
    return signRecord(fields, community, box.sign, sha256).record;
  }

  add(box: Identity, kind: string, key: string, body: object): SignedRecord {
    const record = this.#sign(box, kind, key, body as Json);
    const same = this.list.findIndex((old) => old.author === box.id && old.kind === kind && old.key === key);
    if (same >= 0) this.list.splice(same, 1);
    this.list.push(record);
    return record;
  }

  invite(inviter: Identity, name: string, uses = 1, expiresMin = 500): SignedRecord {
    return this.add(inviter, "invitation", publicKey(who(`invitation ${name}`)), { expiresMs: at(expiresMin), uses });
  }

  welcome(sponsor: Identity, box: Identity, minute: number, as: WelcomeAs = "member"): Welcome {
    const sig = toBase64url(sponsor.sign(welcomeBytes(this.id, box.id, at(minute), as)));
    return { by: sponsor.id, byKey: publicKey(sponsor), atMs: at(minute), as, sig };
  }

  /** A join body; with the name of an invitation, its proof too. */
  body(box: Identity, welcomes: Welcome[], invitation?: SignedRecord, name = "", inviter = this.founder): JoinBody {
    const join: JoinBody = { key: publicKey(box), welcomes };
    if (!invitation) return join;
    const proof = toBase64url(who(`invitation ${name}`).sign(proofBytes(this.id, box.id)));
    return { ...join, invitation, inviterKey: publicKey(inviter), proof };
  }

  join(box: Identity, sponsor: Identity, minute: number, as: WelcomeAs = "member"): SignedRecord {
    return this.add(box, "join", "self", this.body(box, [this.welcome(sponsor, box, minute, as)]));
  }

  joinBy(box: Identity, sponsor: Identity, minute: number, name: string, inviter = this.founder): SignedRecord {
    const key = publicKey(who(`invitation ${name}`));
    const invitation = this.list.find((record) => record.author === inviter.id && record.key === key)!;
    const body = this.body(box, [this.welcome(sponsor, box, minute)], invitation, name, inviter);
    return this.add(box, "join", "self", body);
  }

  admission(list = this.list): Admission {
    const admission = new Admission({ community: this.id }, crypto);
    admission.apply(list.map((record) => ({ author: record.author, kind: record.kind, key: record.key, record })));
    return admission;
  }

  view(list = this.list) {
    return this.admission(list).view()!;
  }

  refusal(box: Identity): string | undefined {
    const view = this.view();
    assert.notEqual(view.members.has(box.id), view.refused.has(box.id));
    return view.refused.get(box.id);
  }
}

test("the founder is the first member and steward, and the genesis record is what the id names", () => {
  const community = new Community("open");
  const view = community.view();
  assert.deepEqual([[...view.members.keys()], [...view.stewards]], [[community.founder.id], [community.founder.id]]);
  const other = new Community("invitation");
  assert.notEqual(other.id, community.id);
  assert.equal(community.admission([other.genesis]).view(), undefined);
  assert.ok(!community.admission().mayWrite(community.founder.id, other.genesis));
});
