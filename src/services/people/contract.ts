/**
 * People: the accounts of this box, their roles, invitations to become a member here, and signing in.
 */
import { z } from "zod";
import { ROLES, defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import { password, personName } from "../box/contract.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const peopleErrors = defineErrors({
  "wrong-password": 401,
  "sign-in-paused": 429,
  "account-exists": 409,
  "account-unknown": 404,
  "last-host": 409,
  "account-invitation-unknown": 404,
  "account-invitation-expired": 410,
  "accounts-full": 507,
});

const accountRole = z.enum(["host", "steward", "member", "guest"]);

const account = z.object({
  name: z.string(),
  role: accountRole,
  createdAt: z.string(),
  lastSeenAt: z.string().nullable(),
  sessions: z.number(),
});

const session = z.object({
  setUp: z.boolean(),
  /** Not set up yet and this caller must give the key that `comu up` printed. */
  setupKeyNeeded: z.boolean(),
  role: z.enum(ROLES),
  account: z.string().nullable(),
  /** To be sent back in the header x-comu-csrf with each change; null without a session. */
  csrf: z.string().nullable(),
  box: z.object({ id: z.string(), name: z.string() }),
  community: z.object({ id: z.string(), name: z.string(), accent: z.string() }).nullable(),
  health: z.enum(["ok", "info", "warning", "error"]),
  language: z.enum(["ca", "es", "en"]),
  version: z.string(),
});

const invitation = z.object({
  id: z.string(),
  role: accountRole,
  note: z.string(),
  createdAt: z.string(),
  expiresAt: z.string(),
});

export const peopleSettings = z.object({
  sessionDays: z.number().int().min(1).max(365).default(30).describe("A session ends after so many days without use."),
});

export const peopleContract = defineContract({
  name: "people",
  summary: "People: accounts of this box, roles, invitations, signing in",
  optional: false,
  errors: peopleErrors.table,
  words: { ca, es, en },
  events: { changed: { role: "member", summary: "Accounts or invitations changed" } },
  settings: peopleSettings,
  endpoints: {
    session: endpoint({
      method: "GET",
      path: "/session",
      role: "public",
      summary: "Who am I, and what does the page need to begin",
      input: z.strictObject({}),
      output: session,
    }),
    signIn: endpoint({
      method: "POST",
      path: "/session",
      role: "public",
      beforeSignIn: true,
      perMinuteMax: 20,
      summary: "Signs in; the answer sets the session cookie",
      input: z.strictObject({ name: personName, password: z.string().max(200) }),
      output: session,
    }),
    signOut: endpoint({
      method: "DELETE",
      path: "/session",
      role: "guest",
      summary: "Ends this session",
      input: z.strictObject({}),
      output: z.object({}),
    }),
    changePassword: endpoint({
      method: "PUT",
      path: "/session/password",
      role: "guest",
      perMinuteMax: 10,
      summary: "Changes the own password and ends all other sessions",
      input: z.strictObject({ current: z.string().max(200), next: password }),
      output: z.object({}),
    }),
    accounts: endpoint({
      method: "GET",
      path: "/people",
      role: "member",
      summary: "The accounts of this box",
      input: z.strictObject({}),
      output: z.array(account),
      cli: { command: "people ls", columns: ["name", "role", "createdAt", "lastSeenAt"] },
    }),
    setRole: endpoint({
      method: "PATCH",
      path: "/people/:name",
      role: "host",
      summary: "Gives an account another role",
      input: z.strictObject({ name: personName, role: accountRole }),
      output: account,
      cli: { command: "people role", positional: ["name", "role"] },
    }),
    resetPassword: endpoint({
      method: "PUT",
      path: "/people/:name/password",
      role: "host",
      summary: "Sets a new password for an account and ends its sessions",
      input: z.strictObject({ name: personName, password }),
      output: z.object({}),
      cli: { command: "people password", positional: ["name"], fromFile: { password: "password-file" } },
    }),
    remove: endpoint({
      method: "DELETE",
      path: "/people/:name",
      role: "host",
      summary: "Removes an account and ends its sessions",
      input: z.strictObject({ name: personName }),
      output: z.object({}),
      cli: { command: "people rm", positional: ["name"], confirm: "people.confirm-remove" },
    }),
    invitations: endpoint({
      method: "GET",
      path: "/people-invitations",
      role: "host",
      summary: "Open invitations to become a member of this box",
      input: z.strictObject({}),
      output: z.array(invitation),
    }),
    invite: endpoint({
      method: "POST",
      path: "/people-invitations",
      role: "host",
      summary: "Makes a link by which one person gets an account on this box",
      input: z.strictObject({
        role: accountRole.default("member"),
        note: z.string().trim().max(100).default(""),
        days: z.number().int().min(1).max(60).default(7),
      }),
      output: z.object({ id: z.string(), link: z.string(), expiresAt: z.string() }),
      cli: { command: "people invite", headline: "link" },
    }),
    revokeInvitation: endpoint({
      method: "DELETE",
      path: "/people-invitations/:id",
      role: "host",
      summary: "Takes an open invitation back",
      input: z.strictObject({ id: z.string().max(100) }),
      output: z.object({}),
    }),
    accept: endpoint({
      method: "POST",
      path: "/people-invitations/accept",
      role: "public",
      beforeSignIn: true,
      perMinuteMax: 20,
      summary: "Makes an account from an invitation link and signs in",
      input: z.strictObject({ token: z.string().max(100), name: personName, password }),
      output: session,
    }),
  },
});
