/**
 * The types of every call, from the contracts. A service adds its own from services/NAME/ui/page.ts:
 *
 *   declare module "…/ui/src/api.ts" {
 *     interface Contracts { discovery: typeof discoveryContract }
 *     interface Words { discovery: typeof en }
 *   }
 *
 * so that a new folder is enough. Types only: nothing of this reaches the browser.
 */
import type { z } from "zod";
import type shell from "./words/en.json";

/** Contract by service name; added to by each service. */
export interface Contracts {}

/** English words by service name; added to by each service. */
export interface Words {
  shell: typeof shell;
}

type Names<S, C> = C extends { endpoints: infer E } ? `${S & string}.${keyof E & string}` : never;
/** "discovery.list" and so on. */
export type CallName = { [S in keyof Contracts]: Names<S, Contracts[S]> }[keyof Contracts];

type EndpointOf<N> = N extends `${infer S}.${infer E}`
  ? S extends keyof Contracts
    ? Contracts[S] extends { endpoints: infer T }
      ? E extends keyof T
        ? T[E]
        : never
      : never
    : never
  : never;

/** What the caller gives: defaults may be left out. */
export type Input<N> = EndpointOf<N> extends { input: infer I extends z.ZodType } ? z.input<I> : never;
/** What comes back. */
export type Output<N> = EndpointOf<N> extends { output: infer O extends z.ZodType } ? z.output<O> : never;

type Base<K> = K extends `${infer B}.one` | `${infer B}.many` | `${infer B}.other` ? B : K;
type AllKeys = { [S in keyof Words]: keyof Words[S] }[keyof Words];
/** Every word key; plural forms are also known by what they share. */
export type WordKey = AllKeys | Base<AllKeys>;
