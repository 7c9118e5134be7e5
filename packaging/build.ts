/**
 * Builds what a box runs: the pages (Vite) into dist/ui, and the program (rolldown) into dist/comu.mjs with its
 * chunks, so that a start reads few files. Makes the folder anew beside the old one and swaps, so that a running
 * box never sees half a build.
 */
import { existsSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { build as viteBuild } from "vite";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const fresh = join(root, `dist.${process.pid}`);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

rmSync(fresh, { recursive: true, force: true });
// Written first: a source that is saved while the build runs is newer than this file, and builds again.
const startedAt = new Date();

const bundle = await rolldown({
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
