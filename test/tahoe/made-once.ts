/**
 * Folders that take a minute to make and are then used by every run of the tests: made under a lock, beside their
 * place, and moved there when complete. So a folder that is there is whole, a making that was killed is begun again,
 * and of two runs that need it at once one makes it and the other waits.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../support/process.ts";

/** Written last; also says that nobody has begun to take the folder away. */
const COMPLETE_MARK = ".complete";
const SAID_CHARS = 4_000;

export interface Recipe {
  /** The folder's name is made of this and of a hash of the script and its arguments: a changed recipe is made anew. */
  name: string;
  /** For `sh`, `set -eu`: gets the folder to fill as $1 and `args` after it. Mounts that it makes vanish with it. */
  script: string;
  args: readonly string[];
  /** Waiting for another run that makes it, and making it, together. */
  timeoutMs: number;
}

/** Runs under the lock, in a mount namespace of its own, so that a killed making leaves no mount behind. */
const MAKE = `
set -eu
folder=$1 mark=$2 script=$3
shift 3
[ -e "$folder/$mark" ] && exit 0
rm -rf --one-file-system "$folder" "$folder.making"
mkdir -p "$folder.making"
sh -c "set -eu
$script" make "$folder.making" "$@"
: > "$folder.making/$mark"
mv "$folder.making" "$folder"
`;

/** Where the tests keep such folders: outside the repository, so that a fresh clone finds them. */
export function cacheFolder(): string {
  return process.env["COMU_TEST_CACHE"] ?? "/var/cache/comu-tests";
}

/** The folder's path, whether it was there or is made now. Throws with what the script said when that fails. */
export async function madeOnce(recipe: Recipe, cache = cacheFolder()): Promise<string> {
  const folder = join(cache, `${recipe.name}-${fingerprint(recipe)}`);
  if (existsSync(join(folder, COMPLETE_MARK))) return folder;
  if (process.getuid?.() !== 0) throw new Error(`${folder} is not there, and only root can make it`);
  mkdirSync(dirname(folder), { recursive: true });
  const lock = ["flock", "--timeout", String(Math.ceil(recipe.timeoutMs / 1000)), `${folder}.lock`];
  const make = ["unshare", "--mount", "sh", "-c", MAKE, "made-once", folder, COMPLETE_MARK, recipe.script];
  const result = await run([...lock, ...make, ...recipe.args], { timeoutMs: recipe.timeoutMs });
  if (result.code !== 0 || !existsSync(join(folder, COMPLETE_MARK))) {
    const said = `${result.stdout}${result.stderr}`.slice(-SAID_CHARS);
    throw new Error(`cannot make ${folder} (exit ${result.signal ?? result.code}):\n${said}`);
  }
  return folder;
}

function fingerprint(recipe: Recipe): string {
  const hash = createHash("sha256").update(JSON.stringify([recipe.script, recipe.args]));
  return hash.digest("hex").slice(0, 12);
}
