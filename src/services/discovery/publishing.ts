/**
 * From what a host asks for to the body of a service record, and which own service an id means.
 */
import type { z } from "zod";
import type { Random } from "../../kernel/random.ts";
import { readBody } from "./body.ts";
import type { ServiceBody } from "./body.ts";
import type { Catalogue } from "./catalogue.ts";
import { discoveryErrors, publishInput } from "./contract.ts";
import { typeFacts } from "./kinds.ts";
import type { CheckKind } from "./kinds.ts";
import type { OwnServices } from "./own.ts";
import { serviceId } from "./view.ts";

const KEY_LENGTH = 8;
const KEY_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const { fail } = discoveryErrors;

export type Wish = z.output<typeof publishInput>;

/** Throws `service-unacceptable` for a scheme that a page must not open. */
export function bodyOf(wish: Wish, sinceMs: number): ServiceBody {
  const facts = typeFacts(wish.type);
  const scheme = wish.scheme ?? facts.scheme;
  const { type, title, description, scope, open, port, version } = wish;
  const body = {
    type,
    title,
    description,
    category: wish.category ?? facts.category,
    scope,
    open,
    host: wish.host ?? null,
    port,
    path: wish.path ?? (scheme.startsWith("http") ? "/" : ""),
    scheme,
    version,
    sinceMs,
  };
  const read = readBody(body);
  if (!read) throw fail("service-unacceptable", { params: { scheme } });
  return read;
}

export function checkOf(wish: Wish): CheckKind {
  return wish.check === "auto" ? typeFacts(wish.type).check : wish.check;
}

/** Publishes something new; its key. Throws `service-exists` when the same place is published already. */
export function publishNew(own: OwnServices, random: Random, selfId: string, wish: Wish, nowMs: number): string {
  const body = bodyOf(wish, nowMs);
  const place = (one: ServiceBody) => `${one.type} ${one.host ?? ""} ${one.port} ${one.path}`;
  const twin = own.all().find((one) => one.state !== "withdrawn" && place(one.body) === place(body));
  if (twin) throw fail("service-exists", { params: { title: twin.body.title, id: serviceId(selfId, twin.key) } });
  const key = Array.from(random.bytes(KEY_LENGTH), (byte) => KEY_ALPHABET[byte % KEY_ALPHABET.length]).join("");
  own.save(key, body, checkOf(wish));
  return key;
}

/** Changes what is said about an own service; what is not named stays. */
export function changeOwn(own: OwnServices, key: string, patch: Partial<z.input<typeof publishInput>>): void {
  const { body, check } = own.get(key)!;
  const { sinceMs, host, path, ...rest } = body;
  const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
  const before = { ...rest, ...(host ? { host } : {}), ...(path ? { path } : {}), check };
  const wish = publishInput.parse({ ...before, ...given });
  own.save(key, bodyOf(wish, sinceMs), checkOf(wish));
}

/** The key of an own service. Throws `service-unknown`, or `service-not-ours` for another box's. */
export function ownKeyOf(own: OwnServices, catalogue: Catalogue, selfId: string, id: string): string {
  const head = serviceId(selfId, "");
  const key = id.startsWith(head) ? id.slice(head.length) : "";
  if (own.get(key)) return key;
  catalogue.find(id);
  throw fail("service-not-ours", { params: { id } });
}
