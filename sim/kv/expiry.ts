/**
 * Keys that end, in the simulated store, and a judge of what was seen of them. The end of a key is one moment for all:
 * who has once not found a value does not find it again, though each box's clock says something else.
 */
import type { Effect } from "../../src/protocols/kv/events.ts";
import type { KvWorld } from "./world.ts";

export interface Written {
  value: string;
  ttlMs: number;
  /** Undefined: nobody knows whether it was done. */
  retMs: number | undefined;
}

export interface Seen {
  value: string | null;
  callMs: number;
  retMs: number;
}

/** Clocks of boxes are wrong by at most so much. */
export const CLOCK_OFF_MS = 300;
const READERS = 3;
const PAUSE_MS = 60;
const TTL_MS = 400;

/** One key that ends again and again: a client that writes, and some that read. */
export class Expiring {
  readonly #world: KvWorld;
  readonly #key: string;
  readonly written: Written[] = [];
  readonly seen: Seen[] = [];
  isRunning = true;

  constructor(world: KvWorld, key: string) {
    this.#world = world;
    this.#key = key;
    const random = world.random(`expiring ${key}`);
    for (const box of world.boxes)
      box.wallOffsetMs = (2 * world.random(`clock ${box.index}`).float() - 1) * CLOCK_OFF_MS;
    const again = (run: () => void, everyMs: number) =>
      world.after(everyMs * (0.5 + random.float()), () => {
        if (!this.isRunning) return;
        run();
        again(run, everyMs);
      });
    again(() => this.#write(TTL_MS * (0.5 + random.float()), random.below(world.boxes.length)), 4 * TTL_MS);
    for (let reader = 0; reader < READERS; reader++)
      again(() => this.#read(random.below(world.boxes.length)), PAUSE_MS);
  }

  #write(ttlMs: number, index: number): void {
    const one: Written = { value: `e${this.written.length}`, ttlMs, retMs: undefined };
    this.written.push(one);
    const value = Uint8Array.from(one.value, (char) => char.charCodeAt(0));
    const command = { type: "put", value, expiry: { type: "after", ttlMs } } as const;
    this.#ask(index, command, (effect) => {
      if (effect.type === "done") one.retMs = this.#world.nowMs;
    });
  }

  #read(index: number): void {
    const callMs = this.#world.nowMs;
    this.#ask(index, { type: "get" }, (effect) => {
      if (effect.type !== "done" || effect.result.status !== "done") return;
      const { after } = effect.result;
      this.seen.push({ value: after ? String.fromCharCode(...after.value) : null, callMs, retMs: this.#world.nowMs });
    });
  }

  #ask(
    index: number,
    command: Extract<Parameters<KvWorld["boxes"][0]["ask"]>[0], { type: "operation" }>["command"],
    heard: (effect: Effect) => void,
  ): void {
    const box = this.#world.boxes[index]!;
    if (box.up && !box.isPaused)
      box.ask({ type: "operation", id: 0, key: this.#key, command, timeoutMs: 2_000 }, heard);
  }
}

/** What is wrong; empty when nothing is. */
export function judgeExpiry({ written, seen }: Pick<Expiring, "written" | "seen">): string[] {
  const wrong: string[] = [];
  for (const { value, ttlMs, retMs } of written) {
    const finds = seen.filter((one) => one.value === value);
    const thereMs = Math.min(retMs ?? Infinity, ...finds.map((one) => one.retMs));
    const missed = seen.filter((one) => one.value !== value && one.callMs > thereMs);
    const goneMs = Math.min(Infinity, ...missed.map((one) => one.retMs));
    const late = finds.find(({ callMs }) => callMs > goneMs);
    if (late) wrong.push(`${value} was gone at ${goneMs} ms, and was found by who asked at ${late.callMs} ms`);
    const endMs = (retMs ?? Infinity) + ttlMs + 2 * CLOCK_OFF_MS;
    const old = finds.find(({ callMs }) => callMs > endMs);
    if (old) wrong.push(`${value} should have ended by ${endMs} ms, and was found by who asked at ${old.callMs} ms`);
  }
  return wrong;
}
