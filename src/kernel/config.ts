/**
 * The configuration: one zod schema per section, which is at once the source of default, type, help text and form.
 * A change is live: first every part verifies it, then the file is written, then every part commits it.
 * The file carries a version, one more than there are migrations; an older one passes through them in order.
 */
import { z } from "zod";
import type { Failure } from "./errors.ts";
import { fail } from "./errors.ts";

/** One step: the whole file's content from version n to n + 1. */
export type Migration = (content: Record<string, unknown>) => Record<string, unknown>;

export interface ConfigListener {
  /** Throws a Failure when the part cannot live with `next`. Nothing has changed yet. */
  verify?(next: Values): void;
  /** The change has been written: take it up. */
  commit(next: Values): void;
}

export type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Config {
  values(): Values;
  /** One section, typed by its schema: the same object until a change, not to be written into. Cheap to ask for. */
  section<S extends z.ZodObject>(name: string, schema: S): z.output<S>;
  /** Changes some keys: `{ discovery: { checkIntervalS: 30 } }`. All or nothing. */
  change(patch: Record<string, Record<string, unknown>>): Promise<Values>;
  listen(listener: ConfigListener): void;
  /** JSON Schema per section, for the form. */
  schemas(): Record<string, unknown>;
}

export interface ConfigOptions {
  sections: Readonly<Record<string, z.ZodObject>>;
  /** The content of the file, or undefined when there is none yet. */
  load: () => unknown;
  /** Writes the whole file; resolves when it is safe on disk. */
  save: (content: Record<string, unknown>) => Promise<void>;
  /** migrations[0] goes from version 1 to 2. */
  migrations?: readonly Migration[];
}

export function createConfig(options: ConfigOptions): Config {
  const migrations = options.migrations ?? [];
  const version = migrations.length + 1;
  let current = parse(options.sections, migrate(options.load(), migrations));
  const listeners: ConfigListener[] = [];
  /** Sections of `current` that were asked for; a schema of many fields takes longer than most of what asks for it. */
  const parsed = new Map<string, { schema: z.ZodObject; values: unknown }>();
  let turn: Promise<unknown> = Promise.resolve();

  const change = async (patch: Record<string, Record<string, unknown>>): Promise<Values> => {
    for (const [section, keys] of Object.entries(patch)) {
      const schema = Object.hasOwn(options.sections, section) ? options.sections[section] : undefined;
      if (!schema) throw fail("bad-input", { params: { field: section, reason: "unknown section" } });
      for (const key of Object.keys(keys)) {
        if (Object.hasOwn(schema.shape, key)) continue;
        throw fail("bad-input", { params: { field: `${section}.${key}`, reason: "unknown setting" } });
      }
    }
    const merged = { ...current } as Record<string, Record<string, unknown>>;
    for (const [section, keys] of Object.entries(patch)) merged[section] = { ...merged[section], ...keys };
    const next = parse(options.sections, merged);
    for (const listener of listeners) listener.verify?.(next);
    await options.save({ version, ...next });
    current = next;
    parsed.clear();
    for (const listener of listeners) listener.commit(next);
    return next;
  };

  return {
    values: () => current,
    section(name, schema) {
      let known = parsed.get(name);
      if (known?.schema !== schema) parsed.set(name, (known = { schema, values: schema.parse(current[name] ?? {}) }));
      return known.values as z.output<typeof schema>;
    },
    change(patch) {
      const run = turn.then(() => change(patch));
      turn = run.catch(() => undefined);
      return run;
    },
    listen: (listener) => void listeners.push(listener),
    schemas: () =>
      Object.fromEntries(Object.entries(options.sections).map(([name, schema]) => [name, z.toJSONSchema(schema)])),
  };
}

function migrate(loaded: unknown, migrations: readonly Migration[]): Record<string, unknown> {
  if (loaded === undefined) return {};
  if (typeof loaded !== "object" || loaded === null || Array.isArray(loaded)) throw badFile("not an object");
  const { version = 1, ...rest } = loaded as Record<string, unknown>;
  const newest = migrations.length + 1;
  if (typeof version !== "number" || version > newest) throw badFile(`version ${String(version)}`);
  let content = rest;
  for (let from = version; from < newest; from += 1) {
    const step = migrations[from - 1];
    if (!step) throw badFile(`no way up from version ${from}`);
    content = step(content);
  }
  return content;
}

function badFile(reason: string): Failure {
  return fail("bad-input", { params: { field: "settings.json", reason } });
}

function parse(sections: Readonly<Record<string, z.ZodObject>>, content: Record<string, unknown>): Values {
  const result: Record<string, Record<string, unknown>> = {};
  for (const [name, schema] of Object.entries(sections)) {
    const parsed = schema.safeParse(content[name] ?? {});
    if (!parsed.success) throw inputFailure(parsed.error, name);
    result[name] = parsed.data;
  }
  return result;
}

/** A zod error as our `bad-input`: the first problem, with the field's path. */
export function inputFailure(error: z.ZodError, prefix?: string): Failure {
  const issue = error.issues[0];
  const path = [...(prefix ? [prefix] : []), ...(issue?.path.map(String) ?? [])].join(".");
  return fail("bad-input", { params: { field: path || "input", reason: issue?.message ?? "invalid" }, cause: error });
}
