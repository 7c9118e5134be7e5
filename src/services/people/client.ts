/** What other parts of the daemon may ask of the people service. */
import type { Principal, Role } from "../../kernel/contract.ts";

export interface PeopleClient {
  /** Who a session token belongs to; undefined for nobody. Also notes that the session is in use. */
  authenticate(token: string, proof: string | undefined): Principal | undefined;
  /** Is there any account? A box without one is not set up. */
  hasAccounts(): boolean;
  /** Computes the password's hash: slow on purpose, so done before anything is changed. */
  prepareHost(name: string, password: string): Promise<PreparedHost>;
  /** Makes the first account. Part of the set-up's transaction. */
  createHost(prepared: PreparedHost): void;
  /** Opens a session: the cookie's token, and the proof that the page keeps for itself. */
  openSession(name: string): { token: string; csrf: string };
  /** The host's name as the community sees it. */
  ownerName(): string;
  /**
   * Called with the name of an account that was removed, or that is only a guest's from now on. What a listener writes
   * into the store at the removal counts with it, or not at all.
   */
  onLeft(listener: (name: string, isRemoved: boolean) => void): void;
  /** The role of whom this session belongs to now; undefined when it has ended. Does not count as using it. */
  sessionRole(session: string): Role | undefined;
}

export interface PreparedHost {
  name: string;
  password: string;
}

/** How accounts are told apart: two names that differ only in case, spacing or Unicode composition are one. */
export function foldName(name: string): string {
  return name.normalize("NFKC").trim().replaceAll(/\s+/g, " ").toLowerCase();
}
