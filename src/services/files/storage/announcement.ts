/**
 * How clients learn of a storage server: its NURL for the HTTPS protocol, a Foolscap address that only has to be
 * readable (its tub id goes into lease secrets and write enablers), and both together as an entry of servers.yaml.
 */
import { X509Certificate, createHash } from "node:crypto";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { PEER_ID_BYTES } from "../../../protocols/grid/constants.ts";
import { formatNurl, inBrackets } from "../grid/nurl.ts";

export interface StorageAddress {
  certificatePem: string;
  /** A name or an address; IPv6 without brackets. */
  host: string;
  port: number;
  swissnum: string;
  /** 20 bytes, see `tubIdOf`. */
  tubId: Uint8Array;
}

/**
 * The server's id of 20 bytes. It follows from the key alone, so that it stays when the certificate is written anew.
 * A folder that a Tahoe-LAFS node had before needs that node's id instead: its mutable shares cannot be written
 * under another.
 */
export function tubIdOf(certificatePem: string): Uint8Array {
  return createHash("sha1").update(publicKeyOf(certificatePem)).digest();
}

/** What clients pin: base64url of SHA-256 of the SubjectPublicKeyInfo, 43 characters. */
export function pinOf(certificatePem: string): string {
  return createHash("sha256").update(publicKeyOf(certificatePem)).digest("base64url");
}

export function nurlOf({ certificatePem, host, port, swissnum }: StorageAddress): string {
  return formatNurl({ pin: pinOf(certificatePem), host, port, swissnum });
}

export function furlOf({ tubId, host, port, swissnum }: StorageAddress): string {
  if (tubId.length !== PEER_ID_BYTES) throw new Error("a tub id has 20 bytes");
  return `pb://${encodeBase32(tubId)}@tcp:${inBrackets(host)}:${port}/${swissnum}`;
}

/** The part below `ann` in servers.yaml. */
export function announcementOf(address: StorageAddress, nickname: string): Record<string, string | string[]> {
  return {
    nickname,
    "permutation-seed-base32": encodeBase32(address.tubId),
    "anonymous-storage-FURL": furlOf(address),
    "anonymous-storage-NURLs": [nurlOf(address)],
  };
}

function publicKeyOf(certificatePem: string): Buffer {
  return new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
}
