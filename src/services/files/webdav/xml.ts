/**
 * The XML of WebDAV: small documents of strangers into a tree, and back. A document type is refused, and with it every
 * entity but the five of XML itself; size, depth, elements and attributes are limited before anything is built.
 */
import { SaxesParser } from "saxes";
import type { SaxesTagNS } from "saxes";
import { XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX } from "./constants.ts";
import { refuse } from "./refusal.ts";

export const DAV = "DAV:";

export interface XmlName {
  /** "" for none. */
  uri: string;
  local: string;
}

export interface XmlAttribute extends XmlName {
  prefix: string;
  value: string;
}

export interface XmlElement extends XmlName {
  prefix: string;
  attributes: XmlAttribute[];
  children: (XmlElement | string)[];
}

/** In UTF-8, or in UTF-16 with its mark. Refuses with 400, 413 and, for a document type, 403. */
export function parseXml(bytes: Uint8Array): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  let attributes = 0;
  const text = (content: string) => void open.at(-1)?.children.push(content);
  parser.on("error", (error) => refuse(400, "the body is not XML", { cause: error }));
  parser.on("doctype", () => refuse(403, "a document type is not taken", { condition: "no-external-entities" }));
  parser.on("attribute", () => {
    if ((attributes += 1) > XML_ATTRIBUTES_MAX) refuse(413, "too many attributes");
  });
  parser.on("text", text);
  parser.on("cdata", text);
  parser.on("opentag", (tag) => {
    if (open.length >= XML_DEPTH_MAX) refuse(413, "the body is too deep");
    if ((elements += 1) > XML_ELEMENTS_MAX) refuse(413, "too many elements");
    attributes = 0;
    const element = elementOf(tag);
    open.at(-1)?.children.push(element);
    open.push(element);
    root ??= element;
  });
  parser.on("closetag", () => void open.pop());
  parser.write(decoded(bytes)).close();
  return root ?? refuse(400, "the body is empty");
}

function decoded(bytes: Uint8Array): string {
  const mark = bytes.length < 2 ? 0 : bytes[0]! * 256 + bytes[1]!;
  const encoding = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    return refuse(400, "the body is not text", { cause: error });
  }
}

function elementOf(tag: SaxesTagNS): XmlElement {
  const attributes = Object.values(tag.attributes)
    .filter(({ name, prefix }) => name !== "xmlns" && prefix !== "xmlns")
    .map(({ prefix, local, uri, value }) => ({ prefix, local, uri, value }));
  return { prefix: tag.prefix, local: tag.local, uri: tag.uri, attributes, children: [] };
}

/** The elements right below. */
export function elementsOf(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child) => typeof child !== "string");
}

/** The one of "DAV:" with this name right below. */
export function davChild(parent: XmlElement, local: string): XmlElement | undefined {
  return elementsOf(parent).find((child) => isDav(child, local));
}

export function isDav(name: XmlName, local: string): boolean {
  return name.uri === DAV && name.local === local;
}

/** All text of an element, of its children, too. */
export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
}

/** Prefix to namespace, as it holds where something is written. */
export type Scope = Readonly<Record<string, string>>;

/** What holds below the root of our answers. */
export const ANSWER_SCOPE: Scope = { "": "", D: DAV, xml: "http://www.w3.org/XML/1998/namespace" };

/** Prefixes stay as they were, since values may name them; those that do not hold in `scope` are declared. */
export function writeXml(element: XmlElement, scope: Scope = ANSWER_SCOPE): string {
  // Without a prototype: a prefix may be called "__proto__".
  const own = Object.create(null) as Record<string, string>;
  const use = (prefix: string, uri: string) => {
    if ((own[prefix] ?? scope[prefix]) !== uri) own[prefix] = uri;
  };
  use(element.prefix, element.uri);
  for (const { prefix, uri } of element.attributes) if (prefix !== "") use(prefix, uri);
  const declared = Object.entries(own).map(([prefix, uri]) => ` xmlns${prefix && `:${prefix}`}="${escapeXml(uri)}"`);
  const attributes = element.attributes.map((one) => ` ${qualified(one)}="${escapeXml(one.value)}"`);
  const start = `${qualified(element)}${declared.join("")}${attributes.join("")}`;
  if (element.children.length === 0) return `<${start}/>`;
  const inside = { ...scope, ...own };
  const children = element.children.map((child) =>
    typeof child === "string" ? escapeXml(child) : writeXml(child, inside),
  );
  return `<${start}>${children.join("")}</${qualified(element)}>`;
}

function qualified({ prefix, local }: { prefix: string; local: string }): string {
  return prefix === "" ? local : `${prefix}:${local}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};

/** For text and for values of attributes, of XML and of HTML. What XML cannot say at all becomes U+FFFD. */
export function escapeXml(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const sayable = text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return sayable.replace(/[&<>"'\r\n\t]/g, (one) => ESCAPES[one]!);
}
