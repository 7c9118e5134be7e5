/**
 * What a host calls for one more sliver: each of the system's programs takes as long as much of what the engine does,
 * and stops the box meanwhile. Programs are counted, not seconds.
 */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tinyImage } from "../engine/images.ts";
import { createLab } from "../lab/lab.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually, runOk } from "../support/process.ts";

const READY_MS = 60_000;
const SIZES = ["--memory", "64MiB", "--disk", "64MiB", "--json"];
/** At a look, which comes each half minute, all is asked for. */
const TRIES = 3;

/** Programs of the same names before the others, which write down how they are called. */
async function countedTools(): Promise<{ path: string; calls: () => string[] }> {
  const folder = temporaryFolder("tools");
  const log = join(folder, "calls");
  writeFileSync(log, "");
  for (const tool of ["ip", "nft", "wg"]) {
    const real = (await runOk(["sh", "-c", `PATH=$PATH:/usr/sbin:/sbin; command -v ${tool}`])).trim();
    writeFileSync(join(folder, tool), `#!/bin/sh\necho "${tool} $*" >> ${log}\nexec ${real} "$@"\n`);
    chmodSync(join(folder, tool), 0o755);
  }
  const calls = () => {
    const lines = readFileSync(log, "utf8").split("\n").filter(Boolean);
    writeFileSync(log, "");
    return lines;
  };
  return { path: `${folder}:${process.env["PATH"]}`, calls };
}

async function bringTiny(box: Box): Promise<void> {
  const image = join(temporaryFolder("image"), "tiny.tar.gz");
  copyFileSync(await tinyImage(), image);
  await box.cli(["files", "put", image, "/tiny.tar.gz", "--json"]);
  await box.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
}

test("one more sliver takes one program: the rules are loaded, and what has not changed is left alone", async (t) => {
  await needDebian(["wireguard-tools", "wireguard-go", "nftables", "iproute2"]);
  const lab = createLab({ hosts: [{ name: "forn", zone: "forn" }] }, t);
  const { namespace, address: bind } = lab.host("forn");
  const lxd = await startLxd({ owner: t, namespace, poolMib: 512, address: "192.168.99.1/24" });
  const { path: PATH, calls } = await countedTools();
  const env = { LXD_DIR: lxd.folder, PATH };
  const box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t, namespace, bind, env });
  await box.cli(["files", "give", "1GiB", "--json"]);
  const amounts = ["--cores", "8", "--memory", "1GiB", "--disk", "400MiB", "--to", "community", "--json"];
  const { network } = await box.cli<{ network: { state: string } }>(["compute", "lend", ...amounts]);
  assert.equal(network.state, "ready", JSON.stringify(network));
  await bringTiny(box);
  await eventually("an offer", READY_MS, async () => {
    const offers = await box.cli<{ fits: number }[]>(["compute", "offers", ...SIZES]);
    return offers.some(({ fits }) => fits > 0);
  });
  const launch = async (name: string) => {
    const { running } = await box.cli<{ running: number }>(["compute", "launch", name, "tiny", ...SIZES]);
    assert.equal(running, 1, name);
    return calls();
  };
  await launch("first");
  const seen: string[][] = [];
  for (let at = 0; at < TRIES; at += 1) seen.push(await launch(`more-${at}`));
  const fewest = seen.toSorted((a, b) => a.length - b.length)[0]!;
  assert.equal(fewest.length, 1, fewest.join("\n"));
  assert.match(fewest[0]!, /^nft -f /);
});
