/**
 * PROPFIND (RFC 4918, section 9.1) of an entry or of a folder and what is right in it. Whole trees are refused: they
 * would be walked through the grid for anybody who asks. The answer is sent as it is made.
 */
import type { FileEntry } from "../tree/file-system.ts";
import { XML_HEAD, XML_TYPE, statusXml } from "./answers.ts";
import { gathered, sendPieces, smallBody } from "./bodies.ts";
import { PROPERTIES_ASKED_MAX, XML_MAX_BYTES } from "./constants.ts";
import type { Exchange } from "./exchange.ts";
import { depthOf, presentEntry } from "./exchange.ts";
import type { PropertyContext } from "./properties.ts";
import { QUOTA_NAMES, emptyXml, keyOf, namesOf, propertyXml } from "./properties.ts";
import { refuse } from "./refusal.ts";
import { hrefOf } from "./targets.ts";
import type { XmlElement, XmlName } from "./xml.ts";
import { davChild, elementsOf, escapeXml, isDav, parseXml } from "./xml.ts";

export type Question = { kind: "names" } | { kind: "all" | "some"; names: XmlName[] };

export async function propfind(exchange: Exchange): Promise<void> {
  const { files, locks, listings, signal, response, clock } = exchange;
  const depth = depthOf(exchange) ?? "infinity";
  const question = questionOf(await smallBody(exchange, XML_MAX_BYTES));
  const entry = await presentEntry(exchange);
  if (depth === "infinity" && entry.kind === "folder") {
    refuse(403, "only with Depth 0 or 1", { condition: "propfind-finite-depth" });
  }
  const asksRoom = question.kind !== "names" && question.names.some(({ local }) => QUOTA_NAMES.has(local));
  const room = asksRoom ? await files.room() : undefined;
  const context: PropertyContext = { locks, nowMs: clock.monotonicMs(), room };
  const isListing = depth === "1" && entry.kind === "folder";
  const answer = async () => {
    const below = isListing ? await files.list(entry.path) : [];
    response.writeHead(207, { "content-type": XML_TYPE, "cache-control": "no-store" });
    await sendPieces(exchange, gathered(multistatus([entry], below, question, context)));
  };
  await (isListing ? listings.run(answer, signal) : answer());
}

function* multistatus(
  own: readonly FileEntry[],
  below: readonly FileEntry[],
  question: Question,
  context: PropertyContext,
): Generator<string> {
  yield `${XML_HEAD}<D:multistatus xmlns:D="DAV:">`;
  for (const entries of [own, below]) {
    for (const entry of entries) yield `${responseXml(entry, question, context)}\n`;
  }
  yield "</D:multistatus>\n";
}

function responseXml(entry: FileEntry, question: Question, context: PropertyContext): string {
  const found: string[] = [];
  const missing: string[] = [];
  if (question.kind === "names") {
    found.push(...namesOf(entry, context).map(emptyXml));
  } else {
    const own = question.kind === "all" ? namesOf(entry, context) : [];
    for (const name of withoutDoubles([...own, ...question.names])) {
      const xml = propertyXml(name, entry, context);
      if (xml !== undefined) found.push(xml);
      else if (question.kind === "some") missing.push(emptyXml(name));
    }
  }
  const stats = [found.length > 0 || missing.length === 0 ? propstatXml(found, 200) : ""];
  if (missing.length > 0) stats.push(propstatXml(missing, 404));
  return `<D:response>${hrefXml(entry)}${stats.join("")}</D:response>`;
}

export function hrefXml(entry: FileEntry): string {
  return `<D:href>${escapeXml(hrefOf(entry.path, entry.kind === "folder"))}</D:href>`;
}

/** `error`: an element that says why. */
export function propstatXml(properties: readonly string[], status: number, error = ""): string {
  return `<D:propstat><D:prop>${properties.join("")}</D:prop>${statusXml(status)}${error}</D:propstat>`;
}

/** No body asks for all. Refuses with 400. */
export function questionOf(body: Uint8Array): Question {
  if (body.length === 0) return { kind: "all", names: [] };
  const root = parseXml(body);
  if (!isDav(root, "propfind")) refuse(400, "propfind is wanted");
  if (davChild(root, "propname")) return { kind: "names" };
  const include = davChild(root, "include");
  if (davChild(root, "allprop")) return { kind: "all", names: include ? askedNames(include) : [] };
  return { kind: "some", names: askedNames(davChild(root, "prop") ?? refuse(400, "which properties?")) };
}

function askedNames(parent: XmlElement): XmlName[] {
  const elements = elementsOf(parent);
  if (elements.length > PROPERTIES_ASKED_MAX) refuse(413, "too many properties");
  return withoutDoubles(elements.map(({ uri, local }) => ({ uri, local })));
}

/** Twice the same would be answered twice, for each entry. */
function withoutDoubles(names: readonly XmlName[]): XmlName[] {
  return [...new Map(names.map((name) => [keyOf(name), name])).values()];
}
