/**
 * The endpoints about keys: each turns what was asked into one command of the store, and what came of it into an
 * answer or a failure.
 */
import type { CallContext, Handlers } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import { isoTime } from "../../kernel/clock.ts";
import { versionText } from "../../protocols/kv/content.ts";
import type { Command, Found, Key, KvClient, Result } from "./client.ts";
import type { kvContract } from "./contract.ts";
import { kvErrors } from "./contract.ts";
import { exported, imported } from "./copies.ts";
import type { Following } from "./following.ts";
import {
  badField,
  bytesFrom,
  changedShown,
  conditionFrom,
  entryShown,
  expiryFrom,
  keyFrom,
  keyShown,
} from "./forms.ts";

type All = Handlers<typeof kvContract.endpoints>;
type OfKeys = Pick<
  All,
  | "read"
  | "entry"
  | "write"
  | "set"
  | "cas"
  | "add"
  | "remove"
  | "ttl"
  | "expire"
  | "list"
  | "watch"
  | "export"
  | "import"
>;

export interface KeyNeeds {
  client: KvClient;
  clock: Clock;
  following: Following;
}

export function keyHandlers({ client, clock, following }: KeyNeeds): OfKeys {
  const run = (key: Key, command: Command, { signal }: CallContext) => client.run(key, command, { signal });
  const find = async (key: Key, stale: boolean, context: CallContext): Promise<Found> => {
    const result = await run(key, { type: "get", ...(stale ? { stale } : {}) }, context);
    return foundOf(key, result);
  };
  /** A put, and what then stands there. */
  const put = async (key: Key, command: Omit<Extract<Command, { type: "put" }>, "type">, context: CallContext) => {
    const result = await run(key, { type: "put", ...command }, context);
    if (result.status === "unchanged") throw notMet(key);
    return changedShown(key, afterOf(result));
  };

  return {
    async read(input, context) {
      const found = await find(keyFrom(input.key, input.keyEncoding), input.stale, context);
      const headers: Record<string, string> = { etag: `"${versionText(found.version)}"` };
      if (found.expiresMs !== null) headers["x-comu-expires-at"] = isoTime(found.expiresMs);
      return { body: found.value, headers };
    },
    async entry(input, context) {
      const key = keyFrom(input.key, input.keyEncoding);
      return entryShown(key, await find(key, input.stale, context));
    },
    write: (input, context) =>
      put(
        keyFrom(input.key, input.keyEncoding),
        { value: own(context.bytes), expiry: expiryFrom(input.ttl), ...conditionFrom(input) },
        context,
      ),
    set: (input, context) =>
      put(
        keyFrom(input.key, input.keyEncoding),
        {
          value: bytesFrom(input.value, input.valueEncoding, "value"),
          expiry: expiryFrom(input.ttl),
          ...conditionFrom(input),
        },
        context,
      ),
    cas(input, context) {
      const { expect } = input;
      const when =
        expect === undefined
          ? conditionFrom(input)
          : { when: { is: "value" as const, value: bytesFrom(expect, input.expectEncoding, "expect") } };
      const value = bytesFrom(input.value, input.valueEncoding, "value");
      return put(keyFrom(input.key, input.keyEncoding), { value, expiry: expiryFrom(input.ttl), ...when }, context);
    },
    async add(input, context) {
      const key = keyFrom(input.key, input.keyEncoding);
      const by = BigInt(input.by);
      if (BigInt.asIntN(64, by) !== by) throw badField("by", "more than 64 bits");
      const result = await run(key, { type: "add", by }, context);
      if (result.status === "not-an-integer") {
        throw kvErrors.fail("kv-not-an-integer", { params: { key: keyShown(key).key } });
      }
      const after = afterOf(result);
      return { ...changedShown(key, after), value: new TextDecoder().decode(after.value) };
    },
    async remove(input, context) {
      const key = keyFrom(input.key, input.keyEncoding);
      const condition = conditionFrom(input);
      const { status } = await run(key, { type: "delete", ...condition }, context);
      if (status === "unchanged" && condition.when) throw notMet(key);
      return { ...keyShown(key), removed: status !== "unchanged" };
    },
    async ttl(input, context) {
      const key = keyFrom(input.key, input.keyEncoding);
      const found = await find(key, false, context);
      const { keyEncoding, expiresAt, ...shown } = changedShown(key, found);
      const leftMs = found.expiresMs === null ? null : Math.max(0, found.expiresMs - clock.wallMs());
      return { key: shown.key, keyEncoding, expiresAt, leftMs };
    },
    async expire(input, context) {
      const key = keyFrom(input.key, input.keyEncoding);
      const result = await run(key, { type: "expire", expiry: expiryFrom(input.ttl) }, context);
      if (result.status === "unchanged") throw unknownKey(key);
      return changedShown(key, afterOf(result));
    },
    async list({ prefix, prefixEncoding, limit, cursor }) {
      const from = cursor === undefined ? {} : { cursor };
      const page = await client.list(keyFrom(prefix, prefixEncoding, "prefix"), { limit, ...from });
      return { keys: page.keys.map(keyShown), cursor: page.cursor ?? null };
    },
    watch({ key, keyEncoding, prefix }, { signal }) {
      if (key !== undefined && prefix !== undefined) throw badField("prefix", "not together with key");
      checkOn(client);
      const what = keyFrom(key ?? prefix ?? "", keyEncoding, key === undefined ? "prefix" : "key");
      return { body: following.follow({ prefix: what, only: key !== undefined, signal }) };
    },
    export({ prefix, prefixEncoding }, { signal }) {
      checkOn(client);
      return { body: exported(client, keyFrom(prefix, prefixEncoding, "prefix"), signal) };
    },
    import({ overwrite, firstLine }, { bytes, signal }) {
      checkOn(client);
      return imported({ client, clock, signal }, bytes, { overwrite, firstLine });
    },
  };
}

/** A stream cannot say any more why it does not begin. */
function checkOn(client: KvClient): void {
  const state = client.state();
  if (state === "off" || state === "failed") throw kvErrors.fail(`kv-${state}`);
}

function foundOf(key: Key, result: Result): Found {
  const found = "after" in result ? result.after : undefined;
  if (!found) throw unknownKey(key);
  return found;
}

function afterOf(result: Result): Found {
  // Made by a try whose answer was lost, and removed by somebody since.
  if (!("after" in result) || !result.after) throw kvErrors.fail("kv-unknown");
  return result.after;
}

function notMet(key: Key) {
  return kvErrors.fail("kv-condition", { params: { key: keyShown(key).key } });
}

function unknownKey(key: Key) {
  return kvErrors.fail("kv-key-unknown", { params: { key: keyShown(key).key } });
}

/** A small value must not hold the piece of the network's memory in which it came. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > bytes.length ? new Uint8Array(bytes) : bytes;
}
