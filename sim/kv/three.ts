/** Three nodes of the store with one slot, whose frames arrive at once: for tests that say themselves what is lost. */
import assert from "node:assert/strict";
import { seededRandom } from "../../src/kernel/random.ts";
import { decodeFrame, encodeFrame } from "../../src/protocols/kv/codec.ts";
import type { Effect, KvEvent } from "../../src/protocols/kv/events.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import type { Message } from "../../src/protocols/kv/messages.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import type { Command, Result } from "../../src/protocols/kv/types.ts";

export const NODES = [1, 2, 3];
const KEY = "k";

/** Three nodes with one slot, and frames that arrive at once, unless `lost` says otherwise. */
export class Three {
  /** Of each node. */
  readonly quotaBytes = [2 ** 20, 2 ** 20, 2 ** 20];
  nowMs = 0;
  lost: (from: number, to: number, message: Message) => boolean = () => false;
  sent: Message["type"][] = [];
  /** Nodes whose disks stand still; what they are to store waits for `goOn`. */
  readonly standing = new Set<number>();
  readonly answers = new Map<number, Effect>();
  readonly #nodes = NODES.map((node) => {
    const config = { node, life: node + 10, degree: 3, slots: 1, quotaBytes: () => this.quotaBytes[node - 1]! };
    return createKvNode(config, { random: seededRandom(node) });
  });
  /** By node: the last of what waits for its disk. */
  readonly #unstored = new Map<number, number>();
  /** And the bytes of all that waits. */
  readonly unstoredBytes = new Map<number, number>();
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
      if (effect.type === "store") {
        this.#unstored.set(at, effect.no);
        const bytes = effect.puts.reduce((sum, put) => sum + (put.bytes?.length ?? 0), 0);
        this.unstoredBytes.set(at, (this.unstoredBytes.get(at) ?? 0) + bytes);
        if (!this.standing.has(at)) this.goOn(at);
      }
      if (effect.type === "send") this.#send(at, effect.to, effect.messages);
      else if ("id" in effect) this.answers.set(effect.id, effect);
    }
  }

  goOn(at: number): void {
    this.standing.delete(at);
    const no = this.#unstored.get(at);
    this.#unstored.delete(at);
    this.unstoredBytes.delete(at);
    if (no !== undefined) this.step(at, { type: "stored", no });
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

  begin(at: number, command: Command, timeoutMs = 5_000, key = KEY): number {
    this.step(at, { type: "operation", id: ++this.#calls, key, command, timeoutMs });
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

export const put = (text: string, ms?: number): Command => ({
  ...{ type: "put", value: new TextEncoder().encode(text) },
  expiry: ms === undefined ? { type: "never" } : { type: "after", ttlMs: ms },
});
