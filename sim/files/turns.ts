/**
 * Two boxes write into one file, in turns and at once, slowly and so quickly that each still takes for true what it has
 * seen a moment ago; in the end while servers die. What either was told to be stored is there, and whoever has not
 * looked for long asks before it writes.
 */
import type { Grid } from "../../src/services/files/grid/grid.ts";
import type { Promises } from "./promises.ts";
import type { Plan } from "./play.ts";
import { judgeOf } from "./world.ts";
import type { GridWorld } from "./world.ts";

const LIMIT_MS = 600_000;
const TURNS = 10;
/** Longer than a writer takes a file for known. */
const LONG_MS = 5_000;
const SHORT_MS = 300;
const DYING_MAX = 7;
const DEATH_WITHIN_MS = 300;
/** Until those that were away are known to be back. */
const BACK_MS = 40_000;

function refusedWrites({ boxes }: GridWorld): number {
  return boxes.reduce((sum, { machine }) => sum + machine.refusedWrites, 0);
}

function killSome(world: GridWorld): void {
  for (const { machine } of world.shuffled(world.boxes).slice(0, world.random.below(DYING_MAX + 1))) {
    world.time.after(world.random.float() * DEATH_WITHIN_MS, () => machine.kill());
  }
}

export const turns: Plan = {
  name: "turns",
  world: { boxes: 20 },
  async run(world, promises) {
    const grids = [(await world.open(world.boxes[0]!)).grid, (await world.open(world.boxes[1]!)).grid];
    const judge = (await judgeOf(world, world.boxes[2]!)).grid;
    await world.time.pass(10_000);
    const of = <T>(work: Promise<T>) => world.time.of(work, LIMIT_MS);
    const cap = await of(grids[0]!.createMutable("sdmf", Buffer.from(">")));
    const stored: string[] = [];
    let lines = 0;
    const write = async (grid: Grid, said: Promises) => {
      const line = `line ${(lines += 1)};`;
      // The other writer may have built upon what did not come to its end here.
      const add = (before: Uint8Array) =>
        Buffer.from(before).includes(line) ? undefined : Buffer.concat([before, Buffer.from(line)]);
      const done = await said.attempt("change", () => grid.modifyMutable(cap, add));
      said.count(`change ${"code" in done ? done.code : "ok"}`);
      if ("value" in done) stored.push(line);
    };

    for (let turn = 0; turn < TURNS; turn++) {
      await of(write(grids[turn % 2]!, promises));
      await world.time.pass(LONG_MS);
    }
    const refused = refusedWrites(world);
    promises.check(refused === 0, "who has not looked for long asks first", () => `${refused} writes were refused`);

    for (let turn = 0; turn < TURNS; turn++) {
      await of(
        Promise.all(
          world
            .shuffled(grids)
            .slice(world.random.below(2))
            .map((grid) => write(grid, promises)),
        ),
      );
      await world.time.pass(world.random.float() * SHORT_MS);
    }
    for (let turn = 0; turn < TURNS; turn++) {
      killSome(world);
      for (const grid of world.shuffled(grids)) {
        await of(write(grid, promises));
        await world.time.pass(world.random.float() * SHORT_MS);
      }
      world.heal();
      await world.time.pass(BACK_MS);
    }

    const { content } = await of(judge.readMutable(cap));
    const found = Buffer.from(content).toString();
    for (const line of stored) {
      promises.check(found.includes(line), "no acknowledged change is lost", () => line);
    }
  },
};
