/**
 * A node of the simulated store that sends well-formed lies to the others: numbers up to the largest, answers to what
 * nobody asked, contents from the future, what it heard once more, and all of it in others' names where that is
 * possible. Who sends a frame is known (links are authenticated); what is in it is not.
 */
import type { Random } from "../../src/kernel/random.ts";
import { encodeContent } from "../../src/protocols/kv/content.ts";
import type { KvEvent } from "../../src/protocols/kv/events.ts";
import type { Ballot, Message, MessageType, View } from "../../src/protocols/kv/messages.ts";
import type { Command, Version } from "../../src/protocols/kv/types.ts";
import type { KvBox, KvWorld } from "./world.ts";

type Liars = { [T in MessageType]: () => Omit<Extract<Message, { type: T }>, "type"> };

const LARGEST = 2 ** 48 - 1;
const HEARD_MAX = 2_000;
const LIE_EVERY_MS = 2;
const LIES_AT_ONCE_MAX = 8;
const REPLAYS = 0.2;

export interface Lying {
  /** Not sent by this one. */
  except?: readonly MessageType[];
  /** What it writes with rights of its own: a change of a key is no lie. */
  ownKeys?: string;
}

export class Liar {
  isLying = true;
  told = 0;
  readonly #box: KvBox;
  readonly #random: Random;
  readonly #heard: { from: number; messages: readonly Message[] }[] = [];
  readonly #lies: Liars;
  readonly #types: MessageType[];
  readonly #lying: Lying;

  constructor(world: KvWorld, box: KvBox, lying: Lying = {}) {
    this.#box = box;
    this.#lying = lying;
    this.#random = world.random("liar");
    this.#lies = this.#liesOf(world);
    this.#types = (Object.keys(this.#lies) as MessageType[]).filter((type) => !lying.except?.includes(type));
    const send = world.send.bind(world);
    // It hears everything, also what is for others.
    world.send = (from: KvBox, to: number, event: KvEvent) => {
      if (event.type === "frame") this.#hear(event);
      send(from, to, event);
    };
    const lie = () => {
      if (!this.isLying) return;
      for (let left = 1 + this.#random.below(LIES_AT_ONCE_MAX); left > 0; left--) {
        const others = world.boxes.filter((other) => other !== box && other.up);
        const to = others[this.#random.below(others.length)]!;
        const messages = this.#say();
        this.told += messages.length;
        send(box, to.node, { type: "frame", from: box.node, messages });
      }
      world.after(LIE_EVERY_MS, lie);
    };
    lie();
  }

  #hear(frame: { from: number; messages: readonly Message[] }): void {
    const at = this.#heard.length < HEARD_MAX ? this.#heard.length : this.#random.below(HEARD_MAX);
    this.#heard[at] = frame;
  }

  #say(): readonly Message[] {
    if (this.#random.float() < REPLAYS) {
      const again = this.#pick(this.#heard)?.messages ?? [];
      return again.filter(({ type }) => this.#types.includes(type));
    }
    return Array.from({ length: 1 + this.#random.below(3) }, () => {
      const type = this.#pick(this.#types)!;
      return { type, ...this.#lies[type]() } as Message;
    });
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random.below(list.length || 1)];
  }

