/** The If header: the examples of RFC 4918, section 10.4, and what is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../../../kernel/cost.fixture.ts";
import { IF_CONDITIONS_MAX } from "./constants.ts";
import type { IfState } from "./if-header.ts";
import { hasEtags, holds, parseIf, tokensOf } from "./if-header.ts";
import { Refusal } from "./refusal.ts";

const refused = (error: unknown) => error instanceof Refusal && error.status === 400;
const state = (tokens: string[], etag?: string): IfState => ({ tokens: new Set(tokens), etag });
const check = (header: string, states: Record<string, IfState>) =>
  holds(parseIf(header), async (resource) => states[resource ?? ""]);

test("one list that holds is enough, and in it all must hold", async () => {
  const header = `(<urn:uuid:1> ["I am an ETag"]) (["I am another ETag"])`;
  assert.equal(await check(header, { "": state(["urn:uuid:1"], `"I am an ETag"`) }), true);
  assert.equal(await check(header, { "": state([], `"I am another ETag"`) }), true);
  assert.equal(await check(header, { "": state([], `"I am an ETag"`) }), false);
  assert.deepEqual([...tokensOf(parseIf(header))], ["urn:uuid:1"]);
  assert.equal(hasEtags(parseIf(header)), true);
});

test("Not turns one condition round", async () => {
  assert.equal(await check("(Not <urn:uuid:1> <urn:uuid:2>)", { "": state(["urn:uuid:2"]) }), true);
  assert.equal(await check("(Not <urn:uuid:1> <urn:uuid:2>)", { "": state(["urn:uuid:1", "urn:uuid:2"]) }), false);
  assert.equal(await check("(<urn:uuid:1>) (Not <DAV:no-lock>)", { "": state([]) }), true);
  assert.equal(await check("(<DAV:no-lock>)", { "": state([]) }), false);
  assert.equal(await check(`(not["x"])`, { "": state([], `"y"`) }), true);
});

test("a resource that is named stands for the lists behind it", async () => {
  const header = `<http://box/a> (<urn:uuid:1>) (["x"]) <http://box/b> (["y"])`;
  assert.deepEqual(
    parseIf(header).map((list) => list.resource),
    ["http://box/a", "http://box/a", "http://box/b"],
  );
  assert.equal(await check(header, { "http://box/b": state([], `"y"`) }), true);
  assert.equal(await check(header, { "http://box/a": state([], `"y"`) }), false);
});

test("weak etags never hold", async () => {
  assert.equal(await check(`([W/"x"])`, { "": state([], `"x"`) }), false);
});

test("what is no If header is refused", () => {
  const bad = [
    "",
    "x",
    "()",
    "(",
    "(<a>",
    "<a>",
    "(Not)",
    "(Not Not <a>)",
    "(<a>))",
    "([x])",
    `(["x])`,
    "(<a b>)",
    "((<a>))",
  ];
  for (const header of bad) assert.throws(() => parseIf(header), refused, header);
});

test("its conditions are limited, and reading is quick", () => {
  assert.equal(parseIf("(<a>)".repeat(IF_CONDITIONS_MAX)).length, IF_CONDITIONS_MAX);
  assert.throws(() => parseIf("(<a>)".repeat(IF_CONDITIONS_MAX + 1)), refused);
  for (const header of [`(${" ".repeat(160_000)}`, "(".repeat(160_000)])
    assert.ok(leastMs(() => assert.throws(() => parseIf(header), refused)) < 1000, header.slice(0, 2));
});
