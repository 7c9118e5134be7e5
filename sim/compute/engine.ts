/**
 * A container engine that outlives the daemon above it: operations take a while, fail now and then, and whether one
 * that was cut off had been done is chance. It complains when it is told to do what no engine can do.
 */
import type { Random } from "../../src/kernel/random.ts";
import type { SliverSpec } from "../../src/protocols/compute/lending.ts";
import type { EngineInstance, HostEngine, Mark } from "../../src/services/compute/host/engine.ts";
import type { SimTime } from "../files/time.ts";

interface Instance extends EngineInstance {
  spec: SliverSpec;
}

export class SimEngine {
  readonly instances = new Map<string, Instance>();
  readonly images = new Set<string>();
  isDown = false;
  failing = 0;
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #complain: (text: string) => void;
  #names = 0;

  constructor(needs: { time: SimTime; random: Random; complain: (text: string) => void }) {
    this.#time = needs.time;
    this.#random = needs.random;
    this.#complain = needs.complain;
  }

  /** As one run of the daemon holds it; once that is dead, nothing is answered any more. */
  open(isAlive: () => boolean): HostEngine {
    const take = <T>(longestMs: number, signal: AbortSignal, work: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        if (this.isDown) return void reject(new Error("the engine is down"));
        this.#time.after(1 + this.#random.below(longestMs), () => {
          if (this.isDown || this.#random.float() < this.failing) {
            // It may have done it all the same.
            if (this.#random.float() < 0.5) work();
            if (isAlive()) reject(new Error("the engine failed"));
            return;
          }
          // Done, whether or not somebody is still there to hear of it.
          const result = work();
          if (!isAlive()) return;
          if (signal.aborted) reject(new Error("given up"));
          else resolve(result);
        });
      });
    return {
      list: (signal) => take(20, signal, () => [...this.instances.values()].map((one) => ({ ...one }))),
      get: (sliver, signal) =>
        take(10, signal, () => {
          const found = [...this.instances.values()].find(({ mark }) => mark.sliver === sliver);
          return found && { ...found };
        }),
      hasImage: (image, signal) => take(5, signal, () => this.images.has(image)),
      fetchImage: (image, signal) => take(20_000, signal, () => void this.images.add(image)),
      create: async (mark, spec, signal) => {
        // One that is taken away while an instance is made of it is still read by the engine.
        if (!this.isDown && !this.images.has(spec.image)) throw new Error("there is no such image");
        await take(2_000, signal, () => this.#create(mark, spec));
      },
      start: (name, signal) => take(500, signal, () => this.#to(name, "running")),
      stop: (name, signal) => take(10_000, signal, () => this.#to(name, "stopped")),
      remove: (name, signal) => take(500, signal, () => void this.instances.delete(name)),
      limit: (name, mark, spec, signal) => take(100, signal, () => this.#limit(name, mark, spec)),
    };
  }

  #create(mark: Mark, spec: SliverSpec): void {
    if ([...this.instances.values()].some((one) => one.mark.sliver === mark.sliver)) {
      this.#complain(`${mark.sliver} is made twice`);
    }
    const name = `i${(this.#names += 1)}`;
    this.instances.set(name, { name, mark, spec, state: "stopped" });
  }

  #to(name: string, state: "running" | "stopped"): void {
    const instance = this.instances.get(name);
    if (instance) instance.state = state;
  }

  #limit(name: string, mark: Mark, spec: SliverSpec): void {
    const instance = this.instances.get(name);
    if (instance) Object.assign(instance, { mark, spec });
  }
}
