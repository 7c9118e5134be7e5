/**
 * The Redis front end as the settings want it: opened, moved and closed while the box runs, with the password that its
 * owner has set. Only the password's hash is kept, in a file that only the box may read.
 */
import { readFile, rm } from "node:fs/promises";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { writeAtomic } from "../../platform/files.ts";
import type { KvClient } from "./client.ts";
import type { RespStore } from "./resp-command.ts";
import { RespError } from "./resp-command.ts";
import { hashRespPassword } from "./resp-password.ts";
import type { RespServer } from "./resp-server.ts";
import { openRespServer } from "./resp-server.ts";

export interface RedisNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  version: string;
  client: KvClient;
  /** Holds the hash of the password, where there is one. */
  passwordFile: string;
  /** Port 0: none. */
  wanted: () => { address: string; port: number };
}

export interface Redis {
  /** Makes it what the settings say; called again after a failure, too. Never rejects. */
  apply(): Promise<void>;
  setPassword(password: string | undefined): Promise<void>;
  status(): {
    state: "off" | "running" | "failed";
    /** Why it failed. */
    reason: string | null;
    address: string;
    port: number;
    clients: number;
    password: boolean;
  };
  /** Why it could not be opened. */
  failure(): string | undefined;
  stats(): ReturnType<RespServer["stats"]> | undefined;
  stop(): Promise<void>;
}

export function createRedis(needs: RedisNeeds): Redis {
  let server: { is: RespServer; as: string } | undefined;
  let failure: string | undefined;
  let password: string | undefined;
  let isRead = false;
  let isStopped = true;
  let turn: Promise<void> = Promise.resolve();
  const { clock, random, log, version } = needs;
  const store = storeOf(needs.client);

  const close = async () => {
    const open = server;
    server = undefined;
    await open?.is.close();
  };
  const change = async () => {
    const { address, port } = needs.wanted();
    if (!isRead) password = await readPassword(needs.passwordFile);
    isRead = true;
    const as = isStopped || port === 0 ? "" : JSON.stringify([address, port, password]);
    if (as === (server?.as ?? "")) {
      if (as === "") failure = undefined;
      return;
    }
    await close();
    failure = undefined;
    if (as === "") return;
    try {
      server = { is: await openRespServer({ store, clock, random, log, version, address, port, password }), as };
    } catch (error) {
      failure = isFailure(error) ? error.code : String(error);
      log.warn("redis clients cannot be taken", { address, port, error });
    }
  };
  const apply = () => (turn = turn.then(change, change));

  return {
    apply() {
      isStopped = false;
      return apply();
    },
    async setPassword(next) {
      if (next === undefined) {
        await rm(needs.passwordFile, { force: true });
        password = undefined;
      } else {
        // Clients send bytes: what was typed is taken as UTF-8.
        password = await hashRespPassword(Buffer.from(next).toString("latin1"), random);
        await writeAtomic(needs.passwordFile, `${password}\n`);
      }
      isRead = true;
      await apply();
    },
    status() {
      const { address, port } = needs.wanted();
      const state = server ? "running" : failure === undefined ? "off" : "failed";
      return {
        ...{ state, reason: failure ?? null, address, port },
        ...{ clients: server?.is.stats().connections ?? 0, password: password !== undefined },
      };
    },
    failure: () => failure,
    stats: () => server?.is.stats(),
    stop() {
      isStopped = true;
      return apply();
    },
  };
}

async function readPassword(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const OFF = "TRYAGAIN this box takes no part in the store; nothing was done";
const FAILED =
  "TRYAGAIN the store of this box has failed, most often its disk (comu health says more); nothing was done";
const DISK_FULL = "OOM the disk of this box is full and its store has stopped; nothing was done";
const EMPTY_KEY = "ERR the key is empty; the store's keys have at least one byte";
const PREFIX = "kv-";

/** Failures as the front end knows them: codes without their prefix. */
function storeOf(client: KvClient): RespStore {
  return {
    run(key, command) {
      if (key === "") return Promise.reject(new RespError(EMPTY_KEY));
      return client.run(key, command).catch(rethrow);
    },
    list: (prefix, options) => client.list(prefix, options).catch(rethrow),
  };
}

function rethrow(error: unknown): never {
  if (isFailure(error, "disk-full")) throw new RespError(DISK_FULL);
  if (!isFailure(error) || !error.code.startsWith(PREFIX)) throw error;
  if (error.code === "kv-off") throw new RespError(OFF);
  if (error.code === "kv-failed") throw new RespError(FAILED);
  throw Object.assign(new Error(error.message, { cause: error }), { code: error.code.slice(PREFIX.length) });
}
