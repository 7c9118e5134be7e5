/**
 * Basic authentication. Clients send name and password with each request; a right one is remembered for a moment, by a
 * keyed hash, since looking at a password is made to be slow. How many are looked at is limited for each address.
 */
import { createHmac } from "node:crypto";
import { rateKeyOf } from "../../../platform/addresses.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import { createRateLimits } from "../../../platform/web/rate.ts";
import { AUTHORIZATION_MAX_CHARS, SIGN_INS_KEPT_MAX, SIGN_INS_PER_MINUTE_MAX, SIGN_IN_KEPT_MS } from "./constants.ts";
import type { Access } from "./exchange.ts";
import { refuse } from "./refusal.ts";

export type Authenticate = (user: string, password: string) => Promise<Access | undefined>;

export interface SignIn {
  /** Refuses with 401; throws `too-many`. */
  accessOf(authorization: string | undefined, address: string): Promise<Access>;
  /** Passwords are looked at again from now on: one was taken back or changed. */
  forget(): void;
}

interface Known {
  access: Promise<Access | undefined>;
  untilMs: number;
}

export function createSignIn({
  authenticate,
  clock,
  random,
}: {
  authenticate: Authenticate;
  clock: Clock;
  random: Random;
}): SignIn {
  const key = random.bytes(32);
  const known = new Map<string, Known>();
  const rates = createRateLimits(clock);

  const look = (name: string, user: string, password: string): Known => {
    const looked: Known = {
      access: authenticate(user, password),
      untilMs: clock.monotonicMs() + SIGN_IN_KEPT_MS,
    };
    known.set(name, looked);
    if (known.size > SIGN_INS_KEPT_MAX) known.delete(known.keys().next().value!);
    const drop = () => known.get(name) === looked && known.delete(name);
    looked.access.then((access) => access ?? drop(), drop);
    return looked;
  };

  return {
    async accessOf(authorization, address) {
      const { user, password } = credentialsOf(authorization) ?? refuseUnknown();
      const name = createHmac("sha256", key)
        .update(JSON.stringify([user, password]))
        .digest("base64");
      let found = known.get(name);
      if (!found || found.untilMs <= clock.monotonicMs()) {
        rates.take(rateKeyOf(address), SIGN_INS_PER_MINUTE_MAX);
        found = look(name, user, password);
      }
      return (await found.access) ?? refuseUnknown();
    },
    forget: () => known.clear(),
  };
}

function refuseUnknown(): never {
  return refuse(401, "name and password are wanted", {
    headers: { "www-authenticate": `Basic realm="Comu files", charset="UTF-8"` },
  });
}

function credentialsOf(authorization = ""): { user: string; password: string } | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization) ?? [];
  if (encoded === undefined || authorization.length > AUTHORIZATION_MAX_CHARS) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
