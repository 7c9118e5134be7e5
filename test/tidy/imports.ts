/**
 * Rules about who may import whom:
 *
 *   cli, pages ──► services ──► protocols (pure) and platform ──► kernel
 *
 * A room is a folder with a rule of its own; files directly in src put the rooms together and may import all of them.
 */
import { posix } from "node:path";
import { imports } from "./syntax.ts";
import type { Import } from "./syntax.ts";
import { isCode, isTest } from "./tree.ts";
import type { Rule } from "./tree.ts";

interface Wish extends Import {
  /** The file that imports. */
  path: string;
  /** The imported file below the root; undefined for a package. */
  target: string | undefined;
}

const SERVICE = /^src\/services\/([^/]+)\//;
const in_ = (target: string | undefined, ...folders: string[]) =>
  target !== undefined && folders.some((folder) => target === folder || target.startsWith(`${folder}/`));
const isPackage = (wish: Wish) => wish.target === undefined && !wish.from.startsWith("node:");

interface Room {
  name: string;
  holds: (path: string) => boolean;
  may: (wish: Wish) => boolean;
}

/** In this order: the first room that holds a file decides. */
const ROOMS: readonly Room[] = [
  {
    name: "the kernel imports itself and zod, and node:crypto in system-random.ts",
    holds: (path) => path.startsWith("src/kernel/"),
    may: (wish) =>
      in_(wish.target, "src/kernel") ||
      wish.from === "zod" ||
      (wish.from === "node:crypto" && wish.path === "src/kernel/system-random.ts"),
  },
  {
    name: "protocols import protocols, and types of the kernel",
    holds: (path) => path.startsWith("src/protocols/"),
    may: (wish) => in_(wish.target, "src/protocols") || (in_(wish.target, "src/kernel") && wish.typeOnly),
  },
  {
    name: "the platform imports itself and the kernel",
    holds: (path) => path.startsWith("src/platform/"),
    may: (wish) => wish.target === undefined || in_(wish.target, "src/platform", "src/kernel"),
  },
  {
    name: "pages import pages, contracts and the kernel",
    holds: (path) => path.startsWith("ui/src/") || /^src\/services\/[^/]+\/ui\//.test(path),
    may: (wish) =>
      isPackage(wish) ||
      in_(wish.target, "ui/src", "src/kernel") ||
      /^src\/services\/[^/]+\/(?:ui\/|contract\.ts$)/.test(wish.target ?? ""),
  },
  {
    name: "a service imports of another only its contract and its client, and of the system only the type",
    holds: (path) => SERVICE.test(path),
    may: (wish) => {
      if (wish.target === undefined || in_(wish.target, "src/protocols", "src/platform", "src/kernel")) return true;
      const other = SERVICE.exec(wish.target)?.[1];
      if (other === undefined) return wish.target === "src/system.ts" && wish.typeOnly;
      const own = other === SERVICE.exec(wish.path)![1];
      return own || /^src\/services\/[^/]+\/(?:contract|client)\.ts$|^src\/services\/[^/]+\/ui\//.test(wish.target);
    },
  },
  {
    name: "the list of services imports services and the type of the system",
    holds: (path) => path.startsWith("src/services/"),
    may: (wish) => in_(wish.target, "src/services", "src/kernel") || (wish.target === "src/system.ts" && wish.typeOnly),
  },
  {
    name: "the rest of src imports src and the words of the shell",
    holds: (path) => path.startsWith("src/"),
    may: (wish) => wish.target === undefined || in_(wish.target, "src", "ui/src/words"),
  },
];

function wishes(path: string, text: string): Wish[] {
  return imports(path, text).map((one) => {
    const target = one.from.startsWith(".")
      ? posix.join(posix.dirname(path), one.from.replace(/\?.*$/, ""))
      : undefined;
    return { ...one, path, target };
  });
}

const directions: Rule = {
  name: "imports run one way",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of [...tree].filter(([name]) => isCode(name) && !isTest(name))) {
      const room = ROOMS.find((one) => one.holds(path));
      if (!room) continue;
      for (const wish of wishes(path, text)) {
        if (!room.may(wish)) found.push(`${path}:${wish.line}: imports ${wish.from}, but ${room.name}`);
      }
    }
    return found;
  },
};

/** A service and its tests are one folder that can be looked at, and copied, without the tests of the whole. */
const beside: Rule = {
  name: "a test beside the code uses what stands in src and ui",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of [...tree].filter(([name]) => isTest(name) && in_(name, "src", "ui"))) {
      for (const { from, line, target } of wishes(path, text)) {
        if (target !== undefined && !in_(target, "src", "ui")) found.push(`${path}:${line}: imports ${from}`);
      }
    }
    return found;
  },
};

const endings: Rule = {
  name: "imports name files with their ending",
  find: (tree) => {
    const found: string[] = [];
    for (const [path, text] of [...tree].filter(([name]) => isCode(name))) {
      for (const { from, line, target } of wishes(path, text)) {
        if (target !== undefined && !/\.(?:tsx?|json|css|svg)$/.test(target)) found.push(`${path}:${line}: ${from}`);
      }
    }
    return found;
  },
};

export const importRules: readonly Rule[] = [directions, beside, endings];
