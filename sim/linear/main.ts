/**
 * The command that judges a recorded history (sim/linear/history.ts says how it looks): one line for each key that is
 * not linearizable, and one for the whole.
 *
 *   node sim/linear/main.ts FILE              exit 0: linearizable, 1: not, 2: not known, or not readable
 *   node sim/linear/main.ts --excerpt FILE    after each such key, as JSON lines, the end of the longest order, and
 *                                             those operations of which one would have to follow and none can
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkHistory } from "./check.ts";
import type { KeyVerdict } from "./check.ts";
import { readHistory, writeHistory } from "./history.ts";
import type { Operation } from "./history.ts";

const EXIT = { ok: 0, illegal: 1, unknown: 2 } as const;
/** A line names at most so many operations. */
const NAMED_MAX = 3;
const VALUE_CHARACTERS_MAX = 24;

process.exitCode = main();

function main(): number {
  let file: string | undefined;
  let excerpt = false;
  let history: Operation[];
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { excerpt: { type: "boolean" } } });
    if (positionals.length !== 1) throw new Error("give one file: node sim/linear/main.ts [--excerpt] FILE");
    [file, excerpt] = [positionals[0]!, values.excerpt ?? false];
    history = readHistory(readFileSync(file, "utf8"));
  } catch (error) {
    console.error(`${file === undefined ? "" : `${file}: `}${error instanceof Error ? error.message : String(error)}`);
    return EXIT.unknown;
  }
  const beganMs = performance.now();
  const { verdict, keys } = checkHistory(history);
  const tookMs = performance.now() - beganMs;
  for (const one of keys) {
    if (one.verdict === "ok") continue;
    console.log(keyLine(one));
    if (excerpt) printExcerpt(one);
  }
  const has = (status: Operation["status"]) => history.filter((one) => one.status === status).length;
  const count = (what: KeyVerdict["verdict"]) => keys.filter((one) => one.verdict === what).length;
  const states = keys.reduce((sum, one) => sum + one.states, 0);
  console.log(
    `${verdict}: ${history.length} operations (${has("ok")} ok, ${has("fail")} fail, ${has("info")} info), ` +
      `${keys.length} keys (${count("illegal")} illegal, ${count("unknown")} unknown), ` +
      `${states} states, ${Math.round(tookMs)} ms`,
  );
  if (has("ok") === 0) console.log("No operation is known to be done, so this shows nothing.");
  return EXIT[verdict];
}

function keyLine({ key, verdict, operations, states, excerpt }: KeyVerdict): string {
  const { ordered, value, stuck, needing } = excerpt!;
  const name = `key ${JSON.stringify(key)}: ${verdict}`;
  if (verdict === "unknown") {
    return `${name}: given up after ${states} states; the longest order has ${ordered} of ${operations} operations`;
  }
  if (stuck.length === 0) return `${name}: these saw what was never written: ${namesOf(needing)}`;
  const order = `${ordered} of ${operations} operations can be ordered, which leaves ${valueText(value)}`;
  const seen = needing.length > 0 ? `, which must stay for ${namesOf(needing)}` : "";
  return `${name}: ${order}${seen}; then none of these can follow: ${namesOf(stuck)}`;
}

function namesOf(operations: Operation[]): string {
  const named = operations.slice(0, NAMED_MAX).map(operationText).join("; ");
  return operations.length > NAMED_MAX ? `${named}; ${operations.length - NAMED_MAX} more` : named;
}

function printExcerpt({ excerpt }: KeyVerdict): void {
  const { last, stuck, needing } = excerpt!;
  const indented = (operations: Operation[]) =>
    writeHistory(operations)
      .replace(/^(?=.)/gm, "    ")
      .trimEnd();
  const part = (title: string, operations: Operation[]) => {
    if (operations.length > 0) console.log(`  ${title}:\n${indented(operations)}`);
  };
  part("last of the order", last);
  part("next would have to be one of", stuck);
  part(stuck.length > 0 ? "but the value is still needed by" : "saw what was never written", needing);
}

function operationText(one: Operation): string {
  const given = one.op === "cas" ? `${valueText(one.in.expect)}, ${valueText(one.in.value)}` : one.in;
  const inside = one.op === "cas" ? given : one.in === null ? "" : valueText(String(given));
  const answer = one.op === "put" ? "" : ` = ${typeof one.out === "boolean" ? one.out : valueText(one.out)}`;
  return `${one.op}(${inside})${answer} by ${one.proc} from ${one.call} to ${one.ret ?? "?"} ns`;
}

function valueText(value: string | null): string {
  if (value === null) return "nothing";
  const cut = value.length > VALUE_CHARACTERS_MAX ? `${value.slice(0, VALUE_CHARACTERS_MAX)}…` : value;
  return JSON.stringify(cut);
}
