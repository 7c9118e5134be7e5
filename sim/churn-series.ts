/**
 * Who comes and goes, by what happened in a real network: for each month of a series, which nodes of FunkFeuer Graz
 * were there (fixtures/README.md). Simulated boxes take the part of those nodes, several boxes that of one when there
 * are more, each with moments of its own within the month. Who never came back has left with a word; who did was cut
 * off without one. The series does not say which it was: that is an assumption.
 */
import { readFileSync } from "node:fs";
import type { SimBox } from "./box.ts";
import type { World } from "./world.ts";

interface Series {
  months: string[];
  /** By node: a character for each month, 1 when it was there. */
  nodes: Record<string, string>;
}

export interface Churn {
  /** There from the beginning. */
  present: SimBox[];
  /** There all the time. */
  steady: SimBox[];
  /** Comings and goings in the whole series. */
  comings: number;
  goings: number;
  minutes: number;
}

export function realSeries(): Series {
  const file = new URL("fixtures/ffgraz-presence.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Series;
}

/** Plans the whole series, a month of which takes `monthMs`. */
export function planChurn(world: World, boxes: readonly SimBox[], monthMs: number): Churn {
  const { months, nodes } = realSeries();
  const rows = Object.values(nodes);
  const random = world.random("churn");
  const churn: Churn = {
    present: [],
    steady: [],
    comings: 0,
    goings: 0,
    minutes: ((months.length - 1) * monthMs) / 60_000,
  };
  for (const box of boxes) {
    const row = rows[box.index % rows.length]!;
    if (row[0] === "1") churn.present.push(box);
    if (!row.includes("0")) churn.steady.push(box);
    for (let month = 1; month < months.length; month++) {
      if (row[month] === row[month - 1]) continue;
      const atMs = (month - 1 + random.float()) * monthMs;
      const isBack = row.indexOf("1", month) >= 0;
      if (row[month] === "1") {
        churn.comings++;
        world.at(atMs, () => box.start());
      } else {
        churn.goings++;
        world.at(atMs, () => (isBack ? world.crash(box, Infinity) : box.leave()));
      }
    }
  }
  return churn;
}
