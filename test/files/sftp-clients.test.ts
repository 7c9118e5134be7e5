/**
 * Other people's programs at our SFTP server: OpenSSH's `sftp` and `scp`, `rclone`, `lftp`, and `sshfs` as a mounted
 * folder. Over a member's real files on real storage servers; what comes back is compared by its hash.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { run } from "../support/process.ts";
import { startMember } from "./member-box.ts";
import type { SftpBox } from "./sftp-box.ts";
import { PASSWORD, sshOptions, startSftp } from "./sftp-box.ts";

const BIG_BYTES = 100_000_000;
const SMALL_FILES = 1000;
const SMALL_FOLDERS = 10;
const TIMEOUT_MS = 350_000;

let box: SftpBox;
let folder: string;
/** Files that were stored. */
let writes = 0;
const cleanUp: (() => Promise<void> | void)[] = [];

before(async () => {
  await needDebian(["fuse3", "lftp", "openssh-client", "rclone", "sshfs"]);
  folder = temporaryFolder("sftp-clients");
  const { files } = await startMember({ after: (run) => void cleanUp.push(run) });
  box = await startSftp(counted(files));
  writeFileSync(here("big"), randomBytes(BIG_BYTES));
  writeFileSync(here("middle"), randomBytes(3_000_000));
  for (let n = 0; n < SMALL_FILES; n += 1) {
    const below = here("small", `folder ${n % SMALL_FOLDERS}`);
    mkdirSync(below, { recursive: true });
    writeFileSync(path.join(below, `${n}.bin`), randomBytes(1000));
  }
  mkdirSync(here("few", "deep"), { recursive: true });
  for (const name of ["few/a b.txt", "few/ànima 日本.txt", "few/deep/empty"]) {
    writeFileSync(here(name), name.endsWith("empty") ? "" : randomBytes(70_000));
  }
});

after(async () => {
  await box?.[Symbol.asyncDispose]();
  for (const run of cleanUp.toReversed()) await run();
});

function counted(files: FileSystem): FileSystem {
  return new Proxy(files, {
    get(target, key: keyof FileSystem) {
      if (key === "write") writes += 1;
      return target[key].bind(target);
    },
  });
}

const here = (...names: string[]) => path.join(folder, ...names);

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest("hex");
}

async function same(one: string, other: string): Promise<void> {
  assert.equal(await hashOf(other), await hashOf(one), other);
}

/** Every file below, by its name from there. */
async function sameFolders(one: string, other: string): Promise<void> {
  const names = (from: string) =>
    readdirSync(from, { recursive: true, withFileTypes: true })
      .map(
        (entry) => `${entry.isDirectory() ? "d" : "f"} ${path.relative(from, path.join(entry.parentPath, entry.name))}`,
      )
      .toSorted();
  assert.deepEqual(names(other), names(one));
  for (const name of names(one)) {
    if (name.startsWith("f")) await same(path.join(one, name.slice(2)), path.join(other, name.slice(2)));
  }
}

/** The program's output; fails with all of it when it does not end well. */
async function well(command: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, { timeoutMs: TIMEOUT_MS });
  assert.equal(code, 0, `${command[0]}: ${stderr}${stdout}`.slice(0, 4000));
  return stdout;
}

async function sftp(...lines: string[]): Promise<string> {
  const batch = here("batch");
  writeFileSync(batch, `${lines.join("\n")}\n`);
  return await well(["sftp", ...sshOptions(box), "-P", String(box.port), "-b", batch, "ana@127.0.0.1"]);
}

describe("sftp", () => {
  test("100 MB up and down", async () => {
    await sftp(`put ${here("big")} /big`, `get /big ${here("big.sftp")}`, "rm /big");
    await same(here("big"), here("big.sftp"));
    rmSync(here("big.sftp"));
  });

  test("folders, names of all kinds, times, moving, the room that is left", async () => {
    const said = await sftp(
      `put -Rp ${here("few")} /few`,
      "ls -l /few",
      `get -Rp /few ${here("few.sftp")}`,
      "rename /few/deep /few/deeper",
      '-rename "/few/deeper" "/few/a b.txt"',
      "df",
      "rm /few/deeper/empty",
      "rmdir /few/deeper",
    );
    assert.match(said, /ànima 日本\.txt/);
    await sameFolders(here("few"), here("few.sftp"));
  });

  test("going on where an upload and a download stopped", async () => {
    const half = readFileSync(here("middle")).subarray(0, 1_700_000);
    writeFileSync(here("half"), half);
    await sftp(`put ${here("half")} /resumed`, `reput ${here("middle")} /resumed`, `reget /resumed ${here("half")}`);
    await same(here("middle"), here("half"));
    await sftp(`get /resumed ${here("whole")}`);
    await same(here("middle"), here("whole"));
  });
});

