/**
 * `comu demo`: a small community on this machine, each box its own process with its own owner and zone, real pages
 * behind its services. Everything is removed at the end.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../kernel/clock.ts";
import type { Endpoint } from "../kernel/contract.ts";
import { say } from "../kernel/words.ts";
import type { Language } from "../kernel/words.ts";
import { discoveryContract } from "../services/discovery/contract.ts";
import { meshContract } from "../services/mesh/contract.ts";
import { callBox, cliErrors } from "./call.ts";
import { languageOf, optionsOf } from "./options.ts";
import { words } from "./words.ts";

export const DEMO_BOXES_MAX = 20;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 8_000;
const PASSWORD = "demo-demo";
const clock = systemClock();

/** Names and services of the first boxes; further ones repeat them with a number. */
const CAST = [
  {
    box: "Ateneu",
    owner: "Anna",
    zone: "Gràcia",
    type: "_http._tcp",
    category: "learning",
    title: "Biblioteca de l'Ateneu",
  },
  { box: "Can Batlló", owner: "Biel", zone: "Sants", type: "_http._tcp", category: "radio", title: "Ràdio del barri" },
  { box: "Escola", owner: "Carme", zone: "Gràcia", type: "_http._tcp", category: "files", title: "Apunts de l'escola" },
  { box: "Hort", owner: "David", zone: "Sants", type: "_http._tcp", category: "sensors", title: "El temps a l'hort" },
  {
    box: "Mas Vell",
    owner: "Elna",
    zone: "Alt Penedès",
    type: "_http._tcp",
    category: "maps",
    title: "Mapa de camins",
  },
] as const;

interface DemoBox {
  child: ChildProcess;
  data: string;
  url: string;
}

export function demoCommand(version: string): Command {
  const command = new Command("demo")
    .description("A small community on this machine, to look around; everything is removed at the end")
    .option("--boxes <n>", `how many boxes, up to ${DEMO_BOXES_MAX}`, toCount, 5)
    .option("--json", "print one JSON object when the community is ready");
  return command.action(async () => {
    const { boxes: count } = command.opts() as { boxes: number };
    const { json } = optionsOf(command);
    const language = languageOf(command);
    const folder = await mkdtemp(join(tmpdir(), "comu-demo-"));
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    });
    const demo: { boxes: DemoBox[]; pages: Server[] } = { boxes: [], pages: [] };
    try {
      const begun = build(demo, {
        folder,
        count,
        language,
        tell: (line) => void (json || process.stdout.write(`${line}\n`)),
      });
      const ready = await Promise.race([begun.then(() => true), stopped.then(() => false)]);
      if (!ready) return;
      if (json) process.stdout.write(`${JSON.stringify(description(demo.boxes, version))}\n`);
      else process.stdout.write(`\n${say(words, language, "demo.ready", { password: PASSWORD })}\n\n`);
      await stopped;
    } finally {
      if (!json) process.stdout.write(`${say(words, language, "demo.removing")}\n`);
      await Promise.all(demo.boxes.map((box) => stopChild(box.child)));
      for (const page of demo.pages) page.closeAllConnections();
      for (const page of demo.pages) page.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

interface BuildOptions {
  folder: string;
  count: number;
  language: Language;
  tell: (line: string) => void;
}

async function build(demo: { boxes: DemoBox[]; pages: Server[] }, options: BuildOptions): Promise<void> {
  const passwordFile = join(options.folder, "password");
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  let code = "";
  for (let index = 0; index < options.count; index += 1) {
    const role = CAST[index % CAST.length]!;
    const number = index < CAST.length ? "" : ` ${Math.floor(index / CAST.length) + 1}`;
    const data = join(options.folder, `box-${index + 1}`);
    const community = index === 0 ? ["--new-community", "Barris en xarxa"] : ["--join", code];
    const identity = [
      "--name",
      role.box + number,
      "--owner",
      role.owner,
      "--zone",
      role.zone,
      "--password-file",
      passwordFile,
    ];
    const network = ["--port", "0", "--mesh-port", "0", "--bind", "127.0.0.1", "--data", data];
    const box = await startBox([...identity, ...community, ...network], data);
    demo.boxes.push(box);
    if (index === 0) {
      const invitation = await call(data, meshContract.endpoints.invite, { uses: DEMO_BOXES_MAX });
      code = (invitation as { code: string }).code;
    }
    const page = await servePage(role.title + number, role.owner);
    demo.pages.push(page);
    await call(data, discoveryContract.endpoints.publish, {
      type: role.type,
      category: role.category,
      title: role.title + number,
      port: (page.address() as AddressInfo).port,
      open: true,
    });
    const signIn = say(words, options.language, "demo.sign-in", { owner: role.owner });
    options.tell(`  ${(role.box + number).padEnd(14)} ${box.url}  ${signIn}`);
  }
}

function call(data: string, endpoint: Endpoint, input: Record<string, unknown>): Promise<unknown> {
  return callBox(data, endpoint, input, "en");
}

async function startBox(flags: string[], data: string): Promise<DemoBox> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "up", "--json", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, COMU_PROFILE: "test" },
    // In a group of its own, so that Ctrl-C on the terminal reaches only us, and we stop the boxes in order.
    detached: true,
  });
  let errors = "";
  child.stderr!.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  const line = await new Promise<string>((resolve, reject) => {
    const cancel = clock.after(START_TIMEOUT_MS, () => reject(new Error("the box did not start in time")));
    createInterface({ input: child.stdout! }).once("line", (text) => {
      cancel();
      resolve(text);
    });
    child.once("exit", () => {
      cancel();
      reject(cliErrors.fail("demo-box-failed", { params: { output: errors.trim().split("\n").at(-1) ?? "" } }));
    });
  });
  return { child, data, url: (JSON.parse(line) as { url: string }).url };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const cancel = clock.after(STOP_TIMEOUT_MS, () => child.kill("SIGKILL"));
  await exited;
  cancel();
}

function servePage(title: string, owner: string): Promise<Server> {
  const text = `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${owner}</p>\n`;
  const server = createServer((_request, response) => void response.setHeader("content-type", "text/html").end(text));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function description(boxes: DemoBox[], version: string): object {
  return { version, password: PASSWORD, boxes: boxes.map(({ url, data }) => ({ url, data })) };
}

function toCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > DEMO_BOXES_MAX)
    throw new InvalidArgumentError(`It must be 1 to ${DEMO_BOXES_MAX}.`);
  return count;
}
