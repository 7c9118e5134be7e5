/** Signing in: how often passwords are looked at, by whom, and how soon one that was taken back is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../kernel/errors.ts";
import { seededRandom } from "../../../kernel/random.ts";
import { virtualClock } from "../../../kernel/virtual-clock.ts";
import { rateKeyOf } from "../../../platform/addresses.ts";
import { SIGN_INS_KEPT_MAX, SIGN_INS_PER_MINUTE_MAX, SIGN_IN_KEPT_MS } from "./constants.ts";
import type { Access } from "./exchange.ts";
import { Refusal } from "./refusal.ts";
import { createSignIn } from "./sign-in.ts";

const access = { mayWrite: true, account: "anna" } as Access;
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const unknown = (error: unknown) => error instanceof Refusal && error.status === 401;
const tooMany = (error: unknown) => isFailure(error, "too-many");

function start() {
  const clock = virtualClock();
  const looked: string[] = [];
  let isRight = true;
  const authenticate = async (user: string, password: string) => {
    looked.push(`${user} ${password}`);
    return isRight && password.startsWith("p:w") ? access : undefined;
  };
  const signIn = createSignIn({ authenticate, clock, random: seededRandom(1) });
  return { clock, looked, signIn, takeBack: () => void (isRight = false) };
}

test("a right password is looked at once a minute, however many ask at once", async () => {
  const { clock, looked, signIn, takeBack } = start();
  await Promise.all([1, 2, 3].map(() => signIn.accessOf(basic("anna:p:w"), "10.0.0.1")));
  assert.deepEqual(looked, ["anna p:w"], "the password may hold a colon");
  clock.advance(SIGN_IN_KEPT_MS);
  await signIn.accessOf(basic("anna:p:w"), "10.0.0.1");
  assert.equal(looked.length, 2);
  takeBack();
  await signIn.accessOf(basic("anna:p:w"), "10.0.0.1");
  signIn.forget();
  await assert.rejects(signIn.accessOf(basic("anna:p:w"), "10.0.0.1"), unknown);
});

test("guessing is slow for an address, and for no other one", async () => {
  const { clock, looked, signIn } = start();
  for (let index = 0; index < SIGN_INS_PER_MINUTE_MAX; index += 1) {
    await assert.rejects(signIn.accessOf(basic(`anna:${index}`), "10.0.0.1"), unknown);
  }
  await assert.rejects(signIn.accessOf(basic("anna:p:w"), "10.0.0.1"), tooMany);
  assert.equal(looked.length, SIGN_INS_PER_MINUTE_MAX);
  await signIn.accessOf(basic("anna:p:w"), "10.0.0.2");
  // Who is known already is not locked out by a neighbour who guesses.
  await signIn.accessOf(basic("anna:p:w"), "10.0.0.1");
  clock.advance(60_000);
  await assert.rejects(signIn.accessOf(basic("anna:x"), "10.0.0.1"), unknown);
});

test("what is remembered is limited", async () => {
  const { looked, signIn } = start();
  for (let index = 0; index <= SIGN_INS_KEPT_MAX; index += 1) {
    await signIn.accessOf(basic(`anna:p:w${index}`), `10.0.${index >> 8}.${index & 255}`);
  }
  await signIn.accessOf(basic("anna:p:w1"), "10.1.0.0");
  assert.equal(looked.length, SIGN_INS_KEPT_MAX + 1);
  await signIn.accessOf(basic("anna:p:w0"), "10.1.0.0");
  assert.equal(looked.length, SIGN_INS_KEPT_MAX + 2, "the oldest was forgotten");
});

test("what is no name and password is not looked at", async () => {
  const { looked, signIn } = start();
  const bad = [undefined, "", "Basic", "Basic !", basic("no colon"), "Bearer abc", basic(`a:${"x".repeat(2000)}`)];
  for (const header of bad) await assert.rejects(signIn.accessOf(header, "10.0.0.1"), unknown, header);
  assert.deepEqual(looked, []);
});

test("an error of looking is thrown, and not remembered", async () => {
  const clock = virtualClock();
  let calls = 0;
  const authenticate = async () => {
    if ((calls += 1) === 1) throw new Error("the disk");
    return access;
  };
  const signIn = createSignIn({ authenticate, clock, random: seededRandom(1) });
  await assert.rejects(signIn.accessOf(basic("a:b"), "10.0.0.1"), /the disk/);
  assert.equal(await signIn.accessOf(basic("a:b"), "10.0.0.1"), access);
});

test("one who has a network of IPv6 addresses counts once", () => {
  assert.equal(rateKeyOf("2001:db8:1:2:3:4:5:6"), rateKeyOf("2001:db8:1:2::1"));
  assert.equal(rateKeyOf("::ffff:10.0.0.1"), "10.0.0.1");
});
