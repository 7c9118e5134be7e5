/**
 * Records a history of the key-value store: real boxes in network namespaces, clients that ask them all the time, and
 * a nemesis that kills, stops and cuts them apart. Then judges it.
 *
 *   npm run kv:history -- --seconds 60 --out FILE [--nemesis kill,pause,partition,member] [--boxes 5] [--clients 10]
 *                         [--keys 20] [--seed N] [--pause MS]
 *
 * FILE gets one JSON line for each operation (sim/linear/history.ts says how it looks). Exit code 0: linearizable,
 * every box answered at the end, and none said what it should not; 1: one of these is not so; 2: not known, or nothing
 * could be recorded. Unless it is 0, what each box said is in FILE.NAME.log.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkHistory } from "../../sim/linear/check.ts";
import type { Operation } from "../../sim/linear/history.ts";
import { writeHistory } from "../../sim/linear/history.ts";
import { needDebian } from "../support/debian.ts";
import type { Boxes } from "./history-boxes.ts";
import { startBoxes } from "./history-boxes.ts";
import type { NemesisName } from "./history-nemesis.ts";
import { NEMESES } from "./history-nemesis.ts";
import type { RunPlan, RunResult } from "./history-run.ts";
import { record, scheduleText } from "./history-run.ts";
import { phaseTable, statusTable } from "./history-summary.ts";

const EXIT = { ok: 0, illegal: 1, unknown: 2 } as const;
const BOXES_MAX = 20;
const SEEDS = 1_000_000;

const tell = (text: string) => console.log(text);

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions();
    if (process.getuid?.() !== 0) throw new Error("network namespaces are needed: run it as root");
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : String(cause));
    return EXIT.unknown;
  }
  const { out, boxCount, plan } = options;
  await needDebian(["iproute2", "socat"]);
  tell(`${boxCount} boxes, ${plan.clients} clients, ${plan.keys} keys, seed ${plan.seed}`);
  const boxes = await startBoxes(boxCount, tell);
  let exit: number = EXIT.unknown;
  try {
    tell(`The nemesis, from the beginning of the recording:\n${scheduleText(plan, boxes)}`);
    const result = await record(plan, { victims: boxes, reaches: boxes.reaches, tell });
    writeFileSync(out, writeHistory(result.history));
    exit = summarize(result, out, boxes);
  } finally {
    if (exit !== 0) tell(`What the boxes said: ${boxes.writeLogs(out).join(" ")}`);
    await boxes.stop();
  }
  return exit;
}

function readOptions(): { out: string; boxCount: number; plan: RunPlan } {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      seconds: { ...text, default: "60" },
      out: text,
      nemesis: { ...text, default: "all" },
      boxes: { ...text, default: "5" },
      clients: { ...text, default: "10" },
      keys: { ...text, default: "20" },
      pause: text,
      seed: { ...text, default: String(Date.now() % SEEDS) },
    },
  });
  if (values.out === undefined) throw new Error("say where the history goes: --out FILE");
  const number = (name: string, given: string, min: number, max: number): number => {
    const read = Number(given);
    if (Number.isInteger(read) && read >= min && read <= max) return read;
    throw new Error(`--${name}: a whole number from ${min} to ${max}`);
  };
  const plan: RunPlan = {
    totalMs: number("seconds", values.seconds, 5, 86_400) * 1000,
    nemeses: nemesesOf(values.nemesis),
    clients: number("clients", values.clients, 1, 1000),
    keys: number("keys", values.keys, 1, 10_000),
    seed: number("seed", values.seed, 0, SEEDS * 1000),
  };
  if (values.pause !== undefined) plan.pauseMs = number("pause", values.pause, 0, 60_000);
  return { out: values.out, boxCount: number("boxes", values.boxes, 1, BOXES_MAX), plan };
}

function nemesesOf(given: string): readonly NemesisName[] {
  if (given === "all") return NEMESES;
  if (given === "none") return [];
  return given.split(",").map((name) => {
    const known = NEMESES.find((one) => one === name);
    if (!known) throw new Error(`--nemesis: all, none, or some of ${NEMESES.join(",")}`);
    return known;
  });
}

function summarize(result: RunResult, out: string, boxes: Boxes): number {
  const { history, phases, silent, answeredAfterMs, failed, odd, refused } = result;
  tell(`\n${history.length} operations in ${out}:\n${statusTable(history)}`);
  tell(`  connections that a box did not take: ${refused}`);
  for (const [text, times] of odd) tell(`  not foreseen, ${times} times: ${text}`);
  tell(`\n${phaseTable(phases, history)}\n`);
  const ended = boxes.ended();
  if (silent.length > 0) tell(`These did not answer for every key when all was quiet: ${silent.join(" ")}`);
  else tell(`All boxes answered for every key ${(answeredAfterMs / 1000).toFixed(1)} s after the last fault.`);
  if (ended.length > 0) tell(`The processes of these ended though nobody killed them: ${ended.join(" ")}`);
  for (const text of failed) tell(`Failed: ${text}`);
  const exit = judge(history);
  return exit === EXIT.ok && silent.length + ended.length + failed.length + odd.size > 0 ? EXIT.illegal : exit;
}

function judge(history: readonly Operation[]): number {
  const beganMs = performance.now();
  const { verdict, keys } = checkHistory(history);
  const bad = keys.filter((key) => key.verdict !== "ok");
  for (const { key, verdict: of } of bad) tell(`key ${key}: ${of}`);
  if (bad.length > 0) tell("More about these: node sim/linear/main.ts --excerpt FILE");
  const states = keys.reduce((sum, one) => sum + one.states, 0);
  tell(`${verdict}: ${keys.length} keys, ${states} states, ${Math.round(performance.now() - beganMs)} ms`);
  return EXIT[verdict];
}
