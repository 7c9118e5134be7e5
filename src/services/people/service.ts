/**
 * The people service: accounts of this box, sessions, invitations. Passwords are Argon2id; sessions are random tokens
 * of which only hashes are stored; the token for forged-request protection derives from the session's token.
 */
import { createHash } from "node:crypto";
import type { CallContext, Handlers, Principal, Service } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import { isoTime } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Store } from "../../platform/store.ts";
import { createAttempts } from "./attempts.ts";
import { foldName } from "./client.ts";
import type { PeopleClient } from "./client.ts";
import { peopleContract, peopleErrors, peopleSettings } from "./contract.ts";
import { createPasswords } from "./password.ts";
import { peopleStore } from "./store.ts";
import type { AccountRole, AccountRow } from "./store.ts";

export const ACCOUNTS_MAX = 500;
export const INVITATIONS_MAX = 100;
/** A session in use is written down at most this often. */
const SESSION_NOTE_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** An expired invitation is remembered this long, to tell its holder that it expired and not that it never was. */
export const EXPIRED_KEPT_MS = 30 * DAY_MS;

export interface PeopleNeeds {
  clock: Clock;
  random: Random;
  store: Store;
  config: Config;
  events: Events;
  log: Log;
  /** What a page needs to begin, beside who is signed in. */
  pageFacts: () => PageFacts;
}

export interface PageFacts {
  box: { id: string; name: string };
  community: { id: string; name: string; accent: string } | null;
  health: "ok" | "info" | "warning" | "error";
  language: "ca" | "es" | "en";
  version: string;
  setupKeyNeeded: (address: string) => boolean;
}

const { fail } = peopleErrors;

