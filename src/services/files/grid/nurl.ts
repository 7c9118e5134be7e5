/**
 * NURLs: where a storage server of the HTTPS protocol is, which key it must show, and the secret path part by which it
 * knows its clients. `pb://PIN@HOST:PORT/SWISSNUM#v=1`; without the fragment the same text is a Foolscap address.
 */

export interface Nurl {
  /** SHA-256 of the certificate's SubjectPublicKeyInfo, base64url without padding: 43 characters. */
  pin: string;
  /** A name or an address; IPv6 without brackets. */
  host: string;
  port: number;
  /** Printable ASCII without a slash. */
  swissnum: string;
}

/** Why a text is no NURL that we can use. */
export type NurlRefusal = "not-a-nurl" | "foolscap" | "other-network" | "bad-pin" | "bad-place" | "bad-swissnum";

export const NURL_MAX_CHARS = 1024;
const HOST_MAX_CHARS = 253;
const SWISSNUM_MAX_CHARS = 256;
/** Without a port, as in any `https` address. */
const DEFAULT_PORT = 443;

const SHAPE = /^pb(?<network>\+[a-z0-9]+)?:\/\/(?<pin>[^@/#]*)@(?<place>[^/#]*)\/(?<path>[^#]*)(?<fragment>#.*)?$/;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;
const IPV6 = /^[0-9a-f:.]{2,45}(?:%[a-z0-9._-]{1,15})?$/i;

/** The NURL, or why it is none. */
export function parseNurl(text: string): Nurl | NurlRefusal {
  if (text.length > NURL_MAX_CHARS) return "not-a-nurl";
  const { network, pin, place, path, fragment } = SHAPE.exec(text)?.groups ?? {};
  if (pin === undefined || place === undefined || path === undefined) return "not-a-nurl";
  if (fragment === undefined) return "foolscap";
  if (fragment !== "#v=1") return "not-a-nurl";
  if (network !== undefined) return "other-network";
  if (!isPin(pin)) return "bad-pin";
  const [, inBrackets, bare, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(place) ?? [];
  const host = inBrackets ?? bare ?? "";
  const isHost = inBrackets === undefined ? NAME.test(host) : host.includes(":") && IPV6.test(host);
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (!isHost || host.length > HOST_MAX_CHARS || port < 1 || port > 65_535) return "bad-place";
  const swissnum = path.split("/")[0]!;
  return isSwissnum(swissnum) ? { pin, host, port, swissnum } : "bad-swissnum";
}

export function formatNurl({ pin, host, port, swissnum }: Nurl): string {
  return `pb://${pin}@${inBrackets(host)}:${port}/${swissnum}#v=1`;
}

/** As it stands in addresses. */
export function inBrackets(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function isPin(text: string): boolean {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length === 32 && bytes.toString("base64url") === text;
}

function isSwissnum(text: string): boolean {
  return text.length > 0 && text.length <= SWISSNUM_MAX_CHARS && /^[!-~]+$/.test(text);
}
