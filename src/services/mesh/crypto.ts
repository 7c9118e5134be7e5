/** The functions that the records core cannot have of its own. */
import { createHash } from "node:crypto";
import { verify } from "../../platform/identity.ts";
import type { RecordCrypto } from "../../protocols/records/record.ts";

export const recordCrypto: RecordCrypto = {
  sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  verify,
};
