/**
 * The community that this box belongs to, if any: entering it by founding or joining, and what is known of it.
 * Everything is on disk before the box acts as a member.
 */
import { toBase64url } from "../../protocols/records/base64url.ts";
import { communityIdOf, readGenesis } from "../../protocols/records/membership-facts.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { signRecord } from "../../protocols/records/record.ts";
import type { System } from "../../system.ts";
import type { CommunityView } from "./client.ts";
import { readCode } from "./code.ts";
import { meshErrors } from "./contract.ts";
import { recordCrypto } from "./crypto.ts";
import type { Description } from "./description.ts";
import { ZONE_DEFAULT } from "../box/contract.ts";
import { joinCommunity } from "./joining.ts";
import { KEY_BYTES } from "./keyring.ts";
import { ACCENT_DEFAULT, readAbout } from "./kinds.ts";
import type { Peers } from "./peers.ts";
import type { Session } from "./session.ts";
import type { MeshStore } from "./store.ts";

export interface CommunityNeeds {
  system: System;
  rows: MeshStore;
  description: Description;
  /** For asking boxes of a community to which this one does not belong yet. */
  strangers: Peers;
  open: (community: string) => Session;
  session: () => Session | undefined;
  /** Ends the session, with a goodbye to the others or without. */
  close: (goodbye: boolean) => Promise<void>;
  /** The box founded, joined or left. */
  onChange: () => void;
}

export interface Community {
  view(): CommunityView | null;
  found(name: string): Promise<CommunityView>;
  join(code: string, owner?: string): Promise<CommunityView>;
  leave(): Promise<void>;
}

const { fail } = meshErrors;

export function createCommunity(needs: CommunityNeeds): Community {
  const { system, rows, description } = needs;
  const { clock, identity, random } = system;

  const view = (): CommunityView | null => {
    const session = needs.session();
    const admission = session?.admission.view();
    const stored = rows.fact("genesis");
    if (!session || !admission || !stored) return null;
    const genesis = JSON.parse(stored) as SignedRecord;
    const abouts = session.replica.core.list("about").filter((record) => admission.stewards.has(record.author));
    const about = abouts.flatMap((record) => readAbout(record.body) ?? []).sort((a, b) => b.atMs - a.atMs)[0];
    return {
      id: session.community,
      name: readGenesis(genesis.body)!.name,
      foundedMs: genesis.timeMs,
      steward: admission.stewards.has(identity.boxId),
      policy: {
        admission: admission.policy.admission,
        inviters: admission.policy.inviters,
        accent: about?.accent ?? ACCENT_DEFAULT,
        about: about?.about ?? "",
      },
    };
  };

  const enter = (community: string): CommunityView => {
    needs.open(community);
    system.log.area("mesh").info("entered a community", { community });
    description.publish();
    needs.onChange();
    return view()!;
  };

  /** A community that was entered while the set-up was not finished is given up; a real one stays. */
  const makeFree = async () => {
    if (!needs.session()) return;
    if (system.people.hasAccounts()) throw fail("already-in-community");
    await needs.close(false);
    rows.forgetCommunity();
  };

  const found = async (name: string) => {
    await makeFree();
    const timeMs = clock.wallMs();
    const seq = Number(rows.fact("ownSeq") ?? 0) + 1;
    const body = {
      name,
      founderKey: toBase64url(identity.publicKey),
      nonce: toBase64url(random.bytes(16)),
      createdMs: timeMs,
      admission: "invitation",
      inviters: "members",
    };
    const unsigned = {
      author: identity.boxId,
      seq,
      kind: "community",
      key: "self",
      timeMs,
      floor: seq,
      untilMs: null,
      body,
    };
    const held = signRecord(unsigned, "", identity.sign, recordCrypto.sha256);
    const id = communityIdOf(held.record, recordCrypto.sha256);
    rows.transaction(() => {
      rows.setFact("genesis", JSON.stringify(held.record));
      rows.setFact("community", id);
      rows.setFact("ownSeq", String(seq));
      rows.putRecord(held.record, held.ref);
      rows.putKey({ epoch: 1, key: random.bytes(KEY_BYTES) });
    });
    return enter(id);
  };

  const join = async (text: string, newOwner?: string) => {
    const code = readCode(text);
    await makeFree();
    const { name, zone, ...self } = description.self();
    const owner = newOwner ?? self.owner;
    const ownSeq = Number(rows.fact("ownSeq") ?? 0);
    const joined = await joinCommunity({
      clock,
      identity,
      peers: needs.strangers,
      code,
      self: { name, owner, zone },
      ownSeq,
    });
    rows.transaction(() => {
      rows.setFact("genesis", JSON.stringify(joined.genesis));
      rows.setFact("community", joined.community);
      rows.setFact("ownSeq", String(joined.ownSeq));
      rows.setFact("guides", JSON.stringify(joined.guides));
      for (const { record, ref } of joined.rows) rows.putRecord(record, ref);
      for (const key of joined.keys) rows.putKey(key);
      for (const known of joined.addresses) if (known.box !== identity.boxId) rows.noteAddress(known);
    });
    if (zone === ZONE_DEFAULT && joined.zone) await system.config.change({ box: { zone: joined.zone } });
    const seen = enter(joined.community);
    const sponsor = joined.guides[0]!;
    await needs
      .session()!
      .replica.syncWith(sponsor)
      .catch((error: unknown) => {
        system.log.info("the first reconciliation is left for later", { error });
      });
    return seen;
  };

  return {
    view,
    found,
    join,
    async leave() {
      if (!needs.session()) throw fail("no-community");
      await needs.close(true);
      rows.forgetCommunity();
      needs.onChange();
    },
  };
}
