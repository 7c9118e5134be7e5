/**
 * Lists of servers as Tahoe-LAFS keeps them in `private/servers.yaml`: read, so that our boxes use servers of a Tahoe
 * grid, and written, so that a Tahoe client uses ours. What is read comes from anywhere: the work that it makes is
 * bounded before it is looked at. A list may also be JSON, which is YAML too, and takes no time to read.
 */
import { createHash } from "node:crypto";
import { Lexer, parseDocument, stringify } from "yaml";
import { decodeBase32, encodeBase32 } from "../../../protocols/grid/base32.ts";
import { PEER_ID_BYTES } from "../../../protocols/grid/constants.ts";
import { filesErrors } from "../errors.ts";
import { SERVERS_MAX } from "./constants.ts";
import { formatNurl, inBrackets, parseNurl } from "./nurl.ts";
import type { Nurl } from "./nurl.ts";

/** A server as an announcement tells of it. */
export interface AnnouncedServer {
  /** "v0-…" by rule; any text in fact. */
  id: string;
  nickname: string;
  seed: Uint8Array;
  /** From its Foolscap address; it goes into all secrets, whether or not anything answers there. */
  tubId: Uint8Array;
  /** Undefined: one is made up that only has to be readable. */
  furl?: string | undefined;
  nurls: readonly Nurl[];
  /** Of grid managers; passed on as they are. */
  certificates?: readonly GridCertificate[];
}

export interface GridCertificate {
  certificate: string;
  signature: string;
}

export type SkipReason = "bad-entry" | "bad-tub-id" | "bad-seed" | "no-https" | "other-network" | "bad-address";

export interface ImportedServers {
  servers: AnnouncedServer[];
  /** What could not be used, and why. */
  skipped: { id: string; reason: SkipReason }[];
}

export const SERVERS_TEXT_MAX_BYTES = 256 * 1024;
export const YAML_MAX_BYTES = 64 * 1024;
/** Words and signs of YAML: what it costs to read one grows with these. About 90 servers. */
export const YAML_TOKENS_MAX = 4096;
/** A longer list could not be read again. */
export const YAML_SERVERS_MAX = 64;
/** Uses of anchors, counted with what hangs on them. */
export const YAML_ALIASES_MAX = 20;
export const SERVER_ID_MAX_CHARS = 100;
export const NICKNAME_MAX_CHARS = 100;
export const NURLS_MAX = 8;
export const CERTIFICATES_MAX = 8;
export const CERTIFICATE_MAX_CHARS = 4096;
const FURL_MAX_CHARS = 1024;
const SEED_MAX_CHARS = 256;

const FURL_KEY = "anonymous-storage-FURL";
const NURLS_KEY = "anonymous-storage-NURLs";
const SEED_KEY = "permutation-seed-base32";
const CERTIFICATES_KEY = "grid-manager-certificates";

/** Throws `files-bad-servers` for a text that is no such list, or more than one may be. */
export function importServers(text: string): ImportedServers {
  if (Buffer.byteLength(text) > SERVERS_TEXT_MAX_BYTES) throw refused("too-large");
  const storage = entriesOf(entriesOf(fromJson(text) ?? fromYaml(text))?.get("storage"));
  if (!storage) throw refused("no-storage");
  if (storage.size > SERVERS_MAX) throw refused("too-many");
  const found: ImportedServers = { servers: [], skipped: [] };
  for (const [id, entry] of storage) {
    const server = announced(id, entriesOf(entry)?.get("ann"));
    if (typeof server === "string") found.skipped.push({ id: shown(id, SERVER_ID_MAX_CHARS), reason: server });
    else found.servers.push(server);
  }
  return found;
}