test("scp: up and down, recursive and with times", async () => {
  const scp = (...args: string[]) => well(["scp", ...sshOptions(box), "-P", String(box.port), "-rp", ...args]);
  await scp(here("few"), here("middle"), "ana@127.0.0.1:/");
  mkdirSync(here("scp"));
  await scp("ana@127.0.0.1:/few", "ana@127.0.0.1:/middle", here("scp"));
  await same(here("middle"), here("scp", "middle"));
  await same(here("few", "a b.txt"), here("scp", "few", "a b.txt"));
});

test("rclone: a password, 1,000 small files, checked by content, copied only when changed", async () => {
  const hidden = (await well(["rclone", "obscure", PASSWORD])).trim();
  const settings = ["type = sftp", "host = 127.0.0.1", `port = ${box.port}`, "user = ana", `pass = ${hidden}`];
  writeFileSync(here("rclone.conf"), ["[box]", ...settings, `known_hosts_file = ${box.knownHosts}`, ""].join("\n"));
  const rclone = (...args: string[]) => well(["rclone", "--config", here("rclone.conf"), ...args, "--transfers", "16"]);
  await rclone("copy", here("small"), "box:/rclone");
  await rclone("check", "--download", "--checkers", "16", here("small"), "box:/rclone");
  const stored = writes;
  await rclone("copy", here("small"), "box:/rclone");
  assert.equal(writes, stored);
  await rclone("copy", here("middle"), "box:/more");
  assert.match(await rclone("lsl", "box:/more"), /^ *3000000 .* middle$/m);
  await rclone("copy", "box:/more", here("rclone"));
  await same(here("middle"), here("rclone", "middle"));
  await rclone("purge", "box:/rclone");
  assert.doesNotMatch(await rclone("lsd", "box:/"), /rclone/);
});

test("lftp: mirror there and back, going on with an upload", async () => {
  const program = `ssh -a -x ${sshOptions(box).join(" ")}`;
  const half = readFileSync(here("middle")).subarray(0, 1_200_000);
  mkdirSync(here("cut"));
  writeFileSync(here("cut", "middle"), half);
  const script = [
    "set cmd:fail-exit yes; set net:max-retries 2; set net:timeout 20",
    `set sftp:connect-program "${program}"`,
    `open -u ana, sftp://127.0.0.1:${box.port}`,
    `mirror -R ${here("few")} /lftp`,
    `mirror /lftp ${here("lftp")}`,
    `put ${here("cut", "middle")} -o /lftp/middle`,
    `put -c ${here("middle")} -o /lftp/middle`,
    `get /lftp/middle -o ${here("middle.lftp")}`,
    "rm -r /lftp",
  ];
  await well(["lftp", "-c", script.join("; ")]);
  await sameFolders(here("few"), here("lftp"));
  await same(here("middle"), here("middle.lftp"));
});

test("sshfs: a folder as any other, with programs that know nothing of SFTP", async () => {
  const mount = here("mount");
  mkdirSync(mount);
  await well(["sshfs", "ana@127.0.0.1:/", mount, "-p", String(box.port), ...sshOptions(box)]);
  try {
    const sh = (script: string) => well(["sh", "-euc", `cd ${mount}; ${script}`]);
    await sh(
      `mkdir s; cp ../middle s/m; cmp ../middle s/m; df . | grep -q ana; cp -r ../few s/few; diff -r ../few s/few`,
    );
    assert.equal(await sh("echo one > s/t; echo two >> s/t; mv s/t s/u; cat s/u"), "one\ntwo\n");
    await sh("truncate -s 5 s/u; printf three > s/v; mv s/v s/u; test $(cat s/u) = three");
    assert.equal(await sh("touch -d 2020-01-02T03:04:05Z s/u; stat -c %Y s/u"), "1577934245\n");
    for (const [at, count] of [
      [100, 40],
      [3, 5],
      [700, 20],
      [90, 30],
    ]) {
      for (const file of ["s/m", "../middle.copy"]) {
        await sh(
          `test -e ../middle.copy || cp ../middle ../middle.copy;
           dd if=../big of=${file} bs=4096 seek=${at} skip=${at} count=${count} conv=notrunc,fsync status=none`,
        );
      }
    }
    await sh("sync s/m; cmp ../middle.copy s/m; dd if=s/m bs=1 skip=2999990 status=none | wc -c | grep -qx 10");
    await sh("! rmdir s 2>/dev/null; rm -r s; test ! -e s");
  } finally {
    await well(["fusermount3", "-u", mount]);
  }
});

test("nothing is left of all that, and nothing went wrong unseen", () => {
  const { spoolBytes, readAheadBytes } = box.sftp.stats();
  assert.deepEqual({ spoolBytes, readAheadBytes }, { spoolBytes: 0, readAheadBytes: 0 });
  assert.deepEqual(box.logged("error"), []);
});
