/**
 * A file beside the journal that says that this box was handing over when it stopped: it goes on with that at its next
 * start, and need not read a journal to find out.
 */
import { access, rm } from "node:fs/promises";
import { writeAtomic } from "../../platform/files.ts";

export interface LeavingMark {
  set(): Promise<void>;
  clear(): Promise<void>;
  isSet(): Promise<boolean>;
}

/** `file`: a path in a folder that exists. Throws `disk-full` and other failures of the disk. */
export function leavingMark(file: string): LeavingMark {
  return {
    set: () => writeAtomic(file, ""),
    clear: () => rm(file, { force: true }),
    isSet: async () =>
      access(file).then(
        () => true,
        () => false,
      ),
  };
}
