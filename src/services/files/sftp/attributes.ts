/** How an entry looks to an SFTP client: Unix's kinds and rights, and the line that `ls -l` would print. */
import type { FileEntry } from "../tree/file-system.ts";
import type { Attributes } from "./packets.ts";

const FOLDER = 0o040000;
const FILE = 0o100000;
const SECONDS_MAX = 2 ** 32 - 1;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** `ls` says the hour of what is younger than half a year, else the year. */
const YOUNG_MS = 182 * 86_400_000;

export type Shown = Pick<FileEntry, "kind" | "bytes" | "modifiedMs" | "canWrite">;

/** Only the member sees these files, so nobody else has rights. */
export function attributesOf({ kind, bytes, modifiedMs, canWrite }: Shown): Attributes {
  const rights = canWrite ? 0o600 : 0o400;
  return {
    size: bytes,
    mode: kind === "folder" ? FOLDER | rights | 0o100 : FILE | rights,
    modifiedS: Math.min(Math.max(Math.floor(modifiedMs / 1000), 0), SECONDS_MAX),
  };
}

/** The form of OpenSSH's server, which programs take apart. */
export function longName(name: string, shown: Shown, owner: string, nowMs: number): string {
  const rights = `${shown.kind === "folder" ? "d" : "-"}r${shown.canWrite ? "w" : "-"}`;
  const mode = `${rights}${shown.kind === "folder" ? "x" : "-"}------`;
  const who = owner.replace(/[^\w.-]/g, "_").slice(0, 32) || "member";
  const when = new Date(Math.max(shown.modifiedMs, 0));
  const isYoung = Math.abs(nowMs - shown.modifiedMs) < YOUNG_MS;
  const hour = `${two(when.getUTCHours())}:${two(when.getUTCMinutes())}`;
  const day = String(when.getUTCDate()).padStart(2);
  const time = `${MONTHS[when.getUTCMonth()]} ${day} ${isYoung ? hour : String(when.getUTCFullYear()).padStart(5)}`;
  return `${mode}    1 ${who.padEnd(8)} ${who.padEnd(8)} ${String(shown.bytes).padStart(8)} ${time} ${name}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
