/**
 * How the pages are built: one entry, one lazily loaded chunk per page and per language, hashed names, compressed
 * beforehand. `--mode gallery` adds the page of all components and writes beside, never into what is shipped.
 */
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";
import { virtualModules } from "./virtual.ts";

export default defineConfig(({ mode }) => {
  const gallery = mode === "gallery" || mode === "development";
  return {
    root: import.meta.dirname,
    base: "/",
    publicDir: resolve(import.meta.dirname, "public"),
    define: { __GALLERY__: JSON.stringify(gallery) },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: resolve(import.meta.dirname, gallery ? "../screenshots/.built" : "../dist/ui"),
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    plugins: [virtualModules(), precompress()],
  };
});
