/**
 * `npm run bench:files`: files in a grid of our boxes beside files in a grid of the released Tahoe-LAFS, as Debian
 * packages it, on one machine and one disk and in turns. Prints ratios of ours to Tahoe's, and the goals. `--help`
 * tells the options.
 */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { residentBytes } from "./discovery-counters.ts";
import { median } from "./discovery-sums.ts";
import { startOurs } from "./files-ours.ts";
import { hashedPerByte, report } from "./files-report.ts";
import type { Figure, Found } from "./files-report.ts";
import { temporaryFolder } from "../test/support/at-exit.ts";
import { runOk } from "../test/support/process.ts";
import { NEEDED, SERVERS, TOTAL, byHands } from "./files-sides.ts";
import type { Side, SideName } from "./files-sides.ts";
import { startTahoe } from "./files-tahoe.ts";
import { parseCounts, turned } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions, someOf, teller } from "./options.ts";

const MB = 1_000_000;
const PARTS = ["transfer", "small", "mkdir", "links", "frozen"] as const;
const FULL = { transferMB: 100, linksMB: 50, frozenMB: 20, smallFiles: 1000, singleFiles: 100, folders: 20 };
const WARM_UP = { transferMB: 100, linksMB: 50, frozenMB: 20, smallFiles: 100, singleFiles: 20, folders: 20 };
const QUICK = { transferMB: 20, linksMB: 10, frozenMB: 20, smallFiles: 100, singleFiles: 20, folders: 5 };
const SMALL_BYTES = 1000;
const HANDS = 8;
/** What is hashed at once in blocks of a segment of 1 MiB, and for how long this machine is tried. */
const BLOCK_BYTES = Math.ceil(1_048_576 / NEEDED);
const SHA_TRY_MS = 300;

const ABOUT = `Files in a grid of our boxes beside files in a grid of the released Tahoe-LAFS, as Debian
packages it, on one machine and one disk and in turns: up and down, small files, folders, slow links, a
frozen server, memory. Run it as root.`;

const flags = programOptions("npm run bench:files --", ABOUT, {
  quick: { text: "smaller and fewer files, once" },
  json: JSON_OPTION,
  runs: { value: "n", text: "how often (default: 3, quick 1)" },
  only: { value: "parts", text: `some of ${PARTS.join(",")}` },
  side: { value: "side", text: "ours or tahoe alone" },
});
/** Boxes run for months, and programs are slower at first: each part begins with a round that does not count. */
let isWarmUp = true;
let sizes = WARM_UP;
const [[runs = 1], parts, wantedSides] = asked(() => [
  parseCounts(flags.runs ?? (flags.quick ? "1" : "3")),
  someOf(PARTS, flags.only),
  someOf(["ours", "tahoe"], flags.side),
]);
const say = teller(flags.json);
const load: number[] = [];
const hashSpeeds: number[] = [];
const found: Found = {};

function note(side: SideName, figure: Figure, value: number): void {
  if (isWarmUp) return;
  (found[figure] ??= { ours: [], tahoe: [] })[side].push(value);
  say(`  ${side} ${figure} ${value.toFixed(2)}`);
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / 1000;
}

/** Content that nobody has stored before, quickly made. */
function fresh(bytes: number): Buffer {
  return createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16)).update(Buffer.alloc(bytes));
}

function smallFiles(count: number): Map<string, Buffer> {
  const all = fresh(count * SMALL_BYTES);
  return new Map(
    Array.from({ length: count }, (_, at) => [`file-${at}`, all.subarray(at * SMALL_BYTES, (at + 1) * SMALL_BYTES)]),
  );
}

/** MB/s of one core as it is now, with whatever else this machine does. */
function hashSpeed(): number {
  const block = fresh(BLOCK_BYTES);
  const beganMs = performance.now();
  let hashed = 0;
  while (performance.now() - beganMs < SHA_TRY_MS) {
    createHash("sha256").update(block).digest();
    hashed += BLOCK_BYTES;
  }
  return hashed / MB / ((performance.now() - beganMs) / 1000);
}

async function upAndDown(side: Side, megabytes: number, gateway = side.gateway): Promise<{ up: number; down: number }> {
  const content = fresh(megabytes * MB);
  let name = "";
  const upS = await secondsOf(async () => (name = await gateway.put(content)));
  const downS = await secondsOf(() => gateway.get(name, content));
  return { up: megabytes / upS, down: megabytes / downS };
}

