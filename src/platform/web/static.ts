/**
 * The built pages: served from memory as they were compressed at build time. Any path that is no file and no API
 * call gets the one page of the shell, whose router does the rest.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";

/** Held in memory at the most. The pages are small by decision; what is beyond is read from the disk each time. */
export const UI_BYTES_MAX = 16 * 1024 * 1024;

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
};

const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; media-src http: https:; style-src 'self'; script-src 'self'; " +
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
};

export type StaticFiles = (path: string, acceptEncoding: string) => Response | undefined;

/** Reads file names once; contents when first asked for. `root` may be missing: then there are no pages. */
export function createStatic(root: string): StaticFiles {
  const names = new Set(existsSync(root) ? readdirSync(root, { recursive: true }).map(String) : []);
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  let held = 0;
  const read = (name: string) => {
    let content = contents.get(name);
    if (!content) {
      content = new Uint8Array(readFileSync(join(root, name)));
      if (held + content.length > UI_BYTES_MAX) return content;
      held += content.length;
      contents.set(name, content);
    }
    return content;
  };
  return (path, acceptEncoding) => {
    const asked = path.replace(/^\/+/, "");
    const isFile = names.has(asked) && extname(asked) in TYPES;
    if (!isFile && (extname(asked) !== "" || !names.has("index.html"))) return undefined;
    const name = isFile ? asked : "index.html";
    const headers: Record<string, string> = {
      ...SECURITY_HEADERS,
      "content-type": TYPES[extname(name)]!,
      "cache-control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
      vary: "accept-encoding",
    };
    for (const [encoding, ending] of [
      ["br", ".br"],
      ["gzip", ".gz"],
    ] as const) {
      if (acceptEncoding.includes(encoding) && names.has(name + ending)) {
        return new Response(read(name + ending), { headers: { ...headers, "content-encoding": encoding } });
      }
    }
    return new Response(read(name), { headers });
  };
}
