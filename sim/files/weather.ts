/**
 * Two boxes write into one folder while servers freeze, die, come back, fill up, and lines are cut, slow and lossy. No
 * disk is lost: what was said to be stored must be there in the end, and never anything else.
 */
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import type { MemberBox } from "./member-box.ts";
import { contentOf, bytesOf, inOnePiece } from "./promises.ts";
import type { Promises } from "./promises.ts";
import type { Plan } from "./play.ts";
import { judgeOf } from "./world.ts";
import type { GridWorld, SimBox } from "./world.ts";

const WRITES_EACH = 10;
const FAULT_EVERY_MS = 500;
const FAULT_MAX_MS = 20_000;
/** Boxes that are hurt at the same time. */
const HURT_MAX = 10;
const PLAY_MAX_MS = 3_600_000;
/** Until everybody has noticed that all is well again. */
const HEAL_MS = 700_000;
const DAY_MS = 86_400_000;

type Fault = (box: SimBox, world: GridWorld) => void;

const FAULTS: readonly Fault[] = [
  ({ machine }) => machine.freeze(),
  ({ machine }) => machine.kill(),
  ({ link }) => void (link.isCut = true),
  ({ link }) => void Object.assign(link, { delayMs: 150, bytesPerMs: 20 }),
  ({ link }) => void (link.loss = 0.15),
  ({ machine }) => void (machine.givenBytes = machine.usedBytes()),
  ({ offset }, world) => void (offset.ms = (world.random.float() - 0.5) * 4 * DAY_MS),
];

/** Hurts boxes, one after the other, until it is told to stop. */
function hurt(world: GridWorld): () => void {
  let isOn = true;
  const hurtBoxes = new Set<SimBox>();
  const next = () => {
    if (!isOn) return;
    const box = world.pick(world.boxes);
    if (!hurtBoxes.has(box) && hurtBoxes.size < HURT_MAX) {
      hurtBoxes.add(box);
      world.pick(FAULTS)(box, world);
      world.time.after(world.random.float() * FAULT_MAX_MS, () => {
        hurtBoxes.delete(box);
        if (isOn) world.heal([box]);
      });
    }
    world.time.after(world.random.float() * 2 * FAULT_EVERY_MS, next);
  };
  next();
  return () => void (isOn = false);
}

/** Name → bytes of what was said to be stored. */
type Stored = Map<string, number>;

async function readBack(files: MemberFiles, promises: Promises, name: string, bytes: number): Promise<string> {
  const done = await promises.attempt(`read ${name}`, async () => {
    // What another box has just written may not be seen yet: an entry is looked up in what was read a moment ago.
    const entry = await files.stat(`/common/${name}`);
    return entry && bytesOf((await files.read(entry.path)).content);
  });
  if ("code" in done) return `read ${done.code}`;
  const { value } = done;
  if (!value) return "not seen yet";
  promises.check(value.equals(contentOf(name, bytes)), "never wrong plaintext", () => name);
  return "read ok";
}

async function write(world: GridWorld, promises: Promises, { files }: MemberBox, who: string, stored: Stored) {
  const pause = () => new Promise<void>((resolve) => void world.time.after(world.random.float() * 500, resolve));
  for (let count = 0; count < WRITES_EACH; count++) {
    await pause();
    const name = `${who}${count}`;
    const bytes = 1 + world.random.below(30_000);
    const done = await promises.attempt(`write ${name}`, () =>
      files.write(`/common/${name}`, inOnePiece(contentOf(name, bytes)), { mode: "replace" }),
    );
    if ("value" in done) stored.set(name, bytes);
    promises.count(`write ${"code" in done ? done.code : "ok"}`);
    if (stored.size === 0) continue;
    const [other, length] = world.pick([...stored]);
    const outcome = await readBack(files, promises, other, length);
    promises.count(outcome);
    const isOwn = other.startsWith(who);
    promises.check(!isOwn || outcome !== "not seen yet", "a writer sees what it has written", () => other);
  }
}

export const weather: Plan = {
  name: "weather",
  world: { boxes: 20 },
  async run(world, promises) {
    const [first, second] = [await world.open(world.boxes[0]!), await world.open(world.boxes[1]!)];
    const judge = await judgeOf(world, world.boxes[2]!);
    await world.time.pass(10_000);
    const begin = async () => {
      await first.files.makeFolder("/common");
      return (await first.files.caps("/common")).write!;
    };
    const cap = await world.time.of(begin(), PLAY_MAX_MS);
    await world.time.of(second.files.attach("/common", cap), PLAY_MAX_MS);
    const stored: Stored = new Map();
    const calm = hurt(world);
    const writing = [write(world, promises, first, "a", stored), write(world, promises, second, "b", stored)];
    await world.time.of(Promise.all(writing), PLAY_MAX_MS);
    calm();
    world.heal();
    await world.time.pass(HEAL_MS);
    const readAll = async () => {
      await judge.files.attach("/common", cap);
      const names = new Set((await judge.files.list("/common")).map(({ name }) => name));
      for (const [name, bytes] of stored) {
        promises.check(names.has(name), "no entry of a folder is lost", () => name);
        if (!names.has(name)) continue;
        const outcome = await readBack(judge.files, promises, name, bytes);
        promises.check(outcome === "read ok", "never a silent loss", () => `${name}: ${outcome}`);
      }
    };
    await world.time.of(promises.must("never a silent loss", "all is read", readAll), PLAY_MAX_MS);
    promises.figures["stored"] = stored.size;
  },
};
