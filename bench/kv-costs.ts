/**
 * What one operation of the key-value store costs a box, part by part, on this machine: the figures that the model of
 * `bench:kv-boxes` (sim/kv/cost-model.ts) was filled with. Each part is the product's own code, alone in this process;
 * CPU time counts, not the time that passes, so that a busy machine does less harm.
 */
import { systemClock } from "../src/kernel/clock.ts";
import { createLog } from "../src/kernel/log.ts";
import { seededRandom } from "../src/kernel/random.ts";
import { newIdentity } from "../src/platform/identity.ts";
import { openJournal } from "../src/platform/journal.ts";
import { createLinks } from "../src/platform/links.ts";
import { openPort } from "../src/platform/port.ts";
import { decodeFrame, encodeFrame } from "../src/protocols/kv/codec.ts";
import type { Effect, KvEvent } from "../src/protocols/kv/events.ts";
import { createKvNode } from "../src/protocols/kv/node.ts";
import type { KvNode } from "../src/protocols/kv/node.ts";
import type { Command } from "../src/protocols/kv/types.ts";
import { openRespServer } from "../src/services/kv/resp-server.ts";
import { keyOf, storedRows, valueOf } from "../sim/kv/beginning.ts";
import { memoryStore } from "../test/kv/memory-store.ts";
import { needDebian } from "../test/support/debian.ts";
import { runOk } from "../test/support/process.ts";
import { diskFolder } from "./kv-disk.ts";
import { programOptions } from "./options.ts";

const clock = systemClock();
const log = createLog({ clock, level: "error", write: () => {} });
const US_PER_MS = 1000;

/** Of this thread, system calls too: what other threads do, a box does on another core. */
function threadUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

async function spentUs(run: () => Promise<void>): Promise<number> {
  const beforeUs = threadUs();
  await run();
  return threadUs() - beforeUs;
}

const KINDS = ["operation", "frame", "stored"] as const;
type Kind = (typeof KINDS)[number];

interface CoreCosts {
  /** Of the core: an operation that comes, a message that comes, a content that is on the disk. */
  operationUs: number;
  messageUs: number;
  storedUs: number;
  /** Both ways. */
  codecUs: number;
  messageBytes: number;
  messages: number;
}

const SLOTS = 1024;
const KEYS = 10_000;
/** Operations that each box is asked at a time. */
const BATCH = 64;
const NODES = [101, 202, 303];
/** What comes before, while the code is still being compiled, does not count. */
const WARM_SHARE = 0.3;

/** Three nodes in this process, a batch of operations at each at a time, with the core and the codec and no more. */
class CoreMeter {
  readonly #random = seededRandom(1);
  readonly #nodes = new Map<number, KvNode>();
  readonly #spentUs = { operation: 0, frame: 0, stored: 0, codec: 0 };
  readonly #count = { operation: 0, frame: 0, stored: 0, bytes: 0 };
  #queue: { node: number; event: KvEvent }[] = [];
  #id = 0;
  readonly #writes: number;
  readonly #valueBytes: number;

