/**
 * An image's metadata.yaml: what it is, and the templates by which the engine writes files when a container is made.
 * The engine writes them as root of the host, so they must stay within the container: no "..", no way through a link,
 * and never at a start, when the container itself may have put a link there. Engines read YAML 1.1 with a reader of
 * their own: whatever that could understand otherwise than ours is refused.
 */
import type { Node } from "yaml";
import { z } from "zod";

const none = z.enum(["", "~", "null"]).transform(() => undefined);
const when = z.array(z.string().max(30)).max(10).or(none).optional();
const template = z.looseObject({ template: z.string().max(255), when });
const shape = z.looseObject({
  architecture: z.string().min(1).max(30),
  templates: z.record(z.string().max(4096), template).or(none).optional(),
});

/** The one takes in another map's keys, the other is none to us. */
const NO_KEYS = new Set(["<<", "__proto__"]);
/** Ends of lines to YAML 1.1 alone, and what no line of text has. */
// oxlint-disable-next-line no-control-regex
const UNUSUAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;

/** Gives its architecture. `linkOn`: the first link on a path below the root of the image. Throws what `bad` makes. */
export async function checkMetadata(
  bytes: Uint8Array,
  linkOn: (path: string) => string | undefined,
  bad: (said: string) => Error,
): Promise<string> {
  const read = shape.safeParse(await plainYaml(bytes));
  if (!read.success) throw bad("its metadata.yaml cannot be understood");
  for (const [path, { template, when }] of Object.entries(read.data.templates ?? {})) {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.length === 0 || parts.includes("..")) throw bad(`its template for ${path} leads out of the image`);
    if (linkOn(parts.join("/")) !== undefined) throw bad(`its template for ${path} leads through a link`);
    if (!/^[\w.-]+$/.test(template) || /^\.+$/.test(template)) throw bad(`its template ${template} is no file's name`);
    if (when?.includes("start")) throw bad(`its template for ${path} is written at each start`);
  }
  return read.data.architecture;
}

/** Undefined for what is not plain: text in maps and lists, without tags, anchors and keys that stand for others. */
async function plainYaml(bytes: Uint8Array): Promise<unknown> {
  const { isAlias, isMap, isScalar, parseDocument, visit } = await import("yaml");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  // All is text, as it stands there: a path "017" is no number.
  const document = parseDocument(text, { schema: "failsafe", uniqueKeys: true });
  const { errors, warnings } = document;
  if (UNUSUAL.test(text.replaceAll("\r\n", "\n")) || errors.length > 0 || warnings.length > 0) return undefined;
  let isPlain = true;
  const isOdd = (node: Node) =>
    isAlias(node) || ("anchor" in node && node.anchor !== undefined) || node.tag !== undefined;
  visit(document, {
    Node(_key, node) {
      if (isOdd(node)) isPlain = false;
    },
    Pair(_key, { key }) {
      if (!isScalar(key) || typeof key.value !== "string" || NO_KEYS.has(key.value)) isPlain = false;
    },
  });
  return isPlain && isMap(document.contents) ? (document.toJS() as unknown) : undefined;
}
