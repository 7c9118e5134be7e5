/**
 * The reader of requests: what Redis understands, what it refuses and how it says so, each limit, and that neither the
 * cut of the chunks nor any bytes at all change what is found, make it crash or keep more than its limits.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ARGUMENTS_MAX,
  ARGUMENT_OVERHEAD_BYTES,
  BULK_BYTES_MAX,
  INLINE_BYTES_MAX,
  REQUEST_BYTES_MAX,
  UNTRUSTED_ARGUMENTS_MAX,
  UNTRUSTED_BULK_BYTES_MAX,
} from "./constants.ts";
import type { RequestLimits } from "./parser.ts";
import { RequestParser } from "./parser.ts";

const SMALL: RequestLimits = { inlineBytesMax: 24, bulkBytesMax: 40, argumentsMax: 6, requestBytesMax: 900 };
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const text = (given: Uint8Array) => Buffer.from(given).toString("latin1");

interface Read {
  requests: string[][];
  error: string | undefined;
  heldBytesMax: number;
}

function readAll(chunks: Iterable<Uint8Array>, limits: Partial<RequestLimits> = {}, trusted = true): Read {
  const parser = new RequestParser(limits);
  parser.trusted = trusted;
  const read: Read = { requests: [], error: undefined, heldBytesMax: 0 };
  for (const chunk of chunks) {
    parser.push(chunk);
    for (;;) {
      const next = parser.next();
      if (next === undefined) break;
      if (!Array.isArray(next)) {
        read.error = next.error;
        break;
      }
      read.requests.push(next.map(text));
    }
    read.heldBytesMax = Math.max(read.heldBytesMax, parser.heldBytes());
  }
  return read;
}

const encode = (request: readonly string[]) =>
  `*${request.length}\r\n${request.map((one) => `$${one.length}\r\n${one}\r\n`).join("")}`;
const errorOf = (given: string, trusted = true) => readAll([bytes(given)], {}, trusted).error;
const inline = (line: string) => readAll([bytes(`${line}\r\n`)]).requests[0];

test("arrays and lines follow one another on a connection", () => {
  const given = `${encode(["SET", "k", "a\r\n\0é"])}PING\r\n\r\n*0\r\n*-1\r\n  get  k \n${encode(["GET", ""])}`;
  assert.deepEqual(readAll([bytes(given)]).requests, [["SET", "k", "a\r\n\0é"], ["PING"], ["get", "k"], ["GET", ""]]);
});

test("a line is taken apart as Redis does", () => {
  assert.deepEqual(inline(`set "a b" 'c\\'d' "\\x41\\n\\r\\t\\b\\a\\q\\"" e"f g"`), [
    "set",
    "a b",
    "c'd",
    'A\n\r\t\b\x07q"',
    "ef g",
  ]);
  assert.deepEqual(inline(`a "" 'x\\y' "\\xZZ" \\n`), ["a", "", "x\\y", "xZZ", "\\n"]);
  for (const open of [`"abc`, `'abc`, `"a"b`, `'a'b`, `"a\\"`])
    assert.equal(errorOf(`${open}\r\n`), "ERR Protocol error: unbalanced quotes in request");
});

test("what breaks the protocol is named as Redis names it, and nothing is read after it", () => {
  const said: Record<string, string> = {
    "*x\r\n": "invalid multibulk length",
    "*01\r\n": "invalid multibulk length",
    "*99999999999999999999\r\n": "invalid multibulk length",
    "*1\r\n:5\r\n": "expected '$', got ':'",
    "*1\r\n$-1\r\n": "invalid bulk length",
    "*1\r\n$+5\r\n": "invalid bulk length",
    "*1\r\n$\r\n": "invalid bulk length",
    '"\r\n': "unbalanced quotes in request",
  };
  for (const [given, error] of Object.entries(said)) {
    const read = readAll([bytes(`${encode(["A"])}${given}${encode(["B"])}`), bytes(encode(["C"]))]);
    assert.deepEqual(read.requests, [["A"]], given);
    assert.equal(read.error, `ERR Protocol error: ${error}`);
  }
});

test("each limit is reached, and one more is refused", () => {
  const fill = (length: number) => "x".repeat(length);
  // The CR counts, the LF does not.
  assert.equal(inline(fill(INLINE_BYTES_MAX - 1))?.[0]?.length, INLINE_BYTES_MAX - 1);
  assert.match(errorOf(`${fill(INLINE_BYTES_MAX + 1)}\n`)!, /too big inline request/);
  assert.match(errorOf(`*${fill(INLINE_BYTES_MAX + 1)}`)!, /too big mbulk count string/);
  assert.match(errorOf(`*1\r\n$${fill(INLINE_BYTES_MAX + 1)}`)!, /too big bulk count string/);
  const many = Array.from({ length: ARGUMENTS_MAX }, () => "k");
  assert.equal(readAll([bytes(encode(many))]).requests[0]?.length, ARGUMENTS_MAX);
  assert.match(errorOf(`*${ARGUMENTS_MAX + 1}\r\n`)!, /invalid multibulk length/);
  assert.equal(readAll([bytes(encode([fill(BULK_BYTES_MAX)]))]).requests[0]?.[0]?.length, BULK_BYTES_MAX);
  assert.match(errorOf(`*1\r\n$${BULK_BYTES_MAX + 1}\r\n`)!, /invalid bulk length.*do not belong here/);
  const rest = REQUEST_BYTES_MAX - 3 * ARGUMENT_OVERHEAD_BYTES - BULK_BYTES_MAX;
  const two = `*3\r\n$${BULK_BYTES_MAX}\r\n${fill(BULK_BYTES_MAX)}\r\n$${rest - 1}\r\n${fill(rest - 1)}\r\n`;
  assert.equal(readAll([bytes(`${two}$1\r\nx\r\n`)]).requests.length, 1);
  assert.match(errorOf(`${two}$2\r\n`)!, /too big request/);
});

test("who has not said the password may send little", () => {
  const many = Array.from({ length: UNTRUSTED_ARGUMENTS_MAX }, () => "k");
  assert.equal(readAll([bytes(encode(many))], {}, false).requests.length, 1);
  assert.match(errorOf(encode([...many, "k"]), false)!, /unauthenticated multibulk length/);
  assert.equal(errorOf(encode(["x".repeat(UNTRUSTED_BULK_BYTES_MAX)]), false), undefined);
  assert.match(errorOf(`*1\r\n$${UNTRUSTED_BULK_BYTES_MAX + 1}\r\n`, false)!, /unauthenticated bulk length/);
});

test("arguments are views of a chunk that holds them whole", () => {
  const chunk = bytes(encode(["SET", "k", "value"]));
  const parser = new RequestParser();
  parser.push(chunk);
  const request = parser.next();
  assert.ok(Array.isArray(request));
  assert.ok(request.every((one) => one.buffer === chunk.buffer));
  assert.equal(parser.heldBytes(), 0);
});

test("a large value in single bytes takes no more than twice its size, and is not copied again each time", () => {
  const value = "v".repeat(200_000);
  const given = bytes(encode(["SET", "k", value]));
  const parser = new RequestParser();
  for (let at = 0; at < given.length; at += 1) {
    assert.equal(parser.next(), undefined);
    parser.push(given.slice(at, at + 1));
  }
  const request = parser.next();
  assert.ok(Array.isArray(request));
  assert.equal(text(request[2]!), value);
  assert.ok(request[2]!.buffer.byteLength <= 2 * value.length);
});

/** Cut at the given places. */
function cut(given: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((one) => one % (given.length + 1)), given.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => given.slice(at[index], end));
}

