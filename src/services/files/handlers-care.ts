/** The endpoints about how files are: what the last check found, and checking and repairing now. */
import { atMost } from "../../kernel/at-most.ts";
import type { Handlers } from "../../kernel/contract.ts";
import { isoTime } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import { parseCap } from "../../protocols/grid/caps.ts";
import type { HealthRow } from "./care/care-store.ts";
import type { careEndpoints } from "./contract-care.ts";
import { filesErrors } from "./errors.ts";
import type { CheckResult } from "./grid/grid.ts";
import type { ServiceParts } from "./parts.ts";
import { CHECK_ITEMS_MAX } from "./shapes.ts";
import { walk } from "./tree/deep.ts";

type All = Handlers<typeof careEndpoints>;
type State = "unknown" | HealthRow["state"];

/** Checks that run at once for one caller: each is some small questions to all servers. */
const CHECKS_AT_ONCE = 4;

interface Item {
  path: string;
  state: State;
  good: number;
  total: number;
  needed: number;
  servers: number;
  owners: number;
  zones: number;
  checkedAt: string | null;
}

export function careHandlers(parts: ServiceParts): All {
  const { filesOf, accountOf, checkingOf, careRows, grids, clock, changed } = parts;
  const itemOf = (path: string, result: CheckResult): Item => {
    const { state, good, total, needed, servers, owners, zones } = result;
    return { path, state, good, total, needed, servers, owners, zones, checkedAt: isoTime(clock.wallMs()) };
  };
  return {
    async health({ path }, context) {
      const caps = await filesOf(context).caps(path);
      const cap = parseCap(caps.verify ?? caps.read ?? "");
      if (cap.kind === "unknown") throw filesErrors.fail("files-bad-cap");
      const storageIndex = checkingOf(accountOf(context)).storageIndexOf(cap);
      if (storageIndex === undefined) return inItsCap(path);
      const row = careRows.health(accountOf(context), storageIndex);
      return row ? rowShown(path, row) : { ...inItsCap(path), ...toBe(grids.of(accountOf(context)).encoding()) };
    },
    async check({ path, verify }, context) {
      const account = accountOf(context);
      const checking = checkingOf(account);
      const found = { checked: 0, healthy: 0, weak: 0, lost: 0, damaged: 0, items: [] as Item[] };
      const { signal } = context;
      await atMost(CHECKS_AT_ONCE, walk(filesOf(context).view, path, { signal }), async (at) => {
        if (at.failure) throw at.failure;
        const result = await checking.check(at, { verify, round: 0, signal });
        found.checked += 1;
        found[result.state] += 1;
        found.damaged += result.damaged.length;
        if (result.state !== "healthy" && found.items.length < CHECK_ITEMS_MAX)
          found.items.push(itemOf(at.path, result));
      });
      changed();
      return { ...found, ok: found.weak === 0 && found.lost === 0 && found.damaged === 0 };
    },
    async repair({ path, verify }, context) {
      const account = accountOf(context);
      const checking = checkingOf(account);
      const found = { checked: 0, repaired: 0, written: 0, failed: 0, waiting: 0, items: [] as Item[] };
      const { signal } = context;
      await atMost(1, walk(filesOf(context).view, path, { signal }), async (at) => {
        found.checked += 1;
        try {
          if (at.failure) throw at.failure;
          const { before, after, written, isHeld } = await checking.repair(at, { verify, round: 0, signal });
          found.written += written;
          if (isHeld) found.waiting += 1;
          if (before.state !== "healthy" && after.state === "healthy") found.repaired += 1;
          if (after.state === "healthy") return;
          if (found.items.length < CHECK_ITEMS_MAX) found.items.push(itemOf(at.path, after));
        } catch (error) {
          if (!isFailure(error)) throw error;
          if (found.items.length < CHECK_ITEMS_MAX) found.items.push({ ...inItsCap(at.path), state: "lost" });
        }
        found.failed += 1;
      });
      changed();
      return { ...found, ok: found.failed === 0 };
    },
  };
}

function rowShown(path: string, { state, good, total, needed, servers, owners, zones, checkedMs }: HealthRow): Item {
  return { path, state, good, total, needed, servers, owners, zones, checkedAt: isoTime(checkedMs) };
}

/** So small that its content stands in its cap: it is as safe as the folder that it is in. */
function inItsCap(path: string): Item {
  const nothing = { good: 0, total: 0, needed: 0, servers: 0, owners: 0, zones: 0 };
  return { path, state: "healthy", ...nothing, checkedAt: null };
}

/** Not checked yet: how it should be. */
function toBe({ needed, total }: { needed: number; total: number }) {
  return { state: "unknown" as const, needed, total };
}
