/**
 * One member of a cluster as a process of its own: the gossip that a box ships, on its mesh port, and nothing else.
 * It does what a Serf agent does, so that the two can be measured side by side. It prints a line when it begins to
 * join and one for each thing that it sees (`join NAME`, `update NAME`, `failed NAME`), and gives itself a new tag on
 * SIGUSR2. `--help` tells the options.
 */
import type { Duplex } from "node:stream";
import { systemClock } from "../src/kernel/clock.ts";
import { createLog } from "../src/kernel/log.ts";
import { systemRandom } from "../src/kernel/system-random.ts";
import type { Links } from "../src/platform/links.ts";
import { createGossip } from "../src/services/mesh/gossip.ts";
import type { Gossip } from "../src/services/mesh/gossip.ts";
import { createMeshPort } from "../src/services/mesh/mesh-port.ts";
import { createSealing } from "../src/services/mesh/sealing.ts";
import type { Session } from "../src/services/mesh/session.ts";
import { asked, programOptions } from "./options.ts";

/** As Serf's. */
const PORT = 7946;

const ABOUT =
  "One member of a cluster, for bench:discovery: gossip on the mesh port, and nothing else. All but --join is needed.";

const { name, address, key, join } = asked(() => {
  const given = programOptions("node bench/member.ts", ABOUT, {
    name: { value: "name", text: "its own" },
    address: { value: "address", text: "to listen on, and where others find it" },
    key: { value: "base64", text: "that seals the gossip, 32 bytes" },
    join: { value: "address", text: "of any member" },
  });
  const { name, address, key } = given;
  if (!name || !address || !key) throw new Error("--name, --address and --key are needed");
  return { ...given, name, address, key };
});

const say = (line: string) => void process.stdout.write(`${line}\n`);
const clock = systemClock();
const random = systemRandom();
const log = createLog({ clock, level: "warn", write: (line) => void process.stderr.write(`${line}\n`) });
// The port of a box also takes links; a member has none.
const links = { accept: (raw: Duplex) => raw.destroy() } as unknown as Links;
// The port needs of a session only its gossip, which is there once the port is.
const own: { gossip?: Gossip } = {};
const session = () => (own.gossip ? (own as unknown as Session) : undefined);
const port = createMeshPort({ clock, log, links, session });
await port.listen(PORT, address);

const gossip = createGossip({
  clock,
  log,
  random,
  name,
  advertise: { address, port: PORT },
  profile: "lan",
  tags: { note: "0" },
  sealing: createSealing(() => [Buffer.from(key, "base64")], random),
  send: port.send,
  dial: port.dial,
  admit: () => true,
  onMember: (change, member) => say(`${change} ${member.name}`),
});
own.gossip = gossip;

let changes = 0;
process.on("SIGUSR2", () => gossip.setTags({ note: String((changes += 1)) }));

say("ready");
if (join) {
  say("joining");
  const answered = await gossip.join([{ address: join, port: PORT }]);
  if (answered === 0) throw new Error(`${join} does not answer`);
}
