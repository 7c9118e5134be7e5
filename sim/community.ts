/**
 * The community of a simulated world: its first record, and the records by which boxes come in, made and signed as the
 * daemon makes them.
 */
import { toBase64url } from "../src/protocols/records/base64url.ts";
import type { Json } from "../src/protocols/records/canonical-json.ts";
import type { KindSpec } from "../src/protocols/records/kinds.ts";
import { communityIdOf, welcomeBytes } from "../src/protocols/records/membership-facts.ts";
import type { JoinBody, Welcome } from "../src/protocols/records/membership-facts.ts";
import { signRecord } from "../src/protocols/records/record.ts";
import type { SignedRecord } from "../src/protocols/records/record.ts";
import type { StoreRow } from "../src/protocols/records/step.ts";
import type { BoxKey, KeyRing } from "./keys.ts";

/** What the simulated boxes write: notes that stay, and pulses that end by themselves. */
export const noteKinds: readonly KindSpec[] = [
  { kind: "note", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 100 },
  { kind: "pulse", retentionMs: 24 * 3600_000, bodyMaxBytes: 256, livePerAuthorMax: 4 },
];

/** Records of the founding lie this far before the world's beginning. */
const FOUNDED_BEFORE_MS = 3600_000;

export class Community {
  readonly id: string;
  readonly genesis: SignedRecord;
  readonly founder: BoxKey;
  readonly #keys: KeyRing;
  readonly #createdMs: number;
  readonly #genesisRow: StoreRow;

  constructor(founder: BoxKey, keys: KeyRing, nowMs: number) {
    this.#keys = keys;
    this.founder = founder;
    this.#createdMs = nowMs - FOUNDED_BEFORE_MS;
    const body = {
      name: "Riu",
      founderKey: toBase64url(founder.publicKey),
      nonce: "sim",
      createdMs: this.#createdMs,
      admission: "open",
      inviters: "members",
    };
    this.#genesisRow = this.#row(founder, "", 1, "community", body);
    this.genesis = this.#genesisRow.record;
    this.id = communityIdOf(this.genesis, keys.sha256);
  }

  /** What every box holds when the world begins with all of these in the community. */
  rowsOf(members: readonly BoxKey[]): StoreRow[] {
    const joins = members
      .filter((key) => key !== this.founder)
      .map((key, place) => {
        const welcome = this.welcome(this.founder, key.id, this.#createdMs + 1 + place);
        return this.#row(key, this.id, 1, "join", this.joinBody(key, welcome));
      });
    return [this.#genesisRow, ...joins];
  }

  welcome(sponsor: BoxKey, box: string, atMs: number): Welcome {
    const sig = toBase64url(sponsor.sign(welcomeBytes(this.id, box, atMs, "member")));
    return { by: sponsor.id, byKey: toBase64url(sponsor.publicKey), atMs, as: "member", sig };
  }

  joinBody(key: BoxKey, welcome: Welcome): Json {
    const body: JoinBody = { key: toBase64url(key.publicKey), welcomes: [welcome] };
    return body as unknown as Json;
  }

  #row(key: BoxKey, community: string, seq: number, kind: string, body: Json): StoreRow {
    const fields = { author: key.id, seq, kind, key: "self", timeMs: this.#createdMs, floor: seq, untilMs: null, body };
    const { record, ref } = signRecord(fields, community, key.sign, this.#keys.sha256);
    return { record, ref };
  }
}
