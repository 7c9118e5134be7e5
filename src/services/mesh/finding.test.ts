/** Whom a newcomer may ask before it can tell who belongs, and when that ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newIdentity } from "../../platform/identity.ts";
import { Admission } from "../../protocols/records/admission.ts";
import { toBase64url } from "../../protocols/records/base64url.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { communityIdOf, welcomeBytes } from "../../protocols/records/membership-facts.ts";
import { signRecord } from "../../protocols/records/record.ts";
import { recordCrypto } from "./crypto.ts";
import { guidesOf } from "./finding.ts";

const [founder, sponsor, named] = [newIdentity(), newIdentity(), newIdentity()];
const NAMED = [sponsor.boxId, named.boxId];

function write(author: typeof founder, community: string, seq: number, kind: string, key: string, body: Json) {
  const unsigned = { author: author.boxId, seq, kind, key, timeMs: seq, floor: 1, untilMs: null, body };
  return signRecord(unsigned, community, author.sign, recordCrypto.sha256).record;
}

/** The view of a box that holds these besides the community's first record. */
function viewWith(...more: ("join" | "exclude")[]) {
  const founderKey = toBase64url(founder.publicKey);
  const terms = { admission: "open", inviters: "members" };
  const genesis = write(founder, "", 1, "community", "self", {
    ...{ name: "Test", founderKey, nonce: "n", createdMs: 1 },
    ...terms,
  });
  const community = communityIdOf(genesis, recordCrypto.sha256);
  const box = sponsor.boxId;
  const sig = toBase64url(founder.sign(welcomeBytes(community, box, 2, "member")));
  const welcome = { by: founder.boxId, byKey: founderKey, atMs: 2, as: "member", sig };
  const records = {
    join: write(sponsor, community, 1, "join", "self", { key: toBase64url(sponsor.publicKey), welcomes: [welcome] }),
    exclude: write(founder, community, 3, "exclude", named.boxId, { reason: "", lastSeq: 0, atMs: 3 }),
  };
  const admission = new Admission({ community }, recordCrypto);
  admission.load([genesis, ...more.map((name) => records[name])]);
  return admission.view();
}

test("who let the box in, and whom that one named, are asked until its join is here", () => {
  assert.deepEqual(guidesOf(viewWith(), NAMED), NAMED);
  assert.deepEqual(guidesOf(viewWith("join"), NAMED), []);
});

test("nobody who is excluded is asked, nor anybody by a box that founded or was let in by the founder", () => {
  assert.deepEqual(guidesOf(viewWith("exclude"), NAMED), [sponsor.boxId]);
  assert.deepEqual(guidesOf(viewWith(), []), []);
  assert.deepEqual(guidesOf(viewWith(), [founder.boxId, named.boxId]), []);
  assert.deepEqual(guidesOf(undefined, NAMED), []);
});
