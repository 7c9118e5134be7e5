/**
 * Lets slivers call one another by name: lines in `/etc/hosts` of each, between two marks; and for those that may
 * speak with the internet, the name servers of their host, where the image has none of its own.
 */
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
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
/** Guests that are written to at once. */
const AT_ONCE = 4;
const EMPTY_HOSTS = "127.0.0.1 localhost\n::1 localhost\n";

export class NameWriter {
  readonly #engine: () => Pick<Engine, "files" | "tree">;
  readonly #log: Log;
  /** By instance: what was written last, what could not be, and what is to be there. */
  readonly #written = new Map<string, string>();
  readonly #failed = new Map<string, string>();
  #wished = new Map<string, GuestNames>();
  readonly #busy = new Set<string>();

  constructor(needs: { engine: () => Pick<Engine, "files" | "tree">; log: Log }) {
    this.#engine = needs.engine;
    this.#log = needs.log;
  }

  /** What cannot be written is tried again the next time. A guest that keeps it waiting keeps no other waiting. */
  async write(all: readonly GuestNames[]): Promise<void> {
    this.#wished = new Map(all.map((guest) => [guest.instance, guest]));
    for (const instance of this.#written.keys()) if (!this.#wished.has(instance)) this.#written.delete(instance);
    this.#failed.clear();
    const worker = async () => {
      for (let guest = this.#next(); guest; guest = this.#next()) await this.#try(guest);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  #next(): GuestNames | undefined {
    return [...this.#wished.values()].find((guest) => {
      const { instance } = guest;
      const mark = JSON.stringify(guest);
      return !this.#busy.has(instance) && this.#written.get(instance) !== mark && this.#failed.get(instance) !== mark;
    });
  }

  async #try(guest: GuestNames): Promise<void> {
    const { instance } = guest;
    this.#busy.add(instance);
    try {
      await this.#writeOne(guest);
      this.#written.set(instance, JSON.stringify(guest));
    } catch (error) {
      this.#failed.set(instance, JSON.stringify(guest));
      this.#log.debug("the names of a slice could not be written", { instance, error });
    } finally {
      this.#busy.delete(instance);
    }
  }

  async #writeOne({ instance, names, nameServers }: GuestNames): Promise<void> {
    const { files } = this.#engine();
    const before = (await this.#read(instance, HOSTS)) ?? EMPTY_HOSTS;
    const after = withNames(before, names);
    if (after !== before) await files.write(instance, HOSTS, Buffer.from(after));
    if (nameServers.length === 0) return;
    // A link, or one with content, is somebody's who knows better.
    if (((await this.#read(instance, RESOLV)) ?? "").trim() !== "") return;
    await files.write(instance, RESOLV, Buffer.from(nameServers.map((one) => `nameserver ${one}\n`).join("")));
  }

  /**
   * Undefined when it is not there. Throws for a link, and for what is no file: opening a pipe that a guest put there
   * would wait for ever.
   */
  async #read(instance: string, path: string): Promise<string | undefined> {
    const { files, tree } = this.#engine();
    try {
      const { kind } = await tree.facts(instance, path);
      if (kind !== "file") throw new Error(`${path} is no file`);
      return (await files.read(instance, path, GUEST_HOSTS_BYTES_MAX)).toString("utf8");
    } catch (error) {
      if (isFailure(error, "engine-has-no")) return undefined;
      throw error;
    }
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
