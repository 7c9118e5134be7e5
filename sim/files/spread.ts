/**
 * Servers die before and while something is stored. When it is said to be stored, it lies on as many servers as it
 * must; when it is not, that is said; and what was stored before is never lost by it.
 */
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import type { Plan } from "./play.ts";
import { bytesOf, contentOf } from "./promises.ts";
import { judgeOf } from "./world.ts";
import type { GridWorld } from "./world.ts";

const ROUNDS = 12;
const LIMIT_MS = 600_000;
/** Until those that were away are known to be back. */
const BACK_MS = 400_000;
/** An upload takes about so long. */
const DEATH_WITHIN_MS = 150;
const HAPPY = 7;
/** So large that shares are sent in several chunks. */
const LARGE_BYTES = 3_500_000;

/** Some are gone at once, some within a moment. Most of the time enough are left. */
function killSome(world: GridWorld): void {
  const some = world.shuffled(world.boxes);
  const atOnce = world.random.below(world.random.below(2) === 0 ? 16 : 6);
  for (const { machine } of some.slice(0, atOnce)) machine.kill();
  for (const { machine } of some.slice(atOnce, atOnce + world.random.below(some.length - atOnce))) {
    world.time.after(world.random.float() * DEATH_WITHIN_MS, () => machine.kill());
  }
}

export const spread: Plan = {
  name: "spread",
  world: { boxes: 20 },
  async run(world, promises) {
    const { grid } = await world.open(world.boxes[0]!);
    const judge = (await judgeOf(world, world.boxes[1]!)).grid;
    await world.time.pass(10_000);
    const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
    const cap = await of(grid.createMutable("sdmf", Buffer.from(">")));
    const lines: string[] = [];
    const stored: { name: string; bytes: number; cap: KnownCap }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      killSome(world);
      const line = `line ${round};`;
      const add = (before: Uint8Array) => Buffer.concat([before, Buffer.from(line)]);
      const changed = await of(promises.attempt("change", () => grid.modifyMutable(cap, add)));
      if ("value" in changed) lines.push(line);
      promises.count(`change ${"code" in changed ? changed.code : "ok"}`);
      world.heal();
      await world.time.pass(BACK_MS);

      killSome(world);
      const name = `file ${round}`;
      const bytes = round === 0 ? LARGE_BYTES : 20_000;
      const content = bytesContent(contentOf(name, bytes));
      const put = await of(promises.attempt("upload", () => grid.upload(content)));
      promises.count(`upload ${"code" in put ? put.code : "ok"}`);
      if ("value" in put) {
        stored.push({ name, bytes, cap: put.value.cap });
        const holders = new Set(world.sharesOf(put.value.cap).map(({ box }) => box)).size;
        promises.check(holders >= HAPPY, "stored means spread", () => `${name} on ${holders} servers`);
      }
      world.heal();
      await world.time.pass(BACK_MS);
      const { content: found } = await of(judge.readMutable(cap));
      for (const one of lines) {
        promises.check(Buffer.from(found).includes(one), "no acknowledged change is lost", () => one);
      }
    }
    for (const { name, bytes, cap: file } of stored) {
      const read = await of(promises.must("never a silent loss", name, () => bytesOf(judge.download(file))));
      promises.check(read?.equals(contentOf(name, bytes)) ?? true, "never wrong plaintext", () => name);
    }
  },
};
