/**
 * The files service with one planted mistake. What it is made of needs packages and most of the platform, so nothing is
 * copied as for the other simulators (`../planted.ts`): its modules are loaded a second time under another name, and
 * the mistake is put into the source on the way. What a world and the code must have in common (errors, the kernel, the
 * platform) is not loaded twice.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import type { Parts } from "./parts.ts";

export interface Mistake {
  /** Below src. */
  file: string;
  from: string;
  to: string;
}

/** What is loaded a second time: all below src that `again` names and `shared` does not, through the module `parts`. */
export interface Replanting {
  parts: string;
  again: RegExp;
  shared: RegExp;
}

const SOURCE = new URL("../../src/", import.meta.url).href;
const FILES: Replanting = {
  parts: new URL("./parts.ts", import.meta.url).href,
  again: /^(services\/files\/(grid|tree|care|storage)|protocols\/grid)\//,
  shared: /\/(errors|server)\.ts$/,
};

let planted = 0;

export async function plant(mistakes: readonly Mistake[]): Promise<Parts> {
  return (await plantIn(FILES, mistakes)) as Parts;
}

/** The `shippedParts` of the module. Throws when a mistake does not apply to the code exactly once. */
export async function plantIn({ parts, again, shared }: Replanting, mistakes: readonly Mistake[]): Promise<unknown> {
  const isLoadedAgain = (url: string) => {
    const path = url.slice(SOURCE.length);
    return url.startsWith(SOURCE) && again.test(path) && !shared.test(path);
  };
  const mark = `?planted=${(planted += 1)}`;
  const met = new Set<Mistake>();
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const isInside = context.parentURL?.endsWith(mark) === true;
      return isInside && isLoadedAgain(found.url) ? { ...found, url: found.url + mark } : found;
    },
    load(url, context, next) {
      if (!url.endsWith(mark) || url.startsWith(parts)) return next(url, context);
      const plain = url.slice(0, -mark.length);
      let source = readFileSync(fileURLToPath(plain), "utf8");
      for (const mistake of mistakes) {
        if (plain !== SOURCE + mistake.file) continue;
        met.add(mistake);
        source = replaced(source, mistake);
      }
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
  try {
    const { shippedParts } = (await import(parts + mark)) as { shippedParts: unknown };
    const missed = mistakes.find((one) => !met.has(one));
    if (missed) throw new Error(`${missed.file} is not among what is loaded`);
    return shippedParts;
  } finally {
    hooks.deregister();
  }
}

function replaced(source: string, { file, from, to }: Mistake): string {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}
