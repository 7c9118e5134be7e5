/**
 * Builds what a box runs: the pages (Vite) into dist/ui, and the program (rolldown) into dist/comu.mjs with its
 * chunks, so that a start reads few files. Makes the folder anew beside the old one and swaps, so that a running
 * box never sees half a build.
 */
import { existsSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import type { Plugin } from "rolldown";
import { build as viteBuild } from "vite";
import { leanCommands } from "./lean-commands.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const fresh = join(root, `dist.${process.pid}`);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

rmSync(fresh, { recursive: true, force: true });
// Written first: a source that is saved while the build runs is newer than this file, and builds again.
const startedAt = new Date();

/**
 * A text with one character outside Latin-1 takes two bytes for each of its characters in memory, and many of these
 * files would have one, such as an ellipsis. Such a character stands in texts only, where it may be an escape.
 */
const oneByteTexts: Plugin = {
  name: "one-byte-texts",
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== "chunk") continue;
      file.code = file.code.replaceAll(
        /[^\0-\u00ff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    }
  },
};

const bundle = await rolldown({
  plugins: [leanCommands, oneByteTexts],
  // The second one is what threads begin with; the program looks for it beside itself.
  input: {
    comu: join(root, "src/cli/main.ts"),
    "encode-worker": join(root, "src/services/files/grid/encode-worker.ts"),
  },
  platform: "node",
  // ssh2 would use machine code if it had been compiled for it; asking for it fails where it runs, as it expects.
  external: [/\.node$/],
  transform: {
    // The second for packages that were written for CommonJS.
    define: { "process.env.COMU_VERSION": JSON.stringify(version), __dirname: "import.meta.dirname" },
  },
  logLevel: "warn",
});
await bundle.write({
  dir: fresh,
  format: "esm",
  entryFileNames: "[name].mjs",
  chunkFileNames: "chunk-[name]-[hash].mjs",
  minify: true,
  sourcemap: true,
});
await viteBuild({
  root: join(root, "ui"),
  configFile: join(root, "ui/vite.config.ts"),
  logLevel: "warn",
  build: { outDir: join(fresh, "ui"), emptyOutDir: true },
});

writeFileSync(join(fresh, "built"), `${version}\n`);
utimesSync(join(fresh, "built"), startedAt, startedAt);
if (existsSync(dist)) renameSync(dist, `${fresh}.old`);
renameSync(fresh, dist);
rmSync(`${fresh}.old`, { recursive: true, force: true });
