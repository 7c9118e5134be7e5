/**
 * Images for the tests with a real engine, made once per machine and kept in the cache of the tests: a tiny one of
 * 1 MB around Debian's static busybox, which starts in some hundred milliseconds, and a whole Debian, with systemd as
 * its init, made with mmdebstrap, which took a third of debootstrap's time. Both are unified tarballs: metadata.yaml,
 * templates and rootfs in one.
 *
 *   node test/engine/images.ts     makes both, and prints where they are and how long it took
 */
import { statSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { FIND_MIRROR } from "../support/apt-mirror.ts";
import { needDebian } from "../support/debian.ts";
import { madeOnce } from "../tahoe/made-once.ts";

const DEBIAN_RELEASE = "bookworm";
const TINY_TIMEOUT_MS = 60_000;
const DEBIAN_TIMEOUT_MS = 600_000;

/** The engine's word for this machine. */
const ARCHITECTURE = { x64: "x86_64", arm64: "aarch64" }[arch() as string] ?? arch();

/** $1 the folder, $2 the architecture. Numbers of users are those inside: the engine maps them. */
const TINY = `
folder=$1 architecture=$2
root=$folder/image/rootfs
for one in bin sbin usr/bin usr/sbin proc sys dev etc/init.d etc/udhcpc tmp root srv var/log run; do
  mkdir -p "$root/$one"
done
chmod 1777 "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
chroot "$root" /bin/busybox --install -s
cat > "$root/etc/inittab" <<'END'
::sysinit:/etc/init.d/rcS
::respawn:/sbin/udhcpc -f -i eth0 -t 3 -A 2
console::respawn:/sbin/getty -L 0 console linux
::ctrlaltdel:/sbin/poweroff
END
cat > "$root/etc/init.d/rcS" <<'END'
#!/bin/sh
hostname -F /etc/hostname
ip link set lo up
END
cat > "$root/etc/udhcpc/default.script" <<'END'
#!/bin/sh
case "$1" in
deconfig) ip link set "$interface" up ;;
bound | renew)
  ip addr flush dev "$interface"
  ip addr add "$ip/\${mask:-24}" dev "$interface"
  if [ -n "$router" ]; then ip route add default via "\${router%% *}"; fi
  for one in $dns; do echo "nameserver $one"; done > /etc/resolv.conf
  ;;
esac
END
chmod 755 "$root/etc/init.d/rcS" "$root/etc/udhcpc/default.script"
echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'root::20000::::::' > "$root/etc/shadow"
echo tiny > "$root/etc/hostname"
mkdir "$folder/image/templates"
echo '{{ container.name }}' > "$folder/image/templates/hostname.tpl"
cat > "$folder/image/metadata.yaml" <<END
architecture: $architecture
creation_date: 1700000000
properties: { os: busybox, description: tiny image of the tests }
templates: { /etc/hostname: { when: [create, copy, rename], template: hostname.tpl } }
END
tar --numeric-owner -C "$folder/image" -cf - metadata.yaml templates rootfs | gzip -n > "$folder/image.tar.gz"
rm -rf "$folder/image"
`;

/** $1 the folder, $2 the architecture, $3 the release. The machine's own apt settings name the mirror and the proxy. */
const DEBIAN = `
folder=$1 architecture=$2 release=$3
root=$folder/image/rootfs
${FIND_MIRROR}
mkdir -p "$folder/image"
# In memory: dpkg syncs every file, which on a slow disk is most of the time.
mount -t tmpfs -o mode=755 image "$folder/image"
# udev, because systemd-networkd waits for it where a container may write to /sys.
mmdebstrap --variant=minbase --include=systemd-sysv,udev,iproute2,ca-certificates \\
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$release" "$root" "$mirror"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/doc/* "$root"/usr/share/man/*
rm -f "$root/etc/machine-id" "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
printf '[Match]\\nName=eth0\\n[Network]\\nDHCP=ipv4\\n' > "$root/etc/systemd/network/eth0.network"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s /lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"
mkdir "$folder/image/templates"
echo '{{ container.name }}' > "$folder/image/templates/hostname.tpl"
cat > "$folder/image/metadata.yaml" <<END
architecture: $architecture
creation_date: 1700000000
properties: { os: debian, release: $release, description: Debian of the tests }
templates: { /etc/hostname: { when: [create, copy, rename], template: hostname.tpl } }
END
tar --numeric-owner -C "$folder/image" -cf - metadata.yaml templates rootfs | gzip -1 -n > "$folder/image.tar.gz"
umount "$folder/image"
rmdir "$folder/image"
`;

/** The tiny image's tarball: a shell, DHCP, the usual small programs. */
export async function tinyImage(): Promise<string> {
  await needDebian(["busybox-static"]);
  const recipe = { name: "engine-tiny", script: TINY, args: [ARCHITECTURE], timeoutMs: TINY_TIMEOUT_MS };
  return join(await madeOnce(recipe), "image.tar.gz");
}

/** Debian's tarball. */
export async function debianImage(): Promise<string> {
  await needDebian(["debian-archive-keyring", "mmdebstrap"]);
  const args = [ARCHITECTURE, DEBIAN_RELEASE];
  const recipe = { name: "engine-debian", script: DEBIAN, args, timeoutMs: DEBIAN_TIMEOUT_MS };
  return join(await madeOnce(recipe), "image.tar.gz");
}

if (import.meta.main) {
  for (const make of [tinyImage, debianImage]) {
    const startMs = performance.now();
    const file = await make();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${file} ${(statSync(file).size / 1e6).toFixed(1)} MB, ${seconds} s`);
  }
}
