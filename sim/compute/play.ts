/**
 * One play: slices are asked for, changed and deleted while daemons die, engines fail and the network splits; then
 * there is peace, and everything must be as it was asked for; then all is deleted, and nothing may be left anywhere.
 */
import { LENDS_NOTHING } from "../../src/protocols/compute/lending.ts";
import type { SliverSpec } from "../../src/protocols/compute/lending.ts";
import type { SliceSpec } from "../../src/protocols/compute/slice.ts";
import type { Sliver } from "../../src/services/compute/use/slice-store.ts";
import { shippedParts } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { ComputeWorld } from "./world.ts";
import type { SimBox } from "./world.ts";

const BOXES = 6;
const NAMES = ["web", "db", "game"];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MIB = 2 ** 20;
const HAPPENINGS = 60;
/** A sliver that is started and stopped again in between is seen at this pace. */
const TURN_LOOK_MS = 100;
/** Long enough for leases of what was reserved too late, and for the longest pause after failures. */
const PEACE_MS = 90 * MINUTE_MS;

/** What was promised and not kept; empty when all was. */
export async function play(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const world = new ComputeWorld({ seed, boxes: BOXES, parts });
  for (const box of world.boxes) world.start(box);
  for (let n = 0; n < HAPPENINGS && world.complaints.length === 0; n += 1) {
    happen(world);
    await world.time.pass(world.random.below(2 * MINUTE_MS));
  }
  calm(world);
  await world.time.pass(PEACE_MS);
  checkWishes(world);
  for (const box of world.boxes) for (const name of NAMES) world.remove(box, name);
  await world.time.pass(PEACE_MS);
  checkEmpty(world);
  return world.complaints;
}

/** A box that used slivers of others disappears for good: in the end nothing of it is left on them. */
export async function playWidow(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const world = new ComputeWorld({ seed, boxes: BOXES, parts });
  // It lends nothing: what stood on it would stand still with it.
  world.boxes[0]!.policy = LENDS_NOTHING;
  for (const box of world.boxes) world.start(box);
  const endMs = world.time.clock().wallMs() + 3 * HOUR_MS;
  world.apply(world.boxes[0]!, "web", { ...wishOf(world, 4), endMs });
  await world.time.pass(10 * MINUTE_MS);
  if (instances(world).length !== 4) world.complain(`${instances(world).length} slivers instead of 4`);
  world.kill(world.boxes[0]!);
  world.loseBooks(world.boxes[1]!);
  world.start(world.boxes[1]!);
  // What the books lost is kept for a day, for somebody to say that it is wanted.
  await world.time.pass(26 * HOUR_MS);
  checkEmpty(world);
  return world.complaints;
}

/** A box that was off for an hour, and at first reaches nobody: it does not take the hosts of its slivers for lost. */
export async function playReturn(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const world = new ComputeWorld({ seed, boxes: BOXES, parts });
  for (const box of world.boxes) world.start(box);
  const home = world.boxes[0]!;
  world.apply(home, "web", { ...wishOf(world, 3), recreate: true });
  await world.time.pass(10 * MINUTE_MS);
  const before = standing(world);
  if (before.length !== 3) world.complain(`${before.length} slivers instead of 3`);
  world.kill(home);
  await world.time.pass(HOUR_MS);
  home.side = 1;
  world.start(home);
  await world.time.pass(2 * MINUTE_MS);
  home.side = 0;
  await world.time.pass(HOUR_MS);
  if (standing(world).join() !== before.join()) world.complain("slivers were made again that stood all the time");
  return world.complaints;
}

/** One host, whose engine mostly fails: a sliver is to become smaller, and another one wants the room. */
export async function playSqueeze(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const { world, home: other, host, sized } = couple(seed, parts);
  world.apply(host, "web", sized(4));
  await world.time.pass(5 * MINUTE_MS);
  host.engine.failing = 0.7;
  world.apply(host, "web", sized(1));
  world.apply(other, "db", sized(3));
  await world.time.pass(30 * MINUTE_MS);
  calm(world);
  await world.time.pass(PEACE_MS);
  checkWishes(world);
  return world.complaints;
}

