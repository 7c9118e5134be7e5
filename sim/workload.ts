/** What people do on the boxes meanwhile: they write notes, change them, and remove some. */
import type { SimBox } from "./box.ts";
import type { World } from "./world.ts";

export interface Workload {
  /** Each box writes about once in this time. */
  everyMs: number;
  /** Different notes per box. */
  keys: number;
  /** Before the notes' names. */
  prefix?: string;
  /** Share of writes that remove. */
  removals: number;
  forMs: number;
  /** Which boxes write; all by default. */
  boxes?: readonly SimBox[];
}

export function write(world: World, load: Workload): void {
  const random = world.random("workload");
  const endMs = world.nowMs + load.forMs;
  for (const box of load.boxes ?? world.boxes) {
    let count = 0;
    const again = () => {
      if (world.nowMs > endMs) return;
      world.after(random.float() * 2 * load.everyMs, again);
      const key = `${load.prefix ?? ""}n${random.below(load.keys)}`;
      const body = random.float() < load.removals ? null : { text: `${box.index} ${count++}` };
      // A box that is down or stands still has nobody who writes.
      if (box.isAwake && (box.isMember || box.adoptFirst)) box.replica?.put("note", key, body);
    };
    world.after(random.float() * 2 * load.everyMs, again);
  }
}
