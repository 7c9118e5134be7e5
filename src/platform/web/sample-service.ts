/** A small service for the tests of this folder: each endpoint shows one thing that the API must do. */
import { z } from "zod";
import { createEvents } from "../../kernel/events.ts";
import type { CallContext, Principal, Role, Service } from "../../kernel/contract.ts";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors, fail } from "../../kernel/errors.ts";
import { createLog } from "../../kernel/log.ts";
import type { WordTables } from "../../kernel/words.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { ApiOptions } from "./api.ts";
import { createApi } from "./api.ts";

const errors = defineErrors({ "kettle-empty": 409 });
const words: WordTables = {
  ca: { "error.kettle-empty": "Bullidor buit: {cups}", "advice.kettle-empty": "Ompliu-lo" },
  es: { "error.kettle-empty": "Hervidor vacío: {cups}", "advice.kettle-empty": "Llénelo" },
  en: {
    "error.kettle-empty": "Kettle empty: {cups}",
    "advice.kettle-empty": "Fill it",
    "error.internal": "The box made a mistake.",
    "advice.internal": "Try again.",
  },
};
const nothing = z.strictObject({});

export const sampleContract = defineContract({
  name: "sample",
  summary: "For tests",
  optional: true,
  errors: errors.table,
  words,
  events: {},
  endpoints: {
    open: endpoint({
      method: "GET",
      path: "/open",
      role: "public",
      summary: "Anybody",
      input: nothing,
      output: z.object({ role: z.string(), address: z.string(), language: z.string(), origin: z.string() }),
    }),
    list: endpoint({
      method: "GET",
      path: "/cups",
      role: "member",
      summary: "Cups",
      input: z.strictObject({ q: z.string().optional(), all: z.stringbool().default(false) }),
      output: z.array(z.object({ name: z.string() })),
    }),
    fill: endpoint({
      method: "POST",
      path: "/cups/:name",
      role: "guest",
      summary: "Fills",
      input: z.strictObject({ name: z.string(), ml: z.number().int(), note: z.string().default("") }),
      output: z.object({ name: z.string(), ml: z.number(), note: z.string() }),
    }),
    remove: endpoint({
      method: "DELETE",
      path: "/cups/:name",
      role: "host",
      summary: "Removes",
      input: z.strictObject({ name: z.string(), force: z.stringbool().default(false) }),
      output: z.object({ forced: z.boolean() }),
    }),
    join: endpoint({
      method: "POST",
      path: "/join",
      role: "public",
      beforeSignIn: true,
      perMinuteMax: 3,
      summary: "Before sign-in",
      input: z.strictObject({ leave: z.boolean().default(false) }),
      output: nothing,
    }),
    boil: endpoint({
      method: "PUT",
      path: "/boil",
      role: "public",
      summary: "Fails as asked",
      input: z.strictObject({ how: z.enum(["expected", "bug", "output"]) }),
      output: z.object({ ok: z.boolean() }),
    }),
    talk: endpoint({
      method: "GET",
      path: "/talk/:name",
      role: "member",
      summary: "Says all back, until it is told to do something else",
      input: z.strictObject({
        name: z.string(),
        cups: z.coerce.number().int().default(1),
        // Of a terminal's window.
        ...{ columns: z.coerce.number().optional(), rows: z.coerce.number().optional() },
      }),
      output: z.object({ name: z.string(), cups: z.number(), heard: z.number() }),
      socket: true,
    }),
  },
});

/** Who the session tokens of the tests belong to. */
export const csrfOfTests = "csrf-of-tests";
export const cookieOfTests = "comu_session_test";
export function principalOf(role: Role, proof: string | undefined): Principal {
  const csrf = proof === csrfOfTests ? proof : undefined;
  return { role, account: role, via: "session", session: `session of ${role}`, csrf };
}

export function sampleService(): Service<typeof sampleContract.endpoints> {
  return {
    contract: sampleContract,
    handlers: {
      open: (_input, { principal, address, language, origin }: CallContext) => ({
        role: principal.role,
        address,
        language,
        origin,
      }),
      list: ({ q, all }) => [{ name: `${q ?? ""} ${all}`, secret: "never shown" } as { name: string }],
      fill: (input) => input,
      remove: ({ force }) => ({ forced: force }),
      join({ leave }, context) {
        context.setSession(leave ? null : "a new token");
        return {};
      },
      boil({ how }) {
        if (how === "expected")
          throw errors.fail("kettle-empty", { params: { cups: 3 }, cause: new Error("hidden cause") });
        if (how === "bug") throw new Error("hidden cause");
        return { ok: "hidden value" } as unknown as { ok: boolean };
      },
      async talk({ name, cups }, { socket, signal }) {
        let heard = 0;
        for await (const said of socket!.messages) {
          heard += 1;
          if (said === "end") return { name, cups, heard, secret: "never shown" };
          if (said === "fail") throw errors.fail("kettle-empty", { params: { cups } });
          if (said === "bug") throw new Error("hidden cause");
          // Reads nothing any more.
          if (said === "sleep") await new Promise((resolve) => signal.addEventListener("abort", resolve));
          await socket!.send(said);
        }
        return { name, cups, heard };
      },
    },
    start: async () => {},
    stop: async () => {},
  };
}

/** The API over the sample service, with a virtual clock and sessions "guest", "member", "steward" and "host". */
export function sampleApi(more: Partial<ApiOptions> = {}) {
  const clock = virtualClock();
  const events = createEvents();
  const lines: string[] = [];
  const state = {
    running: true,
    sessions: new Map<string, Role>(["guest", "member", "steward", "host"].map((role) => [role, role as Role])),
  };
  const api = createApi({
    clock,
    events,
    log: createLog({ clock, level: "debug", write: (line) => lines.push(line) }),
    words,
    version: "1.2.3",
    services: [sampleService()],
    cookieName: cookieOfTests,
    authenticate(token, proof) {
      if (token === "broken") throw fail("disk-full");
      const role = state.sessions.get(token);
      return role ? principalOf(role, proof) : undefined;
    },
    isRunning: () => state.running,
    hostNames: () => ["box.example"],
    ownOrigin: () => "http://box.local:7000",
    defaultLanguage: () => "ca",
    ...more,
  });
  return { api, clock, events, lines, state };
}
