/** An operation that comes again: it is not done again, and answers what it did, and nothing that others did since. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import type { KvEvent } from "./events.ts";
import type { Forward, Message } from "./messages.ts";
import { createKvNode } from "./node.ts";
import { slotOf } from "./slots.ts";
import type { Command } from "./types.ts";

const ASKER = 9;
const KEY = "k";

/** A node alone, and what it sends to the node that asks. */
function alone() {
  const config = { node: 1, life: 10, degree: 3, slots: 4, quotaBytes: () => 2 ** 20 };
  const node = createKvNode(config, { random: seededRandom(1) });
  const step = (event: KvEvent): Message[] => {
    const sent: Message[] = [];
    const queue = [event];
    for (let next = queue.shift(); next; next = queue.shift())
      for (const effect of node.step(0, 0, next)) {
        if (effect.type === "store") queue.push({ type: "stored", no: effect.no });
        if (effect.type === "send" && effect.to === ASKER) sent.push(...effect.messages);
      }
    return sent;
  };
  step({ type: "found" });
  return (origin: number, first: number, command: Command, tries = 0) => {
    const forward: Forward = {
      type: "forward",
      slot: slotOf(KEY, 4),
      key: KEY,
      origin,
      first,
      commands: [command],
      confirms: undefined,
      tries,
    };
    const [answer, ...more] = step({ type: "frame", from: ASKER, messages: [forward] });
    assert.ok(answer?.type === "told" && more.length === 0, `${answer?.type}`);
    return { repeated: answer.repeated, ...answer.told[0]! };
  };
}

const put = (text: string): Command => ({
  type: "put",
  value: new TextEncoder().encode(text),
  expiry: { type: "never" },
});

test("an addition says its number again, also after the key was removed", () => {
  const ask = alone();
  assert.deepEqual(ask(77, 1, { type: "add", by: 5n }).answer, { status: "integer", after: 5n });
  assert.equal(ask(88, 1, { type: "delete" }).answer.status, "done");
  const again = ask(77, 1, { type: "add", by: 5n }, 1);
  assert.deepEqual([again.repeated, again.answer], [true, { status: "integer", after: 5n }]);
  assert.equal(ask(88, 2, { type: "get" }).before, undefined, "it was not done again");
});

test("a put that comes again tells its version only while nobody else has set the key", () => {
  const ask = alone();
  const first = ask(77, 1, put("ours"));
  assert.deepEqual(ask(77, 1, put("ours"), 1).version, first.version);
  ask(88, 1, put("theirs"));
  assert.equal(ask(77, 1, put("ours"), 1).version, undefined);
});

test("a condition that was not met stays so when a copy comes late", () => {
  const ask = alone();
  ask(88, 1, put("there"));
  const ifAbsent = { ...put("late"), when: { is: "absent" } } as Command;
  assert.equal(ask(77, 1, ifAbsent).answer.status, "unchanged");
  ask(88, 2, { type: "delete" });
  assert.equal(ask(77, 1, ifAbsent, 1).answer.status, "unchanged");
  assert.equal(ask(88, 3, { type: "get" }).before, undefined);
});
