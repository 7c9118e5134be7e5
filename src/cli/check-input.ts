/**
 * What a command does with the input of its endpoint, which is zod's. Apart from the rest, since to load zod and one
 * contract takes longer than most commands need for all else: the build does what it can beforehand, and a box that
 * runs the rest.
 */
import { z } from "zod";
import { inputFailure } from "../kernel/config.ts";
import type { Endpoint } from "../kernel/contract.ts";

/** One input, in the words of JSON Schema. */
export interface Property {
  type?: string;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  format?: string;
  anyOf?: Property[];
}

export interface InputSchema {
  properties?: Record<string, Property>;
  required?: string[];
}

export function schemaOf({ input }: Endpoint): InputSchema {
  return z.toJSONSchema(input, { io: "input" }) as InputSchema;
}

/** With what is usual where nothing was given. Throws `bad-input`. */
export function checkInput({ input }: Endpoint, given: Record<string, unknown>): Record<string, unknown> {
  const checked = input.safeParse(given);
  if (!checked.success) throw inputFailure(checked.error);
  return checked.data;
}
