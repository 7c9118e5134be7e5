/**
 * An input for each endpoint: made from its schema, or given here where a schema cannot tell. They are harmless on
 * purpose: unknown names and ids, so that a caller who may get through meets a refusal of the service itself.
 */
import { z } from "zod";
import type { Endpoint } from "../../src/kernel/contract.ts";

const GIVEN: Readonly<Record<string, Record<string, unknown>>> = {
  "box.setSetting": { section: "box", key: "language", value: "en" },
  "box.setup": { name: "Forn", owner: "Anna", password: "correct horse", community: { found: "Barri" } },
  "box.switchPart": { name: "lan", on: true },
  "files.give": { size: "off" },
  "kv.cas": { key: "nobody", value: "1", expect: "0" },
  "compute.sliverFile": { sliver: "nobody", path: "/nobody" },
  "compute.putSliverFile": { sliver: "nobody", path: "/nobody", upload: "nobodyxx" },
  "compute.cancelSliverFile": { sliver: "nobody", path: "/nobody", upload: "nobodyxx" },
  "discovery.publish": { type: "_http._tcp", port: 9, title: "Nothing", check: "none" },
};

/** Walked last, in this order: they change what the others need. */
export const LAST: readonly string[] = ["people.signOut", "mesh.leave"];

interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  minLength?: number;
  minimum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

/** Throws when the schema refuses what was made: then the endpoint needs a line in GIVEN. */
export function inputFor(name: string, endpoint: Endpoint): Record<string, unknown> {
  const made = GIVEN[name] ?? (sample(z.toJSONSchema(endpoint.input, { io: "input" }) as Schema) as object);
  const checked = endpoint.input.safeParse(made);
  if (!checked.success)
    throw new Error(`${name} needs an example in test/endpoints/inputs.ts: ${checked.error.message}`);
  return { ...made };
}

function sample(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf[0]!);
  if (schema.type === "string") return "nobody".padEnd(schema.minLength ?? 0, "x");
  if (schema.type === "number" || schema.type === "integer") return Math.max(1, schema.minimum ?? 1);
  if (schema.type === "boolean") return true;
  if (schema.type === "array") return [];
  const keys = (schema.required ?? []).map((key) => [key, sample(schema.properties?.[key] ?? {})] as const);
  return Object.fromEntries(keys);
}
