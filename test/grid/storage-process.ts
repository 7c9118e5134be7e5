/**
 * A storage server in a process of its own, so that a test can kill it: `node storage-process.ts FOLDER [MS]`. With a
 * number of milliseconds it puts small shares into their files that often.
 */
import { openIdentity } from "../../src/platform/identity.ts";
import { StorageBox } from "./storage-box.ts";

const folder = process.argv[2]!;
const box = await StorageBox.start({ owner: { after: () => {} }, folder, identity: await openIdentity(folder) });
const everyMs = Number(process.argv[3] ?? 0);
if (everyMs > 0) setInterval(() => void box.store.checkpoint(), everyMs);
process.stdout.write(`port ${box.port}\n`);
