/**
 * A box as somebody meets it who has just started it: `comu up` without any answer, so that its page asks. And what
 * it says of itself, for tests that must know whether a refused set-up left anything behind.
 */
import { temporaryFolder } from "../support/at-exit.ts";
import { Box, COMU_COMMAND, UP_TIMEOUT_MS } from "../support/box.ts";
import { start } from "../support/process.ts";
import type { Owner, Running } from "../support/process.ts";

export interface FreshBox {
  /** As printed, with the set-up key behind the #. */
  url: string;
  origin: string;
  port: number;
  setupKey: string;
  /** For its command line and its socket. */
  box: Box;
  running: Running;
}

interface Printed {
  url: string;
  port: number;
  setUp: boolean;
}

/** The keys of `comu status --json` that say whether the box is set up. */
export interface FreshStatus {
  name: string;
  owner: string;
  zone: string;
  state: string;
  community: { name: string } | null;
}

/** Starts a box on free ports; it is stopped with its owner. */
export async function startFreshBox(owner: Owner, bind = "127.0.0.1"): Promise<FreshBox> {
  const data = temporaryFolder("fresh");
  const where = ["--port", "0", "--mesh-port", "0", "--bind", bind];
  const command = [...COMU_COMMAND, "up", "--json", "--data", data, ...where];
  const running = start(command, { name: "fresh box", env: { COMU_PROFILE: "test" }, owner });
  const [line] = await running.waitForLine(/^\{"url":.*\}$/, UP_TIMEOUT_MS);
  const { url, port, setUp } = JSON.parse(line) as Printed;
  if (setUp) throw new Error("a fresh box says that it is set up");
  const { origin, hash } = new URL(url);
  // The two names are never used: the box is asked only over its socket.
  const box = new Box({ name: "fresh", owner: "nobody", newCommunity: "none", data, port, meshPort: 0, bind });
  return { url, origin, port, setupKey: hash.replace("#setup=", ""), box, running };
}

export async function statusOf({ box }: FreshBox): Promise<FreshStatus> {
  const { name, owner, zone, state, community } = await box.cli<FreshStatus>(["status", "--json"]);
  return { name, owner, zone, state, community };
}
