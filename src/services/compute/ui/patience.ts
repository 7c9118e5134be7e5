/** How long the pages wait for what hosts do; the box itself answers after two minutes, and the rest goes on. */
export const HOSTS_TIMEOUT_MS = 150_000;
