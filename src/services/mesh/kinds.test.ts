/** The mesh's kinds of records: what fits, what does not, and that the longest allowed values fit the limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../protocols/records/canonical-json.ts";
import { Kinds } from "../../protocols/records/kinds.ts";
import { BOX_NAME_LENGTH_MAX, boxName, OWNER_LENGTH_MAX, personName, zoneName } from "../box/contract.ts";
import { invitationKey } from "./invitations.ts";
import { ACCENT_DEFAULT, meshKinds, readAbout, readBoxBody, readKeyBody, readRequestBody } from "./kinds.ts";
import { recordCrypto } from "./crypto.ts";
import { fromBase64url } from "../../protocols/records/base64url.ts";

const box = {
  name: "caixa",
  owner: "Ona",
  zone: "Sants",
  version: "1.0.0",
  address: "10.1.2.3",
  meshPort: 7001,
  webPort: 7000,
  startedMs: 5,
};
const about = { about: "Two\nlines", accent: ACCENT_DEFAULT, atMs: 5 };
const request = { box: "a".repeat(52), key: "k".repeat(43), name: "caixa", owner: "Ona", zone: "Sants", atMs: 5 };
const key = { epoch: 1, check: "abc", atMs: 5 };
const readers: Record<string, [(body: Json) => unknown, Record<string, Json>, Record<string, Json[]>]> = {
  box: [
    readBoxBody,
    box,
    {
      name: [1, "x".repeat(41), "a\u0007", null],
      owner: ["x".repeat(61), {}],
      zone: ["x".repeat(41), "a\nb"],
      address: ["example.org", "10.1.2.3/../", "1".repeat(65)],
      meshPort: [-1, 65_536, 1.5, "7001"],
      webPort: [null, 1e9],
      startedMs: [-1, 2 ** 53, 0.5],
    },
  ],
  about: [
    readAbout,
    about,
    { about: ["x".repeat(1001), 1], accent: ["red", "#FFFFFF", "#fff", "#a8472a;}"], atMs: ["now", -1] },
  ],
  request: [
    readRequestBody,
    request,
    { box: ["", "A".repeat(52), "a".repeat(51)], key: ["k".repeat(44), 1], name: ["a\u009f"], atMs: [null] },
  ],
  key: [readKeyBody, key, { epoch: [0, -1, 1.5, "1", 2 ** 53], check: ["x".repeat(44), 1], atMs: [Number.MAX_VALUE] }],
};
const kinds = new Kinds(meshKinds);

for (const [kind, [read, good, bad]] of Object.entries(readers)) {
  test(`${kind}: what fits is read; each field that does not fit, or is missing, refuses the whole`, () => {
    assert.deepEqual(read(good), good);
    for (const [field, values] of Object.entries(bad)) {
      for (const value of values)
        assert.equal(read({ ...good, [field]: value }), undefined, `${field}: ${JSON.stringify(value)}`);
    }
    for (const field of Object.keys(good)) {
      const { [field]: _gone, ...rest } = good;
      assert.equal(read(rest), undefined, `without ${field}`);
    }
    for (const body of [null, 1, "text", [], [good]]) assert.equal(read(body as Json), undefined);
    assert.equal(kinds.refusalOf(kinds.get(kind)!, good), undefined);
  });
}

test("the longest names that the forms take fit the records, in every script", () => {
  for (const letter of ["a", "語", "\u{20000}"]) {
    const of = (length: number) => letter.repeat(length / letter.length);
    const names = {
      name: boxName.parse(of(BOX_NAME_LENGTH_MAX)),
      owner: personName.parse(of(OWNER_LENGTH_MAX)),
      zone: zoneName.parse(of(40)),
    };
    const long = {
      ...box,
      ...names,
      version: "v".repeat(40),
      address: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      startedMs: Number.MAX_SAFE_INTEGER,
    };
    assert.equal(kinds.refusalOf(kinds.get("box")!, long), undefined, letter);
    assert.equal(kinds.refusalOf(kinds.get("request")!, { ...request, ...names }), undefined, letter);
    assert.equal(kinds.refusalOf(kinds.get("about")!, { ...about, about: of(1000) }), undefined, letter);
  }
  const tooLong = { ...box, more: "x".repeat(1024) };
  assert.equal(kinds.refusalOf(kinds.get("box")!, tooLong), "too-large");
});

test("an invitation's key: the same from the same seed, its signature verifies, another seed's does not", () => {
  const [one, again, other] = [1, 1, 2].map((n) => invitationKey(new Uint8Array(16).fill(n)));
  assert.equal(one!.id, again!.id);
  assert.notEqual(one!.id, other!.id);
  const message = Buffer.from("join");
  const raw = fromBase64url(one!.id, 32)!;
  assert.equal(recordCrypto.verify(raw, message, one!.sign(message)), true);
  assert.equal(recordCrypto.verify(raw, message, other!.sign(message)), false);
  assert.equal(recordCrypto.verify(raw, Buffer.from("joim"), one!.sign(message)), false);
});

test("a key says because of which exclusion it was made, or nothing; both fit the record", () => {
  const made = { epoch: 2 ** 40, check: "x".repeat(22), atMs: Number.MAX_SAFE_INTEGER };
  const because = { ...made, excluded: "a".repeat(52) };
  for (const good of [made, because]) {
    assert.deepEqual(readKeyBody(good), good);
    assert.equal(kinds.refusalOf(kinds.get("key")!, good), undefined);
  }
  for (const excluded of ["", "somebody", 7, null]) assert.equal(readKeyBody({ ...made, excluded }), undefined);
});
