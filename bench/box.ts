/**
 * `npm run bench:box`: one box of a community of five at rest, beside a bare Node that serves one page: resident
 * memory, CPU, bytes of the mesh per hour; and the time from the start of the command to the first served page.
 * Prints what it does, and ends with one line of JSON. Ratios are ours over the bare Node's; smaller is better.
 * `--help` tells the options.
 */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cpuSeconds, residentBytes } from "./discovery-counters.ts";
import { median } from "./discovery-sums.ts";
import { parseCounts } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions } from "./options.ts";

const BOXES = 5;
const SETTLE_S = 20;
const ABOUT = `One box of a community of ${BOXES} at rest beside a bare Node that serves one page: resident
memory, CPU, bytes of the mesh for each hour; and the time from the start of the command to the first served
page.`;

const flags = programOptions("npm run bench:box --", ABOUT, {
  json: JSON_OPTION,
  rest: { value: "seconds", text: "how long memory, CPU and bytes are looked at", default: "60" },
  runs: { value: "n", text: "how many starts", default: "5" },
});
const [runs, restS] = asked(() => [parseCounts(flags.runs)[0]!, parseCounts(flags.rest)[0]!] as const);
const root = join(import.meta.dirname, "..");
const comu = join(root, "comu");

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text: string) => (flags.json ? process.stderr : process.stdout).write(`${text}\n`);

interface Running {
  child: ChildProcess;
  url: string;
  data: string;
}

/** Starts a box and resolves when it says that it is ready. */
async function startBox(data: string, flags: string[]): Promise<Running> {
  const network = ["--port", "0", "--mesh-port", "0", "--bind", "127.0.0.1"];
  const child = spawn(comu, ["up", "--json", "--data", data, ...network, ...flags], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once("line", resolve);
    child.once("exit", () => reject(new Error("the box did not start")));
  });
  return { child, url: (JSON.parse(line) as { url: string }).url, data };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

async function meshBytes(url: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  const values = [...text.matchAll(/^comu_mesh_(?:gossip|link)_bytes_total\{[^}]*\} (\d+)/gm)].map((match) =>
    Number(match[1]),
  );
  return values.reduce((sum, value) => sum + value, 0);
}

function json(data: string, words: string[]): unknown {
  return JSON.parse(execFileSync(comu, [...words, "--json", "--data", data]).toString());
}

/** Milliseconds from starting `command` to the first page served at `url`. */
async function timeToPage(command: string[], url: string): Promise<{ ms: number; child: ChildProcess }> {
  const startedMs = performance.now();
  const child = spawn(command[0]!, command.slice(1), { stdio: "ignore" });
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(1000) });
      await answer.text();
      if (answer.ok) return { ms: performance.now() - startedMs, child };
    } catch {
      await sleep(5);
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), "comu-bench-"));
const boxes: Running[] = [];
const bare: ChildProcess[] = [];
try {
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "bench-bench\n", { mode: 0o600 });
  const bareScript = join(folder, "bare.mjs");
  writeFileSync(
    bareScript,
    'import { createServer } from "node:http";\n' +
      'createServer((_q, r) => r.end("hello")).listen(Number(process.argv[2]), "127.0.0.1");\n',
  );

  say(`starting a community of ${BOXES} boxes with one service each`);
  const setup = (name: string) => ["--name", name, "--owner", `Owner of ${name}`, "--password-file", passwordFile];
  boxes.push(await startBox(join(folder, "box1"), [...setup("box1"), "--new-community", "Bench"]));
  const { code } = json(boxes[0]!.data, ["invite", "--uses", String(BOXES)]) as { code: string };
  for (let index = 2; index <= BOXES; index += 1) {
    boxes.push(await startBox(join(folder, `box${index}`), [...setup(`box${index}`), "--join", code]));
  }
  for (const [index, box] of boxes.entries()) {
    const port = new URL(box.url).port;
    json(box.data, ["services", "publish", "--type", "_http._tcp", "--port", port, "--title", `Page ${index + 1}`]);
  }
  bare.push(spawn(process.execPath, [bareScript, "0"], { stdio: "ignore" }));
  say(`letting them settle for ${SETTLE_S} s, then resting for ${restS} s`);
  await sleep(SETTLE_S * 1000);

  const before = await Promise.all(
    boxes.map(async (box) => ({ cpu: cpuSeconds(box.child.pid!), bytes: await meshBytes(box.url) })),
  );
  const bareCpu = cpuSeconds(bare[0]!.pid!);
  const startMs = performance.now();
  await sleep(restS * 1000);
  const seconds = (performance.now() - startMs) / 1000;
  const after = await Promise.all(
    boxes.map(async (box) => ({ cpu: cpuSeconds(box.child.pid!), bytes: await meshBytes(box.url) })),
  );
  const cpuPercent = boxes.map((_box, index) => ((after[index]!.cpu - before[index]!.cpu) / seconds) * 100);
  const bytesPerHour = boxes.map((_box, index) => ((after[index]!.bytes - before[index]!.bytes) / seconds) * 3600);
  const rss = boxes.map((box) => residentBytes(box.child.pid!));
  const bareRss = residentBytes(bare[0]!.pid!);
  const barePercent = ((cpuSeconds(bare[0]!.pid!) - bareCpu) / seconds) * 100;
  for (const [index, box] of boxes.entries()) {
    const [rssMb, meshMb] = [rss[index]! / 1e6, bytesPerHour[index]! / 1e6];
    say(`  ${box.url}  RSS ${rssMb.toFixed(1)} MB, CPU ${cpuPercent[index]!.toFixed(2)} %, ${meshMb.toFixed(2)} MB/h`);
  }
  say(`  bare Node: RSS ${(bareRss / 1e6).toFixed(1)} MB, CPU ${barePercent.toFixed(2)} %`);
  await Promise.all(boxes.map((box) => stop(box.child)));

  say(`timing ${runs} second starts to the first served page, ours and the bare Node in turn`);
  const ours: number[] = [];
  const peers: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const port = 17_000 + run;
    const command = [
      comu,
      "up",
      "--data",
      boxes[0]!.data,
      "--port",
      String(port),
      "--mesh-port",
      "0",
      "--bind",
      "127.0.0.1",
    ];
    const page = await timeToPage(command, `http://127.0.0.1:${port}/`);
    ours.push(page.ms);
    await stop(page.child);
    const bareRun = await timeToPage(
      [process.execPath, bareScript, String(port + 1000)],
      `http://127.0.0.1:${port + 1000}/`,
    );
    peers.push(bareRun.ms);
    await stop(bareRun.child);
    say(`  run ${run + 1}: ours ${Math.round(page.ms)} ms, bare Node ${Math.round(bareRun.ms)} ms`);
  }
  const round = (value: number) => Math.round(value * 100) / 100;
  console.log(
    JSON.stringify({
      bench: "box",
      ratios: { memory_at_rest: round(median(rss) / bareRss), time_to_page: round(median(ours) / median(peers)) },
      medians: {
        memory_at_rest: { ours: median(rss), peer: bareRss, unit: "bytes" },
        cpu_at_rest: { ours: round(median(cpuPercent)), peer: round(barePercent), unit: "percent of a core" },
        mesh_traffic: { ours: Math.round(median(bytesPerHour)), peer: 0, unit: "bytes/hour" },
        time_to_page: { ours: Math.round(median(ours)), peer: Math.round(median(peers)), unit: "ms" },
      },
      runs,
    }),
  );
} finally {
  await Promise.all([...boxes.map((box) => stop(box.child)), ...bare.map(stop)]);
  rmSync(folder, { recursive: true, force: true });
}
