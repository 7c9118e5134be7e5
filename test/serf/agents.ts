/**
 * Real Serf agents (Debian's `serf`) on loopback for the tests beside this file: started with what a test wants,
 * asked over their RPC port by the real commands, and gone with the test.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { lan } from "../../src/protocols/membership/constants.ts";
import type { Effect, MembershipConfig } from "../../src/protocols/membership/types.ts";
import { needDebian } from "../support/debian.ts";
import type { Running, RunResult } from "../support/process.ts";
import { run, start } from "../support/process.ts";
import { SerfDriver } from "./driver.ts";
import type { SerfDriverOptions } from "./driver.ts";

export const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** Below the ports that systems hand out, and RPC fits above each. Each test of a file has its own. */
let nextPort = 12_000 + Math.floor(Math.random() * 15_000);
const RPC_OFFSET = 1000;
/** Whatever is only waited for. */
export const SEEN_MS = 60_000;

export interface AgentView {
  name: string;
  addr: string;
  status: string;
  tags: Record<string, string>;
}

export interface AgentOptions {
  name: string;
  address: string;
  port: number;
  /** Given by -encrypt, or by a keyring file when there are several or when `ringFile` is set. */
  keys?: readonly Buffer[];
  ringFile?: boolean;
  joins?: { address: string; port: number };
  /** The rest of its configuration file. */
  config?: Record<string, unknown>;
  /** A folder that outlives the agent, for one that is started again. */
  folder?: string;
}

export class Agent {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly running: Running;
  readonly #folder: string;

  constructor(options: AgentOptions, running: Running, folder: string) {
    this.name = options.name;
    this.address = options.address;
    this.port = options.port;
    this.running = running;
    this.#folder = folder;
  }

  /** One of serf's commands; its arguments come after the address of the RPC port. */
  command(name: string, ...args: string[]): Promise<RunResult> {
    return run(["serf", name, `-rpc-addr=${this.address}:${this.port + RPC_OFFSET}`, ...args]);
  }