async function transfer(side: Side): Promise<void> {
  const speed = hashSpeed();
  hashSpeeds.push(speed);
  const { up, down } = await upAndDown(side, sizes.transferMB);
  note(side.name, "throughput_upload", up);
  note(side.name, "throughput_download", down);
  note(side.name, "share_ceiling", (100 * up * hashedPerByte(NEEDED, TOTAL)) / speed);
  note(side.name, "memory_storage", median(side.storagePids.map(residentBytes)) / MB);
  note(side.name, "memory_storage_peak", Math.max(...side.storagePids.map(peakBytes)) / MB);
  note(side.name, "memory_gateway", residentBytes(side.gatewayPid) / MB);
}

function peakBytes(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line![1]) * 1024;
}

async function small(side: Side): Promise<void> {
  const { gateway } = side;
  const intoFolder = async (count: number, hands: number) => {
    const [folder, files] = [await gateway.newFolder(), smallFiles(count)];
    const put = () => byHands(hands, files, ([name, content]) => gateway.putInto(folder, name, content));
    return count / (await secondsOf(put));
  };
  note(side.name, "throughput_small_single", await intoFolder(sizes.singleFiles, 1));
  note(side.name, "throughput_small_hands", await intoFolder(sizes.smallFiles, HANDS));
  const from = temporaryFolder("small-files");
  for (const [name, content] of smallFiles(sizes.smallFiles)) await writeFile(join(from, name), content);
  const into = await gateway.newFolder();
  const byCommandS = await secondsOf(() => gateway.putFolder(from, into));
  note(side.name, "throughput_small_command", sizes.smallFiles / byCommandS);
}

async function mkdir(side: Side): Promise<void> {
  const folder = await side.gateway.newFolder();
  const times: number[] = [];
  for (let at = 0; at < sizes.folders; at += 1) {
    times.push(1000 * (await secondsOf(() => side.gateway.makeFolder(folder, `folder-${at}`))));
  }
  note(side.name, "time_mkdir", median(times));
}

async function links(side: Side): Promise<void> {
  const { up, down } = await upAndDown(side, sizes.linksMB, await side.far());
  note(side.name, "throughput_links_up", up);
  note(side.name, "throughput_links_down", down);
}

async function frozen(side: Side, turn: number): Promise<void> {
  const server = turn % SERVERS;
  const upS = async () => {
    const content = fresh(sizes.frozenMB * MB);
    return secondsOf(() => side.gateway.put(content));
  };
  const without = await upS();
  side.freeze(server);
  try {
    note(side.name, "time_frozen_cost", (await upS()) - without);
  } finally {
    side.thaw(server);
  }
  await side.gateway.ready();
}

const WORK = { transfer, small, mkdir, links, frozen };

async function main(): Promise<void> {
  const sides: Side[] = [];
  if (flags.quick) say(`less than the titles say: ${JSON.stringify(QUICK)}`);
  try {
    for (const [name, start] of [["tahoe", startTahoe] as const, ["ours", startOurs] as const]) {
      if (!wantedSides.includes(name)) continue;
      say(`starting ${name}: ${SERVERS} storage servers and a gateway`);
      sides.push(await start());
    }
    for (const part of parts) {
      say(`${part}, to warm up`);
      [isWarmUp, sizes] = [true, flags.quick ? QUICK : WARM_UP];
      for (const side of sides) await WORK[part](side, 0);
      [isWarmUp, sizes] = [false, flags.quick ? QUICK : FULL];
      for (let turn = 0; turn < runs; turn += 1) {
        say(`${part}, ${turn + 1} of ${runs}`);
        load.push(Math.round(loadavg()[0]! * 100) / 100);
        for (const side of turned(sides, turn)) {
          // What the other side has left to the kernel to write must not be written while this one is measured.
          await runOk(["sync"]);
          await WORK[part](side, turn);
        }
      }
    }
    const sha256 = median(hashSpeeds.length > 0 ? hashSpeeds : [hashSpeed()]);
    const machine = { cores: cpus().length, load, sha256, hashedPerByte: hashedPerByte(NEEDED, TOTAL) };
    const { text, json } = report(found, machine, runs);
    if (!flags.json) process.stdout.write(`\n${text}\n\n`);
    process.stdout.write(`${JSON.stringify(json)}\n`);
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
  }
}

await main();
// Killed children are reaped by the exit steps; nothing else may keep this process.
process.exit(0);
