/** Accounts, signing in, sessions and invitations, on a real store in a folder of their own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createConfig } from "../../kernel/config.ts";
import type { CallContext } from "../../kernel/contract.ts";
import { isFailure } from "../../kernel/errors.ts";
import { createEvents } from "../../kernel/events.ts";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { openStore } from "../../platform/store.ts";
import { PAUSE_MS, PAUSE_MS_MAX, WRONG_IN_A_ROW_MAX } from "./attempts.ts";
import { peopleSettings } from "./contract.ts";
import { HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX } from "./password.ts";
import { ACCOUNTS_MAX, EXPIRED_KEPT_MS, INVITATIONS_MAX, people } from "./service.ts";
import { peopleStore, SESSIONS_PER_ACCOUNT_MAX } from "./store.ts";

const folder = mkdtempSync(join(tmpdir(), "comu-people-"));
after(() => rmSync(folder, { recursive: true }));
const DAY_MS = 86_400_000;
const PASSWORD = "correct horse";
let boxes = 0;

async function box() {
  const clock = virtualClock();
  const store = openStore(join(folder, `${(boxes += 1)}.db`));
  after(() => store.close());
  const events = createEvents();
  const service = people({
    clock,
    random: seededRandom(boxes),
    store,
    events,
    log: createLog({ clock, level: "error", write: () => {} }),
    config: createConfig({ sections: { people: peopleSettings }, load: () => undefined, save: async () => {} }),
    pageFacts: () => ({
      box: { id: "b", name: "box" },
      community: null,
      health: "ok",
      language: "ca",
      version: "1",
      setupKeyNeeded: (address) => address !== "local",
    }),
  });
  const { handlers, client } = service;
  /** A caller: from an address, with the session of the last sign-in. */
  const caller = (address = "10.0.0.9") => {
    let token: string | null = null;
    let csrf: string | undefined;
    const context = (): CallContext => ({
      principal: (token ? client.authenticate(token, csrf) : undefined) ?? { role: "public", via: "none" },
      address,
      bytes: new Uint8Array(0),
      signal: new AbortController().signal,
      language: "en",
      setSession: (next) => (token = next),
      origin: "http://box.local:7000",
    });
    return {
      context,
      token: () => token!,
      who: () => (token ? client.authenticate(token, csrf) : undefined),
      signIn: async (name: string, password = PASSWORD) => {
        const view = await handlers.signIn({ name, password }, context());
        csrf = view.csrf!;
        return view;
      },
    };
  };
  const invite = async (role: "host" | "steward" | "member" | "guest" = "member", days = 7) => {
    const made = await handlers.invite({ role, note: "", days }, caller().context());
    return { id: made.id, link: made.link, token: made.link.split("#")[1]! };
  };
  const admit = async (name: string, role: "host" | "member" = "member") => {
    const one = caller();
    await handlers.accept({ token: (await invite(role)).token, name, password: PASSWORD }, one.context());
    return one;
  };
  client.createHost(await client.prepareHost("Ona", PASSWORD));
  return { clock, store, rows: peopleStore(store), events, handlers, client, caller, invite, admit };
}

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const later = async (work: () => unknown) => work();

test("signing in opens a session with role, csrf token and page facts; signing out ends it", async () => {
  const { handlers, caller, client } = await box();
  const ona = caller();
  const view = await ona.signIn("Ona");
  assert.deepEqual([view.role, view.account, view.setUp, view.setupKeyNeeded], ["host", "Ona", true, false]);
  const who = ona.who()!;
  assert.deepEqual([who.role, who.account, who.via, who.csrf], ["host", "Ona", "session", view.csrf]);
  assert.ok(view.csrf!.length > 30 && view.csrf !== ona.token() && who.session !== ona.token());
  const another = caller();
  assert.notEqual((await another.signIn("Ona")).csrf, view.csrf);
  const token = ona.token();
  handlers.signOut({}, ona.context());
  assert.deepEqual([client.authenticate(token, view.csrf!), ona.token()], [undefined, null]);
  assert.ok(another.who());
  assert.equal(client.authenticate("no such token", view.csrf!), undefined);
  assert.equal(client.authenticate("", ""), undefined);
});

