/** What a watch costs beside its lines: changes may come by the thousand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { KvClient } from "./client.ts";
import { createFollowing } from "./following.ts";

test("a watch asks only whether the store is on, not how it is, and ends when it is off", async () => {
  let state: ReturnType<KvClient["state"]> = "running";
  let tell: Parameters<KvClient["watch"]>[1] = () => {};
  const client = {
    state: () => state,
    status: () => assert.fail("the status looks at every slot"),
    watch: (_prefix: string, onChange: typeof tell) => {
      tell = onChange;
      return { stop() {} };
    },
  } as unknown as KvClient;
  const following = createFollowing({ client, clock: virtualClock() });
  const signal = new AbortController().signal;
  const lines = following.follow({ prefix: "a", only: false, signal })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    return done === true ? undefined : new TextDecoder().decode(value as Uint8Array);
  };
  assert.equal(await next(), "\n");
  tell({
    key: "a1",
    now: { value: new TextEncoder().encode("x"), version: { round: 1, node: 1, n: 1 }, expiresMs: null },
  });
  assert.match((await next())!, /"event":"set","key":"a1"/);
  tell({ key: "a1", now: undefined });
  assert.match((await next())!, /"event":"removed"/);
  state = "off";
  tell({ key: "a1", now: undefined });
  const end = next();
  tell({ key: "a2", now: undefined });
  assert.equal(await end, undefined);
});
