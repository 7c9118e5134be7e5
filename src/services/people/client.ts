/** What other parts of the daemon may ask of the people service. */
import type { Principal } from "../../kernel/contract.ts";

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
}

export interface PreparedHost {
  name: string;
  password: string;
}
