/** For scripts of tests that make a Debian: where this machine's own apt gets its packages, and through which proxy. */

/**
 * Sets `mirror` and exports `http_proxy`; ends the script when no source of the machine is a Debian archive. For `sh`,
 * `set -eu`.
 */
export const FIND_MIRROR = `codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirrors() {
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 'Component: main'
}
mirror=$(mirrors | grep -E "^($codename|stable) main (https?|file):" | head -n 1 | cut -d ' ' -f 3)
if [ -z "$mirror" ]; then
  echo "no Debian mirror in this machine's apt sources: a 'deb' line for $codename, component main, is needed" >&2
  exit 1
fi
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [ -n "\${proxy:-}" ] && [ "$proxy" != DIRECT ]; then export http_proxy="\${http_proxy:-$proxy}"; fi`;
