/** A store in memory whose disk can be full: then every change is refused, and what is read stays as it was. */
import { kernelErrors } from "../../kernel/errors.ts";
import { openStore } from "../../platform/store.ts";
import type { Store } from "../../platform/store.ts";

export interface SmallStore {
  store: Store;
  isFull: boolean;
}

export function smallStore(): SmallStore {
  const real = openStore(":memory:");
  const store: Store = {
    ...real,
    prepare<T>(sql: string) {
      const query = real.prepare<T>(sql);
      const run: typeof query.run = (...values) => {
        if (small.isFull) throw kernelErrors.fail("disk-full");
        return query.run(...values);
      };
      return { ...query, run };
    },
  };
  const small = { store, isFull: false };
  return small;
}
