/** An SFTP server of ours in a test: a member with a password and a key, and what programs need to log in. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import type { LogLevel } from "../../src/kernel/log.ts";
import { createLog } from "../../src/kernel/log.ts";
import type { SftpLimits } from "../../src/services/files/sftp/constants.ts";
import { makeHostKey, publicHostKey } from "../../src/services/files/sftp/host-key.ts";
import type { SftpLogin, SftpMember } from "../../src/services/files/sftp/login.ts";
import type { Sftp } from "../../src/services/files/sftp/sftp-server.ts";
import { createSftp } from "../../src/services/files/sftp/sftp-server.ts";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";

export const USERNAME = "ana";
export const PASSWORD = "three small words";

export interface SftpBox extends AsyncDisposable {
  readonly sftp: Sftp;
  readonly port: number;
  /** For files of the test; goes with the box. */
  readonly folder: string;
  readonly keyFile: string;
  readonly knownHosts: string;
  /** What was tried, in order. */
  readonly logins: SftpLogin[];
  /** Lines of the log of this level. */
  logged(level: LogLevel): string[];
}

export async function startSftp(
  files: FileSystem,
  limits: Partial<SftpLimits> = {},
  device: Partial<SftpMember> = {},
): Promise<SftpBox> {
  const folder = mkdtempSync(path.join(tmpdir(), "comu-sftp-"));
  const keyFile = path.join(folder, "key");
  const knownHosts = path.join(folder, "known_hosts");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
  const known = publicHostKey(readFileSync(keyFile, "utf8")).fingerprint;
  const logins: SftpLogin[] = [];
  const lines: { level: LogLevel; line: string }[] = [];
  const clock = systemClock();
  const hostKey = makeHostKey();
  const sftp = await createSftp({
    hostKey,
    address: "127.0.0.1",
    port: 0,
    spoolFolder: path.join(folder, "spool"),
    clock,
    log: createLog({ clock, level: "debug", write: (line, level) => lines.push({ level, line }) }),
    limits: { loginDelayMs: 10, ...limits },
    authenticate: async (login) => {
      logins.push(login);
      if (login.username !== USERNAME) return undefined;
      const isGood = login.method === "password" ? login.password === PASSWORD : login.fingerprint === known;
      return isGood ? { name: USERNAME, files, ...device } : undefined;
    },
  });
  const { port } = sftp.local;
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${publicHostKey(hostKey).line}\n`);
  return {
    sftp,
    port,
    folder,
    keyFile,
    knownHosts,
    logins,
    logged: (level) => lines.filter((one) => one.level === level).map(({ line }) => line),
    async [Symbol.asyncDispose]() {
      await sftp.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** For `ssh`, `sftp`, `scp` and `sshfs`: nothing from the machine's own set-up, no question. */
export function sshOptions(box: SftpBox): string[] {
  const options = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${box.knownHosts}`,
    `IdentityFile=${box.keyFile}`,
    "IdentitiesOnly=yes",
  ];
  return ["-F", "/dev/null", ...options.flatMap((option) => ["-o", option])];
}
