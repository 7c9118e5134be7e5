/**
 * Where this machine gets its Debian packages from, and through which proxy: what its owner told apt. No address of
 * ours is involved.
 */
import { execFile } from "node:child_process";
import { APT_OUTPUT_BYTES_MAX, APT_TIMEOUT_MS } from "./constants.ts";
import { debianErrors } from "./errors.ts";

export interface Mirror {
  /** The archive with all of a release. */
  url: string;
  /** Lines for the new system's `sources.list`, with the security updates where the machine has them. */
  sources: string[];
  /** Environment variables. */
  proxies: Record<string, string>;
}

const FORMAT = "$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(REPO_URI)";
const PROXY = /^Acquire::(https?)::Proxy "([^"]+)";$/gim;

/** Throws `debian-no-mirror`, and `debian-missing` where there is no apt. */
export async function mirrorFor(suite: string, env: NodeJS.ProcessEnv): Promise<Mirror> {
  const targets = await apt("apt-get", ["indextargets", "--format", FORMAT, "Created-By: Packages"], env);
  const config = await apt("apt-config", ["dump"], env);
  return readMirror(suite, targets, config, env);
}

/** `targets`: a line for each list of packages; `config`: apt's settings as `apt-config dump` prints them. */
export function readMirror(suite: string, targets: string, config: string, env: NodeJS.ProcessEnv): Mirror {
  const rows = targets.split("\n").flatMap((line) => {
    const [codename = "", release = "", component = "", origin = "", url = ""] = line.trim().split("|");
    const name = codename || release;
    // Lists that were never fetched have no origin yet.
    const isDebian = origin === "Debian" || (origin === "" && /\/debian(?:-security)?\/?$/.test(url));
    return isDebian && component === "main" && /^(?:https?|file):/.test(url) ? [{ name, url }] : [];
  });
  const isExtra = (name: string) => name.includes("-");
  // An archive has all releases; one for updates only has only those.
  const main = rows.find(({ name }) => name === suite) ?? rows.find(({ name }) => !isExtra(name));
  if (!main) throw debianErrors.fail("debian-no-mirror");
  const extras = rows.filter(({ name }) => name === `${suite}-updates` || name === `${suite}-security`);
  const all = [{ name: suite, url: main.url }, ...extras];
  const found: Record<string, string> = {};
  for (const [, scheme, value] of config.matchAll(PROXY)) {
    if (value !== "DIRECT") found[`${scheme!.toLowerCase()}_proxy`] = value!;
  }
  for (const name of ["http_proxy", "https_proxy", "no_proxy"]) if (env[name]) found[name] = env[name];
  return {
    url: main.url,
    sources: [...new Set(all.map(({ name, url }) => `deb ${url} ${name} main`))],
    proxies: found,
  };
}

/** The image is for the whole community: a password of this machine's mirror does not go with it. */
export function withoutSecrets(line: string): string {
  return line.replace(/\/\/[^/@\s]*@/, "//");
}

function apt(program: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const options = { env: { ...env, LC_ALL: "C.UTF-8" }, timeout: APT_TIMEOUT_MS, maxBuffer: APT_OUTPUT_BYTES_MAX };
  return new Promise((resolve, reject) => {
    execFile(program, words, options, (error, stdout) => {
      if (error) reject(debianErrors.fail("debian-missing", { params: { missing: "apt" }, cause: error }));
      else resolve(stdout);
    });
  });
}
