/**
 * A box as far as records go, for what hostile others send it: records core, admission and store bound together as the
 * daemon binds them (`src/services/mesh/replica.ts`), without its clock and its links.
 */
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import { Admission } from "../../src/protocols/records/admission.ts";
import { toBase64url } from "../../src/protocols/records/base64url.ts";
import { admissionKinds, communityIdOf } from "../../src/protocols/records/membership-facts.ts";
import type { Membership } from "../../src/protocols/records/membership-rules.ts";
import { signRecord } from "../../src/protocols/records/record.ts";
import type { RecordCrypto, SignedRecord } from "../../src/protocols/records/record.ts";
import { createRecords } from "../../src/protocols/records/records.ts";
import type { Records, RecordsEffect, RecordsEvent } from "../../src/protocols/records/records.ts";
import type { Via } from "../../src/protocols/records/step.ts";
import { recordCrypto } from "../../src/services/mesh/crypto.ts";
import { meshKinds } from "../../src/services/mesh/kinds.ts";
import type { MeshStore } from "../../src/services/mesh/store.ts";

const NOTE = { kind: "note", retentionMs: null, bodyMaxBytes: 4096, livePerAuthorMax: 128 };

/** The first record of a community, and the community's id. */
export function foundingOf(founder: Identity, createdMs: number): { genesis: SignedRecord; community: string } {
  const body = {
    ...{ name: "Riu", founderKey: toBase64url(founder.publicKey), nonce: "n", createdMs },
    ...{ admission: "open", inviters: "members" },
  };
  const fields = { author: founder.boxId, seq: 1, kind: "community", key: "self", timeMs: createdMs, floor: 1 };
  const { record } = signRecord({ ...fields, untilMs: null, body }, "", founder.sign, recordCrypto.sha256);
  return { genesis: record, community: communityIdOf(record, recordCrypto.sha256) };
}

export class HostileBox {
  readonly core: Records;
  readonly equivocations = new Map<string, readonly SignedRecord[]>();
  readonly #admission: Admission;
  readonly #rows: MeshStore | undefined;
  /** Signatures looked at. */
  checks = 0;

  constructor({ community, genesis }: { community: string; genesis: SignedRecord }, rows?: MeshStore) {
    const self = newIdentity();
    this.#rows = rows;
    const crypto: RecordCrypto = {
      sha256: recordCrypto.sha256,
      verify: (key, bytes, signature) => {
        this.checks++;
        return recordCrypto.verify(key, bytes, signature);
      },
    };
    this.#admission = new Admission({ community }, crypto);
    this.core = createRecords(
      {
        ...{ community, self: self.boxId, selfKey: self.publicKey, adoptFirst: false },
        kinds: [...admissionKinds, ...meshKinds, NOTE],
      },
      {
        ...crypto,
        sign: self.sign,
        publicKeyOf: (author, record) => this.#admission.publicKeyOf(author, record),
        mayWrite: (author, record) => this.#admission.mayWrite(author, record),
      },
    );
    this.give([genesis], "founder", "sync", genesis.timeMs + 1);
  }

  give(records: readonly unknown[], from: string, via: Via, nowMs: number): void {
    this.step({ type: "received", records, from, via }, nowMs);
  }

  /** One step with all that follows from it, as in the daemon: disk first, then admission, then those who waited. */
  step(event: RecordsEvent, nowMs: number): RecordsEffect[] {
    const effects = this.core.step(nowMs, event);
    for (const effect of effects) {
      if (effect.type === "store") this.#store(effect);
      else if (effect.type === "recheckSoon") this.step({ type: "recheck" }, nowMs);
      else if (effect.type === "equivocation") this.equivocations.set(effect.author, effect.records);
      else if (effect.type === "changed") {
        this.#admission.apply(effect.changes);
        if (effect.changes.some(({ kind }) => admissionKinds.some((spec) => spec.kind === kind)))
          this.step({ type: "recheck" }, nowMs);
      }
    }
    return effects;
  }

  membership(): Membership {
    return this.#admission.view()!;
  }

  #store({ put, drop, ownSeq }: Extract<RecordsEffect, { type: "store" }>): void {
    const rows = this.#rows;
    rows?.transaction(() => {
      for (const { author, ref } of drop) rows.dropRecord(author, ref);
      for (const { record, ref } of put) rows.putRecord(record, ref);
      rows.setFact("ownSeq", String(ownSeq));
    });
  }
}
