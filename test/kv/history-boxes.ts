/**
 * The boxes of a recorded history: real daemons of one community, each in a network namespace and a zone of its own,
 * so that the router between them can cut any pair, also in one direction only. Clients reach a box whatever is cut:
 * a relay in its namespace leads from a Unix socket, which namespaces do not divide, to where it takes Redis clients.
 */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createLab } from "../lab/lab.ts";
import type { Lab } from "../lab/lab.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually } from "../support/process.ts";
import type { Running } from "../support/process.ts";
import { casThrough } from "./history-cas.ts";
import type { Reach } from "./history-clients.ts";
import type { Victims } from "./history-nemesis.ts";
import { RespConnection } from "./history-resp.ts";

const RESP_PORT = 6379;
const RESP_TIMEOUT_MS = 60_000;
const RING_TIMEOUT_MS = 120_000;
const MOVED_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 5_000;
/** Of each key, once there are as many boxes. */
const COPIES = 3;

interface RingStatus {
  state: string;
  members: { up: boolean }[];
  slots: { total: number; copying: number; reachable: number };
  copies: number;
}

interface Member {
  box: Box;
  relay: Running;
  reach: Reach;
  /** Of those of its processes that are over. */
  said: string[];
}

export class Boxes implements Victims {
  readonly #lab: Lab;
  readonly #members: Member[];

  constructor(lab: Lab, members: Member[]) {
    this.#lab = lab;
    this.#members = members;
  }

  get count(): number {
    return this.#members.length;
  }

  get reaches(): Reach[] {
    return this.#members.map(({ reach }) => reach);
  }

  name(box: number): string {
    return this.#members[box]!.box.name;
  }

  async kill(box: number): Promise<void> {
    const member = this.#members[box]!;
    await member.box.kill();
    member.said.push(member.box.process?.output() ?? "");
  }

  async restart(box: number): Promise<void> {
    await this.#members[box]!.box.restart();
  }

  pause(box: number): void {
    this.#members[box]!.box.process?.signal("SIGSTOP");
  }

  resume(box: number): void {
    this.#members[box]!.box.process?.signal("SIGCONT");
  }

  async leave(box: number): Promise<void> {
    const one = this.#members[box]!.box;
    await one.cli(["kv", "off", "--yes"]);
    await eventually(`${one.name} has handed over`, MOVED_TIMEOUT_MS, async () => {
      return (await one.api<RingStatus>("/kv/status")).state === "off";
    });
  }

  async join(box: number): Promise<void> {
    await this.#members[box]!.box.cli(["kv", "on"]);
  }

  cut(from: number, to: number): void {
    this.#lab.cutOneWay(this.name(from), this.name(to));
  }

  heal(): void {
    for (let one = 0; one < this.count; one += 1) {
      for (let other = one + 1; other < this.count; other += 1) this.#lab.heal(this.name(one), this.name(other));
    }
  }

  /** Boxes whose process is over though nobody killed it now. */
  ended(): string[] {
    return this.#members.filter(({ box }) => !box.running).map(({ box }) => box.name);
  }

  /** What each box said, into a file of its own: `prefix`.NAME.log. Only the newest of each process is kept. */
  writeLogs(prefix: string): string[] {
    return this.#members.map(({ box, said }) => {
      const file = `${prefix}.${box.name}.log`;
      const all = [...said, box.process?.output() ?? ""];
      writeFileSync(file, all.map((text, start) => `--- start ${start + 1}\n${text}`).join("\n"));
      return file;
    });
  }

  async stop(): Promise<void> {
    // A paused one would not hear that it is to stop.
    for (let box = 0; box < this.count; box += 1) this.resume(box);
    await Promise.all(this.#members.flatMap(({ box, relay }) => [box.stop(), relay.stop()]));
    this.#lab.remove();
  }
}

/** Resolves when all boxes are members of the store, hold their copies, and answer. */
export async function startBoxes(count: number, tell: (text: string) => void): Promise<Boxes> {
  const names = Array.from({ length: count }, (_, index) => `b${index + 1}`);
  const lab = createLab({ hosts: names.map((name) => ({ name, zone: name })) });
  const members: Member[] = [];
  try {
    let code: string | undefined;
    for (const name of names) {
      const { address, namespace } = lab.host(name);
      const where = code === undefined ? { newCommunity: "Record" } : { join: code };
      const box = await startBox({ name, owner: "Anna", zone: name, bind: address, namespace, ...where });
      members.push({ box, ...(await open(box, lab)), said: [] });
      code ??= (await box.cli<{ code: string }>(["invite", "--uses", String(count), "--json"])).code;
      tell(`${name} is up`);
    }
    await ready(members, tell);
    return new Boxes(lab, members);
  } catch (cause) {
    await Promise.allSettled(members.flatMap(({ box, relay }) => [box.stop(), relay.stop()]));
    lab.remove();
    throw cause;
  }
}

/** Lets the box take part and take Redis clients, and opens the relay to it. */
async function open(box: Box, lab: Lab): Promise<{ relay: Running; reach: Reach }> {
  await box.api("/settings", { method: "PATCH", body: { values: { kv: { respPort: RESP_PORT } } } });
  await box.api("/kv/take-part", { method: "POST", body: {} });
  const path = join(temporaryFolder("relay"), "resp.sock");
  const relay = lab.host(box.name).start(["socat", `UNIX-LISTEN:${path},fork`, `TCP:127.0.0.1:${RESP_PORT}`]);
  const reach: Reach = { name: box.name, connect: () => connect(path), cas: casThrough(join(box.data, "comu.sock")) };
  return { relay, reach };
}

async function ready(members: readonly Member[], tell: (text: string) => void): Promise<void> {
  for (const { box, reach } of members) {
    await eventually(`${box.name} takes Redis clients`, RESP_TIMEOUT_MS, () => answers(reach));
  }
  const copies = Math.min(COPIES, members.length);
  const sinceMs = performance.now();
  for (const { box } of members) {
    await eventually(`${box.name} sees a whole ring`, RING_TIMEOUT_MS, async () => {
      const { state, members: seen, slots, copies: there } = await box.api<RingStatus>("/kv/status");
      const isWhole = seen.length === members.length && seen.every(({ up }) => up) && slots.copying === 0;
      const told = { state, boxes: seen.length, there, ...slots };
      if (state === "running" && isWhole && there === copies && slots.reachable === slots.total) return true;
      throw new Error(`not yet: ${JSON.stringify(told)}`);
    });
  }
  tell(`the ring is whole after another ${((performance.now() - sinceMs) / 1000).toFixed(1)} s`);
}

async function answers(reach: Reach): Promise<boolean> {
  const connection = new RespConnection(reach.connect());
  try {
    return (await connection.ask(["SET", "ready", reach.name], ASK_TIMEOUT_MS)).type === "text";
  } finally {
    connection.close();
  }
}
