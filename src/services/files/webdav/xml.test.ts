/** Strangers' XML: read as it is, refused where it is a weapon, and written again so that it means the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX } from "./constants.ts";
import { Refusal } from "./refusal.ts";
import type { XmlElement } from "./xml.ts";
import { davChild, escapeXml, parseXml, textOf, writeXml } from "./xml.ts";

const parse = (text: string) => parseXml(Buffer.from(text));
const status = (wanted: number) => (error: unknown) => error instanceof Refusal && error.status === wanted;

test("names, namespaces, text and character data are read", () => {
  const root = parse(
    `<?xml version="1.0"?><a:x xmlns:a="DAV:" b="1" a:c="2"><y xmlns="">t&amp;<![CDATA[<u>]]></y><a:y/></a:x>`,
  );
  assert.deepEqual(
    root.attributes.map(({ uri, local, value }) => [uri, local, value]),
    [
      ["", "b", "1"],
      ["DAV:", "c", "2"],
    ],
  );
  assert.equal(textOf(root), "t&<u>");
  assert.deepEqual(davChild(root, "y"), { prefix: "a", local: "y", uri: "DAV:", attributes: [], children: [] });
});

test("UTF-16 with its mark is read, broken text is not", () => {
  const text = Buffer.from("\ufeff<à/>", "utf16le");
  assert.equal(parseXml(text).local, "à");
  assert.equal(parseXml(Buffer.from(text).swap16()).local, "à");
  assert.throws(() => parseXml(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])), status(400));
});

test("what is not well formed is refused", () => {
  const broken = [
    "",
    "<a>",
    "<a></b>",
    "<a",
    "x",
    "<a/><b/>",
    "<p:a/>",
    '<a xmlns:p=""/>',
    "<a>&nbsp;</a>",
    '<a b="1" b="2"/>',
  ];
  for (const text of broken) assert.throws(() => parse(text), status(400), text);
});

test("document types are refused, and with them every bomb of entities", () => {
  const bomb = `<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>`;
  assert.throws(() => parse(bomb), status(403));
  assert.throws(() => parse(`<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`), status(403));
});

test("depth, elements and attributes end at their limits", () => {
  const deep = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  assert.ok(parse(deep(XML_DEPTH_MAX)));
  assert.throws(() => parse(deep(XML_DEPTH_MAX + 1)), status(413));
  const wide = (count: number) => `<a>${"<b/>".repeat(count - 1)}</a>`;
  assert.ok(parse(wide(XML_ELEMENTS_MAX)));
  assert.throws(() => parse(wide(XML_ELEMENTS_MAX + 1)), status(413));
  const many = (count: number) => `<a ${Array.from({ length: count }, (_, index) => `b${index}=""`).join(" ")}/>`;
  assert.ok(parse(many(XML_ATTRIBUTES_MAX)));
  assert.throws(() => parse(many(XML_ATTRIBUTES_MAX + 1)), status(413));
});

const word = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,8}$/).filter((name) => !name.startsWith("xml"));
const space = fc.constantFrom("", "DAV:", "urn:a", `urn:"<&'>`, "x}y");
const prefixed = fc.record({
  prefix: fc.constantFrom("p", "q", "__proto__", "constructor"),
  uri: space.filter(Boolean),
});
const text = fc
  .string({ unit: "grapheme" })
  .filter((one) => escapeXml(one) !== "" && !escapeXml(one).includes("\ufffd"));

/** A prefix means one namespace within one element, as it does in anything that was read. */
const { element } = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc
    .record({
      name: fc.oneof(
        prefixed,
        space.map((uri) => ({ prefix: "", uri })),
      ),
      local: word,
      attributes: fc.uniqueArray(fc.record({ local: word, value: fc.string() }), { selector: (one) => one.local }),
      children: fc.array(fc.oneof({ maxDepth: 3 }, text, tie("element")), { maxLength: 3 }),
    })
    .map(({ name, local, attributes, children }) => ({
      ...name,
      local,
      attributes: attributes
        .filter(({ value }) => !escapeXml(value).includes("\ufffd"))
        .map((one) => (name.prefix === "" ? { ...one, prefix: "", uri: "" } : { ...one, ...name })),
      children,
    })),
}));

test("what is written reads the same", () => {
  const joined = (one: XmlElement): XmlElement => {
    const children: XmlElement["children"] = [];
    for (const child of one.children) {
      const last = children.at(-1);
      if (typeof child === "string" && typeof last === "string") children[children.length - 1] = last + child;
      else children.push(typeof child === "string" ? child : joined(child));
    }
    return { ...one, children };
  };
  fc.assert(
    fc.property(element, (one) => {
      const xml = writeXml(one);
      const read = parse(`<D:r xmlns:D="DAV:">${xml}</D:r>`).children[0];
      assert.deepEqual(read, joined(one));
    }),
  );
});
