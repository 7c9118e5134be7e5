/**
 * Canonical JSON after RFC 8785: keys sorted by UTF-16 code units, no white space, numbers and strings as
 * ECMAScript writes them. One value has one text, which is what gets signed.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The text, or undefined when the value is not JSON, has a lone surrogate, or nests deeper than `depthMax`. */
export function canonicalJson(value: unknown, depthMax: number): string | undefined {
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "number":
      return Number.isFinite(value) ? JSON.stringify(value) : undefined;
    case "string":
      return value.isWellFormed() ? JSON.stringify(value) : undefined;
    case "object":
      if (value === null) return "null";
      if (depthMax <= 0) return undefined;
      return Array.isArray(value) ? canonicalArray(value, depthMax - 1) : canonicalObject(value, depthMax - 1);
    default:
      return undefined;
  }
}

function canonicalArray(items: unknown[], depthMax: number): string | undefined {
  const parts: string[] = [];
  for (const item of items) {
    const part = canonicalJson(item, depthMax);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return `[${parts.join(",")}]`;
}

function canonicalObject(value: object, depthMax: number): string | undefined {
  const parts: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const part = canonicalJson((value as Record<string, unknown>)[key], depthMax);
    if (part === undefined || !key.isWellFormed()) return undefined;
    parts.push(`${JSON.stringify(key)}:${part}`);
  }
  return `{${parts.join(",")}}`;
}
