/**
 * Makes an image of Debian for a container engine: debootstrap, then packages, and what a recipe adds. One folder holds
 * all of it; whoever asks makes that folder and takes it away. A building that ends for whatever reason, also because
 * this process was killed, leaves no process and no mount: the kernel ends them with it.
 *
 *   recipe ─► unpack (download, verify, extract) ─► install (in its own namespaces) ─► pack ─► image.tar.gz
 */
import { spawn } from "node:child_process";
import { access, chmod, constants, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure, kernelErrors } from "../../kernel/errors.ts";
import { freeBytes } from "../files.ts";
import { INSTALL, PACK, TOO_LARGE_EXIT, UNPACK } from "./build-script.ts";
import {
  BUILD_DISK_LOOK_MS,
  BUILD_LOG_CHARS_MAX,
  BUILD_ROOM_BYTES_MIN,
  BUILD_SAID_CHARS_MAX,
  BUILD_SIZE_MIB_MAX,
  BUILD_SPARED_BYTES,
  BUILD_TIMEOUT_MS,
} from "./constants.ts";
import { debianErrors } from "./errors.ts";
import { mirrorFor, withoutSecrets } from "./mirror.ts";
import { createProgressReader } from "./progress.ts";
import type { BuildStage, ProgressReader } from "./progress.ts";

export interface DebianRecipe {
  /** Debian's name of the release, such as "bookworm". */
  suite: string;
  /** Added to the base; apt brings what they need. */
  packages: readonly string[];
  /** Absolute paths inside; folders above are made. Permission bits. */
  files: readonly { path: string; mode: number; content: Uint8Array }[];
  /** For the shell inside, one after the other, as root without rights over the kernel, until one fails. */
  commands: readonly string[];
}

export interface DebianBuild {
  /** Empty, on a disk with room. */
  folder: string;
  /** The engine's word for this machine, such as `x86_64`. */
  architecture: string;
  clock: Clock;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** 0 to 100, never falling. */
  progress: (stage: BuildStage, percent: number) => void;
  limits?: Partial<BuildLimits>;
}

export interface BuildLimits {
  timeoutMs: number;
  sizeMib: number;
  roomBytes: number;
  sparedBytes: number;
}

export const BUILD_LIMITS: BuildLimits = {
  timeoutMs: BUILD_TIMEOUT_MS,
  sizeMib: BUILD_SIZE_MIB_MAX,
  roomBytes: BUILD_ROOM_BYTES_MIN,
  sparedBytes: BUILD_SPARED_BYTES,
};

export const PACKAGE = /^[a-z0-9][a-z0-9+.-]{1,80}$/;

/** An init, what a network needs, and the certificates by which programs trust others. */
const BASE = ["systemd-sysv", "iproute2", "ca-certificates"];
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Programs, and the Debian packages that have them. */
const TOOLS: Readonly<Record<string, string>> = {
  debootstrap: "debootstrap",
  unshare: "util-linux",
  setpriv: "util-linux",
  tar: "tar",
  gzip: "gzip",
  wget: "wget",
};
/** Dies with this process, and all that it starts dies with it; its mounts are nobody else's. */
const ALONE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--ipc", "--uts", "--fork"];
const KINDLY = ["nice", "-n", "10"];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Gives the packed image, which lies in the folder. Throws the failures of `errors.ts`, `disk-full`, and the signal's
 * reason.
 */
