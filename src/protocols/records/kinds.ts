/**
 * The kinds of records that this box's services know. Kinds that nobody registered are stored and forwarded all the
 * same, so that an old box carries a new service; a registration only decides what is shown and what may be written
 * here. (If it decided what is kept, two boxes of different versions would never agree.)
 */
import { utf8Length } from "../wire/utf8.ts";
import { canonicalJson, type Json } from "./canonical-json.ts";
import { BODY_DEPTH_MAX, BODY_MAX_BYTES, LIVE_PER_KIND_MAX } from "./constants.ts";
import type { SignedRecord } from "./record.ts";

export interface KindSpec {
  kind: string;
  /** How long a record of this kind lives after it was written; null: until it is removed. */
  retentionMs: number | null;
  bodyMaxBytes: number;
  livePerAuthorMax: number;
  /** False hides a body that this box's services cannot read. */
  validate?(body: Json): boolean;
}

export type PutRefusal = "unregistered" | "malformed" | "too-large" | "too-many-live" | "queue-full";

export class Kinds {
  readonly #specs: Map<string, KindSpec>;

  constructor(specs: readonly KindSpec[]) {
    for (const spec of specs) checkSpec(spec);
    this.#specs = new Map(specs.map((spec) => [spec.kind, spec]));
  }

  get(kind: string): KindSpec | undefined {
    return this.#specs.get(kind);
  }

  /** Whether readers are shown this record. */
  isShown(record: SignedRecord): boolean {
    if (record.body === null) return false;
    const spec = this.#specs.get(record.kind);
    return !spec || this.refusalOf(spec, record.body) === undefined;
  }

  refusalOf(spec: KindSpec, body: Json): PutRefusal | undefined {
    const text = canonicalJson(body, BODY_DEPTH_MAX);
    if (text === undefined || body === null) return "malformed";
    if (utf8Length(text) > spec.bodyMaxBytes) return "too-large";
    return spec.validate?.(body) === false ? "malformed" : undefined;
  }
}

function checkSpec(spec: KindSpec): void {
  const fits = spec.bodyMaxBytes <= BODY_MAX_BYTES && spec.livePerAuthorMax <= LIVE_PER_KIND_MAX;
  if (!fits || spec.livePerAuthorMax < 1) throw new Error(`kind ${spec.kind} asks for more than records can hold`);
}
