/**
 * Properties of an entry as XML: those that the server knows ("live"), and those that clients have stored with it
 * ("dead", RFC 4918, section 4), which are kept as a whole element under "{namespace}name".
 */
import { isoTime } from "../../../kernel/clock.ts";
import type { FileEntry } from "../tree/file-system.ts";
import { etagOf } from "./exchange.ts";
import type { AccountLocks, Lock } from "./locks.ts";
import { Refusal } from "./refusal.ts";
import { hrefOf } from "./targets.ts";
import type { XmlElement, XmlName } from "./xml.ts";
import { ANSWER_SCOPE, DAV, escapeXml, parseXml, writeXml } from "./xml.ts";

export interface PropertyContext {
  locks: AccountLocks;
  nowMs: number;
  /** Undefined when it is not known, or was not asked for. */
  room: { freeBytes: number; usedBytes: number } | undefined;
}

type Live = (entry: FileEntry, context: PropertyContext) => string | undefined;

const isFile = (entry: FileEntry) => entry.kind === "file";

/** The content of the element as XML; undefined where an entry has no such property. */
const LIVE: Readonly<Record<string, Live>> = {
  creationdate: (entry) => isoTime(entry.createdMs),
  displayname: (entry) => escapeXml(entry.name),
  getcontentlength: (entry) => (isFile(entry) ? String(entry.bytes) : undefined),
  getcontenttype: (entry) => (isFile(entry) && entry.mediaType ? escapeXml(entry.mediaType) : undefined),
  getetag: (entry) => escapeXml(etagOf(entry)),
  getlastmodified: (entry) => new Date(entry.modifiedMs).toUTCString(),
  lockdiscovery: (entry, { locks, nowMs }) =>
    locks
      .covering(entry.path)
      .map((lock) => lockXml(lock, nowMs))
      .join(""),
  resourcetype: (entry) => (isFile(entry) ? "" : "<D:collection/>"),
  supportedlock: () => ["exclusive", "shared"].map((scope) => `<D:lockentry>${kindXml(scope)}</D:lockentry>`).join(""),
  "quota-available-bytes": (entry, { room }) => quota(entry, room?.freeBytes),
  "quota-used-bytes": (entry, { room }) => quota(entry, room?.usedBytes),
};

/** Only when they are named (RFC 4331, section 5). */
export const QUOTA_NAMES: ReadonlySet<string> = new Set(["quota-available-bytes", "quota-used-bytes"]);
/** Known by the server until a client says otherwise. */
const DISPLAY_NAME = "displayname";

export function isProtected({ uri, local }: XmlName): boolean {
  return uri === DAV && local !== DISPLAY_NAME && Object.hasOwn(LIVE, local);
}

export function keyOf({ uri, local }: XmlName): string {
  return `{${uri}}${local}`;
}

/** The element, or undefined when the entry has no such property. */
export function propertyXml(name: XmlName, entry: FileEntry, context: PropertyContext): string | undefined {
  const key = keyOf(name);
  if (!isProtected(name) && Object.hasOwn(entry.properties, key)) return deadXml(name, entry.properties[key]!);
  if (name.uri !== DAV || !Object.hasOwn(LIVE, name.local)) return undefined;
  const value = LIVE[name.local]!(entry, context);
  if (value === undefined) return undefined;
  return value === "" ? `<D:${name.local}/>` : `<D:${name.local}>${value}</D:${name.local}>`;
}

/** All names that "allprop" and "propname" mean. */
export function namesOf(entry: FileEntry, context: PropertyContext): XmlName[] {
  const live = Object.keys(LIVE).filter(
    (local) => !QUOTA_NAMES.has(local) && LIVE[local]!(entry, context) !== undefined,
  );
  const dead = Object.keys(entry.properties).map(nameOf);
  return [
    ...live.map((local) => ({ uri: DAV, local })),
    ...dead.filter((name) => name !== undefined).filter(({ uri, local }) => uri !== DAV || !Object.hasOwn(LIVE, local)),
  ];
}

export function emptyXml({ uri, local }: XmlName): string {
  return writeXml({ prefix: uri === DAV ? "D" : "", uri, local, attributes: [], children: [] });
}

/** As it is stored: whole by itself. */
export function storedXml(property: XmlElement): string {
  return writeXml(property, { "": "", xml: ANSWER_SCOPE["xml"]! });
}

export function lockXml(lock: Lock, nowMs: number): string {
  const leftS = Math.max(0, Math.ceil((lock.untilMs - nowMs) / 1000));
  return [
    `<D:activelock>${kindXml(lock.isShared ? "shared" : "exclusive")}`,
    `<D:depth>${lock.isDeep ? "infinity" : "0"}</D:depth>${lock.owner}<D:timeout>Second-${leftS}</D:timeout>`,
    `<D:locktoken><D:href>${escapeXml(lock.token)}</D:href></D:locktoken>`,
    `<D:lockroot><D:href>${escapeXml(hrefOf(lock.path, lock.isFolder))}</D:href></D:lockroot></D:activelock>`,
  ].join("");
}

function kindXml(scope: string): string {
  return `<D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype>`;
}

function quota(entry: FileEntry, bytes: number | undefined): string | undefined {
  return isFile(entry) || bytes === undefined ? undefined : String(bytes);
}

/** Others may write into a shared folder, and not through this server: what is stored is read as a stranger's. */
function deadXml(name: XmlName, stored: string): string {
  try {
    const element = parseXml(Buffer.from(stored));
    if (element.uri === name.uri && element.local === name.local) return writeXml(element);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return writeXml({ ...name, prefix: "", attributes: [], children: [stored] });
}

/** The first character of a name without a prefix (Namespaces in XML 1.0), and what else may follow. */
const FIRST = [
  String.raw`A-Z_a-z\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{2FF}\u{370}-\u{37D}\u{37F}-\u{1FFF}\u{200C}-\u{200D}`,
  String.raw`\u{2070}-\u{218F}\u{2C00}-\u{2FEF}\u{3001}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFFD}\u{10000}-\u{EFFFF}`,
].join("");
const OTHER = String.raw`\-.0-9\u{B7}\u{300}-\u{36F}\u{203F}-\u{2040}`;
const KEY = new RegExp(String.raw`^\{(.*)\}([${FIRST}][${FIRST}${OTHER}]*)$`, "su");

function nameOf(key: string): XmlName | undefined {
  const [, uri, local] = KEY.exec(key) ?? [];
  return uri === undefined || local === undefined ? undefined : { uri, local };
}
