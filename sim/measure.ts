/**
 * The measuring world: a community at work on a real graph, with what happens in one (happenings.ts), packet loss,
 * slow boxes and churn; and the figures that come out. Memory sets how many boxes fit, not time.
 */
import { beginTogether } from "./beginning.ts";
import type { SimBox } from "./box.ts";
import { planChurn } from "./churn-series.ts";
import type { Churn } from "./churn-series.ts";
import { Happenings } from "./happenings.ts";
import type { Happening, Times } from "./happenings.ts";
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
  /** Seconds that stand for a month of the real series of comings and goings; 0: nobody comes or goes by it. */
  monthSeconds: number;
}

/** Lifeguard's parts that are settings; telling a suspect of its suspicion along with the probe stays. */
const WITHOUT_LIFEGUARD = { awarenessMax: 1, suspicionMaxMult: 1, suspicionConfirmations: 0, secondLooks: 0 };
const MINUTE_MS = 60_000;
/** A slow box stands still for this long on the average, so that it is away for a third of its time. */
const PAUSE_MS = 2500;
const AWAKE_MS = 5000;

/** With so many boxes a minute takes long, and each part of one is told. */
const MANY_BOXES = 5000;
const SLICE_MS = 10_000;

export interface Measured {
  bench: "simulation";
  options: MeasureOptions;
  world: Record<string, number | string>;
  tagsMs: Times;
  failureMs: Times;
  joinMs: Times;
  recordsMs: Times;
  /** As any one box counts them: how many healthy boxes it comes to suspect, or to take for failed, in an hour. */
  falseSuspicionsPerBoxHour: number;
  falseDeathsPerBoxHour: number;
  /** As the community counts them: how often a healthy box is suspected by anybody in an hour. */
  falseSuspicionsRaisedPerBoxHour: number;
  falseDeathsRaisedPerBoxHour: number;
  datagramBytesPerBoxSecond: number;
  streamBytesPerBoxSecond: number;
}

export function measure(options: MeasureOptions, say: (line: string) => void, clockMs: () => number): Measured {
  const beganMs = clockMs();
  const happenings = new Happenings(options.minutes);
  const world = new World({
    seed: options.seed,
    boxes: options.boxes + happenings.newcomers,
    profile: options.profile,
    profileChanges: options.lifeguard ? {} : WITHOUT_LIFEGUARD,
    graph: options.graph,
    records: options.authors > 0 ? "known" : "none",
    copyMessages: false,
    audits: false,
  });
  const community = world.boxes.slice(0, options.boxes);
  const churn = options.monthSeconds > 0 ? planChurn(world, community, options.monthSeconds * 1000) : undefined;
  beginTogether(world, churn?.present ?? community);
  const readyMs = clockMs();
  say(`${options.boxes} boxes are up after ${seconds(readyMs - beganMs)} | ${memoryMiB()} MiB`);
  world.network.weather.loss = options.loss;
  const slow = slowDown(world, community, options.slow);
  const steady = (churn?.steady ?? community).filter((box) => !slow.has(box));
  happenings.plan(world, steady, options.authors);
  let boxSeconds = 0;
  for (let minute = 1; minute <= options.minutes; minute++) {
    const before = { ...world.network.traffic, steps: world.steps, cpuMs: cpuMs() };
    const beforeMs = clockMs();
    const up = world.boxes.filter((box) => box.up).length;
    boxSeconds += 60 * up;
    for (let atMs = (minute - 1) * MINUTE_MS + SLICE_MS; atMs <= minute * MINUTE_MS; atMs += SLICE_MS) {
      world.run(atMs);
      if (up >= MANY_BOXES) say(shortLineOf(world, clockMs() - beforeMs));
    }
    say(lineOf({ world, happenings, minute, up, before, tookMs: clockMs() - beforeMs }));
  }
  const times = { readyMs: readyMs - beganMs, tookMs: clockMs() - beganMs };
  return { ...figures(world, happenings, boxSeconds), options, world: runOf(world, times, churn) };
}