/** Every text in quotes: old and new YAML do not agree on what `no` or `0o7` is. A long list is written as JSON. */
export function exportServers(servers: readonly AnnouncedServer[]): string {
  const storage = Object.fromEntries(servers.map((server) => [server.id, { ann: announcementOf(server) }]));
  if (servers.length > YAML_SERVERS_MAX) return JSON.stringify({ storage }, undefined, 2);
  const quoted = { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" } as const;
  return stringify({ storage }, { ...quoted, lineWidth: 0, aliasDuplicateObjects: false });
}

/** The part below `ann`. */
function announcementOf({ nickname, seed, tubId, furl, nurls, certificates = [] }: AnnouncedServer): object {
  const [first] = nurls;
  const place = first ? `tcp:${inBrackets(first.host)}:${first.port}/${first.swissnum}` : "";
  return {
    nickname,
    [SEED_KEY]: encodeBase32(seed),
    [FURL_KEY]: furl ?? `pb://${encodeBase32(tubId)}@${place}`,
    [NURLS_KEY]: nurls.map(formatNurl),
    ...(certificates.length > 0 ? { [CERTIFICATES_KEY]: certificates } : {}),
  };
}

/** By the announcement's own word, else by its id, as in Tahoe-LAFS; undefined when that word is none. */
export function seedOf(id: string, seedText: unknown): Uint8Array | undefined {
  if (seedText !== undefined && seedText !== null) {
    const bytes =
      typeof seedText === "string" && seedText.length <= SEED_MAX_CHARS ? decodeBase32(seedText) : undefined;
    return bytes && bytes.length > 0 ? bytes : undefined;
  }
  const key = /^v0-([a-z2-7]{52})$/.exec(id)?.[1];
  return (
    (key === undefined ? undefined : decodeBase32(key)) ?? new Uint8Array(createHash("sha256").update(id).digest())
  );
}

function announced(id: string, entry: unknown): AnnouncedServer | SkipReason {
  const ann = entriesOf(entry);
  if (!ann || id.length === 0 || id.length > SERVER_ID_MAX_CHARS || /[^ -~]/.test(id)) return "bad-entry";
  const furl = ann.get(FURL_KEY);
  if (typeof furl !== "string" || furl.length > FURL_MAX_CHARS || /[^!-~]/.test(furl)) return "bad-tub-id";
  const tubId = decodeBase32(/^pb:\/\/([a-z2-7]{32})@/.exec(furl)?.[1] ?? "");
  if (tubId?.length !== PEER_ID_BYTES) return "bad-tub-id";
  const seed = seedOf(id, ann.get(SEED_KEY));
  if (!seed) return "bad-seed";
  const nurls = nurlsOf(ann.get(NURLS_KEY));
  if (typeof nurls === "string") return nurls;
  const nickname = ann.get("nickname");
  const name = typeof nickname === "string" ? shown(nickname, NICKNAME_MAX_CHARS) : "";
  const certificates = certificatesOf(ann.get(CERTIFICATES_KEY));
  return { id, nickname: name || id, seed, tubId, furl, nurls, certificates };
}

function nurlsOf(value: unknown): Nurl[] | SkipReason {
  const texts = (Array.isArray(value) ? value.slice(0, NURLS_MAX) : []).filter((one) => typeof one === "string");
  if (texts.length === 0) return "no-https";
  const read = texts.map(parseNurl);
  const good = read.filter((one) => typeof one !== "string");
  if (good.length > 0) return good;
  return read[0] === "other-network" ? "other-network" : "bad-address";
}

function certificatesOf(value: unknown): GridCertificate[] {
  return (Array.isArray(value) ? value.slice(0, CERTIFICATES_MAX) : []).flatMap((one) => {
    const [certificate, signature] = ["certificate", "signature"].map((key) => entriesOf(one)?.get(key));
    const fits = (text: unknown): text is string => typeof text === "string" && text.length <= CERTIFICATE_MAX_CHARS;
    return fits(certificate) && fits(signature) ? [{ certificate, signature }] : [];
  });
}

function fromJson(text: string): unknown {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Maps as Map, so that no key means anything to the language. */
function fromYaml(text: string): unknown {
  if (Buffer.byteLength(text) > YAML_MAX_BYTES) throw refused("too-large");
  try {
    let tokens = 0;
    for (const _token of new Lexer().lex(text)) if ((tokens += 1) > YAML_TOKENS_MAX) throw refused("too-large");
    // Its own look for keys that are there twice takes the square of their number.
    const document = parseDocument(text, { uniqueKeys: false, logLevel: "silent", prettyErrors: false });
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS({ mapAsMap: true, maxAliasCount: YAML_ALIASES_MAX }) as unknown;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "Failure") throw cause;
    throw refused("not-yaml", cause);
  }
}

/** Of a map or an object, those with a text as key. */
function entriesOf(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return new Map(entries.filter((entry): entry is [string, unknown] => typeof entry[0] === "string"));
}

/** One line of what a stranger wrote. */
function shown(text: string, charsMax: number): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, charsMax);
}

function refused(reason: string, cause?: unknown): Error {
  return filesErrors.fail("files-bad-servers", { params: { reason }, cause });
}
