/**
 * The system's own programs for its network: `ip`, `nft`, `wg` and `wireguard-go`. Called with a list of words, never
 * through a shell. What one has to read is given as a file, since these programs open their input by name.
 */
import { spawn } from "node:child_process";
import { NETWORK_COMMAND_TIMEOUT_MS, NETWORK_OUTPUT_BYTES_MAX, NETWORK_SAID_CHARS_MAX } from "./constants.ts";
import { fail } from "./errors.ts";

/** By program, the package of Debian that has it. */
export const TOOL_PACKAGES = {
  ip: "iproute2",
  nft: "nftables",
  wg: "wireguard-tools",
  "wireguard-go": "wireguard-go",
} as const;
export type Tool = keyof typeof TOOL_PACKAGES;

export interface ToolOptions {
  /** Where programs are looked for; by default also where they are that only root has in its path. */
  path?: string;
  timeoutMs?: number;
  outputBytesMax?: number;
}

const DENIED = /operation not permitted|permission denied|you must be root/i;

/** `path`: where programs are looked for. */
export function toolEnvironment(path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`): NodeJS.ProcessEnv {
  // With its log wireguard-go would keep our pipes open for what it has to say.
  return { ...process.env, PATH: path, LC_ALL: "C", LOG_LEVEL: "silent" };
}

/**
 * Runs one to its end and gives what it printed. Throws `network-tool-missing`, `network-not-allowed`,
 * `network-refused`.
 */
export function runTool(tool: Tool, words: readonly string[], options: ToolOptions = {}): Promise<string> {
  const { path, timeoutMs = NETWORK_COMMAND_TIMEOUT_MS, outputBytesMax = NETWORK_OUTPUT_BYTES_MAX } = options;
  const env = toolEnvironment(path);
  // A group of its own: wireguard-go goes on when the daemon is stopped.
  const child = spawn(tool, words, {
    ...{ env, detached: true, cwd: "/", stdio: ["ignore", "pipe", "pipe"] },
    ...{ timeout: timeoutMs, killSignal: "SIGKILL" },
  });
  return new Promise((resolve, reject) => {
    const [out, said]: [Buffer[], Buffer[]] = [[], []];
    let bytes = 0;
    const take = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > outputBytesMax) child.kill("SIGKILL");
      else into.push(chunk);
    };
    child.stdout.on("data", take(out));
    child.stderr.on("data", take(said));
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const params = { tool, package: TOOL_PACKAGES[tool] };
      if (cause.code === "ENOENT") reject(fail("network-tool-missing", { params, cause }));
      else reject(fail("network-refused", { params: { tool, said: cause.message }, cause }));
    });
    child.once("close", (code) => {
      if (code === 0) return resolve(Buffer.concat(out).toString("utf8"));
      // Without a code it was ended: it took too long, or said too much.
      const text = Buffer.concat(said).toString("utf8").trim() || `ended with ${code ?? "a signal"}`;
      const params = { tool, said: text.slice(0, NETWORK_SAID_CHARS_MAX) };
      reject(DENIED.test(text) ? fail("network-not-allowed", { params }) : fail("network-refused", { params }));
    });
  });
}
