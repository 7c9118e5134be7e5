/** A Redis front end in a process of its own, which prints what it holds: its memory is not that of the test. */
import { systemClock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { openRespServer } from "../../src/services/kv/resp-server.ts";
import { memoryStore } from "./memory-store.ts";

const TELL_MS = 200;
const clock = systemClock();
const log = createLog({ clock, level: "error", write: (line) => console.error(line) });
const server = await openRespServer({
  ...{ store: memoryStore(), clock, log, random: systemRandom(), version: "test", port: 0 },
});
console.log(`port ${server.local.port}`);
clock.every(TELL_MS, () => {
  const { connections, connectionsRefused, heldBytes } = server.stats();
  console.log(
    `${connections} open, ${connectionsRefused} refused, ${heldBytes} held, ${process.memoryUsage.rss()} rss`,
  );
});