/** These stand still now and then from now on. */
function slowDown(world: World, community: readonly SimBox[], share: number): Set<SimBox> {
  const random = world.random("slow");
  const slow = new Set<SimBox>();
  while (slow.size < Math.round(share * community.length)) slow.add(community[random.below(community.length)]!);
  const again = (box: SimBox) => {
    world.after(random.float() * 2 * AWAKE_MS, () => {
      box.pausedUntilMs = world.nowMs + random.float() * 2 * PAUSE_MS;
      world.at(box.pausedUntilMs, () => again(box));
    });
  };
  for (const box of slow) again(box);
  return slow;
}

interface Progress {
  world: World;
  happenings: Happenings;
  minute: number;
  /** Boxes. */
  up: number;
  /** All until this minute began. */
  before: World["network"]["traffic"] & { steps: number; cpuMs: number };
  tookMs: number;
}

function lineOf({ world, happenings, minute, up, before, tookMs }: Progress): string {
  const { traffic } = world.network;
  const each = (bytes: number) => Math.round(bytes / up / 60);
  const { falseSuspicions, falseDeaths } = world.ledger;
  const toAll = (what: Happening) => {
    const times = Object.values(happenings.times(what)).map((ms) => (ms === null ? "-" : String(ms / 1000)));
    return `${what} ${times.join("/")} s`;
  };
  return [
    `minute ${minute}: ${up} boxes`,
    toAll("tags"),
    toAll("failure"),
    toAll("join"),
    toAll("records"),
    `datagrams ${each(traffic.datagramBytes - before.datagramBytes)} B/box/s`,
    `streams ${each(traffic.exchangeBytes - before.exchangeBytes)} B/box/s`,
    `false suspicions ${falseSuspicions.raised} (${falseSuspicions.noted} notes)`,
    `false deaths ${falseDeaths.raised} (${falseDeaths.noted})`,
    `${world.steps - before.steps} events in ${seconds(tookMs)} (CPU ${seconds(cpuMs() - before.cpuMs)})`,
    `${(MINUTE_MS / tookMs).toPrecision(2)} times real time`,
    `${memoryMiB()} MiB`,
  ].join(" | ");
}

function shortLineOf(world: World, tookMs: number): string {
  const { falseSuspicions, falseDeaths } = world.ledger;
  const alarms = `false suspicions ${falseSuspicions.raised}, deaths ${falseDeaths.raised}`;
  return `${world.nowMs / 1000} s | ${alarms} | ${seconds(tookMs)} of this minute | ${memoryMiB()} MiB`;
}

function figures(world: World, happenings: Happenings, boxSeconds: number): Omit<Measured, "options" | "world"> {
  const { traffic } = world.network;
  const { falseSuspicions, falseDeaths } = world.ledger;
  const perHour = (count: number) => round((count * 3600) / boxSeconds);
  return {
    bench: "simulation",
    tagsMs: happenings.times("tags"),
    failureMs: happenings.times("failure"),
    joinMs: happenings.times("join"),
    recordsMs: happenings.times("records"),
    falseSuspicionsPerBoxHour: perHour(falseSuspicions.noted),
    falseDeathsPerBoxHour: perHour(falseDeaths.noted),
    falseSuspicionsRaisedPerBoxHour: perHour(falseSuspicions.raised),
    falseDeathsRaisedPerBoxHour: perHour(falseDeaths.raised),
    datagramBytesPerBoxSecond: round(traffic.datagramBytes / boxSeconds),
    streamBytesPerBoxSecond: round(traffic.exchangeBytes / boxSeconds),
  };
}

function runOf(world: World, { readyMs, tookMs }: { readyMs: number; tookMs: number }, churn: Churn | undefined) {
  const { datagrams, exchanges } = world.network.traffic;
  return {
    trace: world.trace.hash,
    events: world.steps,
    messages: datagrams + exchanges,
    realSeconds: round(tookMs / 1000),
    cpuSeconds: round(cpuMs() / 1000),
    beginningSeconds: round(readyMs / 1000),
    memoryMiB: memoryMiB(),
    ...(churn ? { comings: churn.comings, goings: churn.goings } : {}),
  };
}

const round = (value: number) => Number(value.toPrecision(3));
const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;
/** Of this process in all its threads: beside the time on the wall it tells how much of the machine others took. */
const cpuMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
const memoryMiB = () => Math.round(process.memoryUsage().rss / 2 ** 20);