test("the cookie's token alone proves nothing: the second secret does not follow from it", async () => {
  const { caller, client } = await box();
  const ona = caller();
  const { csrf } = await ona.signIn("Ona");
  assert.equal(client.authenticate(ona.token(), csrf!)!.csrf, csrf);
  for (const proof of [undefined, "", "another", ona.token()]) {
    assert.equal(client.authenticate(ona.token(), proof)!.csrf, undefined);
  }
});

test("no token or password is stored as it is", async () => {
  const { caller, store, invite } = await box();
  const ona = caller();
  await ona.signIn("Ona");
  const { token } = await invite();
  const tables = ["people_accounts", "people_sessions", "people_invitations"];
  const all = JSON.stringify(tables.flatMap((table) => store.prepare(`SELECT * FROM ${table}`).all()));
  for (const secret of [PASSWORD, ona.token(), token]) assert.ok(!all.includes(secret));
  assert.match(all, /argon2id\$19456\$2\$/);
});

test("after five wrong passwords in a row sign-in pauses, longer each time; for this pair only", async () => {
  const { clock, caller } = await box();
  const [guesser, ona] = [caller("10.6.6.6"), caller("10.0.0.9")];
  const wrong = () => assert.rejects(guesser.signIn("Ona", "a guess"), failsWith("wrong-password"));
  for (let n = 0; n < WRONG_IN_A_ROW_MAX; n += 1) await wrong();
  for (let pauseMs = PAUSE_MS; pauseMs < 2 * PAUSE_MS_MAX; pauseMs *= 2) {
    const expectedS = Math.min(pauseMs, PAUSE_MS_MAX) / 1000;
    // Not even the right password, in any spelling of the name.
    await assert.rejects(
      guesser.signIn(" ONA "),
      (error) => isFailure(error, "sign-in-paused") && error.params["seconds"] === expectedS,
    );
    clock.advance(expectedS * 1000 - 1);
    await assert.rejects(guesser.signIn("Ona"), failsWith("sign-in-paused"));
    clock.advance(1);
    await wrong();
  }
  await ona.signIn("Ona");
  clock.advance(PAUSE_MS_MAX);
  await guesser.signIn("Ona");
  await wrong();
  await guesser.signIn("Ona");
});

test("guesses that are sent all at once are not worth more than guesses one by one", async () => {
  const { caller } = await box();
  const guesses = Array.from({ length: HASHES_AT_ONCE_MAX + HASHES_WAITING_MAX }, () =>
    caller().signIn("Ona", "a guess"),
  );
  const codes = (await Promise.allSettled(guesses)).map((one) =>
    one.status === "rejected" ? (one.reason as { code: string }).code : "in",
  );
  assert.equal(codes.filter((code) => code === "wrong-password").length, WRONG_IN_A_ROW_MAX);
  assert.equal(codes.filter((code) => code === "sign-in-paused").length, codes.length - WRONG_IN_A_ROW_MAX);
});

test("an account that does not exist takes as long as a wrong password, and says the same", async () => {
  const { caller } = await box();
  const timeOf = async (name: string, address: string) => {
    const startMs = performance.now();
    await assert.rejects(caller(address).signIn(name, "a guess"), failsWith("wrong-password"));
    return performance.now() - startMs;
  };
  // In turns, and the shortest of several, so that other load on the machine counts for neither.
  let [known, unknown] = [Infinity, Infinity];
  const isAlike = () => unknown > known / 2 && unknown < known * 2;
  for (let n = 0; n < 40 && !(n >= 5 && isAlike()); n += 1) {
    known = Math.min(known, await timeOf("Ona", `10.0.1.${n}`));
    unknown = Math.min(unknown, await timeOf("Nobody", `10.0.1.${n}`));
  }
  assert.ok(isAlike(), `known ${known} ms, unknown ${unknown} ms`);
});

