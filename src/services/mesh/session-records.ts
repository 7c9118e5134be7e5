/**
 * The records core and the admission of one community, as they stand in the store.
 */
import type { Identity } from "../../platform/identity.ts";
import { Admission } from "../../protocols/records/admission.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import { admissionKinds } from "../../protocols/records/membership-facts.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { createRecords } from "../../protocols/records/records.ts";
import type { Records } from "../../protocols/records/records.ts";
import { recordCrypto } from "./crypto.ts";
import { meshKinds } from "./kinds.ts";
import type { MeshStore } from "./store.ts";

export interface LoadNeeds {
  community: string;
  identity: Identity;
  rows: MeshStore;
  /** Kinds of other services. */
  kinds: readonly KindSpec[];
  /** The box just started: its data may be an old copy, so it asks others for its numbers before it writes. */
  adoptFirst?: boolean;
}

export function loadRecords({ community, identity, rows, kinds, adoptFirst = false }: LoadNeeds): {
  admission: Admission;
  core: Records;
} {
  const admission = new Admission({ community }, recordCrypto);
  const core = createRecords(
    {
      community,
      self: identity.boxId,
      selfKey: identity.publicKey,
      kinds: [...admissionKinds, ...meshKinds, ...kinds],
      adoptFirst,
    },
    {
      ...recordCrypto,
      sign: identity.sign,
      publicKeyOf: (author, record) => admission.publicKeyOf(author, record),
      mayWrite: (author, record) => admission.mayWrite(author, record),
    },
  );
  const stored = [...rows.records()] as SignedRecord[];
  admission.load([JSON.parse(rows.fact("genesis")!) as SignedRecord, ...stored]);
  core.load(stored, Number(rows.fact("ownSeq") ?? 0));
  return { admission, core };
}