  /** Something that it heard of this type; half of the lies change one thing in what is true. */
  #truth<T extends MessageType>(type: T): Partial<Extract<Message, { type: T }>> {
    if (this.#random.below(2) === 0) return {};
    const all = this.#pick(this.#heard)?.messages.filter((one) => one.type === type) ?? [];
    const { type: _, ...rest } = (this.#pick(all) ?? { type }) as Extract<Message, { type: T }>;
    const names = Object.keys(rest);
    const spoiled = this.#pick(names);
    return Object.fromEntries(Object.entries(rest).filter(([name]) => name !== spoiled)) as never;
  }

  #liesOf(world: KvWorld): Liars {
    const random = this.#random;
    const number = () => this.#pick([0, 1, 2, 3, 7, 100, 2 ** 20, 2 ** 32, LARGEST - 1, LARGEST])!;
    const slot = () => this.#pick([random.below(world.config.slots), random.below(world.config.slots), 1023, 65_535])!;
    const node = () => this.#pick([this.#box.node, ...world.boxes.map((box) => box.node), 0, LARGEST])!;
    const key = () =>
      this.#pick([`k${random.below(3)}`, "n0", `lie${random.below(500)}`, "", "x".repeat(600), "\xff"])!;
    const ballot = (): Ballot => ({ round: number(), node: random.below(2) ? this.#box.node : node() });
    const version = (): Version => ({ ...ballot(), n: number() });
    const members = () => Array.from({ length: random.below(5) }, node);
    const view = (): View => ({ number: number(), members: members() });
    const of = () => ({ slot: slot(), view: number() });
    const flag = () => random.below(2) === 0;
    const content = (under = version()) => {
      if (random.below(4) === 0) return Uint8Array.from({ length: random.below(60) }, () => random.below(256));
      const origins = [{ origin: number(), first: number(), answers: [{ status: "done" as const }] }];
      return encodeContent({ version: under, set: version(), value: new Uint8Array(200), expiresMs: null, origins });
    };
    const listed = () => ({ key: key(), version: version(), isThere: flag() });
    const own = () => this.#lying.ownKeys;
    const command = (): Command =>
      this.#pick<Command>([
        { type: "get" },
        { type: "put", value: new Uint8Array(random.below(500)), expiry: { type: "never" } },
        { type: "delete" },
        { type: "add", by: 1n },
      ])!;
    const some = <T>(make: () => T, most = 4) => Array.from({ length: random.below(most) }, make);
    const later =
      <T extends MessageType>(type: T, lie: () => object) =>
      () =>
        ({ ...lie(), ...this.#truth(type) }) as never;
    return {
      forward: () => ({
        ...{ slot: slot(), key: own() ?? key(), origin: own() === undefined ? number() : LARGEST, first: number() },
        ...{ commands: some(command, 100), tries: random.below(9) },
        confirms: flag() ? { view: number(), ballot: ballot() } : undefined,
      }),
      told: later("told", () => ({ slot: slot(), key: key(), first: number(), told: [], repeated: flag() })),
      refused: later("refused", () => ({
        ...{ slot: slot(), key: key(), first: number(), tries: 0, hint: view() },
        why: this.#pick(["not-ready", "full", "forgotten", "lost-ballot"]),
      })),
      prepare: later("prepare", () => ({ ...of(), ballot: ballot() })),
      promise: later("promise", () => ({ ...of(), ballot: ballot(), digest: "0 0 0" })),
      outbid: later("outbid", () => ({ ...of(), promised: ballot() })),
      "other-view": later("other-view", () => ({ ...of(), hint: view() })),
      read: later("read", () => ({ ...of(), ballot: ballot(), key: key() })),
      holds: later("holds", () => ({ ...of(), ballot: ballot(), key: key(), content: content() })),
      accept: later("accept", () => {
        const under = ballot();
        return { ...of(), ballot: under, key: key(), content: content({ ...under, n: number() }) };
      }),
      accepted: later("accepted", () => ({
        ...of(),
        ballot: ballot(),
        n: random.below(50),
        isFull: random.below(4) === 0,
      })),
      confirm: () => ({ id: number(), slots: some(() => ({ ...of(), ballot: ballot() }), 40) }),
      confirmed: later("confirmed", () => ({ id: number(), refused: [] })),
      drop: later("drop", () => ({ ...of(), ballot: ballot(), key: key(), version: version() })),
      "view-prepare": later("view-prepare", () => ({ ...of(), ballot: ballot() })),
      "view-promise": later("view-promise", () => ({
        ...of(),
        ballot: ballot(),
        accepted: flag() ? undefined : { ballot: ballot(), members: members() },
      })),
      "view-accept": later("view-accept", () => ({ ...of(), ballot: ballot(), members: members() })),
      "view-accepted": later("view-accepted", () => ({ ...of(), ballot: ballot() })),
      "view-outbid": later("view-outbid", () => ({ ...of(), promised: ballot() })),
      decided: later("decided", () => ({ ...of(), members: members(), before: flag() ? view() : undefined })),
      "ask-view": () => ({ slot: slot() }),
      learn: later("learn", () => ({ ...of(), from: members() })),
      learned: later("learned", of),
      index: later("index", () => ({ ...of(), after: flag() ? key() : undefined, isFinal: flag() })),
      indexed: later("indexed", () => ({
        ...{ ...of(), after: undefined, promised: ballot(), isEnd: flag(), isFinal: flag() },
        keys: some(() => ({ key: key(), version: version() }), 20),
      })),
      fetch: later("fetch", () => ({ ...of(), keys: some(key, 20) })),
      fetched: later("fetched", () => ({ ...of(), contents: some(() => ({ key: key(), content: content() })) })),
      ready: later("ready", of),
      "ask-ready": later("ask-ready", of),
      list: () => ({
        id: number(),
        prefix: flag() ? "" : key(),
        after: undefined,
        slots: some(of, 300),
        limit: number(),
      }),
      listed: later("listed", () => ({
        id: number(),
        slots: some(() => ({ slot: slot(), keys: some(listed), isEnd: flag() })),
        refused: some(slot),
      })),
      watch: () => ({ id: random.below(1e6), prefix: key(), isOn: random.below(5) > 0 }),
      changed: later("changed", () => ({ id: random.below(5), key: key(), version: version() })),
      peek: () => ({ id: number(), slot: slot(), key: key() }),
      peeked: later("peeked", () => ({ id: number(), content: flag() ? content() : undefined })),
    };
  }
}