test("names that look the same are one account", async () => {
  const { caller, admit } = await box();
  const maria = await admit("Núria  Mas");
  assert.equal(maria.who()!.account, "Núria  Mas");
  for (const name of ["núria mas", "NU\u0301RIA MAS", " Núria\tMas ", "Ｎúria Mas"]) {
    await caller().signIn(name);
    await assert.rejects(admit(name), failsWith("account-exists"), name);
  }
  await assert.rejects(caller().signIn("Nuria Mas"), failsWith("wrong-password"));
});

test("changing the own password ends the other sessions and keeps this one", async () => {
  const { handlers, caller } = await box();
  const [here, there] = [caller(), caller()];
  await here.signIn("Ona");
  await there.signIn("Ona");
  await assert.rejects(
    later(() => handlers.changePassword({ current: "wrong", next: "another horse" }, here.context())),
    failsWith("wrong-password"),
  );
  assert.ok(there.who());
  await handlers.changePassword({ current: PASSWORD, next: "another horse" }, here.context());
  assert.ok(here.who());
  assert.equal(there.who(), undefined);
  await assert.rejects(caller().signIn("Ona"), failsWith("wrong-password"));
  await caller().signIn("Ona", "another horse");
});

test("a sign-in that is under way while the password changes, or the account goes, comes too late", async () => {
  const { caller, admit, client, rows } = await box();
  const pau = await admit("Pau");
  const { password: newHash } = await client.prepareHost("Pau", "another horse");
  const [stale, orphan] = [caller(), caller()];
  const first = stale.signIn("Pau");
  rows.setPassword("pau", newHash);
  rows.endSessions("pau");
  await assert.rejects(first, failsWith("wrong-password"));
  assert.deepEqual([stale.token(), pau.who()], [null, undefined]);
  const second = orphan.signIn("Pau", "another horse");
  rows.removeAccount("pau");
  await assert.rejects(second, failsWith("wrong-password"));
  assert.equal(orphan.token(), null);
});

test("a role counts at once; a reset password and a removed account end all sessions", async () => {
  const { handlers, caller, admit, events } = await box();
  const pau = await admit("Pau");
  assert.equal(pau.who()!.role, "member");
  assert.equal((await handlers.setRole({ name: "PAU", role: "steward" }, caller().context())).role, "steward");
  assert.equal(pau.who()!.role, "steward");
  await handlers.resetPassword({ name: "Pau", password: "another horse" }, caller().context());
  assert.equal(pau.who(), undefined);
  await pau.signIn("Pau", "another horse");
  handlers.remove({ name: "Pau" }, caller().context());
  assert.equal(pau.who(), undefined);
  await assert.rejects(
    later(() => handlers.remove({ name: "Pau" }, caller().context())),
    failsWith("account-unknown"),
  );
  await assert.rejects(
    later(() => handlers.setRole({ name: "Pau", role: "host" }, caller().context())),
    failsWith("account-unknown"),
  );
  await assert.rejects(
    later(() => handlers.resetPassword({ name: "Pau", password: PASSWORD }, caller().context())),
    failsWith("account-unknown"),
  );
  assert.ok(events.since(0)!.every((event) => event.type === "people.changed" && event.role === "member"));
});

test("the last host cannot be removed or demoted; with a second one the first can go", async () => {
  const { handlers, caller, admit, client } = await box();
  await admit("Pau");
  const refused = failsWith("last-host");
  await assert.rejects(
    later(() => handlers.remove({ name: "Ona" }, caller().context())),
    refused,
  );
  await assert.rejects(
    later(() => handlers.setRole({ name: "Ona", role: "steward" }, caller().context())),
    refused,
  );
  await handlers.setRole({ name: "Ona", role: "host" }, caller().context());
  await admit("Laia", "host");
  await handlers.setRole({ name: "Ona", role: "guest" }, caller().context());
  await assert.rejects(
    later(() => handlers.remove({ name: "Laia" }, caller().context())),
    refused,
  );
  assert.equal(client.ownerName(), "Laia");
  const list = await handlers.accounts({}, caller().context());
  assert.deepEqual(list.map((one) => `${one.name} ${one.role} ${one.sessions}`).toSorted(), [
    "Laia host 1",
    "Ona guest 0",
    "Pau member 1",
  ]);
});