  constructor(writes: number, valueBytes: number) {
    this.#writes = writes;
    this.#valueBytes = valueBytes;
    const rows = storedRows({ nodes: NODES, slots: SLOTS, keys: KEYS, valueBytes });
    for (const node of NODES) {
      const config = { node, life: node, degree: 3, slots: SLOTS, quotaBytes: () => 2 ** 40 };
      const one = createKvNode(config, { random: this.#random, stored: rows.get(node)! });
      one.step(0, 0, { type: "peers", up: NODES, nodes: NODES, leaving: [] });
      this.#nodes.set(node, one);
    }
  }

  run(rounds: number): CoreCosts {
    for (let round = 0; round < rounds; round++) {
      if (round === Math.round(rounds * WARM_SHARE)) this.#forget();
      for (const node of NODES) for (let n = 0; n < BATCH; n++) this.#queue.push({ node, event: this.#operation() });
      while (this.#queue.length > 0) {
        const queue = this.#queue;
        this.#queue = [];
        for (const node of NODES)
          for (const kind of KINDS) {
            const events = queue.filter((one) => one.node === node && one.event.type === kind);
            if (events.length > 0)
              this.#turn(
                node,
                kind,
                events.map(({ event }) => event),
              );
          }
      }
    }
    const [spent, count] = [this.#spentUs, this.#count];
    return {
      operationUs: spent.operation / count.operation,
      messageUs: spent.frame / count.frame,
      storedUs: spent.stored / count.stored,
      codecUs: spent.codec / count.frame,
      messageBytes: count.bytes / count.frame,
      messages: count.frame / count.operation,
    };
  }

  #forget(): void {
    Object.assign(this.#spentUs, { operation: 0, frame: 0, stored: 0, codec: 0 });
    Object.assign(this.#count, { operation: 0, frame: 0, stored: 0, bytes: 0 });
  }

  #operation(): KvEvent {
    const isWrite = this.#random.float() < this.#writes;
    const value = valueOf(this.#valueBytes, ++this.#id);
    const command: Command = isWrite ? { type: "put", value, expiry: { type: "never" } } : { type: "get" };
    return { type: "operation", id: this.#id, key: keyOf(this.#random.below(KEYS)), command };
  }

  #turn(node: number, kind: Kind, events: readonly KvEvent[]): void {
    const beforeUs = threadUs();
    const effects = this.#nodes.get(node)!.stepAll(1_000, 1_000, events);
    this.#note(kind, beforeUs);
    for (const event of events)
      this.#count[kind] += event.type === "frame" ? event.messages.length : Number(kind === "operation");
    const stored = effects.findLast((effect) => effect.type === "store");
    if (stored) {
      this.#count.stored += stored.puts.length;
      this.#queue.push({ node, event: { type: "stored", no: stored.no } });
    }
    for (const effect of effects) if (effect.type === "send") this.#send(node, effect);
  }

  #send(from: number, { to, messages }: Extract<Effect, { type: "send" }>): void {
    const beforeUs = threadUs();
    const bytes = encodeFrame(messages);
    const read = decodeFrame(bytes);
    this.#note("codec", beforeUs);
    this.#count.bytes += bytes.length;
    this.#queue.push({ node: to, event: { type: "frame", from, messages: read } });
  }

  #note(kind: Kind | "codec", beforeUs: number): void {
    this.#spentUs[kind] += threadUs() - beforeUs;
  }
}

/** A frame over an encrypted link between two boxes: both ends together, each frame alone. */
export async function frameUs(bytes: number, frames: number): Promise<number> {
  const box = async (onBytes: (length: number) => void) => {
    const identity = newIdentity();
    const links = createLinks({
      ...{ identity, clock, log, authorize: () => true },
      handler: async () => ({ status: 404, body: new Uint8Array() }),
      streamHandler: (_request, stream) => void stream.on("data", (chunk: Buffer) => onBytes(chunk.length)),
    });
    const onStream = (socket: { destroy(): void }) => socket.destroy();
    const port = await openPort({ address: "127.0.0.1", port: 0, clock, log, onLink: links.accept, onStream });
    return { identity, links, port };
  };
  let [left, heard] = [0, () => {}];
  const from = await box(() => {});
  const to = await box((length) => {
    left -= length;
    if (left <= 0) heard();
  });
  const peer = { boxId: to.identity.boxId, address: "127.0.0.1", port: to.port.local.port };
  const { stream } = await from.links.openStream({ peer, path: "/frames" });
  const frame = Buffer.alloc(bytes, 7);
  const send = async (count: number) => {
    for (let n = 0; n < count; n++) {
      left = bytes;
      const arrived = new Promise<void>((resolve) => (heard = resolve));
      stream.write(frame);
      await arrived;
    }
  };
  await send(frames >> 2);
  const spent = await spentUs(() => send(frames));
  stream.destroy();
  for (const { links, port } of [from, to]) {
    await links.close();
    await port.close();
  }
  return spent / frames;
}

/** One write of the journal with so many puts of `valueBytes`: CPU and time. */
export async function writeCosts(
  puts: number,
  valueBytes: number,
  writes: number,
): Promise<{ cpuUs: number; ms: number }> {
  const { path } = await diskFolder();
  const journal = await openJournal({ folder: `${path}/journal`, clock, log });
  const bytes = new Uint8Array(valueBytes);
  let id = 0;
  const write = async (count: number) => {
    for (let n = 0; n < count; n++)
      await journal.append(Array.from({ length: puts }, () => ({ id: `k00key-${++id % KEYS}`, bytes })));
  };
  await write(writes >> 2);
  const startMs = performance.now();
  const spent = await spentUs(() => write(writes));
  const ms = (performance.now() - startMs) / writes;
  await journal.close();
  return { cpuUs: spent / writes, ms };
}

/** A client's operation over RESP, in front of a store in memory: sockets, parsing, answering. */
export async function respUs(test: "set" | "get", clients: number, operations: number): Promise<number> {
  const server = await openRespServer({
    ...{ store: memoryStore(), clock, log, random: seededRandom(1), version: "1", port: 0 },
  });
  const { port } = server.local;
  const run = async (count: number) => {
    const command = ["redis-benchmark", "-p", String(port), "-t", test, "-d", "256", "-r", String(KEYS), "-q"];
    await runOk([...command, "-c", String(clients), "-n", String(count)], { timeoutMs: 60_000 });
  };
  await run(operations >> 2);
  const spent = await spentUs(() => run(operations));
  await server.close();
  return spent / operations;
}

const CORE_ROUNDS = 600;

const ABOUT = `What one operation of the key-value store costs a box here, part by part: the figures that
bench:kv-boxes reckons with. Installs redis-tools from Debian if they are missing. It takes no options.`;

async function main(): Promise<void> {
  programOptions("node bench/kv-costs.ts", ABOUT, {});
  await needDebian(["redis-tools"]);
  const say = (name: string, us: number) => console.log(`${name.padEnd(64)} ${us.toFixed(2).padStart(9)} us`);
  for (const [mix, writes] of [
    ["write", 1],
    ["half", 0.5],
    ["read", 0.05],
  ] as const) {
    const small = new CoreMeter(writes, 256).run(CORE_ROUNDS);
    const large = new CoreMeter(writes, 4096).run(CORE_ROUNDS);
    say(`core, an operation as it comes (${mix})`, small.operationUs);
    say(`core, a message that comes (${small.messages.toFixed(2)} for an operation)`, small.messageUs);
    say("core, a content that is on the disk", small.storedUs);
    say(`codec, a message of ${small.messageBytes.toFixed(0)} bytes, out and in`, small.codecUs);
    const kib = (large.messageBytes - small.messageBytes) / 1024;
    say("codec, each KiB more", (large.codecUs - small.codecUs) / kib);
    say("core, each KiB more of a message", (large.messageUs - small.messageUs) / kib);
  }
  const [one, many] = [await frameUs(300, 8_000), await frameUs(16_000, 4_000)];
  say("a frame of 300 bytes between boxes, both ends", one);
  say("each KiB more, both ends", (many - one) / ((16_000 - 300) / 1024));
  const [single, group] = [await writeCosts(1, 330, 1_500), await writeCosts(64, 330, 600)];
  say("a write of the journal, one put", single.cpuUs);
  say("each put more", (group.cpuUs - single.cpuUs) / 63);
  say("a write with one put takes", single.ms * US_PER_MS);
  say("a write with 64 puts takes", group.ms * US_PER_MS);
  for (const test of ["set", "get"] as const) say(`RESP ${test}, 64 clients`, await respUs(test, 64, 60_000));
}

if (import.meta.main) {
  await main();
  process.exit(0);
}
