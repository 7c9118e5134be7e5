/**
 * Serf's key management: `_serf_install-key`, `_serf_use-key`, `_serf_remove-key` and `_serf_list-keys` are queries
 * to all members. The core holds no keys. What others ask comes out as "key-request" and the program decides; what
 * our side asks is put together from the answers, as Serf's KeyManager does.
 */
import { WireError } from "../wire/errors.ts";
import { KEYS_REPORTED_MAX, KEYS_TOLD_MAX, KEY_BYTES, QUERY_RESPONSE_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { decodeKeyRequest, decodeKeyResponse, encodeKeyRequest, encodeKeyResponse } from "./internal-codec.ts";
import { ask, keepOpen, reply, respond, responseBytes } from "./queries.ts";
import { INTERNAL_PREFIX } from "./serf.ts";
import type { Query } from "./serf.ts";
import type { KeyAnswer, KeyOp, KeyReport } from "./types.ts";

const NAMES: Record<KeyOp, string> = {
  install: `${INTERNAL_PREFIX}install-key`,
  use: `${INTERNAL_PREFIX}use-key`,
  remove: `${INTERNAL_PREFIX}remove-key`,
  list: `${INTERNAL_PREFIX}list-keys`,
};
const EMPTY = new Uint8Array(0);

/** One of Serf's own queries; those that are not about keys need no answer. */
export function onKeyRequest(core: Core, query: Query): void {
  const op = (Object.keys(NAMES) as KeyOp[]).find((one) => NAMES[one] === query.name);
  if (!op) return;
  const secret = op === "list" ? EMPTY : secretOf(query);
  if (!secret) {
    core.refuse("malformed");
    return reply(core, query, 0, encodeKeyResponse({ ok: false, message: "key size must be 16, 24 or 32 bytes" }));
  }
  const { key, deadlineMs } = keepOpen(core, query, true);
  core.emit({ type: "key-request", key, op, secret, from: query.sourceNode, deadlineMs });
}

/** A request about a key with no payload at all: Serf 0.9 reads its first byte unseen and dies of it. */
export function breaksAgents(query: Query): boolean {
  return query.payload.length === 0 && [NAMES.install, NAMES.use, NAMES.remove].includes(query.name);
}

/** Undefined when it is no key. */
function secretOf(query: Query): Uint8Array | undefined {
  try {
    const secret = decodeKeyRequest(query.payload);
    return KEY_BYTES.includes(secret.length) ? secret : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Answers once. Throws MembershipError "no-such-query", "response-too-large" for a message that does not fit. */
export function answerKeyRequest(core: Core, key: string, answer: KeyAnswer): void {
  respond(core, key, true, (query) => fitting(core, query, answer));
}

/** As Serf: when not all keys fit into one answer, the first that do, and a message that says so. */
function fitting(core: Core, query: Query, answer: KeyAnswer): Uint8Array {
  const all = answer.keys ?? [];
  let payload = encodeKeyResponse(answer);
  for (let count = Math.min(all.length, KEYS_TOLD_MAX); count >= 0; count--) {
    if (responseBytes(core, query, payload) <= QUERY_RESPONSE_BYTES_MAX) break;
    const message = `truncated key list response, showing first ${count} of ${all.length} keys`;
    payload = encodeKeyResponse({ ...answer, keys: all.slice(0, count), message });
  }
  return payload;
}

/**
 * Asks every member; "key-report" follows when all have answered, or when time is over.
 * Throws MembershipError "bad-key-size" or "too-many-queries".
 */
export function manageKeys(
  core: Core,
  key: string,
  op: KeyOp,
  secret: Uint8Array = EMPTY,
  timeoutMs: number | undefined = undefined,
): void {
  if (op !== "list" && !KEY_BYTES.includes(secret.length)) {
    throw new MembershipError("bad-key-size", `${secret.length} bytes`);
  }
  const counted = { nodes: core.aliveCount, responses: 0, errors: 0 };
  const report: KeyReport = { op, ...counted, messages: new Map(), keys: new Map(), primaryKeys: new Map() };
  let end = () => {};
  const request = { name: NAMES[op], payload: encodeKeyRequest(secret), timeoutMs };
  end = ask(core, request, {
    onResponse: (from, payload) => {
      count(report, from, payload);
      if (report.responses === report.nodes) end();
    },
    onDone: () => core.emit({ type: "key-report", key, report }),
  });
}

function count(report: KeyReport, from: string, payload: Uint8Array): void {
  report.responses++;
  try {
    const { ok, message, keys, primary } = decodeKeyResponse(payload);
    if (!ok) report.errors++;
    if (!ok || message !== "") report.messages.set(from, message);
    for (const one of new Set(keys)) add(report.keys, one);
    if (primary !== "") add(report.primaryKeys, primary);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    report.errors++;
    report.messages.set(from, "not an answer about keys");
  }
}

function add(counts: Map<string, number>, one: string): void {
  const known = counts.get(one);
  if (known === undefined && counts.size >= KEYS_REPORTED_MAX) return;
  counts.set(one, (known ?? 0) + 1);
}