test("a session ends after the days without use, not while used, not when the clock is set back", async () => {
  const { clock, caller } = await box();
  const [used, unused] = [caller(), caller()];
  await used.signIn("Ona");
  await unused.signIn("Ona");
  for (let day = 0; day < 29; day += 1) {
    clock.advance(DAY_MS);
    assert.ok(used.who(), `day ${day}`);
  }
  clock.setWall(clock.wallMs() - DAY_MS);
  assert.ok(used.who());
  assert.ok(unused.who(), "the clock was set back, so it looks younger");
  clock.setWall(clock.wallMs() - 400 * DAY_MS);
  assert.ok(used.who());
  const fresh = caller();
  await fresh.signIn("Ona");
  assert.ok(fresh.who() && used.who());
  clock.advance(30 * DAY_MS);
  assert.ok(fresh.who());
  clock.advance(30 * DAY_MS + 1);
  assert.equal(fresh.who(), undefined);
  assert.equal(used.who(), undefined);
});

test("sessions per account: the one used longest ago goes, the new one stays, whatever the clock says", async () => {
  const { clock, client, store } = await box();
  const tokens: string[] = [];
  for (let n = 0; n < SESSIONS_PER_ACCOUNT_MAX; n += 1) {
    tokens.push(client.openSession("Ona").token);
    clock.advance(1000);
  }
  const open = () => tokens.map((token) => Number(client.authenticate(token, undefined) !== undefined)).join("");
  const all = "1".repeat(SESSIONS_PER_ACCOUNT_MAX);
  assert.equal(open(), all);
  tokens.push(client.openSession("ona").token);
  assert.equal(open(), `0${all}`);
  clock.setWall(clock.wallMs() - DAY_MS);
  const late = client.openSession("Ona");
  assert.ok(client.authenticate(late.token, late.csrf));
  assert.equal(
    store.prepare<{ n: number }>("SELECT count(*) AS n FROM people_sessions").get()!.n,
    SESSIONS_PER_ACCOUNT_MAX,
  );
  // All in the same millisecond.
  for (let n = 0; n < 2 * SESSIONS_PER_ACCOUNT_MAX; n += 1) {
    assert.ok(client.authenticate(client.openSession("Ona").token, undefined));
  }
});

