/**
 * From a settings section's JSON Schema to the fields of a form, and from what was typed back to a value. Pure.
 */

export interface SettingField {
  section: string;
  key: string;
  kind: "switch" | "choice" | "number" | "text" | "list";
  /** English; the page shows its own words where it has them. */
  description: string;
  choices: string[];
  min?: number;
  max?: number;
  whole: boolean;
  lengthMax?: number;
  value: unknown;
  byDefault: unknown;
}

interface Schema {
  type?: string;
  enum?: unknown[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
}

function kindOf(schema: Schema): SettingField["kind"] {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "switch";
  if (schema.type === "number" || schema.type === "integer") return "number";
  return schema.type === "array" ? "list" : "text";
}

/** Set in places of their own, with their own words: renaming, setting warnings aside, switching parts. */
const ELSEWHERE = new Set(["box.name", "box.ignoredWarnings", "box.partsOff"]);

export function settingFields(section: string, schema: unknown, values: Record<string, unknown>): SettingField[] {
  const properties = Object.entries((schema as Schema).properties ?? {});
  return properties
    .filter(([key]) => !ELSEWHERE.has(`${section}.${key}`))
    .map(([key, one]) => {
      const field: SettingField = {
        section,
        key,
        kind: kindOf(one),
        description: one.description ?? "",
        choices: (one.enum ?? []).map(String),
        whole: one.type === "integer",
        value: values[key],
        byDefault: one.default,
      };
      if (one.minimum !== undefined) field.min = one.minimum;
      if (one.maximum !== undefined) field.max = one.maximum;
      if (one.maxLength !== undefined) field.lengthMax = one.maxLength;
      return field;
    });
}

/** What a field shows. */
export function shownValue(field: SettingField, value: unknown): string {
  if (field.kind === "list") return Array.isArray(value) ? value.join(", ") : "";
  return value === undefined || value === null ? "" : String(value);
}

export type Typed = { ok: true; value: unknown } | { ok: false; problem: "not-a-number" | "too-small" | "too-large" };

/** What was typed, as the value that the box takes. The box checks again. */
export function typedValue(field: SettingField, text: string): Typed {
  if (field.kind === "list")
    return {
      ok: true,
      value: text
        .split(",")
        .map((part) => part.trim())
        .filter(Boolean),
    };
  if (field.kind !== "number") return { ok: true, value: text };
  const value = Number(text.replace(",", "."));
  if (text.trim() === "" || !Number.isFinite(value) || (field.whole && !Number.isInteger(value))) {
    return { ok: false, problem: "not-a-number" };
  }
  if (field.min !== undefined && value < field.min) return { ok: false, problem: "too-small" };
  if (field.max !== undefined && value > field.max) return { ok: false, problem: "too-large" };
  return { ok: true, value };
}