export function people(needs: PeopleNeeds): Service<typeof peopleContract.endpoints> & { client: PeopleClient } {
  const rows = peopleStore(needs.store);
  const passwords = createPasswords(needs.random);
  const attempts = createAttempts(needs.clock);
  const nowMs = () => needs.clock.wallMs();
  const sessionMs = () => needs.config.section("people", peopleSettings).sessionDays * DAY_MS;
  const changed = () => needs.events.emit("people.changed", "member");
  const newToken = () => Buffer.from(needs.random.bytes(32)).toString("base64url");

  const openSession = (folded: string): { token: string; csrf: string } => {
    const [token, csrf] = [newToken(), newToken()];
    rows.transaction(() => {
      rows.endUnusedSince(nowMs() - sessionMs());
      rows.insertSession({
        tokenHash: hashOf(token),
        proofHash: hashOf(csrf),
        folded,
        createdMs: nowMs(),
        usedMs: nowMs(),
      });
      rows.seen(folded, nowMs());
    });
    return { token, csrf };
  };

  const openOne = (tokenHash: string) => {
    const session = rows.session(tokenHash);
    // A clock that was set back must not end sessions, so only a long time forward counts.
    if (!session || nowMs() - session.usedMs > sessionMs()) return undefined;
    const account = rows.account(session.folded);
    return account && { session, account };
  };
  const authenticate = (token: string, proof: string | undefined): Principal | undefined => {
    const tokenHash = hashOf(token);
    const { session, account } = openOne(tokenHash) ?? {};
    if (!session || !account) return undefined;
    if (Math.abs(nowMs() - session.usedMs) > SESSION_NOTE_MS) {
      ifRoom(() => rows.useSession(tokenHash, nowMs()));
      ifRoom(() => rows.seen(account.folded, nowMs()));
    }
    const csrf = proof !== undefined && hashOf(proof) === session.proofHash ? proof : undefined;
    return { role: account.role, account: account.name, via: "session", session: tokenHash, csrf };
  };

  const sessionView = (context: CallContext, principal: Principal) => {
    const { setupKeyNeeded, ...facts } = needs.pageFacts();
    const setUp = rows.count() > 0;
    return {
      ...facts,
      setUp,
      setupKeyNeeded: !setUp && setupKeyNeeded(context.address),
      role: principal.role,
      account: principal.account ?? null,
      csrf: principal.csrf ?? null,
    };
  };

  const signedIn = (context: CallContext, folded: string) => {
    const { token, csrf } = openSession(folded);
    context.setSession(token);
    return sessionView(context, authenticate(token, csrf)!);
  };

  const accountView = (row: AccountRow) => ({
    name: row.name,
    role: row.role,
    createdAt: isoTime(row.createdMs),
    lastSeenAt: row.lastSeenMs === null ? null : isoTime(row.lastSeenMs),
    sessions: rows.sessionsOf(row.folded),
  });

  const existing = (name: string): AccountRow => {
    const row = rows.account(foldName(name));
    if (!row) throw fail("account-unknown", { params: { name } });
    return row;
  };

  const insert = (name: string, role: AccountRole, password: string) => {
    if (rows.account(foldName(name))) throw fail("account-exists", { params: { name } });
    if (rows.count() >= ACCOUNTS_MAX) throw fail("accounts-full", { params: { limit: ACCOUNTS_MAX } });
    rows.insertAccount({ name, folded: foldName(name), role, password, createdMs: nowMs(), lastSeenMs: null });
  };

  /** Throws unless this is the account's password now; slow, and slower for who guesses. */
  const check = async (folded: string, password: string, address: string) => {
    const refusePaused = () => {
      const seconds = attempts.pauseS(folded, address);
      if (seconds > 0) throw fail("sign-in-paused", { params: { seconds } });
    };
    refusePaused();
    const stored = rows.account(folded)?.password;
    const isRight = await passwords.matches(password, stored);
    // Again: guesses that were sent all at once learn nothing more after the first few.
    refusePaused();
    // The account may be gone or have another password by now.
    if (!isRight || rows.account(folded)?.password !== stored) {
      attempts.wrong(folded, address);
      needs.log.warn("a sign-in failed", { account: folded.slice(0, 60), address });
      throw fail("wrong-password");
    }
    attempts.right(folded, address);
  };

  const leftListeners: ((name: string, isRemoved: boolean) => void)[] = [];
  const left = (name: string, isRemoved: boolean) => {
    for (const listener of leftListeners) listener(name, isRemoved);
  };
  const handlers: Handlers<typeof peopleContract.endpoints> = {
    session: (_input, context) => sessionView(context, context.principal),
    async signIn({ name, password }, context) {
      const folded = foldName(name);
      await check(folded, password, context.address);
      return signedIn(context, folded);
    },
    signOut(_input, context) {
      if (context.principal.session) rows.endSession(context.principal.session);
      context.setSession(null);
      return {};
    },
    async changePassword({ current, next }, context) {
      const account = existing(context.principal.account ?? "");
      await check(account.folded, current, context.address);
      const hash = await passwords.hash(next);
      rows.transaction(() => {
        rows.setPassword(account.folded, hash);
        rows.endSessions(account.folded, context.principal.session);
      });
      return {};
    },
    accounts: () => rows.accounts().map(accountView),
    setRole({ name, role }) {
      const account = existing(name);
      if (account.role === "host" && role !== "host" && rows.hosts() === 1) throw fail("last-host");
      rows.setRole(account.folded, role);
      if (role === "guest") left(account.name, false);
      changed();
      return accountView(existing(name));
    },
    async resetPassword({ name, password }) {
      const account = existing(name);
      const hash = await passwords.hash(password);
      rows.transaction(() => {
        rows.setPassword(account.folded, hash);
        rows.endSessions(account.folded);
      });
      return {};
    },
    remove({ name }) {
      const account = existing(name);
      if (account.role === "host" && rows.hosts() === 1) throw fail("last-host");
      rows.transaction(() => {
        rows.removeAccount(account.folded);
        left(account.name, true);
      });
      changed();
      return {};
    },
    invitations: () =>
      rows.invitations(nowMs()).map((row) => ({
        id: row.id,
        role: row.role,
        note: row.note,
        createdAt: isoTime(row.createdMs),
        expiresAt: isoTime(row.expiresMs),
      })),
    invite({ role, note, days }, context) {
      rows.forgetInvitations(nowMs() - EXPIRED_KEPT_MS);
      if (rows.invitations(nowMs()).length >= INVITATIONS_MAX)
        throw fail("accounts-full", { params: { limit: INVITATIONS_MAX } });
      const token = newToken();
      const id = newToken().slice(0, 12);
      const expiresMs = nowMs() + days * DAY_MS;
      rows.insertInvitation({ id, tokenHash: hashOf(token), role, note, createdMs: nowMs(), expiresMs });
      changed();
      return { id, link: `${context.origin}/accept#${token}`, expiresAt: isoTime(expiresMs) };
    },
    revokeInvitation({ id }) {
      if (rows.removeInvitation(id).changes === 0) throw fail("account-invitation-unknown");
      changed();
      return {};
    },
    async accept({ token, name, password }, context) {
      const known = rows.invitationByToken(hashOf(token));
      if (!known) throw fail("account-invitation-unknown");
      if (known.expiresMs <= nowMs()) throw fail("account-invitation-expired");
      const hash = await passwords.hash(password);
      rows.transaction(() => {
        // Looked up again: another request may have used it while the hash was computed.
        if (rows.removeInvitation(known.id).changes === 0) throw fail("account-invitation-unknown");
        insert(name, known.role, hash);
      });
      changed();
      return signedIn(context, foldName(name));
    },
  };

  const client: PeopleClient = {
    authenticate,
    hasAccounts: () => rows.count() > 0,
    prepareHost: async (name, password) => ({ name, password: await passwords.hash(password) }),
    createHost: (prepared) => insert(prepared.name, "host", prepared.password),
    openSession: (name) => openSession(foldName(name)),
    ownerName: () => rows.accounts().find((row) => row.role === "host")?.name ?? "",
    sessionRole: (session) => openOne(session)?.account.role,
    onLeft: (listener) => void leftListeners.push(listener),
  };

  return { contract: peopleContract, handlers, client, start: async () => {}, stop: async () => {} };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
