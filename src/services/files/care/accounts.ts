/** The trees of this box's accounts as care goes through them. */
import type { Clock } from "../../../kernel/clock.ts";
import { parseCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { Grid } from "../grid/grid.ts";
import { trashCaps, walk } from "../tree/deep.ts";
import type { Tree } from "../tree/tree.ts";
import type { CareAccount } from "./care.ts";
import type { CareStore } from "./care-store.ts";
import { createChecking } from "./checking.ts";
import type { Checking, Tended } from "./checking.ts";

/** One for each account, made when it is first asked for. */
export function createChecks(needs: {
  clock: Clock;
  crypto: GridCrypto;
  rows: CareStore;
  gridOf: (account: string) => Grid;
}): (account: string) => Checking {
  const made = new Map<string, Checking>();
  return (account) => {
    const known = made.get(account);
    if (known) return known;
    const { gridOf, ...same } = needs;
    const checking = createChecking({ ...same, account, grid: gridOf(account) });
    made.set(account, checking);
    return checking;
  };
}

export function careAccounts(
  tree: Tree,
  gridOf: (account: string) => Grid,
  checkingOf: (account: string) => Checking,
): CareAccount[] {
  return tree.accounts().map((account) => ({
    account,
    grid: gridOf(account),
    checking: checkingOf(account),
    walk: (signal) => everything(tree, account, signal),
  }));
}

/** The tree with former versions, then the trash, and all that is below what lies in it. */
async function* everything(tree: Tree, account: string, signal: AbortSignal): AsyncGenerator<Tended> {
  const files = tree.files(account);
  yield* walk(files.view, "/", { signal });
  for (const { path, cap: text } of trashCaps(files.view)) {
    const cap = parseCap(text);
    if (cap.kind === "unknown") continue;
    if (cap.kind === "directory") yield* walk(files.from(cap, path).view, "/", { signal });
    else yield { path, cap };
  }
}