function isTheSame(given: Uint8Array, places: readonly number[]): void {
  const whole = readAll([given], SMALL);
  for (const chunks of [cut(given, places), [...given].map((byte) => Uint8Array.of(byte))]) {
    const read = readAll(chunks, SMALL);
    assert.deepEqual([read.requests, read.error], [whole.requests, whole.error]);
    const most = Math.max(0, ...chunks.map((one) => one.length));
    const boundBytes = SMALL.requestBytesMax + SMALL.inlineBytesMax + most;
    assert.ok(read.heldBytesMax <= boundBytes, `${read.heldBytesMax} bytes held, at most ${boundBytes}`);
  }
}

const argument = fc.string({ unit: "binary-ascii", maxLength: 12 });
const request = fc.array(argument, { minLength: 1, maxLength: 5 });
const places = fc.array(fc.nat(400), { maxLength: 6 });

test("requests come out as they were put in, however they are cut", () => {
  const property = fc.property(fc.array(request, { maxLength: 5 }), places, (requests, where) => {
    const given = bytes(requests.map(encode).join(""));
    assert.deepEqual(readAll(cut(given, where), SMALL).requests, requests);
    isTheSame(given, where);
  });
  fc.assert(property, { numRuns: 3_000 });
});

/** What a change of a stream may put in: bytes that mean something, and any other. */
const TOKENS = [
  "*",
  "$",
  "\r\n",
  "\r",
  "\n",
  "-1",
  "0",
  "3",
  "41",
  "999999999999",
  '"',
  "'",
  "\\x4",
  "\0",
  "\xff",
  "*3\r\n$3\r\n",
];
const change = fc.record({
  at: fc.nat(200),
  remove: fc.nat(4),
  insert: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ unit: "binary-ascii", maxLength: 40 })),
});
const streams = fc.array(fc.oneof(request.map(encode), fc.constantFrom("PING\r\n", 'a "b c"\r\n', "*0\r\n")), {
  minLength: 1,
  maxLength: 3,
});

test("100,000 damaged streams: no crash, bounded memory, the same result however they are cut", () => {
  let refused = 0;
  let understood = 0;
  const property = fc.property(
    streams,
    fc.array(change, { minLength: 1, maxLength: 3 }),
    places,
    (parts, changes, where) => {
      let stream = parts.join("");
      for (const { at, remove, insert } of changes) {
        const place = at % (stream.length + 1);
        stream = stream.slice(0, place) + insert + stream.slice(place + remove);
      }
      const given = bytes(stream);
      isTheSame(given, where);
      if (readAll([given], SMALL).error === undefined) understood += 1;
      else refused += 1;
    },
  );
  fc.assert(property, { numRuns: 100_000 });
  assert.ok(refused > 10_000 && understood > 10_000, `${refused} refused, ${understood} understood`);
});
