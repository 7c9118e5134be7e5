/**
 * PROPPATCH (RFC 4918, section 9.2): all that it asks, in its order, or nothing. What Windows sets after each upload is
 * taken: the time of the file is kept, its other marks are thanked for and forgotten.
 */
import { answerXml } from "./answers.ts";
import { smallBody } from "./bodies.ts";
import { PROPERTIES_ASKED_MAX, PROPERTIES_STORED_MAX_BYTES, XML_MAX_BYTES } from "./constants.ts";
import type { Exchange } from "./exchange.ts";
import { presentEntry } from "./exchange.ts";
import { mustUnlock } from "./lock-guard.ts";
import { hrefXml, propstatXml } from "./propfind.ts";
import { emptyXml, isProtected, keyOf, storedXml } from "./properties.ts";
import { refuse } from "./refusal.ts";
import type { XmlAttribute, XmlElement, XmlName } from "./xml.ts";
import { ANSWER_SCOPE, elementsOf, isDav, parseXml, textOf } from "./xml.ts";

const WINDOWS = "urn:schemas-microsoft-com:";

interface Update {
  property: XmlElement;
  isRemoval: boolean;
}

interface Outcome {
  properties: Record<string, string | undefined>;
  modifiedMs: number | undefined;
  /** Name to status; empty when all can be done. */
  failed: Map<string, number>;
}

export async function proppatch(exchange: Exchange): Promise<void> {
  const updates = updatesOf(parseXml(await smallBody(exchange, XML_MAX_BYTES)));
  const entry = await presentEntry(exchange);
  mustUnlock(exchange, { path: exchange.path });
  const { properties, modifiedMs, failed } = outcomeOf(updates, entry.properties);
  const names = new Map<string, XmlName>(updates.map(({ property }) => [keyOf(property), property]));
  if (failed.size === 0 && (modifiedMs !== undefined || Object.keys(properties).length > 0)) {
    await exchange.files.change(exchange.path, { properties, ...(modifiedMs === undefined ? {} : { modifiedMs }) });
  }
  const done = failed.size === 0 ? 200 : 424;
  const byStatus = Map.groupBy(names, ([key]) => failed.get(key) ?? done);
  const stats = [...byStatus].map(([status, some]) => {
    const elements = some.map(([, { uri, local }]) => emptyXml({ uri, local }));
    return propstatXml(elements, status, status === 403 ? PROTECTED : "");
  });
  answerXml(
    exchange.response,
    207,
    `<D:multistatus xmlns:D="DAV:"><D:response>${hrefXml(entry)}${stats.join("")}</D:response></D:multistatus>`,
  );
}

const PROTECTED = "<D:error><D:cannot-modify-protected-property/></D:error>";

function outcomeOf(updates: readonly Update[], before: Readonly<Record<string, string>>): Outcome {
  const outcome: Outcome = { properties: {}, modifiedMs: undefined, failed: new Map() };
  for (const { property, isRemoval } of updates) {
    const key = keyOf(property);
    if (isProtected(property)) outcome.failed.set(key, 403);
    else if (property.uri === WINDOWS) outcome.modifiedMs = windowsTime(property) ?? outcome.modifiedMs;
    else outcome.properties[key] = isRemoval ? undefined : storedXml(property);
  }
  const after = Object.entries({ ...before, ...outcome.properties });
  const bytes = after.reduce((sum, [key, xml]) => sum + Buffer.byteLength(key) + Buffer.byteLength(xml ?? ""), 0);
  const sets = Object.entries(outcome.properties).filter(([, xml]) => xml !== undefined);
  if (bytes > PROPERTIES_STORED_MAX_BYTES) for (const [key] of sets) outcome.failed.set(key, 507);
  return outcome;
}

function windowsTime(property: XmlElement): number | undefined {
  const ms = property.local === "Win32LastModifiedTime" ? Date.parse(textOf(property)) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Refuses with 400 and 413. */
function updatesOf(root: XmlElement): Update[] {
  if (!isDav(root, "propertyupdate")) refuse(400, "propertyupdate is wanted");
  const updates: Update[] = [];
  for (const step of elementsOf(root)) {
    if (!isDav(step, "set") && !isDav(step, "remove")) continue;
    for (const prop of elementsOf(step).filter((element) => isDav(element, "prop"))) {
      for (const property of elementsOf(prop)) {
        const lang = langOf(property) ?? langOf(prop) ?? langOf(step) ?? langOf(root);
        const others = property.attributes.filter((one) => one !== lang);
        const attributes = lang ? [...others, lang] : others;
        updates.push({ property: { ...property, attributes }, isRemoval: isDav(step, "remove") });
      }
    }
  }
  if (updates.length === 0) refuse(400, "which properties?");
  if (updates.length > PROPERTIES_ASKED_MAX) refuse(413, "too many properties");
  return updates;
}

/** The language of a text goes with it, also where it was said further out. */
function langOf(element: XmlElement): XmlAttribute | undefined {
  return element.attributes.find(({ local, uri }) => local === "lang" && uri === ANSWER_SCOPE["xml"]);
}
