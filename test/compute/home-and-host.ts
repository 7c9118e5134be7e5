/**
 * Two real boxes of one community for tests of what happens in slivers: a home without an engine, and a host with one,
 * on which the home's slice "web" runs, of one sliver of the tiny image.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import type { Owner } from "../support/process.ts";

export const MADE_MS = 120_000;

export interface HomeAndHost {
  home: Box;
  host: Box;
  lxd: Lxd;
}

/** `data`: the folders of the boxes, which may be on small disks; by default temporary ones. */
export async function homeAndHost(owner: Owner, data?: { home: string; host: string }): Promise<HomeAndHost> {
  const lxd = await startLxd({ owner, poolMib: 512 });
  const none = { LXD_DIR: temporaryFolder("no-engine") };
  const [forHome, forHost] = data ? [{ data: data.home }, { data: data.host }] : [{}, {}];
  const first = { name: "Forn", owner: "Anna", newCommunity: "Barri" };
  const home = await startBox({ ...first, ...forHome, env: none, until: owner });
  const { code } = await home.api<{ code: string }>("/invitations", { method: "POST", body: {} });
  const env = { LXD_DIR: lxd.folder };
  const host = await startBox({ name: "Molí", owner: "Berta", join: code, ...forHost, env, until: owner });
  // By default nothing of a small disk is given.
  if (data) await host.api("/settings", { method: "PATCH", body: { values: { box: { diskReserveMiB: 16 } } } });
  await host.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", MADE_MS, async () => {
    const { grid } = await home.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  const image = join(temporaryFolder("image"), "tiny.tar.gz");
  copyFileSync(await tinyImage(), image);
  await home.cli(["files", "put", image, "/tiny.tar.gz", "--json"]);
  await home.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const lent = ["--cores", "2", "--memory", "512MiB", "--disk", "400MiB", "--to", "community", "--json"];
  await host.cli(["compute", "lend", ...lent]);
  await host.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });
  const small = ["--memory", "64MiB", "--disk", "64MiB", "--json"];
  await eventually("an offer", MADE_MS, async () => {
    const offers = await home.cli<{ fits: number }[]>(["compute", "offers", ...small]);
    return offers.some(({ fits }) => fits > 0);
  });
  await launchAll(home, ["web", "tiny", ...small]);
  return { home, host, lxd };
}

/**
 * `compute launch` with these words, of which the first is the name; resolves with the slice when all of its slivers
 * run. The command itself waits for no host that was silent for a while, as one on a busy machine may be.
 */
export async function launchAll<T extends { running: number; slivers: readonly unknown[] }>(
  box: Box,
  [name = "", ...words]: readonly string[],
): Promise<T> {
  const launched = await box.cli<T>(["compute", "launch", name, ...words]);
  let slice = launched;
  await eventually(`all of ${name} runs`, MADE_MS, async () => {
    if (slice.running === slice.slivers.length) return true;
    slice = await box.cli<T>(["compute", "show", name, "--json"]);
    throw new Error(JSON.stringify(slice));
  });
  return slice;
}
