/**
 * Real peers come from Debian: `needDebian(["nginx-light"])` makes sure that the packages are there before a test
 * uses them. A package that is missing and cannot be installed is a failure, never a skipped test.
 */
import { mkdirSync } from "node:fs";
import { run } from "./process.ts";

/** Waiting for another test that installs, and installing, together. */
const INSTALL_TIMEOUT_MS = 600_000;
const LOCK_FOLDER = "/run/lock";

/**
 * Runs under the lock. Debian starts a service as soon as it is installed, which on a machine that only runs tests
 * would take ports and stay; a policy-rc.d that says 101 ("forbidden") stops that while this runs. A policy that the
 * machine already has is put aside and put back, also when an earlier run was killed in between.
 */
const INSTALL = `
set -u
policy=/usr/sbin/policy-rc.d
put_back() {
  if [ -e "$policy.comu-saved" ]; then mv -f "$policy.comu-saved" "$policy"
  elif grep -qs comu-tests "$policy"; then rm -f "$policy"; fi
}
trap put_back EXIT
trap 'exit 143' HUP INT TERM
put_back
if [ -e "$policy" ]; then mv "$policy" "$policy.comu-saved"; fi
printf '#!/bin/sh\\n# comu-tests: no service starts while packages are installed\\nexit 101\\n' > "$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends "$@" && exit 0
echo "installing failed; once more with fresh lists" >&2
apt-get update && apt-get install -y --no-install-recommends "$@"
`;

/** Installs those of the packages that are missing; returns their names. */
export async function needDebian(names: readonly string[]): Promise<string[]> {
  let missing = await missingPackages(names);
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0) {
    throw new Error(`missing Debian packages; as root: apt-get install --no-install-recommends ${missing.join(" ")}`);
  }
  mkdirSync(LOCK_FOLDER, { recursive: true });
  const lock = ["flock", "--timeout", String(INSTALL_TIMEOUT_MS / 1000), `${LOCK_FOLDER}/comu-tests-apt`];
  const result = await run([...lock, "sh", "-c", INSTALL, "install", ...missing], { timeoutMs: INSTALL_TIMEOUT_MS });
  const installed = missing;
  missing = await missingPackages(names);
  if (missing.length > 0) {
    const said = `${result.stdout}${result.stderr}`.slice(-4000);
    throw new Error(`cannot install the Debian packages ${missing.join(" ")} (exit ${result.code}):\n${said}`);
  }
  return installed;
}

/** Those of the packages that dpkg does not know as installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  const result = await run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n", ...names]);
  const installed = new Set(
    result.stdout
      .split("\n")
      .filter((line) => line.startsWith("ii"))
      .map((line) => line.split(/\s+/)[1]),
  );
  return names.filter((name) => !installed.has(name));
}
