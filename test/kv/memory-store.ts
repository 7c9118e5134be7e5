/**
 * The store's commands over a map in memory: linearizable, because each is done in one go. Stands in for the client
 * where a test is about what is in front of the store. Failures and delays can be planted.
 */
import type { Content } from "../../src/protocols/kv/content.ts";
import { applyCommand, isExpired, resultOf } from "../../src/protocols/kv/commands.ts";
import type { Command, Key, KvFailure, Result } from "../../src/protocols/kv/types.ts";

export interface MemoryStore {
  run(key: Key, command: Command): Promise<Result>;
  list(prefix: Key, options: { limit: number; cursor?: string }): Promise<{ keys: Key[]; cursor: string | undefined }>;
  /** Asked before each command: a failure to throw, or something to wait for. */
  before: (key: Key, command: Command) => KvFailure | Promise<void> | undefined;
  /** Operations that were asked for, by type. */
  asked: Record<Command["type"], number>;
}

export class MemoryFailure extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export function memoryStore(wallMs: () => number = () => Date.now()): MemoryStore {
  const contents = new Map<Key, Content>();
  let n = 0;

  const live = (key: Key): Content | undefined => {
    const content = contents.get(key);
    if (!isExpired(content, wallMs())) return content;
    contents.delete(key);
    return undefined;
  };

  const apply = (key: Key, command: Command): Result => {
    const before = live(key);
    const { answer, next } = applyCommand(before, command, wallMs());
    if (next === undefined) return resultOf(answer, before, before);
    if (next === null) {
      contents.delete(key);
      return resultOf(answer, before, undefined);
    }
    n += 1;
    const version = { round: 1, node: 1, n };
    const after: Content = { ...next, version, set: version, origins: [] };
    contents.set(key, after);
    return resultOf(answer, before, after);
  };

  const store: MemoryStore = {
    before: () => undefined,
    asked: { get: 0, put: 0, delete: 0, add: 0, expire: 0 },
    async run(key, command) {
      store.asked[command.type] += 1;
      const planted = store.before(key, command);
      if (typeof planted === "string") throw new MemoryFailure(planted);
      if (planted) await planted;
      const result = apply(key, command);
      // As the store does: what a key held before is told only to whom asks for it.
      const tells = (command.type !== "put" && command.type !== "delete") || command.returnBefore === true;
      return tells || !("before" in result) ? result : { ...result, before: undefined };
    },
    async list(prefix, { limit, cursor }) {
      const found: Key[] = [];
      for (const key of [...contents.keys()].toSorted()) {
        if (!key.startsWith(prefix) || (cursor !== undefined && key <= cursor) || !live(key)) continue;
        if (found.length === limit) return { keys: found, cursor: found.at(-1) };
        found.push(key);
      }
      return { keys: found, cursor: undefined };
    },
  };
  return store;
}