test("an invitation makes one account, with its role, and signs in", async () => {
  const { handlers, caller, invite } = await box();
  const { token, link } = await invite("steward");
  assert.match(link, /^http:\/\/box\.local:7000\/accept#[\w-]{43}$/);
  const one = caller();
  const view = await handlers.accept({ token, name: "Pau", password: PASSWORD }, one.context());
  assert.deepEqual([view.role, view.account, one.who()!.account], ["steward", "Pau", "Pau"]);
  await assert.rejects(
    later(() => handlers.accept({ token, name: "Pere", password: PASSWORD }, caller().context())),
    failsWith("account-invitation-unknown"),
  );
  assert.deepEqual(await handlers.invitations({}, caller().context()), []);
});

test("two who use one invitation at the same time: one account", async () => {
  const { handlers, caller, invite, client, rows } = await box();
  const { token } = await invite();
  const racers = ["Pau", "Pere"].map((name) =>
    handlers.accept({ token, name, password: PASSWORD }, caller().context()),
  );
  const results = await Promise.allSettled(racers);
  assert.deepEqual(results.map((one) => one.status).toSorted(), ["fulfilled", "rejected"]);
  const loser = results.find((one) => one.status === "rejected")!;
  assert.ok(isFailure(loser.reason, "account-invitation-unknown"));
  assert.equal(rows.count(), 2);
  assert.ok(client.hasAccounts());
});

test("a name that is taken does not use the invitation up", async () => {
  const { handlers, caller, invite } = await box();
  const { token } = await invite();
  await assert.rejects(
    later(() => handlers.accept({ token, name: "ONA", password: PASSWORD }, caller().context())),
    failsWith("account-exists"),
  );
  await handlers.accept({ token, name: "Pau", password: PASSWORD }, caller().context());
});

test("invitations that expired, were taken back, or never were", async () => {
  const { clock, handlers, caller, invite, store } = await box();
  const [brief, revoked] = [await invite("member", 1), await invite("member", 60)];
  const accept = (token: string) =>
    later(() => handlers.accept({ token, name: "Pau", password: PASSWORD }, caller().context()));
  handlers.revokeInvitation({ id: revoked.id }, caller().context());
  await assert.rejects(accept(revoked.token), failsWith("account-invitation-unknown"));
  await assert.rejects(
    later(() => handlers.revokeInvitation({ id: revoked.id }, caller().context())),
    failsWith("account-invitation-unknown"),
  );
  await assert.rejects(accept("never"), failsWith("account-invitation-unknown"));
  clock.advance(DAY_MS - 1);
  assert.deepEqual(
    (await handlers.invitations({}, caller().context())).map((one) => one.id),
    [brief.id],
  );
  clock.advance(1);
  assert.deepEqual(await handlers.invitations({}, caller().context()), []);
  await assert.rejects(accept(brief.token), failsWith("account-invitation-expired"));
  clock.advance(EXPIRED_KEPT_MS + 1);
  await invite();
  assert.equal(store.prepare<{ n: number }>("SELECT count(*) AS n FROM people_invitations").get()!.n, 1);
  await assert.rejects(accept(brief.token), failsWith("account-invitation-unknown"));
});

test("the limits of invitations and accounts", async () => {
  const { handlers, caller, invite, rows, store } = await box();
  let last = await invite();
  store.transaction(() => {
    for (let n = rows.count(); n < ACCOUNTS_MAX - 1; n += 1) {
      rows.insertAccount({ name: `${n}`, folded: `${n}`, role: "guest", password: "", createdMs: 0, lastSeenMs: null });
    }
  });
  for (let n = 1; n < INVITATIONS_MAX; n += 1) last = await invite();
  await assert.rejects(invite(), failsWith("accounts-full"));
  handlers.revokeInvitation({ id: last.id }, caller().context());
  const [one, two] = [await invite(), (await handlers.invitations({}, caller().context())).length];
  assert.equal(two, INVITATIONS_MAX);
  await handlers.accept({ token: one.token, name: "Pau", password: PASSWORD }, caller().context());
  assert.equal(rows.count(), ACCOUNTS_MAX);
  const { token } = await invite();
  await assert.rejects(
    later(() => handlers.accept({ token, name: "Pere", password: PASSWORD }, caller().context())),
    failsWith("accounts-full"),
  );
  assert.equal((await handlers.invitations({}, caller().context())).length, INVITATIONS_MAX);
});

test("a box without accounts asks strangers for the set-up key", async () => {
  const { handlers, caller, rows } = await box();
  rows.removeAccount("ona");
  const view = async (address: string) => (await handlers.session({}, caller(address).context())).setupKeyNeeded;
  assert.deepEqual([await view("10.0.0.9"), await view("local")], [true, false]);
});

test("who left is told at once, with the removal or not at all; a session's role is what it is now", async () => {
  const { client, handlers, caller, admit } = await box();
  const told: unknown[] = [];
  client.onLeft((name, isRemoved) => told.push([name, isRemoved]));
  const ona = caller();
  await ona.signIn("Ona");
  const berta = await admit("Berta");
  await berta.signIn("Berta");
  const session = berta.who()!.session!;
  assert.equal(client.sessionRole(session), "member");
  await handlers.setRole({ name: "Berta", role: "guest" }, ona.context());
  assert.equal(client.sessionRole(session), "guest");
  await handlers.signOut({}, berta.context());
  assert.equal(client.sessionRole(session), undefined);
  let isFull = true;
  client.onLeft(() => assert.ok(!isFull, "the disk is full"));
  const remove = async () => handlers.remove({ name: "Berta" }, ona.context());
  await assert.rejects(remove(), /the disk is full/);
  assert.equal((await handlers.accounts({}, ona.context())).length, 2, "who is not forgotten is not removed");
  isFull = false;
  await remove();
  assert.deepEqual(told, [
    ["Berta", false],
    ["Berta", true],
    ["Berta", true],
  ]);
});
