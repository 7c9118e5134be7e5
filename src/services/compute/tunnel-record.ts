/**
 * The signed record by which a host tells others where its end of the slivers' network is. It stands as long as
 * slivers run there, also when nothing is lent any more.
 */
import { z } from "zod";
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";

export const TUNNEL_KIND = "compute-tunnel";
export const TUNNEL_KEY = "self";
const BODY_BYTES_MAX = 128;
const RETENTION_MS = 30 * 86_400_000;

const body = z.object({
  /**
   * Public key of WireGuard: base64 of 32 bytes, whose last letter has two bits that are 0. `wg` takes no other, and
   * with it none of the settings in which it stands.
   */
  key: z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
  /** UDP. */
  port: z.number().int().min(1).max(65_535),
});

export type TunnelBody = z.output<typeof body>;

/** Undefined when it is none as we know it. */
export function readTunnelBody(json: unknown): TunnelBody | undefined {
  return body.safeParse(json).data;
}

export const tunnelKind: KindSpec = {
  kind: TUNNEL_KIND,
  retentionMs: RETENTION_MS,
  bodyMaxBytes: BODY_BYTES_MAX,
  livePerAuthorMax: 1,
  validate: (json: Json) => readTunnelBody(json) !== undefined,
};
