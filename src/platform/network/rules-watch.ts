/**
 * Hears from nftables that a table is gone, whoever took it away: `nft flush ruleset` of another program takes those
 * of all. Nothing is asked and nothing runs here meanwhile; the program that listens takes some 4 MB.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import { TABLE_GONE_AFTER_MS } from "./constants.ts";
import { toolEnvironment } from "./tools.ts";

export interface TableWatch {
  clock: Clock;
  /** Of the family `inet`. */
  table: string;
  gone: () => void;
  /** It listens no more, or never did: to be begun again some time. */
  ended: () => void;
}

export function watchTable({ clock, table, gone, ended }: TableWatch): Cancel {
  // It ends with this process, however that ends.
  const words = ["--pdeathsig", "KILL", "--", "nft", "monitor", "tables"];
  const child = spawn("setpriv", words, { env: toolEnvironment(), cwd: "/", stdio: ["ignore", "pipe", "ignore"] });
  let wait: Cancel = () => {};
  createInterface(child.stdout).on("line", (line) => {
    const [what, , family, name] = line.split(" ");
    if (family !== "inet" || name !== table) return;
    wait();
    wait = what === "delete" ? clock.after(TABLE_GONE_AFTER_MS, gone) : () => {};
  });
  let isEnded = false;
  const end = () => {
    wait();
    if (!isEnded) ended();
    isEnded = true;
  };
  child.once("error", end);
  child.once("close", end);
  return () => {
    isEnded = true;
    wait();
    child.kill("SIGKILL");
  };
}
