/**
 * A setting's value as people write it on a command line: JSON, or plain text where that says the same.
 */

/** The JSON type that a setting has; undefined when there is no such setting, or it has several. */
export function typeOfSetting(schemas: Record<string, unknown>, section: string, key: string): string | undefined {
  const schema = Object.hasOwn(schemas, section) ? (schemas[section] as { properties?: object }) : {};
  return new Map<string, { type?: string }>(Object.entries(schema.properties ?? {})).get(key)?.type;
}

/** "30" is a number, "true" a truth value, `["a"]` a list, and so is "a, b" where one is wanted; the rest is text. */
export function settingOf(text: string, type: string | undefined): unknown {
  const value = looseJson(text);
  if (type === "string") return typeof value === "string" ? value : text;
  if (type !== "array" || Array.isArray(value)) return value;
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

function looseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
