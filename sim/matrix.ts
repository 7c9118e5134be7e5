/**
 * The community's bench: measures a community under loss, with and without slow boxes, with and without Lifeguard. Each
 * cell is a process of its own, one after the other, so that none finds the memory of another.
 *
 *   npm run bench:simulation -- --boxes 1000
 *   npm run bench:simulation -- --boxes 20000 --minutes 2 --cells 1-5-on,1-5-off
 *
 * A cell is LOSS-SLOW-LIFEGUARD: percent of datagrams lost, percent of boxes that are slow, on or off.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Times } from "./happenings.ts";
import type { Measured } from "./measure.ts";

const CELLS = ["1-0-on", "1-0-off", "1-5-on", "1-5-off", "10-0-on", "10-0-off", "10-5-on", "10-5-off"];
/** Bytes are the boxes' tables and lie outside; the rest of 20,000 boxes takes some gigabytes. */
const HEAP_MIB = 12_288;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      boxes: { type: "string", default: "1000" },
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: "1" },
      profile: { type: "string", default: "lan" },
      graph: { type: "string", default: "guifi" },
      authors: { type: "string", default: "10" },
      churn: { type: "string", default: "0" },
      cells: { type: "string", default: CELLS.join(",") },
    },
  });
  const { cells, ...others } = values;
  const wanted = cells.split(",");
  const unknown = wanted.find((cell) => !CELLS.includes(cell));
  if (unknown !== undefined) {
    console.error(`no cell ${unknown}; there are ${CELLS.join(", ")}`);
    return 2;
  }
  const measured: [cell: string, Measured][] = [];
  for (const cell of wanted) {
    console.log(`cell ${cell}`);
    const result = await run(cell, Object.entries(others));
    if (!result) return 1;
    measured.push([cell, result]);
  }
  console.log(table(measured));
  return 0;
}

/** Passes on what the cell's process says; its last line is the figures. */
async function run(cell: string, others: [name: string, value: string][]): Promise<Measured | undefined> {
  const [loss, slow, lifeguard] = cell.split("-");
  const options = [...others, ["loss", String(Number(loss) / 100)], ["slow", String(Number(slow) / 100)]];
  const flags = [...options, ["lifeguard", lifeguard!]].flatMap(([name, value]) => [`--${name}`, value!]);
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MIB}`, main, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) console.log((last = line));
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once("close", resolve)));
  if (code !== 0) console.error(`cell ${cell} ended with ${code ?? child.signalCode}`);
  return code === 0 ? (JSON.parse(last) as Measured) : undefined;
}

function table(measured: readonly [cell: string, Measured][]): string {
  const head = [
    "loss, slow boxes, Lifeguard",
    "tags 50 / 90 / 99 / 100 % (s)",
    "failure seen (s)",
    "join seen (s)",
    "records (s)",
    "false suspicions, deaths per box and hour",
    "the same, each raised once",
    "datagrams, streams (B per box and s)",
    "took (CPU), memory",
  ];
  const rows = measured.map(([cell, figures]) => {
    const [loss, slow, lifeguard] = cell.split("-");
    return [
      `${loss} %, ${slow} %, ${lifeguard}`,
      ...[figures.tagsMs, figures.failureMs, figures.joinMs, figures.recordsMs].map(secondsOf),
      `${figures.falseSuspicionsPerBoxHour}, ${figures.falseDeathsPerBoxHour}`,
      `${figures.falseSuspicionsRaisedPerBoxHour}, ${figures.falseDeathsRaisedPerBoxHour}`,
      `${figures.datagramBytesPerBoxSecond}, ${figures.streamBytesPerBoxSecond}`,
      `${figures.world.realSeconds} s (${figures.world.cpuSeconds} s), ${figures.world.memoryMiB} MiB`,
    ];
  });
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A dash: less than half of the cases got so far before the end. */
function secondsOf(times: Times): string {
  const shown = Object.values(times).map((ms) => (ms === null ? "–" : String(Number((ms / 1000).toPrecision(2)))));
  return shown.join(" / ");
}
