/**
 * Writers for the test of kills: each owns some things of a box, changes them one at a time through the API, and
 * keeps a model of what was acknowledged. After a kill at most one change per writer was under way; the box must
 * show either the state before it or the state after it, and everything else exactly.
 */
import { isDeepStrictEqual } from "node:util";
import type { Random } from "../../src/kernel/random.ts";
import type { Box } from "../support/box.ts";

export type State = Record<string, string>;

interface Step {
  call: { path: string; method: string; body?: unknown };
  /** The state when it was done; from the answer, which may hold a new id. */
  after: (answer: Record<string, unknown>) => State;
  /** True for a state that fits when nobody heard the answer. */
  fits: (found: State) => boolean;
}

/** What a writer writes: the next change from a state, and how the state is read back from the box. */
interface Plan {
  name: string;
  next: (state: State, random: Random, count: number) => Step;
  read: (box: Box) => Promise<State>;
}

export class Writer {
  readonly plan: Plan;
  readonly #random: Random;
  state: State = {};
  acknowledged = 0;
  #pending: Step | undefined;
  #count = 0;

  constructor(plan: Plan, random: Random) {
    this.plan = plan;
    this.#random = random;
  }

  /** Changes things until the box is gone. */
  async run(box: Box): Promise<void> {
    for (;;) {
      const step = this.plan.next(this.state, this.#random, this.#count++);
      this.#pending = step;
      let answer;
      try {
        answer = await box.ask<Record<string, unknown>>(`/api/v1${step.call.path}`, step.call);
      } catch {
        return;
      }
      const { status, body } = answer;
      if (status !== 200) throw new Error(`${this.plan.name}: ${status} ${JSON.stringify(body)} to ${step.call.path}`);
      this.state = step.after(body);
      this.#pending = undefined;
      this.acknowledged += 1;
    }
  }

  /** Compares the box with the model and goes on from what is there. True when the change under way had been done. */
  async check(box: Box): Promise<boolean> {
    const found = await this.plan.read(box);
    const pending = this.#pending;
    this.#pending = undefined;
    if (isDeepStrictEqual(found, this.state)) return false;
    if (!pending?.fits(found)) {
      const expected = JSON.stringify(this.state);
      throw new Error(`${this.plan.name} has ${JSON.stringify(found)} instead of ${expected}; ${describe(pending)}`);
    }
    this.state = found;
    return true;
  }
}

function describe(step: Step | undefined): string {
  return step ? `under way was ${JSON.stringify(step.call)}` : "nothing was under way";
}

function same(state: State): Pick<Step, "after" | "fits"> {
  return { after: () => state, fits: (found) => isDeepStrictEqual(found, state) };
}

/** One more thing whose id the box chooses: `value` is what must be found under it. */
function oneMore(state: State, value: string): Pick<Step, "after" | "fits"> {
  return {
    after: (answer) => ({ ...state, [String(answer["id"])]: value }),
    fits(found) {
      const added = Object.keys(found).filter((id) => !(id in state));
      const [id] = added;
      return added.length === 1 && isDeepStrictEqual(found, { ...state, [id!]: value });
    },
  };
}

function without(state: State, id: string): State {
  const { [id]: _gone, ...rest } = state;
  return rest;
}

function pick(state: State, random: Random): string {
  const ids = Object.keys(state);
  return ids[random.below(ids.length)]!;
}

interface Shown {
  id: string;
  title: string;
  state: string;
  scope: string;
  own: boolean;
}

/** Services of one writer; the state is "up title" or "withdrawn title" by id. */
export function servicesPlan(name: string, firstPort: number): Plan {
  const COUNT_MAX = 12;
  const read = async (box: Box) => {
    const all = await box.api<Shown[]>("/services?all=true");
    const mine = all.filter((one) => one.own && one.title.startsWith(`${name} `));
    // A change of the title must leave the scope alone.
    const shown = (one: (typeof mine)[number]) => (one.scope === "zone" ? `${one.state} ${one.title}` : one.scope);
    return Object.fromEntries(mine.map((one) => [one.id, shown(one)]));
  };
  return {
    name,
    read,
    next(state, random, count) {
      const title = `${name} ${count}`;
      if (Object.keys(state).length < COUNT_MAX) {
        const body = { type: "_http._tcp", port: firstPort + count, title, check: "none", scope: "zone" };
        return { call: { path: "/services", method: "POST", body }, ...oneMore(state, `up ${title}`) };
      }
      const id = pick(state, random);
      const [was, ...words] = state[id]!.split(" ");
      const put = (value: string) => same({ ...state, [id]: value });
      if (was === "withdrawn") {
        return { call: { path: `/services/${id}/restore`, method: "POST", body: {} }, ...put(`up ${words.join(" ")}`) };
      }
      if (random.below(2) === 0) {
        return { call: { path: `/services/${id}`, method: "DELETE" }, ...put(`withdrawn ${words.join(" ")}`) };
      }
      return { call: { path: `/services/${id}`, method: "PATCH", body: { title } }, ...put(`up ${title}`) };
    },
  };
}

export const settingsPlan: Plan = {
  name: "settings",
  async read(box) {
    const { values } = await box.api<{ values: Record<string, Record<string, unknown>> }>("/settings");
    return { seconds: String(values["discovery"]!["measureIntervalS"]), level: String(values["box"]!["logLevel"]) };
  },
  next(_state, _random, count) {
    const seconds = 1000 + count;
    const level = ["info", "warn", "error"][count % 3]!;
    const body = { values: { discovery: { measureIntervalS: seconds }, box: { logLevel: level } } };
    return { call: { path: "/settings", method: "PATCH", body }, ...same({ seconds: String(seconds), level }) };
  },
};

export const namePlan: Plan = {
  name: "name",
  read: async (box) => ({ name: (await box.api<{ name: string }>("/status")).name }),
  next(_state, _random, count) {
    const name = `Forn ${count}`;
    return { call: { path: "/box/name", method: "PUT", body: { name } }, ...same({ name }) };
  },
};

/** Codes for boxes: made, and taken back. A box may have 48 open; taken back ones count until they expire. */
export const codesPlan: Plan = {
  name: "codes",
  async read(box) {
    const all = await box.api<{ id: string; note: string; state: string }[]>("/invitations");
    const mine = all.filter((one) => one.note.startsWith("codes "));
    return Object.fromEntries(mine.map((one) => [one.id, `${one.state} ${one.note}`]));
  },
  next(state, random, count) {
    const note = `codes ${count}`;
    if (Object.keys(state).length < 40 && random.below(4) === 0) {
      return { call: { path: "/invitations", method: "POST", body: { note } }, ...oneMore(state, `open ${note}`) };
    }
    const open = Object.keys(state).filter((id) => state[id]!.startsWith("open"));
    const [id] = open;
    if (!id) return { call: { path: "/status", method: "GET" }, ...same(state) };
    const revoked = state[id]!.replace("open", "revoked");
    return { call: { path: `/invitations/${id}`, method: "DELETE" }, ...same({ ...state, [id]: revoked }) };
  },
};

/** Invitations of people to accounts. */
export const peoplePlan: Plan = {
  name: "people",
  async read(box) {
    const all = await box.api<{ id: string; note: string }[]>("/people-invitations");
    return Object.fromEntries(all.map((one) => [one.id, one.note]));
  },
  next(state, random, count) {
    if (Object.keys(state).length < 20) {
      const body = { note: `person ${count}`, role: "guest" };
      return { call: { path: "/people-invitations", method: "POST", body }, ...oneMore(state, body.note) };
    }
    const id = pick(state, random);
    return { call: { path: `/people-invitations/${id}`, method: "DELETE" }, ...same(without(state, id)) };
  },
};

/** Accounts are made with a link by a stranger, over the network. The box hashes a password for each. */
export const accountsPlan: Plan = {
  name: "accounts",
  async read(box) {
    const all = await box.api<{ name: string; role: string }[]>("/people");
    const mine = all.filter((one) => one.name !== "Anna");
    return Object.fromEntries(mine.map((one) => [one.name, one.role]));
  },
  next(state, _random, count) {
    const name = Object.keys(state)[0]!;
    const role = ["guest", "member", "steward"][count % 3]!;
    return {
      call: { path: `/people/${encodeURIComponent(name)}`, method: "PATCH", body: { role } },
      ...same({ ...state, [name]: role }),
    };
  },
};
