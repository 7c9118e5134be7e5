/**
 * Twenty slivers at once on one host with a real engine: all run, each with users of its own, which LXD 5.0 alone does
 * not manage; and what is deleted is gone when the command ends.
 */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { MADE_MS, launchAll } from "./home-and-host.ts";

const COUNT = 20;
const SEEN_TIMEOUT_MS = 60_000;
/** Where the machine's own users end, as the package of LXD sets it. */
const IDS_FROM = 100_000;

interface Slice {
  running: number;
  slivers: { state: string; processes: number | null }[];
}

test("twenty at once all run, stop, start and go", async (t) => {
  const lxd = await startLxd({ owner: t, poolMib: 2048 });
  const env = { LXD_DIR: lxd.folder };
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", env, until: t });
  await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("a storage server", SEEN_TIMEOUT_MS, async () => {
    const { grid } = await box.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 1;
  });
  const image = join(temporaryFolder("image"), "tiny.tar.gz");
  copyFileSync(await tinyImage(), image);
  await box.cli(["files", "put", image, "/tiny.tar.gz", "--json"]);
  await box.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const lent = ["--cores", "20", "--memory", "4GiB", "--disk", "4GiB", "--slivers", "20", "--to", "community"];
  await box.cli(["compute", "lend", ...lent, "--json"]);
  await box.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });

  const wish = ["--memory", "64MiB", "--disk", "64MiB", "--slivers", String(COUNT), "--apart", "none", "--json"];
  const { running } = await launchAll<Slice>(box, ["web", "tiny", ...wish]);
  assert.equal(running, COUNT);
  const list = await lxd.lxc(["list", "--all-projects", "--format", "json"]);
  const instances = JSON.parse(list) as { status: string; config: Record<string, string> }[];
  assert.deepEqual([...new Set(instances.map(({ status }) => status))], ["Running"]);
  const ids = new Set(instances.map(({ config }) => Number(config["volatile.idmap.base"])));
  assert.equal(ids.size, COUNT);
  assert.ok(Math.min(...ids) >= IDS_FROM, String([...ids]));

  const until = (what: string, isSo: (slice: Slice) => boolean) =>
    eventually(what, MADE_MS, async () => {
      const shown = await box.cli<Slice>(["compute", "show", "web", "--json"]);
      if (!isSo(shown)) throw new Error(JSON.stringify(shown));
      return true;
    });
  // More than a host answers at once.
  await until("each has processes", ({ slivers }) => slivers.every(({ processes }) => (processes ?? 0) > 0));
  await box.cli(["compute", "stop", "web", "--json"]);
  await until("all are stopped", ({ slivers }) => slivers.every(({ state }) => state === "stopped"));
  await box.cli(["compute", "start", "web", "--json"]);
  await until("all run again", (slice) => slice.running === COUNT);
  await box.cli(["compute", "delete", "web", "--yes", "--json"]);
  assert.equal((await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "n"])).trim(), "");
  assert.deepEqual(await box.cli(["compute", "lent", "--json"]), []);
});
