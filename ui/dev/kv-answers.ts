/** The canned world of the key-value store: off when empty, three boxes, or a dozen of which one is down. */
import { type World, ago, selfId } from "./world.ts";

type Answer = (world: World, params: Record<string, string>) => unknown;

const SLOTS = 1024;
const KEYS = [
  "forn:torn-de-dissabte",
  "lock:calendari-de-la-sala-gran-de-l’ateneu-llibertari-del-barri-de-sants-i-hostafrancs",
  "noms/biblioteca",
  "radio:oients",
  "radio:volum",
];
const VALUES: Record<string, string> = {
  "radio:oients": "37",
  "noms/biblioteca": '{\n  "caixa": "Biblioteca",\n  "des de": "2026-11-03"\n}',
};

const text = (key: string) => ({ key, keyEncoding: "text" });
const bytesKey = { key: "AP_-gA", keyEncoding: "base64url" };

function boxes(world: World) {
  return world.boxes
    .filter((box) => box.state === "up" || box.state === "away")
    .slice(0, world.size === "full" ? 12 : 3);
}

export function kvStatus(world: World) {
  const isOff = world.size === "empty" || world.size === "new";
  const taking = isOff ? [] : boxes(world);
  const each = taking.length > 0 ? Math.round((SLOTS * Math.min(3, taking.length)) / taking.length) : 0;
  return {
    state: isOff ? "off" : "running",
    store: isOff ? null : "9f3c01aa27d4",
    node: isOff ? null : "4be1f0937c22",
    members: taking.map((box, index) => ({
      ...{ box: box.name, boxId: box.id, self: box.id === selfId, up: !(world.size === "full" && index === 5) },
      ...{ slots: each - (index % 4) * 9, coordinates: Math.round(SLOTS / taking.length) + (index % 3) * 4 },
      node: String(index).padStart(12, "0"),
    })),
    slots: {
      total: SLOTS,
      ready: isOff ? 0 : each - 40,
      copying: world.size === "full" ? 40 : 0,
      leaving: 0,
      reachable: SLOTS,
    },
    dueSlots: world.size === "full" ? 40 : 0,
    copies: Math.min(3, taking.length),
    // In the full world one box is away.
    survives: taking.length >= 3 && world.size !== "full" ? 1 : 0,
    keys: isOff ? 0 : 18_240,
    usedBytes: isOff ? 0 : 41_300_000,
    quotaBytes: 67_108_864,
    ...{ moves: 96, moving: 0, copiedSlots: isOff ? 0 : 310, copiedKeys: isOff ? 0 : 5_520 },
    sent: { copying: { messages: 640, bytes: 9_100_000 }, other: { messages: 88_000, bytes: 31_000_000 } },
    streams: { lost: 0, garbled: 0, refused: 0 },
    openOperations: 2,
    operations: 1_204_500,
    operationsPerSecond: isOff ? 0 : 412.4,
    p50Ms: isOff ? null : 2.4,
    p99Ms: isOff ? null : 11.8,
    redis: {
      state: world.size === "full" ? "running" : "off",
      reason: null,
      address: "127.0.0.1",
      port: 6379,
      clients: 2,
      password: false,
    },
  };
}

function entry(params: Record<string, string>) {
  const isText = params["keyEncoding"] === "text";
  const bytes = Buffer.from(params["key"] ?? "", isText ? "utf8" : "base64url");
  const key = KEYS.find((one) => Buffer.from(one).equals(bytes));
  const name = key === undefined ? bytesKey : text(key);
  const value = key === undefined ? "AAEC_-6A" : (VALUES[key] ?? "Núria Roca");
  return {
    ...name,
    version: "3.177021943.12",
    expiresAt: key?.startsWith("lock:") ? ago(-1_800_000) : null,
    value,
    valueEncoding: key === undefined ? "base64url" : "text",
    sizeBytes: key === undefined ? 6 : Buffer.byteLength(value),
  };
}

export const kvAnswers: Record<string, Answer> = {
  "kv.status": kvStatus,
  "kv.takePart": kvStatus,
  "kv.leave": kvStatus,
  "kv.entry": (_, params) => entry(params),
  "kv.list": (world, { prefix = "" }) => {
    const many = Array.from({ length: 190 }, (_, index) => `sensor:terrat-${index}:temperatura`);
    const all = world.size === "full" ? [...KEYS, ...many] : world.size === "empty" ? [] : KEYS;
    const keys = all.filter((key) => key.startsWith(prefix)).map(text);
    return {
      keys: [...keys, ...(prefix === "" && keys.length > 0 ? [bytesKey] : [])],
      cursor: world.size === "full" ? "x" : null,
    };
  },
};