/** A host that lends for a day at most: what stands on it is renewed all the same, as it is, and not all the time. */
export async function playBrief(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const { world, home, host, sized } = couple(seed, parts);
  host.policy = { ...host.policy, leaseMaxMs: DAY_MS };
  world.apply(home, "web", sized(1));
  await world.time.pass(10 * MINUTE_MS);
  const before = standing(world);
  if (before.length !== 1) world.complain(`${before.length} slivers instead of 1`);
  // More than the host has, so that it is refused again and again.
  world.apply(home, "web", sized(32));
  await world.time.pass(MINUTE_MS);
  const [sliver] = home.run!.rows.slivers(`${home.id}-web`);
  const [booked] = host.run!.books.all();
  if (sliver?.trouble !== "no-room") world.complain(`what is in the way: ${sliver?.trouble}`);
  await world.time.pass(2 * HOUR_MS);
  if (booked?.leaseEndMs !== host.run!.books.all()[0]?.leaseEndMs) world.complain("a fresh lease was renewed");
  await world.time.pass(2 * DAY_MS);
  if (standing(world).join() !== before.join()) world.complain("a sliver that was wanted all the time ended");
  return world.complaints;
}

/** A slice gets other limits and is to stop, in one wish: it stops, and has them. */
export async function playTurn(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const { world, home, host, sized } = couple(seed, parts);
  world.apply(home, "web", sized(1));
  await world.time.pass(5 * MINUTE_MS);
  for (const wanted of ["stopped", "running", "stopped", "running", "stopped"] as const) {
    world.apply(home, "web", { ...sized(wanted === "stopped" ? 2 : 3), wanted });
    let turns = 0;
    for (let last = "", left = 5 * MINUTE_MS; left > 0; left -= TURN_LOOK_MS) {
      await world.time.pass(TURN_LOOK_MS);
      const now = [...host.engine.instances.values()].map(({ state }) => state).join();
      if (last !== "" && now !== last) turns += 1;
      last = now;
    }
    if (turns > 1) world.complain(`it was started and stopped ${turns} times for one wish`);
    const states = [...host.engine.instances.values()].map(({ state, spec }) => `${state} with ${spec.cores}`);
    const wished = `${wanted} with ${wanted === "stopped" ? 2 : 3}`;
    if (states.join() !== wished) world.complain(`${states.join()} instead of ${wished}`);
  }
  return world.complaints;
}

/** A host whose books are an old copy is told again what is wished, long before a lease is to be renewed. */
export async function playOlder(seed: number, parts: Parts = shippedParts): Promise<readonly string[]> {
  const { world, home, host, sized } = couple(seed, parts);
  for (const wanted of ["stopped", "running"] as const) {
    world.apply(home, "web", { ...sized(1), wanted: wanted === "stopped" ? "running" : "stopped" });
    await world.time.pass(5 * MINUTE_MS);
    const putBack = world.copyBooks(host);
    world.apply(home, "web", { ...sized(2), wanted });
    await world.time.pass(5 * MINUTE_MS);
    putBack();
    world.start(host);
    await world.time.pass(5 * MINUTE_MS);
    const states = [...host.engine.instances.values()].map(({ state, spec }) => `${state} with ${spec.cores}`);
    if (states.join() !== `${wanted} with 2`) world.complain(`${states.join()} instead of ${wanted} with 2`);
  }
  return world.complaints;
}

/** Two boxes, of which one lends and the other uses it, and a wish for a sliver of so many cores. */
function couple(seed: number, parts: Parts) {
  const world = new ComputeWorld({ seed, boxes: 2, parts });
  for (const box of world.boxes) world.start(box);
  const [host, home] = world.boxes as [SimBox, SimBox];
  home.policy = LENDS_NOTHING;
  const wish = wishOf(world, 1);
  const sized = (cores: number) => ({ ...wish, sliver: { ...wish.sliver, cores } });
  return { world, home, host, sized };
}

const standing = (world: ComputeWorld) =>
  instances(world)
    .map(({ mark }) => mark.sliver)
    .toSorted();

function happen(world: ComputeWorld): void {
  const { random } = world;
  const box = world.boxes[random.below(BOXES)]!;
  const name = NAMES[random.below(NAMES.length)]!;
  const happenings: (() => void)[] = [
    () => world.apply(box, name, wishOf(world, random.below(4))),
    () => world.apply(box, name, wishOf(world, random.below(4))),
    () => world.remove(box, name),
    () => world.kill(box),
    () => world.start(box),
    () => world.start(box),
    () => world.loseBooks(box),
    () => void (box.engine.isDown = !box.engine.isDown),
    () => void (box.engine.failing = random.float() * 0.3),
    () => box.engine.images.clear(),
    () => void (box.side = random.below(2)),
    () => void (world.loss = random.float() * 0.3),
  ];
  happenings[random.below(happenings.length)]!();
}

