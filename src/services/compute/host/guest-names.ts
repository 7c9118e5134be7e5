/**
 * Lets slivers call one another by name: lines in `/etc/hosts` of each, between two marks; and for those that may
 * speak with the internet, the name servers of their host, where the image has none of its own.
 */
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { InsideFiles } from "../../../platform/engine/inside-files.ts";
import { GUEST_HOSTS_BYTES_MAX } from "../constants.ts";

export interface GuestNames {
  /** Of the engine. */
  instance: string;
  names: readonly { name: string; address: string }[];
  /** Empty: none are written. */
  nameServers: readonly string[];
}

const FIRST = "# comu: slivers of this slice";
const LAST = "# comu: end";
const HOSTS = "/etc/hosts";
const RESOLV = "/etc/resolv.conf";
const EMPTY_HOSTS = "127.0.0.1 localhost\n::1 localhost\n";

export class NameWriter {
  readonly #files: () => InsideFiles;
  readonly #log: Log;
  /** By instance, what was written last. */
  readonly #written = new Map<string, string>();

  constructor(needs: { files: () => InsideFiles; log: Log }) {
    this.#files = needs.files;
    this.#log = needs.log;
  }

  /** What cannot be written is tried again the next time. */
  async write(all: readonly GuestNames[]): Promise<void> {
    const instances = new Set(all.map(({ instance }) => instance));
    for (const instance of this.#written.keys()) if (!instances.has(instance)) this.#written.delete(instance);
    for (const guest of all) {
      const mark = JSON.stringify(guest);
      if (this.#written.get(guest.instance) === mark) continue;
      try {
        await this.#writeOne(guest);
        this.#written.set(guest.instance, mark);
      } catch (error) {
        this.#log.debug("the names of a slice could not be written", { instance: guest.instance, error });
      }
    }
  }

  async #writeOne({ instance, names, nameServers }: GuestNames): Promise<void> {
    const files = this.#files();
    const before = (await read(files, instance, HOSTS)) ?? EMPTY_HOSTS;
    const after = withNames(before, names);
    if (after !== before) await files.write(instance, HOSTS, Buffer.from(after));
    if (nameServers.length === 0) return;
    // A link, or one with content, is somebody's who knows better.
    if (((await read(files, instance, RESOLV)) ?? "").trim() !== "") return;
    await files.write(instance, RESOLV, Buffer.from(nameServers.map((one) => `nameserver ${one}\n`).join("")));
  }
}

/** Undefined when it is not there. A link stays as it is: it counts as content. */
async function read(files: InsideFiles, instance: string, path: string): Promise<string | undefined> {
  try {
    return (await files.read(instance, path, GUEST_HOSTS_BYTES_MAX)).toString("utf8");
  } catch (error) {
    if (isFailure(error, "engine-has-no")) return undefined;
    throw error;
  }
}

/** The file with our lines in the place of those that were there. */
export function withNames(text: string, names: readonly { name: string; address: string }[]): string {
  const lines = text.split("\n");
  const [first, last] = [lines.indexOf(FIRST), lines.indexOf(LAST)];
  const kept = first >= 0 && last > first ? lines.toSpliced(first, last - first + 1) : lines;
  while (kept.at(-1) === "") kept.pop();
  if (names.length === 0) return kept.length > 0 ? `${kept.join("\n")}\n` : "";
  return `${[...kept, FIRST, ...names.map(({ name, address }) => `${address} ${name}`), LAST].join("\n")}\n`;
}
