/**
 * The kv service over a store in memory, behind the real HTTP face, with virtual time: for what is in front of the
 * store. Taking part, failures and the figures of the ring are set by hand.
 */
import { createConfig } from "../../src/kernel/config.ts";
import { fail } from "../../src/kernel/errors.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { createEvents } from "../../src/kernel/events.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { Arrival } from "../../src/platform/web/api.ts";
import { cookieOfTests, csrfOfTests, sampleApi } from "../../src/platform/web/sample-service.ts";
import { VALUE_BYTES_MAX } from "../../src/protocols/kv/constants.ts";
import type { Found, Key, KvStatus } from "../../src/services/kv/client.ts";
import { kvErrors, kvSettings, valueTooLarge } from "../../src/services/kv/contract.ts";
import { kv } from "../../src/services/kv/service.ts";
import type { KvStore } from "../../src/services/kv/store-node.ts";
import type { MeshClient } from "../../src/services/mesh/client.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { MemoryFailure, memoryStore } from "./memory-store.ts";

const SELF = "box-one";

export interface Told {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

const MESH = {
  selfId: SELF,
  box: (id: string) => ({ name: `Name of ${id}` }),
  onBoxes: () => {},
} as unknown as MeshClient;

export function kvBench() {
  const clock = virtualClock();
  const events = createEvents();
  const log = createLog({ clock, level: "debug", write: () => {} });
  const memory = memoryStore(() => clock.wallMs());
  const watches = new Set<(key: Key, now: Found | undefined) => void>();
  const figures: Partial<KvStatus> = {};
  const state = {
    now: "off" as KvStatus["state"],
    taken: 0,
    left: 0,
    /** Leaving does not end by itself. */
    isStuck: false,
    wasLeaving: false,
    failWith: undefined as Failure | undefined,
    waitFor: undefined as Promise<void> | undefined,
    failedWith: undefined as string | undefined,
    diskFreeBytes: Number.POSITIVE_INFINITY,
  };
  let moved = () => {};

  const client: KvStore["client"] = {
    async run(key, command) {
      if (state.now === "off" || state.now === "failed") throw kvErrors.fail(`kv-${state.now}`);
      if (command.type === "put" && command.value.length > VALUE_BYTES_MAX) throw valueTooLarge();
      try {
        const result = await memory.run(key, command);
        if (command.type !== "get" && "after" in result) for (const tell of watches) tell(key, result.after);
        return result;
      } catch (error) {
        if (!(error instanceof MemoryFailure)) throw error;
        throw kvErrors.fail(`kv-${error.code}` as "kv-unknown");
      }
    },
    async list(prefix, options) {
      if (state.now === "off" || state.now === "failed") throw kvErrors.fail(`kv-${state.now}`);
      return memory.list(prefix, options);
    },
    watch(prefix, onChange) {
      const tell = (key: Key, now: Found | undefined) => key.startsWith(prefix) && onChange({ key, now });
      watches.add(tell);
      return { stop: () => void watches.delete(tell) };
    },
    state: () => state.now,
    status: () => ({ ...STATUS, state: state.now, ...figures }),
  };
  const store: KvStore = {
    client,
    async takePart() {
      state.taken += 1;
      if (state.failWith) {
        state.now = "failed";
        state.failedWith = state.failWith.code;
        throw state.failWith;
      }
      state.now = "waiting";
      await state.waitFor;
      state.now = "running";
      state.failedWith = undefined;
    },
    async leave(isWanted) {
      state.left += 1;
      state.now = "leaving";
      while (state.isStuck && isWanted()) await new Promise((resolve) => setImmediate(resolve));
      state.now = isWanted() ? "off" : "running";
    },
    wasLeaving: async () => state.wasLeaving,
    usedBytes: () => figures.bytes ?? 0,
    failedWith: () => state.failedWith,
    onMoved: (listener) => void (moved = listener),
    async close() {
      state.now = "off";
    },
  };
  const config = createConfig({ sections: { kv: kvSettings }, load: () => undefined, save: async () => {} });
  const dataFolder = temporaryFolder("kv");
  const service = kv({
    ...{ clock, random: systemRandom(), log, config, events, mesh: MESH, dataFolder, version: "1.2.3" },
    openStore: () => store,
    diskFreeBytes: async () => state.diskFreeBytes,
  });
  const { api } = sampleApi({ clock, events, services: [service], log });

  const send = (
    method: string,
    path: string,
    body?: RequestInit["body"],
    headers: Record<string, string> = {},
    role = "member",
  ) =>
    api.fetch(
      new Request(`http://box.local:7000/api/v1/kv/${path}`, {
        method,
        body: body ?? null,
        headers: { host: "box.local:7000", cookie: `${cookieOfTests}=${role}`, "x-comu-csrf": csrfOfTests, ...headers },
      }),
      { address: "10.0.0.9", local: false } satisfies Arrival,
    );
  const json = async (answer: Response | Promise<Response>): Promise<Told> => {
    const given = await answer;
    return { status: given.status, headers: given.headers, body: (await given.json()) as Told["body"] };
  };
  /** A call with inputs as JSON, as pages make it. */
  const call = (method: string, path: string, input?: object, role?: string) => {
    const body = input === undefined ? undefined : JSON.stringify(input);
    return json(send(method, path, body, { "content-type": "application/json" }, role));
  };
  const code = async (answer: Response | Promise<Response | Told>): Promise<string> => {
    const given = await answer;
    const { status, body } = given instanceof Response ? await json(given) : given;
    return `${status} ${(body["error"] as { code: string } | undefined)?.code ?? ""}`.trim();
  };
  return {
    clock,
    config,
    dataFolder,
    events,
    figures,
    memory,
    moved: () => moved(),
    service,
    state,
    watches,
    send,
    json,
    call,
    code,
  };
}

export type KvBench = ReturnType<typeof kvBench>;

const NO_PEERS = {
  sent: { copying: { messages: 0, bytes: 0 }, other: { messages: 0, bytes: 0 } },
  ...{ lost: 0, garbled: 0, refused: 0 },
};

/** A running box alone, as it says it. */
const STATUS: KvStatus = {
  state: "running",
  store: "00112233aabbccdd",
  node: 2 ** 47,
  members: [{ boxId: SELF, node: 2 ** 47, isUp: true, slots: 1024, coordinates: 1024 }],
  slots: { total: 1024, ready: 1024, copying: 0, leaving: 0 },
  dueSlots: 0,
  ...{
    reachableSlots: 1024,
    copies: 3,
    survives: 1,
    keys: 0,
    bytes: 0,
    quotaBytes: 1024,
    moves: 0,
    moving: 0,
    openOperations: 0,
  },
  ...{ copiedSlots: 0, copiedKeys: 0, peers: NO_PEERS },
  ...{ operations: 0, operationsPerSecond: 0, p50Ms: undefined, p99Ms: undefined },
};

/** A failure as taking part may have it. */
export const DISK_FULL = fail("disk-full");
