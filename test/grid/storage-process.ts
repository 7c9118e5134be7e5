/** A storage server in a process of its own, so that a test can kill it: `node storage-process.ts FOLDER`. */
import { openIdentity } from "../../src/platform/identity.ts";
import { StorageBox } from "./storage-box.ts";

const folder = process.argv[2]!;
const box = await StorageBox.start({ owner: { after: () => {} }, folder, identity: await openIdentity(folder) });
process.stdout.write(`port ${box.port}\n`);
