/**
 * The shell scripts by which a Debian is made. The first only downloads and unpacks what Debian has signed. Whatever
 * the packages and an app's recipe run, runs in the second: in namespaces of its own, with the new system as the whole
 * file system (`pivot_root`, so there is nothing outside to break out to) and, for an app's commands, without the
 * rights that reach the kernel. The third packs it as a container engine takes it.
 *
 * Each tells on descriptor 3 how far it is: debootstrap and apt in their own way, the rest as `S: STAGE`. $1 is the
 * folder of the building, $2 how many MiB the image may have. One that became too large ends with TOO_LARGE_EXIT.
 */

export const TOO_LARGE_EXIT = 73;

/** Owners and rights of files are the image's, whatever the daemon's own mask is. */
const HEAD = `
set -eu
umask 022
folder=$1
root=$folder/image/rootfs
limit=$2
checkSize() {
  if [ "$(du -smx "$1" | cut -f 1)" -gt "$limit" ]; then exit ${TOO_LARGE_EXIT}; fi
}
`;

/** $3 suite, $4 mirror, $5 keyring, $6 packages of the base, separated by commas. */
export const UNPACK = `${HEAD}
mkdir -p "$root"
chmod 755 "$folder" "$folder/image" "$root"
debootstrap --debian-installer --foreign --variant=minbase --keyring="$5" --include="$6" "$3" "$root" "$4"
checkSize "$root"
`;

/** What an app's commands cannot do: mount, make devices, load modules, trace, set the clock, change networks. */
const TAKEN = [
  ...["sys_admin", "sys_module", "sys_rawio", "sys_ptrace", "sys_boot", "sys_time", "sys_chroot", "sys_pacct"],
  ...["mknod", "net_admin", "net_raw", "mac_admin", "mac_override", "syslog", "audit_control", "wake_alarm", "bpf"],
  ...["perfmon", "block_suspend", "linux_immutable", "sys_nice", "sys_resource", "sys_tty_config"],
];

/**
 * After $2 packages. In the folder lie `sources/build.list` and `sources/image.list`, in
 * `files` what is copied, and the commands as `commands/NUMBER`.
 */
export const INSTALL = `${HEAD}
shift 2
printf 'force-unsafe-io\\npath-exclude=/usr/share/doc/*\\npath-exclude=/usr/share/man/*\\n' \\
  > "$root/etc/dpkg/dpkg.cfg.d/image-build"
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
rm -f "$root/etc/resolv.conf"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir "$root/.host" "$root/.build"
cp -r "$folder/sources" "$folder/commands" "$root/.build/"
tar -C "$folder/files" -cf "$root/.build/files.tar" .
mount --bind "$root" "$root"
# Where debootstrap takes its surroundings for a container, it leaves a link.
if [ -L "$root/proc" ]; then rm "$root/proc" && mkdir "$root/proc"; fi
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
if [ -e "$root/proc/sysrq-trigger" ]; then mount --bind /dev/null "$root/proc/sysrq-trigger"; fi
mount -t tmpfs -o nosuid,mode=755,size=1m dev "$root/dev"
for one in null zero full random urandom; do
  : > "$root/dev/$one"
  mount --bind "/dev/$one" "$root/dev/$one"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
cd "$root"
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
hostname image
/debootstrap/debootstrap --debian-installer --second-stage
if [ -n "$(ls -A /sys)" ]; then umount /sys; fi
cp /.build/sources/build.list /etc/apt/sources.list
checkSize /
echo "S: packages" >&3
apt() { apt-get -y -o APT::Status-Fd=3 -o APT::Install-Recommends=false -o Acquire::Languages=none "$@"; }
apt update
apt upgrade
if [ $# -gt 0 ]; then apt install "$@"; fi
checkSize /
echo "S: app" >&3
tar -xf /.build/files.tar --no-same-owner --no-overwrite-dir --keep-directory-symlink -C /
number=0
while [ -e "/.build/commands/$number" ]; do
  echo "C: $number" >&3
  setpriv --bounding-set=${TAKEN.map((one) => `-${one}`).join(",")} \\
    --inh-caps=-all --no-new-privs sh -e "/.build/commands/$number" 3>&-
  number=$((number + 1))
done
echo "S: tidy" >&3
apt-get clean
cp /.build/sources/image.list /etc/apt/sources.list
rm -rf /.build /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc/* /usr/share/man/* /var/log/*.log \\
  /var/log/apt/* /tmp/* /var/tmp/* /etc/ssh/ssh_host_*_key* /var/lib/dbus/machine-id /var/lib/systemd/random-seed
rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/image-build /etc/resolv.conf
: > /etc/resolv.conf
: > /etc/machine-id
: > /etc/hostname
checkSize /
`;

/** $3 the engine's word for the processors, $4 the release, $5 seconds since 1970. */
export const PACK = `${HEAD}
mkdir "$folder/image/templates"
echo '{{ container.name }}' > "$folder/image/templates/hostname.tpl"
cat > "$folder/image/metadata.yaml" <<END
architecture: $3
creation_date: $5
properties: { os: debian, release: $4, architecture: $3, description: Debian $4 }
templates: { /etc/hostname: { when: [create, copy, rename], template: hostname.tpl } }
END
tar --numeric-owner --xattrs --xattrs-include=security.capability -C "$folder/image" -cf - \\
  metadata.yaml templates rootfs | gzip -n > "$folder/image.tar.gz"
`;
