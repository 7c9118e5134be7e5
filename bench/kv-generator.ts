/**
 * The load generators of `bench:kv`: two small Go programs around one package (`kv-load/`), so that both sides are
 * driven alike, and Redis' own `redis-benchmark` as a second opinion. Built into a temporary folder, without network:
 * etcd's client comes from Debian as source.
 */
import { join } from "node:path";
import { temporaryFolder } from "../test/support/at-exit.ts";
import { runOk } from "../test/support/process.ts";
import { parseLoad, parseRedisBenchmark, shares } from "./kv-sums.ts";
import type { Load } from "./kv-sums.ts";
import type { Side } from "./kv-sides.ts";

/** A first build compiles etcd's client and gRPC: half a minute of one core. */
const BUILD_TIMEOUT_MS = 600_000;
/** Beyond the time of a run: start, connections, operations that are late. */
const RUN_SLACK_MS = 30_000;
const FILL_TIMEOUT_MS = 300_000;
const FILL_CONNECTIONS = 16;
export const VALUE_BYTES = 256;
export const KEYS = 100_000;

/** Go as Debian packages it: libraries as source below one folder, no modules, nothing fetched. */
const GO_ENVIRONMENT = {
  GO111MODULE: "off",
  GOPATH: "/usr/share/gocode",
  GOFLAGS: "",
  GOPROXY: "off",
  CGO_ENABLED: "0",
};

export interface Run {
  clients: number;
  /** Share of writes, 0 to 1. */
  writes: number;
  warmupS: number;
  seconds: number;
  /** Operations per second; undefined: as many as go. */
  rate?: number | undefined;
  /** Which endpoint the first connection takes, and the seed. */
  turn: number;
}

export interface Generators {
  fill(side: Side): Promise<void>;
  run(side: Side, run: Run): Promise<Load>;
}

/** Tests what measures, and builds both programs. */
export async function buildGenerators(): Promise<Generators> {
  const folder = temporaryFolder("kv-generators");
  const go = async (command: readonly string[], cwd: string) =>
    runOk(["go", ...command], {
      cwd: join(import.meta.dirname, cwd),
      env: GO_ENVIRONMENT,
      timeoutMs: BUILD_TIMEOUT_MS,
    });
  for (const name of ["kv-load", "kv-resp"]) await go(["test", "-count=1", "."], name);
  for (const name of ["kv-etcd", "kv-resp"]) await go(["build", "-o", join(folder, name), "."], name);
  const generate = async (side: Side, first: number, flags: Record<string, number>, timeoutMs: number) => {
    const endpoints = side.endpoints.map((_, at) => side.endpoints[(at + first) % side.endpoints.length]!);
    const values = { keys: KEYS, value: VALUE_BYTES, ...flags };
    const program = join(folder, `kv-${side.generator}`);
    const list = Object.entries(values).map(([name, value]) => `-${name}=${value}`);
    return runOk([program, `-endpoints=${endpoints.join(",")}`, ...(side.flags ?? []), ...list], { timeoutMs });
  };
  return {
    async fill(side) {
      await generate(side, 0, { connections: FILL_CONNECTIONS, fill: 1 }, FILL_TIMEOUT_MS);
    },
    async run(side, { clients, writes, warmupS, seconds, rate = 0, turn }) {
      const connections = side.connections(clients);
      const flags = { connections, clients, writes, warmup: warmupS, seconds, rate, seed: turn + 1 };
      return parseLoad(await generate(side, turn, flags, (warmupS + seconds) * 1000 + RUN_SLACK_MS));
    },
  };
}

/** Operations per second of `redis-benchmark`, one of it for each server at the same time. */
export async function redisBenchmark(
  side: Side,
  test: "set" | "get",
  run: { clients: number; operations: number; timeoutMs: number },
): Promise<number> {
  const parts = shares(run.clients, side.endpoints.length);
  const rates = await Promise.all(
    side.endpoints.map(async (endpoint, at) => {
      const [host, port] = endpoint.split(":") as [string, string];
      const operations = Math.ceil((run.operations * parts[at]!) / run.clients);
      const sizes = ["-c", String(parts[at]), "-n", String(operations), "-r", String(KEYS), "-d", String(VALUE_BYTES)];
      const command = ["redis-benchmark", "-h", host, "-p", port, "-t", test, ...sizes, "--csv"];
      const [line] = parseRedisBenchmark(await runOk(command, { timeoutMs: run.timeoutMs }));
      return line!.perS;
    }),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}
