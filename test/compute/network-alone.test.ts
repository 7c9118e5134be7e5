/**
 * The network of slivers without an engine: how many programs one more sliver takes, each of which stops the box for
 * milliseconds while the engine works; and that rules which somebody else took away are there again at once.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { createLab } from "../lab/lab.ts";
import { needDebian } from "../support/debian.ts";
import { runOk } from "../support/process.ts";

const SCENARIO = fileURLToPath(new URL("network-alone.ts", import.meta.url));

interface Found {
  forOneMore: string[];
  forNames: string[];
  again: number;
  atRest: string[];
}

test("one more sliver takes one program, and rules that are taken away are there again at once", async (t) => {
  await needDebian(["wireguard-tools", "wireguard-go", "nftables", "iproute2"]);
  const lab = createLab({ hosts: [{ name: "forn", zone: "forn" }] }, t);
  const { namespace } = lab.host("forn");
  const said = await runOk([process.execPath, SCENARIO], { namespace });
  const { forOneMore, forNames, again, atRest } = JSON.parse(said) as Found;
  assert.equal(forOneMore.length, 1, forOneMore.join("\n"));
  assert.match(forOneMore[0]!, /^nft -f /);
  assert.deepEqual(forNames, [], "who is in the slice is for its guests alone");
  assert.equal(again, 3);
  assert.deepEqual(atRest, []);
});