  async ok(name: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(name, ...args);
    assert.equal(code, 0, `serf ${name} ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  async members(): Promise<Map<string, AgentView>> {
    const list = JSON.parse(await this.ok("members", "-format=json")) as { members: AgentView[] };
    return new Map(list.members.map((member) => [member.name, member]));
  }

  /** "gone" when it does not know the name. */
  async sees(name: string): Promise<string> {
    return (await this.members()).get(name)?.status ?? "gone";
  }

  async ask(...args: string[]): Promise<{ Acks: string[] | null; Responses: Record<string, string> }> {
    return JSON.parse(await this.ok("query", "-format=json", ...args));
  }

  /** The keys in its keyring file, the one that seals first. */
  ring(): string[] {
    return JSON.parse(readFileSync(join(this.#folder, "keyring.json"), "utf8")) as string[];
  }

  output(): string {
    return this.running.output();
  }
}

/** A folder that is gone after the test. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "comu-serf-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts an agent, and waits until it answers commands. */
export async function startAgent(t: TestContext, options: AgentOptions): Promise<Agent> {
  await needDebian(["serf"]);
  const { name, address, port, keys = [], joins } = options;
  const folder = options.folder ?? folderFor(t);
  const config: Record<string, unknown> = {
    ...{ node_name: name, bind: `${address}:${port}`, rpc_addr: `${address}:${port + RPC_OFFSET}`, log_level: "debug" },
    ...{ tags: { role: `${name}-role` }, enable_compression: true },
    event_handlers: ['query:whoami=printf "I am $SERF_SELF_NAME"', 'user:hello=printf "event:$SERF_USER_EVENT:"; cat'],
    ...options.config,
  };
  if (joins) config.start_join = [`${joins.address}:${joins.port}`];
  if (keys.length > 1 || options.ringFile) {
    config.keyring_file = join(folder, "keyring.json");
    writeFileSync(config.keyring_file as string, JSON.stringify(keys.map((key) => key.toString("base64"))));
  } else if (keys.length === 1) config.encrypt_key = keys[0]!.toString("base64");
  const file = join(folder, "agent.json");
  writeFileSync(file, JSON.stringify(config));
  const running = start(["serf", "agent", `-config-file=${file}`], { name });
  t.after(() => running.kill());
  await running.waitForPort(port + RPC_OFFSET);
  return new Agent(options, running, folder);
}

export async function until(what: string, limitMs: number, check: () => boolean | Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  while (!(await check())) {
    if (performance.now() - startMs > limitMs) assert.fail(`not within ${limitMs} ms: ${what}`);
    await sleep(50);
  }
  return Math.round(performance.now() - startMs);
}

export function freshPort(): number {
  return nextPort++;
}

export interface Ours {
  driver: SerfDriver;
  effects: Effect[];
  status(name: string): string;
}

/** A member with our core; it answers queries with what it heard. */
export async function startOurs(
  t: TestContext,
  config: Partial<MembershipConfig> & Pick<MembershipConfig, "advertise">,
  more: Partial<SerfDriverOptions> = {},
): Promise<Ours> {
  const effects: Effect[] = [];
  const driver = new SerfDriver({
    config: { name: "our-box", profile: lan, tags: { zone: "Gràcia", kind: "box" }, ...config },
    clock: systemClock(),
    random: systemRandom(),
    onEffect: (effect) => {
      effects.push(effect);
      if (effect.type !== "query") return;
      const payload = Buffer.from(`box heard ${utf8(effect.payload)}`);
      driver.dispatch({ type: "respond", query: effect.key, payload });
    },
    ...more,
  });
  t.after(() => driver.close());
  await driver.start();
  return { driver, effects, status: (name) => driver.core.member(name)?.status ?? "gone" };
}

export interface Scene extends Ours {
  one: Agent;
  two: Agent;
  port: number;
  joinMs: number;
}

export interface SceneOptions {
  keys?: readonly Buffer[];
  ringFile?: boolean;
  /** Last byte of the first address: files of tests run at one time. */
  net: number;
  ours?: Partial<SerfDriverOptions>;
  agents?: Record<string, unknown>;
}

/** Two agents and a member of ours, all of whom see one another. */
export async function scene(t: TestContext, options: SceneOptions): Promise<Scene> {
  const { keys = [], ringFile = false, net } = options;
  const port = freshPort();
  const shared = { port, keys, ringFile, config: options.agents ?? {} };
  const one = await startAgent(t, { ...shared, name: "agent-one", address: `127.0.${net}.11` });
  const two = await startAgent(t, { ...shared, name: "agent-two", address: `127.0.${net}.12`, joins: one });
  const advertise = { address: `127.0.${net}.13`, port };
  const ours = await startOurs(t, { advertise, compress: keys.length > 0 }, { keys, ...options.ours });
  ours.driver.dispatch({ type: "join", addresses: [{ address: one.address, port }] });
  const bothAlive = () => ours.status("agent-one") === "alive" && ours.status("agent-two") === "alive";
  const joinMs = await until("we see both agents", SEEN_MS, bothAlive);
  for (const agent of [one, two]) {
    await until(`${agent.name} sees us`, SEEN_MS, async () => (await agent.sees("our-box")) === "alive");
  }
  return { ...ours, one, two, port, joinMs };
}

/** Nothing that honest agents sent was refused. */
export function assertNothingRefused({ driver }: Ours): void {
  assert.equal(driver.refused, 0);
  const { refused } = driver.core.counts();
  assert.equal(refused.malformed + refused["unknown-type"] + refused["too-large"], 0, JSON.stringify(refused));
}

/** As Extract, and also for effects that share one shape. */
type EffectOf<T> = Effect extends infer E ? (E extends { type: infer U } ? (T extends U ? E : never) : never) : never;

/** The newest effect of a type, once it is there. */
export async function effectOf<T extends Effect["type"]>(
  { effects }: Ours,
  type: T,
  limitMs: number,
  accept: (effect: EffectOf<T>) => boolean = () => true,
): Promise<EffectOf<T>> {
  const find = () =>
    effects.findLast((effect): effect is EffectOf<T> => effect.type === type && accept(effect as EffectOf<T>));
  await until(`effect ${type}`, limitMs, () => find() !== undefined);
  return find()!;
}
