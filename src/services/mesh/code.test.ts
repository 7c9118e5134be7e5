/** The join code: round trips, however it was typed, and nothing but `code-malformed` for what is not one. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { isFailure } from "../../kernel/errors.ts";
import { base32 } from "../../protocols/records/base32.ts";
import type { JoinCode } from "./code.ts";
import { CODE_ADDRESSES_MAX, CODE_LENGTH_MAX, communityBytes, readCode, writeCode } from "./code.ts";

const EPOCH_MS = Date.UTC(2020, 0, 1);
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const canonical6 = (text: string) => new URL(`http://[${text}]`).hostname.slice(1, -1);
const address = fc.oneof(fc.ipV4(), fc.ipV6().map(canonical6));
const plain = { noNullPrototype: true };
const codes: fc.Arbitrary<JoinCode> = fc.record(
  {
    community: bytes16,
    invitation: fc.record(
      { seed: bytes16, expiresMs: fc.nat(50_000_000).map((minutes) => EPOCH_MS + minutes * 60_000) },
      plain,
    ),
    addresses: fc.array(fc.record({ address, port: fc.integer({ min: 0, max: 65_535 }) }, plain), {
      maxLength: CODE_ADDRESSES_MAX,
    }),
  },
  { requiredKeys: ["community", "addresses"], ...plain },
);
const isMalformed = (error: unknown) => isFailure(error, "code-malformed");
const example: JoinCode = {
  community: new Uint8Array(16).fill(9),
  invitation: { seed: new Uint8Array(16).fill(7), expiresMs: EPOCH_MS + 60_000 },
  addresses: [
    { address: "10.1.2.3", port: 7001 },
    { address: "fd00::1", port: 7002 },
  ],
};

test("what is written is read again: with and without invitation, IPv4, IPv6, no address", () => {
  fc.assert(
    fc.property(codes, (code) => {
      const text = writeCode(code);
      assert.match(text, /^comu-[a-z2-7]+$/);
      assert.ok(text.length <= CODE_LENGTH_MAX);
      assert.deepEqual(readCode(text), code);
    }),
    { numRuns: 500 },
  );
});

test("spellings of one IPv6 address are one; a zone is left out; the expiry is rounded up to the minute", () => {
  const read = (given: string) =>
    readCode(writeCode({ ...example, addresses: [{ address: given, port: 1 }] })).addresses[0]!.address;
  assert.equal(read("FD00:0:0:0:0:0:0:1"), "fd00::1");
  assert.equal(read("fe80::1%eth0"), "fe80::1");
  assert.deepEqual(
    [read("::"), read("::1"), read("1::"), read("1:2:3:4:5:6:7:8")],
    ["::", "::1", "1::", "1:2:3:4:5:6:7:8"],
  );
  assert.equal(read("::ffff:10.1.2.3"), "::ffff:a01:203");
  const invitation = { seed: new Uint8Array(16), expiresMs: EPOCH_MS + 60_001 };
  assert.equal(readCode(writeCode({ ...example, invitation })).invitation!.expiresMs, EPOCH_MS + 120_000);
  assert.throws(() => read("box.local"), /not an address/);
});

test("capitals, spaces, line breaks and dashes do not matter", () => {
  const text = writeCode(example);
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.constantFrom("", "", "", " ", "-", "\n", "\t")),
      fc.infiniteStream(fc.boolean()),
      (gaps, capitals) => {
        const typed = [...text]
          .map((char) => (capitals.next().value ? char.toUpperCase() : char) + gaps.next().value)
          .join("");
        assert.deepEqual(readCode(typed), example);
      },
    ),
  );
});

test("one wrong, missing, doubled or swapped character is always noticed", () => {
  const text = writeCode(example);
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789!é";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "-") continue;
    for (const char of letters) {
      if (char === text[at]) continue;
      assert.throws(() => readCode(text.slice(0, at) + char + text.slice(at + 1)), isMalformed, `${char} at ${at}`);
    }
    assert.throws(() => readCode(text.slice(0, at) + text.slice(at + 1)), isMalformed, `without ${at}`);
    assert.throws(() => readCode(text.slice(0, at) + text[at] + text.slice(at)), isMalformed, `twice ${at}`);
    const swapped = text.slice(0, at) + (text[at + 1] ?? "") + text[at] + text.slice(at + 2);
    if (swapped.replaceAll("-", "") !== text.replaceAll("-", ""))
      assert.throws(() => readCode(swapped), isMalformed, `swapped ${at}`);
  }
});

test("anything else is malformed, and nothing worse", () => {
  const check = (body: Uint8Array) => createHash("sha256").update(body).digest().subarray(0, 4);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.throws(() => readCode(text), isMalformed)));
  fc.assert(fc.property(fc.string(), (text) => assert.throws(() => readCode(`comu-${text}`), isMalformed)));
  // A right checksum over garbage: whatever is taken is a whole code, and the rest is malformed.
  const seen = { good: 0, bad: 0 };
  const body = fc.tuple(fc.constantFrom(1, 1, 1, 2), bytes16, fc.constantFrom(0, 1), fc.uint8Array({ maxLength: 60 }));
  fc.assert(
    fc.property(body, ([version, community, flags, rest]) => {
      const bytes = Buffer.from([version, ...community, flags, ...rest]);
      try {
        const read = readCode(`comu-${base32(Buffer.concat([bytes, check(bytes)]))}`);
        assert.deepEqual(readCode(writeCode(read)), read);
        seen.good += 1;
      } catch (error) {
        assert.ok(isMalformed(error), String(error));
        seen.bad += 1;
      }
    }),
    { numRuns: 1000, examples: [[[1, new Uint8Array(16), 0, Uint8Array.of(0)]]] },
  );
  assert.ok(seen.good > 0 && seen.bad > 0);
});

test("the limits: addresses beyond CODE_ADDRESSES_MAX are left out or refused, longer texts are not read", () => {
  const addresses = Array.from({ length: CODE_ADDRESSES_MAX + 2 }, (_none, n) => ({ address: `10.0.0.${n}`, port: n }));
  assert.deepEqual(readCode(writeCode({ ...example, addresses })).addresses, addresses.slice(0, CODE_ADDRESSES_MAX));
  const body = Buffer.from([
    1,
    ...new Uint8Array(16),
    0,
    CODE_ADDRESSES_MAX + 1,
    ...Array.from({ length: CODE_ADDRESSES_MAX + 1 }, () => [4, 10, 0, 0, 1, 0, 1]).flat(),
  ]);
  const crowded = Buffer.concat([body, createHash("sha256").update(body).digest().subarray(0, 4)]);
  assert.throws(() => readCode(`comu-${base32(crowded)}`), isMalformed);
  const longest = writeCode({
    ...example,
    addresses: Array.from({ length: CODE_ADDRESSES_MAX }, () => ({ address: "fd00::1", port: 1 })),
  });
  assert.ok(longest.length <= CODE_LENGTH_MAX);
  const padded = longest + " ".repeat(5000);
  assert.equal(readCode(padded).addresses.length, CODE_ADDRESSES_MAX);
  assert.throws(() => readCode(`comu-${"a".repeat(CODE_LENGTH_MAX)}`), isMalformed);
  assert.throws(() => readCode(`comu-${"a".repeat(1_000_000)}`), isMalformed);
});

test("the bytes of a community's id", () => {
  fc.assert(fc.property(bytes16, (bytes) => assert.deepEqual(communityBytes(base32(bytes)), bytes)));
  for (const id of ["", "abc", base32(new Uint8Array(15)), base32(new Uint8Array(17)), "1".repeat(26)]) {
    assert.throws(() => communityBytes(id), /not the id/, id);
  }
});
