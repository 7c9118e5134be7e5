/** A whole Debian in a container: its systemd comes up, it gets an address, reaches its host, and ends when asked. */
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { openEngine } from "../../src/platform/engine/engine.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually } from "../support/process.ts";
import { debianImage } from "./images.ts";

const HOST = "10.97.0.1";
const BOOT_TIMEOUT_MS = 60_000;

test("Debian runs", async (t) => {
  const tarball = await debianImage();
  const lxd = await startLxd({ address: `${HOST}/24`, owner: t });
  const { images, instances, commands } = openEngine({
    ...{ clock: systemClock(), random: seededRandom(1), socket: lxd.socket },
  });
  const image = await images.import(createReadStream(tarball));
  await instances.create({ name: "debian", image });
  await instances.start("debian");
  const says = async (...command: string[]) => String((await commands.run("debian", command)).stdout).trim();
  await eventually("systemd is up", BOOT_TIMEOUT_MS, async () => {
    return (await says("systemctl", "is-system-running")) === "running";
  });
  await eventually("an address", BOOT_TIMEOUT_MS, async () => {
    const [network] = (await instances.state("debian")).networks;
    return network?.addresses.some((one) => one.family === "inet");
  });
  assert.equal(await says("hostname"), "debian");
  assert.match(await says("ip", "route"), /^default via 10\.97\.0\.1/);
  // Its root is an ordinary account of the host.
  assert.match(await says("cat", "/proc/self/uid_map"), /^0\s+100000\s/);
  await instances.stop("debian");
  assert.equal((await instances.get("debian")).status, "stopped");
});
