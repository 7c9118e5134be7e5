/**
 * A store as it is after a long while, to begin with: slots on the boxes where hashing puts them, and keys that every
 * box has changed before. Spares a simulation, or a measurement, to write all of it first.
 */
import { encodeContent } from "../../src/protocols/kv/content.ts";
import { DEGREE } from "../../src/protocols/kv/constants.ts";
import { encodeSlot, Slot } from "../../src/protocols/kv/slot.ts";
import { groupOf, slotOf } from "../../src/protocols/kv/slots.ts";

interface Beginning {
  nodes: readonly number[];
  slots: number;
  keys: number;
  valueBytes: number;
}

type Row = { id: string; bytes: Uint8Array };

export const keyOf = (number: number) => `key-${number}`;

/** No two alike. */
export function valueOf(bytes: number, number: number): Uint8Array {
  const value = new Uint8Array(bytes);
  new DataView(value.buffer).setFloat64(0, number);
  return value;
}

/** What is on the disk of each node. The boxes of `nodes` have the same numbers as lives. */
export function storedRows({ nodes, slots, keys, valueBytes }: Beginning): Map<number, Row[]> {
  const rows = new Map<number, Row[]>(nodes.map((node) => [node, []]));
  const groups = Array.from({ length: slots }, (_, slot) => groupOf(slot, nodes, DEGREE));
  for (const [number, members] of groups.entries()) {
    const bytes = encodeSlot(new Slot(number, { number: 1, members }, "ready"));
    for (const node of members) rows.get(node)!.push({ id: `s${slotText(number)}`, bytes });
  }
  // As many as will stay: each box that changes a key is noted with it.
  const origins = nodes.map((origin) => ({ origin, first: 0, answers: [{ status: "done" } as const] }));
  for (let number = 0; number < keys; number++) {
    const key = keyOf(number);
    const slot = slotOf(key, slots);
    const version = { round: 1, node: groups[slot]![0]!, n: number + 1 };
    const value = valueOf(valueBytes, -number);
    const bytes = encodeContent({ version, set: version, value, expiresMs: null, origins });
    for (const node of groups[slot]!) rows.get(node)!.push({ id: `k${slotText(slot)}${key}`, bytes });
  }
  return rows;
}

function slotText(slot: number): string {
  return String.fromCharCode(slot >> 8, slot & 255);
}
