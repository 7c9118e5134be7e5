/** Stale reads: the newest of a majority without the coordinator, and of whoever is left when there is no majority. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { OPEN_OPS_MAX, PEEK_AGAIN_MS, PEEK_PATIENCE_MS } from "./constants.ts";
import { decodeFrame, encodeFrame } from "./codec.ts";
import type { Effect, KvEvent } from "./events.ts";
import { TICK_MS } from "./events.ts";
import type { Message } from "./messages.ts";
import { createKvNode } from "./node.ts";
import type { Command, Result } from "./types.ts";

const NODES = [1, 2, 3];
const KEY = "k";
const STALE: Command = { type: "get", stale: true };

/** Three nodes with one slot, and frames that arrive at once, unless `lost` says otherwise. */
class Three {
  nowMs = 0;
  lost: (from: number, to: number, message: Message) => boolean = () => false;
  sent: Message["type"][] = [];
  readonly answers = new Map<number, Effect>();
  readonly #nodes = NODES.map((node) => {
    const config = { node, life: node + 10, degree: 3, slots: 1, quotaBytes: () => 2 ** 20 };
    return createKvNode(config, { random: seededRandom(node) });
  });
  #calls = 0;

  constructor() {
    this.step(1, { type: "found" });
    for (const node of NODES) this.step(node, { type: "peers", up: NODES, nodes: NODES, leaving: [] });
    this.pass(10_000);
    const ready = this.#nodes.filter((node) => node.stats().slots.ready === 1);
    assert.equal(ready.length, 3, "all three hold the slot");
  }

  step(at: number, event: KvEvent): void {
    for (const effect of this.#nodes[at - 1]!.step(this.nowMs, this.nowMs, event)) {
      if (effect.type === "store") this.step(at, { type: "stored", no: effect.no });
      else if (effect.type === "send") this.#send(at, effect.to, effect.messages);
      else if ("id" in effect) this.answers.set(effect.id, effect);
    }
  }

  #send(from: number, to: number, messages: readonly Message[]): void {
    const arriving = messages.filter((message) => !this.lost(from, to, message));
    this.sent.push(...messages.map(({ type }) => type));
    if (arriving.length > 0) this.step(to, { type: "frame", from, messages: decodeFrame(encodeFrame(arriving)) });
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += TICK_MS;
      for (const node of NODES) this.step(node, { type: "tick" });
    }
  }

  begin(at: number, command: Command, timeoutMs = 5_000): number {
    this.step(at, { type: "operation", id: ++this.#calls, key: KEY, command, timeoutMs });
    return this.#calls;
  }

  /** The value, undefined for none; throws what it failed with. */
  value(call: number): string | undefined {
    const answer = this.answers.get(call);
    assert.ok(answer?.type === "done", `${answer?.type ?? "no answer"}`);
    const { before } = answer.result as Extract<Result, { status: "done" }>;
    return before && new TextDecoder().decode(before.value);
  }
}

const put = (text: string, ms?: number): Command => ({
  ...{ type: "put", value: new TextEncoder().encode(text) },
  expiry: ms === undefined ? { type: "never" } : { type: "after", ttlMs: ms },
});

test("a stale read asks one other box, and not the coordinator's leave", () => {
  const three = new Three();
  assert.equal(three.value(three.begin(2, STALE)), undefined);
  three.begin(1, put("one"));
  for (const at of NODES) {
    three.sent = [];
    assert.equal(three.value(three.begin(at, STALE)), "one");
    assert.deepEqual(three.sent, ["peek", "peeked"]);
  }
});

test("it sees what a majority took, although the member that it asks first is behind", () => {
  const three = new Three();
  three.begin(1, put("one"));
  three.lost = (_from, to, { type }) => to === 3 && type === "accept";
  three.begin(1, put("two"));
  for (const at of NODES) assert.equal(three.value(three.begin(at, STALE)), "two", `at ${at}`);
});

test("a lost question is asked again, of all", () => {
  const three = new Three();
  three.begin(1, put("one"));
  let once = true;
  three.lost = (_from, _to, { type }) => type === "peek" && once && !(once = false);
  const call = three.begin(2, STALE);
  assert.equal(three.answers.has(call), false);
  three.pass(PEEK_AGAIN_MS + TICK_MS);
  assert.equal(three.value(call), "one");
});

test("cut off from the others, a box still tells what it holds, after a while; a real read fails", () => {
  const three = new Three();
  three.begin(1, put("one"));
  three.lost = (from, to) => from === 3 || to === 3;
  const [stale, real] = [three.begin(3, STALE), three.begin(3, { type: "get" }, PEEK_PATIENCE_MS)];
  three.pass(PEEK_PATIENCE_MS - 2 * TICK_MS);
  assert.equal(three.answers.has(stale), false);
  three.pass(4 * TICK_MS);
  assert.equal(three.value(stale), "one");
  const failed = three.answers.get(real);
  assert.ok(failed?.type === "failed" && failed.why === "no-majority");
});

test("with no answer at all it fails in its time", () => {
  const three = new Three();
  // The box that asks has left the slot: it has nothing of its own to tell.
  for (const node of NODES) three.step(node, { type: "peers", up: NODES, nodes: [1, 3], leaving: [2] });
  three.pass(10_000);
  three.lost = (_from, _to, { type }) => type === "peek";
  const call = three.begin(2, STALE, 2_000);
  three.pass(2_000 + TICK_MS);
  const failed = three.answers.get(call);
  assert.ok(failed?.type === "failed" && failed.why === "no-majority");
});

test("a key that has ended is not there", () => {
  const three = new Three();
  three.begin(1, put("short", 500));
  assert.equal(three.value(three.begin(2, STALE)), "short");
  three.nowMs += 501;
  assert.equal(three.value(three.begin(2, STALE)), undefined);
});

test("no more are open at one time than operations may be", () => {
  const three = new Three();
  three.lost = (_from, _to, { type }) => type === "peek";
  for (let count = 0; count < OPEN_OPS_MAX; count++) three.begin(1, STALE);
  const call = three.begin(1, STALE);
  const failed = three.answers.get(call);
  assert.ok(failed?.type === "failed" && failed.why === "too-many");
});
