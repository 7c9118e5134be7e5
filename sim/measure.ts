/**
 * The measuring world: a community at work on a real graph, boxes that change their tags and write records now and
 * then, packet loss, slow boxes; and the figures that come out. Memory sets how many boxes fit, not time.
 */
import { beginTogether } from "./beginning.ts";
import type { SimBox } from "./box.ts";
import { SHARES, Spread } from "./spread.ts";
import type { GraphName } from "./topology.ts";
import { World } from "./world.ts";

export interface MeasureOptions {
  boxes: number;
  seed: number;
  minutes: number;
  loss: number;
  /** Share of boxes that stand still again and again. */
  slow: number;
  lifeguard: boolean;
  profile: "lan" | "mesh" | "test";
  graph: GraphName;
  /** Boxes that write records; all replicate them. 0: membership alone. */
  authors: number;
}

/** Lifeguard's parts that are settings; telling a suspect of its suspicion along with the probe stays. */
const WITHOUT_LIFEGUARD = { awarenessMax: 1, suspicionMaxMult: 1, suspicionConfirmations: 0 };
const MINUTE_MS = 60_000;
/** A slow box stands still for this long on the average, so that it is away for a third of its time. */
const PAUSE_MS = 2500;
const AWAKE_MS = 5000;

export interface Measured {
  bench: "simulation";
  options: MeasureOptions;
  world: Record<string, number | string>;
  /** Milliseconds until 50, 90, 99 and 100 % of the live boxes saw a change; the median over the minutes. */
  membershipMs: Record<string, number | null>;
  recordsMs: Record<string, number | null>;
  falseSuspicionsPerBoxHour: number;
  falseDeathsPerBoxHour: number;
  datagramBytesPerBoxSecond: number;
  streamBytesPerBoxSecond: number;
}

export function measure(options: MeasureOptions, say: (line: string) => void, clockMs: () => number): Measured {
  const beganMs = clockMs();
  const world = new World({
    seed: options.seed,
    boxes: options.boxes,
    profile: options.profile,
    profileChanges: options.lifeguard ? {} : WITHOUT_LIFEGUARD,
    graph: options.graph,
    records: options.authors > 0 ? "known" : "none",
    copyMessages: false,
    audits: false,
  });
  beginTogether(world);
  const readyMs = clockMs();
  say(`${options.boxes} boxes are up after ${Math.round(readyMs - beganMs) / 1000} s`);
  world.network.weather.loss = options.loss;
  const slow = slowDown(world, options.slow);
  const spreads: { tags: Spread; note: Spread | undefined }[] = [];
  for (let minute = 1; minute <= options.minutes; minute++) {
    world.after(1000, () => spreads.push(change(world, options, minute, slow)));
    const before = { ...world.network.traffic };
    world.run(minute * MINUTE_MS);
    say(lineOf(world, minute, before, spreads.at(-1)!, clockMs() - beganMs));
  }
  return figures(world, options, spreads, { readyMs: readyMs - beganMs, tookMs: clockMs() - beganMs });
}

/** These stand still now and then from now on. */
function slowDown(world: World, share: number): Set<SimBox> {
  const random = world.random("slow");
  const slow = new Set<SimBox>();
  while (slow.size < Math.round(share * world.boxes.length)) slow.add(world.boxes[random.below(world.boxes.length)]!);
  const again = (box: SimBox) => {
    world.after(random.float() * 2 * AWAKE_MS, () => {
      box.pausedUntilMs = world.nowMs + random.float() * 2 * PAUSE_MS;
      world.at(box.pausedUntilMs, () => again(box));
    });
  };
  for (const box of slow) again(box);
  return slow;
}

/** One box changes its tags, one writes a note. */
function change(world: World, options: MeasureOptions, minute: number, slow: ReadonlySet<SimBox>) {
  const random = world.random(`change ${minute}`);
  const pick = (count: number): SimBox => {
    for (;;) {
      const box = world.boxes[random.below(count)]!;
      if (!slow.has(box)) return box;
    }
  };
  world.spreads.length = 0;
  const { length } = world.boxes;
  const now = () => world.nowMs;
  const teller = pick(length);
  const version = String(minute);
  const isIt = {
    member: ({ name, tags }: { name: string; tags: Record<string, string> }) =>
      name === teller.key.id && tags.v === version,
  };
  const tags = world.follow(new Spread("tags", length, length - 1, now, isIt));
  teller.gossip!.step({ type: "set-tags", tags: { v: version } });
  if (options.authors === 0) return { tags, note: undefined };
  const author = pick(Math.min(options.authors, length));
  const isNote = ({ author: by, key }: { author: string; key: string }) => by === author.key.id && key === `m${minute}`;
  const note = world.follow(new Spread("note", length, length, now, { change: isNote }));
  author.replica!.put("note", `m${minute}`, { text: `in minute ${minute}` });
  return { tags, note };
}

function lineOf(
  world: World,
  minute: number,
  before: World["network"]["traffic"],
  spread: { tags: Spread; note: Spread | undefined },
  tookMs: number,
): string {
  const { traffic } = world.network;
  const each = (bytes: number) => Math.round(bytes / world.boxes.length / 60);
  const { falseSuspicions, falseDeaths } = world.ledger;
  return [
    `minute ${minute}`,
    `tags ${spread.tags.times().join("/")} ms`,
    `records ${spread.note?.times().join("/") ?? "-"} ms`,
    `datagrams ${each(traffic.datagramBytes - before.datagramBytes)} B/box/s`,
    `streams ${each(traffic.exchangeBytes - before.exchangeBytes)} B/box/s`,
    `false suspicions ${falseSuspicions}, deaths ${falseDeaths}`,
    `${world.steps} events, ${Math.round(tookMs / 100) / 10} s`,
  ].join(" | ");
}

function figures(
  world: World,
  options: MeasureOptions,
  spreads: readonly { tags: Spread; note: Spread | undefined }[],
  { readyMs, tookMs }: { readyMs: number; tookMs: number },
): Measured {
  const boxHours = (options.boxes * options.minutes) / 60;
  const boxSeconds = boxHours * 3600;
  const { traffic } = world.network;
  const round = (value: number) => Number(value.toPrecision(3));
  const notes = spreads.flatMap(({ note }) => note ?? []);
  return {
    bench: "simulation",
    options,
    world: {
      trace: world.trace.hash,
      events: world.steps,
      messages: traffic.datagrams + traffic.exchanges,
      realSeconds: round(tookMs / 1000),
      beginningSeconds: round(readyMs / 1000),
      memoryMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
    },
    membershipMs: medians(spreads.map(({ tags }) => tags)),
    recordsMs: medians(notes),
    falseSuspicionsPerBoxHour: round(world.ledger.falseSuspicions / boxHours),
    falseDeathsPerBoxHour: round(world.ledger.falseDeaths / boxHours),
    datagramBytesPerBoxSecond: round(traffic.datagramBytes / boxSeconds),
    streamBytesPerBoxSecond: round(traffic.exchangeBytes / boxSeconds),
  };
}

function medians(spreads: readonly Spread[]): Record<string, number | null> {
  const table: Record<string, number | null> = {};
  SHARES.forEach((share, place) => {
    const times = spreads.map((spread) => spread.times()[place] ?? Infinity).sort((a, b) => a - b);
    const median = times[times.length >> 1];
    table[`${share * 100} %`] = median === undefined || median === Infinity ? null : median;
  });
  return table;
}
