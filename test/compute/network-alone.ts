/**
 * The network of slivers of a host without an engine, in the namespace in which this is started: a scenario for
 * network-alone.test.ts, whose results are printed as one line of JSON. Real `nft`, `ip` and `wg`.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { SliverNetwork } from "../../src/services/compute/host/network.ts";
import type { NetworkNeeds } from "../../src/services/compute/host/network.ts";
import { sha256 } from "../../src/services/compute/slice-address.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { eventually, runOk } from "../support/process.ts";
import { countedTools } from "./counted-tools.ts";

const HOME = "b".repeat(52);
/** What it is called follows from this: another one of this machine must not be the same. */
const SELF = randomBytes(26).toString("hex");
const SPEC = { kind: "container", reach: "slice", egressBytesPerS: 0 };
/** Far below the half minute after which everything is looked at in any case. */
const SOON_MS = 10_000;

const clock = systemClock();
const tools = await countedTools();
process.env["PATH"] = tools.path;
const entries: object[] = [];
let isUsed = true;
const told: object[] = [];
const network = new SliverNetwork({
  ...{ clock, sha256, log: createLog({ clock, level: "error", write: (line) => process.stderr.write(line) }) },
  books: { all: () => entries },
  told: { keep: () => {}, all: () => told },
  mesh: { selfId: SELF, boxes: () => [], box: () => undefined },
  ...{ announcedBy: () => undefined, announce: () => {}, isUsed: () => isUsed, port: () => 7_999 },
  ...{ engineSees: async () => true, instanceOf: () => undefined, writeNames: async () => {} },
  ...{ folder: temporaryFolder("slivers"), changed: () => {} },
} as unknown as NetworkNeeds);

const book = (sliver: string) => void entries.push({ sliver, slice: "slice", borrower: { box: HOME }, spec: SPEC });
const tables = async () => (await runOk(["nft", "-s", "list", "ruleset"])).match(/table inet comu_\w+/g) ?? [];

book("abcdefgh0");
network.start();
await network.apply();
tools.calls();
book("abcdefgh1");
await network.nicOf("abcdefgh1");
const forOneMore = tools.calls();
const members = [{ sliver: "abcdefgh0", host: SELF, name: "web-0" }];
told.push({ home: HOME, slice: "slice", members });
await network.nicOf("abcdefgh1");
const forNames = tools.calls();
let again = 0;
for (let at = 0; at < 3; at += 1) {
  await runOk(["nft", "flush", "ruleset"]);
  await eventually("the rules are there again", SOON_MS, async () => (await tables()).length === 1);
  again += 1;
}
// Loading them tells of them as well, which is no reason to look.
await sleep(1_000);
tools.calls();
await sleep(1_000);
const atRest = tools.calls();
isUsed = false;
await network.apply();
await network.stop();
process.stdout.write(`${JSON.stringify({ forOneMore, forNames, again, atRest })}\n`);
process.exit(0);
