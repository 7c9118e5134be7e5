/** Logging in: passwords and public keys are shown to whoever knows the devices; a key must also sign. */
import type { AuthContext } from "ssh2";
import ssh2 from "ssh2";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { FileSystem } from "../tree/file-system.ts";
import { fingerprintOf } from "./host-key.ts";

/** What a device shows. `fingerprint` is "SHA256:…" of the public key. Its signature is checked here. */
export type SftpLogin = { username: string; address: string } & (
  | { method: "password"; password: string }
  | { method: "key"; algorithm: string; publicKey: Uint8Array; fingerprint: string }
);

export interface SftpMember {
  /** For listings and the log. */
  name: string;
  /** What this device may see and change. */
  files: FileSystem;
  /** False: this device was taken back. Asked when devices change (`forget`). */
  isAllowed?: () => boolean;
}

export type Authenticate = (login: SftpLogin) => Promise<SftpMember | undefined>;

const METHODS = ["publickey", "password"] as const;
const USERNAME_MAX_LENGTH = 256;
const PASSWORD_MAX_LENGTH = 1024;

export interface LoginNeeds {
  address: string;
  authenticate: Authenticate;
  clock: Clock;
  log: Log;
  delayMs: number;
  /** A failure; true: the connection is to end. */
  failed: () => boolean;
  accepted: (member: SftpMember) => void;
  end: () => void;
}

export class Login {
  readonly #needs: LoginNeeds;

  constructor(needs: LoginNeeds) {
    this.#needs = needs;
  }

  /** Answers one attempt. */
  async take(attempt: AuthContext): Promise<void> {
    const { log, clock, delayMs } = this.#needs;
    let member: SftpMember | undefined;
    try {
      const login = this.#loginOf(attempt);
      // "none" is how a client asks what there is.
      if (!login) return attempt.reject([...METHODS]);
      member = await this.#needs.authenticate(login);
    } catch (error) {
      log.error("sftp login", { error });
      return this.#needs.end();
    }
    const isQuestion = attempt.method === "publickey" && !attempt.signature;
    if (member && (isQuestion || attempt.method === "password" || isSigned(attempt))) {
      if (!isQuestion) this.#needs.accepted(member);
      return attempt.accept();
    }
    const isLast = this.#needs.failed();
    log.info("sftp login refused", { address: this.#needs.address, method: attempt.method });
    await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    if (isLast) this.#needs.end();
    else attempt.reject([...METHODS]);
  }

  #loginOf(attempt: AuthContext): SftpLogin | undefined {
    const { username } = attempt;
    const from = { username: username.slice(0, USERNAME_MAX_LENGTH), address: this.#needs.address };
    if (attempt.method === "password" && attempt.password.length <= PASSWORD_MAX_LENGTH) {
      return { ...from, method: "password", password: attempt.password };
    }
    if (attempt.method !== "publickey") return undefined;
    const { algo, data } = attempt.key;
    return { ...from, method: "key", algorithm: algo, publicKey: data, fingerprint: fingerprintOf(data) };
  }
}

function isSigned(attempt: AuthContext): boolean {
  if (attempt.method !== "publickey" || !attempt.signature || !attempt.blob) return false;
  const key = ssh2.utils.parseKey(attempt.key.data);
  if (key instanceof Error) return false;
  return key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true;
}
