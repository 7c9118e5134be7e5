/** All plays of the simulated grid, by name. */
import { frozen, harm, rollback } from "./harm.ts";
import type { Plan } from "./play.ts";
import { quotas } from "./quotas.ts";
import { spread } from "./spread.ts";
import { turns } from "./turns.ts";
import { destroyed, leases, newBoxes, ownerAway } from "./tending.ts";
import { weather } from "./weather.ts";

export const plans: readonly Plan[] = [
  ...[weather, spread, turns, harm, rollback, frozen, quotas],
  ...[destroyed, ownerAway, leases, newBoxes],
];

export function planOf(name: string): Plan {
  const plan = plans.find((one) => one.name === name);
  if (!plan) throw new Error(`no plan ${name}; there are ${plans.map((one) => one.name).join(", ")}`);
  return plan;
}
