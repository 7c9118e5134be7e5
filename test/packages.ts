/**
 * The Debian packages that the tests use, in one list: `run.ts` installs them in one go before the first stage, so
 * that no test waits for a download. Each test still names what it needs itself; a tidy test compares the two.
 */
import { SERVER_PACKAGES } from "./lab/servers.ts";

/** For programs that the tests of `src` call. */
export const UNIT_PACKAGES = ["util-linux", "openssl"] as const;

export const ALL_PACKAGES: readonly string[] = [
  ...UNIT_PACKAGES,
  ...SERVER_PACKAGES,
  "avahi-daemon",
  "avahi-utils",
  "btrfs-progs",
  "busybox-static",
  "cadaver",
  "chromium",
  "curl",
  "davfs2",
  "dbus-daemon",
  "debian-archive-keyring",
  "debootstrap",
  "faketime",
  "fuse3",
  "iproute2",
  "lftp",
  "litmus",
  "lxd",
  "mmdebstrap",
  "nftables",
  "openssh-client",
  "python3",
  "python3-redis",
  "python3-zfec",
  "rclone",
  "redis-server",
  "redis-tools",
  "serf",
  "socat",
  "sshfs",
  "unzip",
  "wireguard-go",
  "wireguard-tools",
];
