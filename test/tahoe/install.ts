/**
 * The released Tahoe-LAFS as a test partner: Debian 13's package with all that it needs, in a folder of its own that
 * programs enter by chroot. It takes a minute once; later runs find it. Where it cannot be installed this throws, so
 * that the tests fail and are not skipped.
 *
 *   node test/tahoe/install.ts     installs it, and prints where it is
 */
import { FIND_MIRROR } from "../support/apt-mirror.ts";
import { needDebian } from "../support/debian.ts";
import { run, runOk } from "../support/process.ts";
import { cacheFolder, madeOnce } from "./made-once.ts";

const RELEASE = "trixie";
export const TAHOE_VERSION = "1.20.0";
const INSTALL_TIMEOUT_MS = 900_000;

/** The package declares python3 only; what it imports has to be named. */
const PACKAGES = [
  ...["tahoe-lafs", "magic-wormhole", "python3-autobahn", "python3-bcrypt", "python3-cbor2", "python3-click"],
  ...["python3-collections-extended", "python3-distro", "python3-eliot", "python3-filelock", "python3-foolscap"],
  ...["python3-klein", "python3-legacy-cgi", "python3-netifaces", "python3-openssl", "python3-psutil"],
  ...["python3-pycddl", "python3-pyrsistent", "python3-pyutil", "python3-service-identity", "python3-six"],
  ...["python3-treq", "python3-twisted", "python3-yaml", "python3-zfec"],
] as const;

/**
 * $1 the folder, $2 the release, $3 the version to find, then the packages. The machine's own apt settings name the
 * mirror, and the proxy if there is one.
 */
const SCRIPT = `
root=$1 release=$2 version=$3
shift 3
${FIND_MIRROR}
debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$release" "$root" "$mirror"
mount --rbind /dev "$root/dev"
mount --bind /proc "$root/proc"
apt-config dump Acquire::http Acquire::https > "$root/etc/apt/apt.conf.d/90machine"
cat > "$root/etc/apt/apt.conf.d/91small" <<'END'
Acquire::Languages "none";
APT::Install-Recommends "false";
END
cat > "$root/etc/dpkg/dpkg.cfg.d/small" <<'END'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
force-unsafe-io
END
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
inside() { chroot "$root" "$@"; }
inside apt-get update
inside apt-get install -y "$@"
inside apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*
said=$(inside tahoe --version)
if [ "$said" != "tahoe-lafs/$version" ]; then
  echo "$release has $said, wanted tahoe-lafs/$version" >&2
  exit 1
fi
`;

/** The root of that system. Installs it when it is not there. */
export async function needTahoe(cache?: string): Promise<string> {
  await needDebian(["debian-archive-keyring", "debootstrap", "util-linux"]);
  const args = [RELEASE, TAHOE_VERSION, ...PACKAGES];
  const name = `tahoe-${RELEASE}`;
  return madeOnce({ name, script: SCRIPT, args, timeoutMs: INSTALL_TIMEOUT_MS }, cache);
}

if (import.meta.main) {
  const startMs = performance.now();
  const root = await needTahoe(process.argv[2] ?? cacheFolder());
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const size = await run(["du", "-sm", root]);
  const version = await runOk(["chroot", root, "tahoe", "--version"]);
  console.log(`${root}\n${version.trim()}, ${size.stdout.split("\t")[0]} MB, ${seconds} s`);
}
