/** The messages to and from a storage server: as the library writes them, and answers that are bent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Token, Type, decode, encode } from "cborg";
import type { EncodeOptions } from "cborg/interface";
import fc from "fast-check";
import type { ReadTestWrite } from "./server.ts";
import { JOINED_PART_BYTES, WHOLE_SHARES_MARK, BEFORE_WRITE_MARK } from "./storage-client-constants.ts";
import {
  Garbled,
  allocateBody,
  putWholeBody,
  readAllocated,
  readReadTestWritten,
  readRequired,
  readShareNumbers,
  readTestWriteBody,
  readVersion,
  readWholePut,
} from "./storage-client-messages.ts";

const secret = new Uint8Array(32);
const lease = { renewSecret: secret, cancelSecret: secret };
const OPTIONS: EncodeOptions = {
  typeEncoders: {
    Set: (set: Set<number>) => [
      new Token(Type.tag, 258),
      [new Token(Type.array, set.size), ...[...set].map((one) => new Token(Type.uint, one))],
    ],
  },
};
const cbor = (value: unknown) => encode(value, OPTIONS);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("an allocation is the example of the format", () => {
  const body = hex(allocateBody({ shares: [1, 7], bytes: 48, uploadSecret: secret, lease }));
  assert.ok(body.startsWith("a2"));
  assert.ok(body.includes(`6d${hex(Buffer.from("share-numbers"))}d90102820107`));
  assert.ok(body.includes(`6e${hex(Buffer.from("allocated-size"))}1830`));
});

test("a read-test-write body reads as it was meant, and long data is not copied", () => {
  const size = fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeNat());
  const bytes = fc.uint8Array({ maxLength: 300 });
  const share = fc.record({
    test: fc.array(fc.record({ offset: size, size, specimen: bytes }), { maxLength: 3 }),
    write: fc.array(fc.record({ offset: size, data: bytes }), { maxLength: 3 }),
    newLength: fc.option(size),
  });
  const wishes = fc.record({
    shares: fc.dictionary(fc.nat(255).map(String), share, { maxKeys: 4, noNullPrototype: true }),
    read: fc.array(fc.record({ offset: size, size }), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(wishes, ({ shares, read }) => {
      const entries = Object.entries(shares).map(([number, one]) => [Number(number), one] as const);
      const wish: ReadTestWrite = { writeEnabler: secret, lease, shares: new Map(entries), read };
      const found = decode(Buffer.concat(readTestWriteBody(wish)), { useMaps: true }) as Map<string, unknown>;
      const asMap = (value: object) => new Map(Object.entries(value));
      const wanted = new Map<string, unknown>([
        [
          "test-write-vectors",
          new Map(
            entries.map(([number, { test: tests, write, newLength }]) => [
              number,
              asMap({ test: tests.map(asMap), write: write.map(asMap), "new-length": newLength }),
            ]),
          ),
        ],
        ["read-vector", read.map(asMap)],
      ]);
      assert.deepEqual(found, wanted);
    }),
  );
  const data = new Uint8Array(JOINED_PART_BYTES);
  const shares = new Map([[0, { test: [], write: [{ offset: 0, data }], newLength: null }]]);
  const parts = readTestWriteBody({ writeEnabler: secret, lease, shares, read: [] });
  assert.deepEqual(
    parts.map((part) => part === data),
    [false, true, false],
  );
});

test("whole shares go as they are, and the answer says which are there", () => {
  const long = new Uint8Array(JOINED_PART_BYTES);
  const shares = new Map([
    [0, Uint8Array.of(1, 2)],
    [200, long],
  ]);
  const parts = putWholeBody({ shares, uploadSecret: secret, lease });
  assert.deepEqual(decode(Buffer.concat(parts), { useMaps: true }), new Map([["shares", shares]]));
  assert.ok(parts.includes(long), "share data is copied");
  assert.deepEqual(readWholePut(cbor({ "already-have": [7, 3], stored: [200] }), shares), {
    alreadyHave: [3, 7],
    stored: [200],
  });
});

test("figures beyond what a number holds are as many as there may be", () => {
  const key = (text: string) => Buffer.from(text);
  const version = (available: unknown, application = "x") =>
    cbor(
      new Map<unknown, unknown>([
        [key("http://allmydata.org/tahoe/protocols/storage/v1"), new Map([[key("available-space"), available]])],
        [key("application-version"), key(application)],
      ]),
    );
  for (const named of [WHOLE_SHARES_MARK, `comu/1.0 ${WHOLE_SHARES_MARK}`, `comu/2 (${WHOLE_SHARES_MARK}; more)`]) {
    assert.equal(readVersion(version(7, named)).takesWhole, true, named);
  }
  for (const other of ["tahoe-lafs/1.20.0", "comu-small-shares-10", ""]) {
    assert.equal(readVersion(version(7, other)).takesWhole, false, other);
  }
  assert.deepEqual(readVersion(version(7)), { availableBytes: 7, takesWhole: false, takesBefore: false });
  assert.equal(readVersion(version(7, `comu/1.0 ${BEFORE_WRITE_MARK}`)).takesBefore, true);
  assert.equal(readVersion(version(2n ** 63n)).availableBytes, Number.MAX_SAFE_INTEGER);
  for (const bad of [-1, -(2n ** 60n), 1.5, "7", null]) assert.throws(() => readVersion(version(bad)), Garbled);
});

test("answers that do not fit what was asked are none of the protocol", () => {
  const allocated = (have: unknown, got: unknown) => cbor({ "already-have": have, allocated: got });
  assert.deepEqual(readAllocated(allocated(new Set([9, 3]), new Set([1])), [1, 2]), {
    alreadyHave: [3, 9],
    allocated: [1],
  });
  const bent: (() => unknown)[] = [
    () => readAllocated(allocated(new Set(), new Set([3])), [1]),
    () => readAllocated(allocated([], new Set([1])), [1]),
    () => readWholePut(cbor({ "already-have": [], stored: [3] }), new Map([[1, 0]])),
    () => readWholePut(cbor({ "already-have": [256], stored: [] }), new Map([[1, 0]])),
    () => readWholePut(cbor({ "already-have": [], stored: 1 }), new Map([[1, 0]])),
    () => readWholePut(cbor({ stored: [1] }), new Map([[1, 0]])),
    () => readShareNumbers(cbor(new Set([256]))),
    () => readShareNumbers(Uint8Array.of(0xd9, 1, 2, 0x81, 0x20)),
    () => readRequired(cbor({ required: [{ begin: 0, end: 11 }] }), 10),
    () => readRequired(cbor({ required: [{ begin: 5, end: 5 }] }), 10),
    () => readRequired(cbor({ required: 5 }), 10),
    () => readRequired(cbor([]), 10),
    () => readReadTestWritten(cbor({ success: 1, data: new Map() }), []),
    () => readReadTestWritten(cbor({ success: true, data: new Map([[0, []]]) }), [5]),
    () => readReadTestWritten(cbor({ success: true, data: new Map([[0, [new Uint8Array(6)]]]) }), [5]),
    () => readReadTestWritten(cbor({ success: true, data: new Map([["0", []]]) }), []),
  ];
  for (const read of bent) assert.throws(read, Garbled, String(read));
});

test("any bytes are an answer or none, and never anything worse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const readers = [readVersion, readShareNumbers, (one: Uint8Array) => readRequired(one, 10)];
      for (const read of [...readers, (one: Uint8Array) => readReadTestWritten(one, [1])]) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof Garbled);
        }
      }
    }),
    { numRuns: 2000 },
  );
});