function wishOf({ random, time }: ComputeWorld, count: number): SliceSpec {
  const sliver: SliverSpec = {
    ...{ kind: "container", image: (random.below(2) ? "a" : "b").repeat(64), reach: "slice" },
    ...{ cores: 1 + random.below(2), memoryBytes: 256 * MIB, diskBytes: 512 * MIB, egressBytesPerS: 0 },
  };
  const endMs = time.clock().wallMs() + 30 * DAY_MS;
  return { sliver, count, apart: "box", wanted: "running", endMs, recreate: random.below(2) === 1 };
}

function calm(world: ComputeWorld): void {
  world.loss = 0;
  for (const box of world.boxes) {
    box.side = 0;
    box.engine.isDown = false;
    box.engine.failing = 0;
    world.start(box);
  }
}

function instances(world: ComputeWorld) {
  return world.boxes.flatMap((host) => [...host.engine.instances.values()].map((one) => ({ ...one, host })));
}

/** Every slice has its slivers, each of them runs once and as it was wished, and nothing else runs. */
function checkWishes(world: ComputeWorld): void {
  const left = new Map(instances(world).map((one) => [one.mark.sliver, one]));
  for (const box of world.boxes) {
    for (const slice of box.run!.rows.slices()) {
      const slivers = box.run!.rows.slivers(slice.id).filter(({ wanted }) => wanted !== "gone");
      const hosts = new Set(slivers.map(({ host }) => host));
      if (slice.isGone) world.complain(`${slice.id} is still there`);
      if (hosts.size !== slivers.length) world.complain(`slivers of ${slice.id} share a box`);
      if (slivers.length !== slice.spec.count && isRoomFor(world, slice.spec, hosts)) {
        world.complain(`${slice.id} has ${slivers.length} of ${slice.spec.count} slivers`);
      }
      checkTold(world, box.id, slice.id, slivers);
      for (const { id, host } of slivers) {
        const found = left.get(id);
        if (found?.host.id !== host) world.complain(`${id} of ${slice.id} does not run on ${host}`);
        else if (found.state !== "running") world.complain(`${id} of ${slice.id} is ${found.state}`);
        else if (found.spec.cores !== slice.spec.sliver.cores && isRoomToGrow(found.host, id, slice.spec)) {
          world.complain(`${id} of ${slice.id} has other limits`);
        }
        left.delete(id);
      }
    }
  }
  for (const [sliver, { host }] of left) world.complain(`${sliver} runs on ${host.id}, and nobody asked for it`);
  for (const host of world.boxes) checkBooks(world, host);
}

/** Each host of a slice knows who the others are. */
function checkTold(world: ComputeWorld, home: string, slice: string, slivers: readonly Sliver[]): void {
  const wished = slivers
    .map(({ id, host }) => `${id} on ${host}`)
    .toSorted()
    .join();
  for (const host of world.boxes.filter(({ id }) => slivers.some((one) => one.host === id))) {
    const told = host.run!.told.all().find((one) => one.home === home && one.slice === slice);
    const known = told?.members
      .map((one) => `${one.sliver} on ${one.host}`)
      .toSorted()
      .join();
    if (known !== wished) world.complain(`${host.id} does not know who is in ${slice}`);
  }
}

/** Some box without a sliver of this slice would still take one. */
function isRoomFor(world: ComputeWorld, { sliver }: SliceSpec, hosts: ReadonlySet<string>): boolean {
  return world.boxes.some(({ id, run, policy }) => {
    const cores = run!.books.all().reduce((sum, { spec }) => sum + spec.cores, 0);
    return !hosts.has(id) && cores + sliver.cores <= policy.lent.cores && run!.books.size < policy.slivers;
  });
}

/** Its own host has room for the limits that it is to have. */
function isRoomToGrow({ run, policy }: SimBox, id: string, { sliver }: SliceSpec): boolean {
  const others = run!.books.all().filter((one) => one.sliver !== id);
  return others.reduce((sum, { spec }) => sum + spec.cores, sliver.cores) <= policy.lent.cores;
}

function checkBooks(world: ComputeWorld, { id, run, engine }: SimBox): void {
  const booked = run!.books.all().map(({ sliver }) => sliver);
  const there = [...engine.instances.values()].map(({ mark }) => mark.sliver);
  if (booked.toSorted().join() !== there.toSorted().join())
    world.complain(`the books of ${id} are not what runs there`);
}

function checkEmpty(world: ComputeWorld): void {
  for (const { host, mark } of instances(world)) world.complain(`${mark.sliver} is left on ${host.id}`);
  for (const { id, run } of world.boxes) {
    if (!run) continue;
    if (run.books.size > 0) world.complain(`${run.books.size} bookings are left at ${id}`);
    for (const slice of run.rows.slices()) world.complain(`the slice ${slice.id} is left`);
  }
}
