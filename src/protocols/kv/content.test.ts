/** Contents come back from their bytes; other bytes do no harm. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Answer, Content } from "./content.ts";
import { VALUE_BYTES_MAX } from "./constants.ts";
import { compareVersions, decodeContent, encodeContent, foundIn, readStored, readVersion } from "./content.ts";
import { foundOf } from "./commands.ts";
import { toStored, versionText } from "./content.ts";

const uint48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const version = fc.record({ round: uint48, node: uint48, n: uint48 }, { noNullPrototype: true });
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.constantFrom<Answer>(
    { status: "read" },
    { status: "done" },
    { status: "unchanged" },
    { status: "not-an-integer" },
  ),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((after): Answer => ({ status: "integer", after })),
);
const origins = fc.array(
  fc.record({ origin: uint48, first: uint48, answers: fc.array(answer, { maxLength: 64 }) }, { noNullPrototype: true }),
  {
    maxLength: 64,
  },
);
const content: fc.Arbitrary<Content> = fc
  .record(
    { version, set: version, value: fc.option(fc.uint8Array()), expiresMs: fc.option(uint48), origins },
    { noNullPrototype: true },
  )
  .chain((one) => fc.boolean().map((isSame) => (isSame ? { ...one, set: one.version } : one)));

test("a content comes back from its bytes as it was", () => {
  fc.assert(
    fc.property(content, (one) => {
      const bytes = encodeContent(one);
      const back = decodeContent(bytes)!;
      assert.deepEqual({ ...back, value: back.value && Uint8Array.from(back.value) }, one);
      assert.deepEqual(readStored(bytes), toStored(one));
      assert.deepEqual(foundIn(bytes), foundOf(back));
      assert.deepEqual(toStored(one), {
        ...one.version,
        bytes,
        isRemoved: one.value === null,
        expiresMs: one.expiresMs,
        rowId: undefined,
      });
    }),
  );
});

test("100,000 cases of other bytes are refused or read, and never throw", () => {
  const any = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.tuple(content, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([one, at, byte]) => {
      const bytes = encodeContent(one);
      bytes[at % bytes.length] = byte;
      return bytes.subarray(0, at % 3 === 0 ? at % bytes.length : bytes.length);
    }),
  );
  let read = 0;
  fc.assert(
    fc.property(any, (bytes) => {
      const back = decodeContent(bytes);
      if (back) read++;
      assert.equal(readStored(bytes)?.expiresMs, back?.expiresMs);
    }),
    { numRuns: 100_000 },
  );
  assert.ok(read > 1_000 && read < 99_000, `${read} were read`);
});

test("a value that is too large is not kept", () => {
  const version = { round: 1, node: 2, n: 3 };
  const of = (length: number): Content => ({
    ...{ version, set: version, value: new Uint8Array(length), expiresMs: null, origins: [] },
  });
  assert.ok(readStored(encodeContent(of(VALUE_BYTES_MAX))));
  assert.equal(readStored(encodeContent(of(VALUE_BYTES_MAX + 1))), undefined);
});

test("versions: their text comes back; other text is none; the order is by round, node, number", () => {
  fc.assert(fc.property(version, (one) => assert.deepEqual(readVersion(versionText(one)), one)));
  for (const text of ["", "1.2", "1.2.3.4", "1.2.x", "-1.2.3", "1.5.2.3", `${2 ** 48}.0.0`])
    assert.equal(readVersion(text), undefined, text);
  const ordered = ["1.1.1", "1.1.2", "1.2.0", "2.0.0"].map((text) => readVersion(text)!);
  for (const [at, one] of ordered.entries())
    for (const [other, two] of ordered.entries())
      assert.equal(Math.sign(compareVersions(one, two)), Math.sign(at - other));
});
