/**
 * An empty lab to look around in by hand: the five hosts of the scenario, until Ctrl-C.
 *   node test/lab/open.ts [--box]     with --box, a box of its own community is started on the first host
 */
import { startBox } from "../support/box.ts";
import { createLab } from "./lab.ts";

const LINK = { rateMbit: 50 };
const HOSTS = [
  ["raval1", "raval"],
  ["raval2", "raval"],
  ["sants1", "sants"],
  ["sants2", "sants"],
  ["gracia1", "gracia"],
] as const;

const lab = createLab({
  hosts: HOSTS.map(([name, zone]) => ({ name, zone, link: LINK })),
  uplinks: { raval: LINK, sants: LINK, gracia: LINK },
});
for (const { zone, address, namespace } of lab.hosts) {
  console.log(`${zone.padEnd(7)} ${address.padEnd(12)} ip netns exec ${namespace} bash`);
}
if (process.argv.includes("--box")) {
  const { name, zone, address, namespace } = lab.host("raval1");
  const box = await startBox({ name, owner: "Anna", newCommunity: "Barri", zone, bind: address, namespace });
  const { code } = await box.cli<{ code: string }>(["invite", "--uses", "10", "--json"]);
  console.log(`\n${name}: ${box.url}, data in ${box.data}\ncode for others: ${code}`);
}
console.log("\nCtrl-C removes the lab.");
// Keeps the process, and with it the lab, until a signal ends it.
setInterval(() => undefined, 60_000);
