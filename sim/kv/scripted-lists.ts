/** Scenarios about listings over members of which one or another has missed something. */
import type { ListCursor } from "../../src/protocols/kv/events.ts";
import { A, B, C, D, Script } from "./scripted.ts";
import type { Scenario } from "./scripted-views.ts";

const THREE = [A, B, C];

/** All keys, as a box lists them page by page; throws when it gets no page. */
function listed(script: Script, node: number, limit: number): string {
  const keys: string[] = [];
  let cursor: ListCursor | undefined;
  do {
    const page = script.list(node, limit, cursor);
    script.pass(1_000);
    if (page.effect?.type !== "listed") throw new Error("the scenario did not come about: there is no page");
    keys.push(...page.effect.keys);
    cursor = page.effect.next;
  } while (cursor);
  return keys.join(" ");
}

function missed(script: Script, node: number, change: () => void): void {
  const unheard = script.lose({ type: "accept", to: node });
  change();
  script.end(unheard);
}

/** B has not heard that one key was set, and C not that another was removed; both were answered. */
const listingHasAll: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.know(D, { nodes: THREE });
  for (const key of ["a", "b"]) script.put(A, "1", key);
  missed(script, B, () => script.put(A, "1", "c"));
  missed(script, C, () => script.remove(A, "a"));
  for (const node of [A, B, C, D]) {
    const keys = listed(script, node, 10);
    if (keys !== "b c") return `a listing of b and c has ${keys}`;
  }
  return script.complaint();
};

/** A is gone; B has missed keys that C has, and C has missed that keys before them were removed. */
const pagesEndWithTheShortest: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  for (const key of ["a", "b", "e", "f"]) script.put(A, "1", key);
  missed(script, B, () => ["c", "d"].forEach((key) => script.put(A, "1", key)));
  missed(script, C, () => ["a", "b"].forEach((key) => script.remove(A, key)));
  script.crash(A);
  script.know([B, C], { up: [B, C] });
  for (const limit of [1, 2, 3, 10]) {
    const keys = listed(script, B, limit);
    if (keys !== "c d e f") return `a listing of c to f has ${keys}`;
  }
  return script.complaint();
};

export const listScenarios = { listingHasAll, pagesEndWithTheShortest } as const;