export async function buildDebian(recipe: DebianRecipe, build: DebianBuild): Promise<{ file: string; bytes: number }> {
  const limits = { ...BUILD_LIMITS, ...build.limits };
  await checkMachine(build.env);
  const mirror = await mirrorFor(recipe.suite, build.env);
  const stop = new AbortController();
  const end = (error: Error) => stop.abort(error);
  const minutes = Math.round(limits.timeoutMs / 60_000);
  const cancels = [
    build.clock.after(limits.timeoutMs, () => end(debianErrors.fail("debian-too-slow", { params: { minutes } }))),
    build.clock.every(BUILD_DISK_LOOK_MS, () => void hasRoom(build.folder, limits.sparedBytes).catch(end)),
  ];
  const signal = AbortSignal.any([build.signal, stop.signal]);
  try {
    await hasRoom(build.folder, limits.roomBytes);
    await stage(recipe, build.folder, mirror.sources);
    const env = { PATH, HOME: "/root", LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive", ...mirror.proxies };
    const reader = createProgressReader(build.progress);
    const run = (script: string, words: readonly string[]) =>
      runScript({
        script,
        words: [build.folder, String(limits.sizeMib), ...words],
        env,
        signal,
        reader,
        sizeMib: limits.sizeMib,
      });
    await run(UNPACK, [recipe.suite, mirror.url, KEYRING, BASE.join(",")]);
    await run(INSTALL, recipe.packages);
    reader.begin("pack");
    const nowS = Math.floor(build.clock.wallMs() / 1000);
    await run(PACK, [build.architecture, recipe.suite, String(nowS)]);
    reader.begin("store");
  } finally {
    for (const cancel of cancels) cancel();
  }
  const file = join(build.folder, "image.tar.gz");
  return { file, bytes: (await stat(file)).size };
}

/** Throws `debian-needs-root`, `debian-missing`. */
async function checkMachine(env: NodeJS.ProcessEnv): Promise<void> {
  if (process.getuid?.() !== 0) throw debianErrors.fail("debian-needs-root");
  const folders = (env["PATH"] ?? PATH).split(":").concat(PATH.split(":"));
  const isThere = async (file: string, mode: number) =>
    await access(file, mode).then(
      () => true,
      () => false,
    );
  const missing = new Set<string>();
  for (const [tool, from] of Object.entries(TOOLS)) {
    const found = await Promise.all(folders.map((folder) => isThere(join(folder, tool), constants.X_OK)));
    if (!found.includes(true)) missing.add(from);
  }
  // Without it debootstrap would go on, and believe any mirror.
  if (!(await isThere(KEYRING, constants.R_OK))) missing.add("debian-archive-keyring");
  if (missing.size > 0) throw debianErrors.fail("debian-missing", { params: { missing: [...missing].join(" ") } });
}

async function hasRoom(folder: string, bytes: number): Promise<void> {
  if ((await freeBytes(folder)) < bytes) throw kernelErrors.fail("disk-full");
}

/** Puts into the folder what the scripts take from there. */
async function stage(recipe: DebianRecipe, folder: string, sources: readonly string[]): Promise<void> {
  for (const name of ["sources", "commands", "files"]) await mkdir(join(folder, name));
  const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join("");
  await writeFile(join(folder, "sources", "build.list"), lines(sources));
  await writeFile(join(folder, "sources", "image.list"), lines(sources.map(withoutSecrets)));
  await Promise.all(recipe.commands.map((one, at) => writeFile(join(folder, "commands", String(at)), `${one}\n`)));
  for (const { path, mode, content } of recipe.files) {
    // What climbs out of the folder cannot come of a recipe that was read; a bug must not write there either.
    if (!path.startsWith("/") || posix.normalize(path) !== path) throw new Error(`no path of an image: ${path}`);
    const file = join(folder, "files", path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, content);
    await chmod(file, mode);
  }
}

interface Script {
  script: string;
  words: readonly string[];
  env: Record<string, string>;
  signal: AbortSignal;
  reader: ProgressReader;
  sizeMib: number;
}

async function runScript({ script, words, env, signal, reader, sizeMib }: Script): Promise<void> {
  signal.throwIfAborted();
  const [program = "", ...rest] = [...KINDLY, ...ALONE, "--kill-child=KILL", "sh", "-c", script, "build", ...words];
  const child = spawn(program, rest, { env, stdio: ["ignore", "pipe", "pipe", "pipe"], cwd: "/" });
  let log = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-BUILD_LOG_CHARS_MAX)));
  }
  (child.stdio[3] as NodeJS.ReadableStream).setEncoding("utf8").on("data", (text: string) => reader.read(String(text)));
  const kill = () => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => signal.removeEventListener("abort", kill));
  signal.throwIfAborted();
  if (code === TOO_LARGE_EXIT) throw debianErrors.fail("debian-too-large", { params: { limit: sizeMib } });
  if (code !== 0) throw whyNot(reader, log);
}

const NO_SUCH = /Unable to locate package|has no installation candidate|unmet dependencies|Couldn't find these debs/i;
const SILENT =
  /Failed to fetch|Could(?: not|n't) (?:resolve|connect|download)|Unable to connect|getting release|Temporary failure/i;
const UNSIGNED = /NO_PUBKEY|(?:signed by unknown|invalid) .*(?:key|signature)|not signed|Invalid Release signature/i;

/** What the tools said, as a code. */
export function whyNot(reader: Pick<ProgressReader, "problem" | "command">, log: string): Error {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  const text = `${reader.problem}\n${log}`;
  const pick = (pattern: RegExp) =>
    text
      .split("\n")
      .find((line) => pattern.test(line))
      ?.trim();
  const said = (line: string | undefined) => ({
    params: { said: (line ?? reader.problem ?? "").slice(0, BUILD_SAID_CHARS_MAX) },
    cause: new Error(lines.slice(-40).join("\n")),
  });
  const last = reader.problem || lines.at(-1);
  if (/No space left on device/.test(text)) return kernelErrors.fail("disk-full", said(last));
  if (reader.command !== undefined) {
    const { params, cause } = said(lines.at(-1));
    return debianErrors.fail("debian-command-failed", { params: { ...params, number: reader.command + 1 }, cause });
  }
  for (const [pattern, code] of REASONS) {
    const line = pick(pattern);
    if (line !== undefined) return debianErrors.fail(code, said(line));
  }
  return debianErrors.fail("debian-failed", said(last));
}

const REASONS = [
  [UNSIGNED, "debian-not-signed"],
  [NO_SUCH, "debian-package-bad"],
  [SILENT, "debian-mirror-unreachable"],
] as const;

/** Whether what was thrown is a reason that a person can do something about. */
export const isBuildFailure = (error: unknown): boolean =>
  isFailure(error) && (error.code.startsWith("debian-") || error.code === "disk-full");
