/** Answers on the line, in both versions of the protocol, against the specification's examples. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BULK_COPIED_BYTES_MAX, WRITER_BYTES, WRITER_KEPT_BYTES_MAX } from "./constants.ts";
import type { Reply, RespVersion } from "./reply.ts";
import { array, error, isError, replyBytes } from "./reply.ts";
import { ReplyWriter } from "./writer.ts";

function said(reply: Reply, version: RespVersion): string {
  const writer = new ReplyWriter();
  writer.write(reply, version);
  return Buffer.concat(writer.take()).toString("latin1");
}

const CASES: readonly (readonly [Reply, two: string, three: string])[] = [
  [Uint8Array.of(0, 13, 10, 255), "$4\r\n\0\r\n\xff\r\n", "$4\r\n\0\r\n\xff\r\n"],
  ["", "$0\r\n\r\n", "$0\r\n\r\n"],
  ["h\xe9", "$2\r\nh\xe9\r\n", "$2\r\nh\xe9\r\n"],
  [-7, ":-7\r\n", ":-7\r\n"],
  [-(2n ** 63n), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
  [null, "$-1\r\n", "_\r\n"],
  [true, ":1\r\n", "#t\r\n"],
  [false, ":0\r\n", "#f\r\n"],
  [{ type: "simple", text: "OK" }, "+OK\r\n", "+OK\r\n"],
  [error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"],
  [array([1, null, array([])]), "*3\r\n:1\r\n$-1\r\n*0\r\n", "*3\r\n:1\r\n_\r\n*0\r\n"],
  [{ type: "set", items: ["a"] }, "*1\r\n$1\r\na\r\n", "~1\r\n$1\r\na\r\n"],
  [{ type: "push", items: ["a"] }, "*1\r\n$1\r\na\r\n", ">1\r\n$1\r\na\r\n"],
  [{ type: "map", items: ["a", 1] }, "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"],
  [{ type: "nullArray" }, "*-1\r\n", "_\r\n"],
  [{ type: "double", value: 1.5 }, "$3\r\n1.5\r\n", ",1.5\r\n"],
  [{ type: "double", value: -Infinity }, "$4\r\n-inf\r\n", ",-inf\r\n"],
  [{ type: "double", value: Number.NaN }, "$3\r\nnan\r\n", ",nan\r\n"],
  [{ type: "bigNumber", value: 2n ** 70n }, "$22\r\n1180591620717411303424\r\n", "(1180591620717411303424\r\n"],
  [{ type: "verbatim", format: "txt", text: "Some" }, "$4\r\nSome\r\n", "=8\r\ntxt:Some\r\n"],
];

test("each kind of answer, in both versions", () => {
  for (const [reply, two, three] of CASES) {
    assert.equal(said(reply, 2), two);
    assert.equal(said(reply, 3), three);
    assert.ok(replyBytes(reply) >= 16);
    assert.equal(isError(reply), two.startsWith("-"));
  }
});

test("large values go out as they are, between copied pieces, in order", () => {
  const writer = new ReplyWriter();
  const small = new Uint8Array(BULK_COPIED_BYTES_MAX - 1).fill(1);
  const large = new Uint8Array(BULK_COPIED_BYTES_MAX).fill(2);
  for (const value of [small, large, small]) writer.write(value, 2);
  const size = writer.size();
  const pieces = writer.take();
  assert.equal(pieces.length, 3);
  assert.equal(pieces[1], large);
  assert.equal(size, Buffer.concat(pieces).length);
  assert.equal(Buffer.concat(pieces).subarray(-3)[0], 1);
  assert.equal(writer.size(), 0);
});

test("pieces taken are not written over, and a buffer that has grown is given back", () => {
  const writer = new ReplyWriter();
  const items = Array.from({ length: (2 * WRITER_KEPT_BYTES_MAX) / WRITER_BYTES }, () => "y".repeat(WRITER_BYTES));
  writer.write(array(items), 2);
  const before = Buffer.concat(writer.take());
  const [first] = (writer.write("abc", 2), writer.take());
  writer.write("xyz", 2);
  writer.take();
  assert.equal(Buffer.from(first!).toString(), "$3\r\nabc\r\n");
  assert.ok(before.length > WRITER_KEPT_BYTES_MAX);
});

test("any texts and sizes in a row are the same as each for itself", () => {
  const reply = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 3 * BULK_COPIED_BYTES_MAX }),
    fc.uint8Array({ maxLength: 2 * BULK_COPIED_BYTES_MAX, size: "max" }),
    fc.integer(),
  );
  const property = fc.property(fc.array(reply, { maxLength: 8 }), (replies) => {
    const writer = new ReplyWriter();
    for (const one of replies) writer.write(one, 3);
    const expected = replies.map((one) => said(one, 3)).join("");
    assert.equal(Buffer.concat(writer.take()).toString("latin1"), expected);
  });
  fc.assert(property, { numRuns: 300 });
});
