/** The canned world of files: nothing at all, a household's, or a folder of two thousand with much going on. */
import { type World, ago } from "./world.ts";

type Answer = (world: World, params: Record<string, string>) => unknown;

const DAY_MS = 86_400_000;
const GB = 1e9;
const NAMES: readonly [string, number, string][] = [
  ["Acta de la reunió.odt", 48_200, "application/vnd.oasis.opendocument.text"],
  ["Cançó de bressol.mp3", 4_210_000, "audio/mpeg"],
  ["Comptes 2026.ods", 91_400, "application/vnd.oasis.opendocument.spreadsheet"],
  ["Festa major.mp4", 1_840_000_000, "video/mp4"],
  ["Horari de l’hort.pdf", 302_000, "application/pdf"],
  ["Llista de la compra.txt", 412, "text/plain"],
  ["Plaça, de bon matí.png", 2_310_000, "image/png"],
  [
    "còpia-de-seguretat-del-servidor-de-l-ateneu-llibertari-de-sants-2026-11-20.tar.gz",
    734_003_200,
    "application/gzip",
  ],
];
const FOLDERS = ["Fotos", "Documents de l’escola", "Música", "Veïnes"];
const PICTURE =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400"><rect width="640" height="400" fill="#d9a066"/>' +
      '<circle cx="470" cy="120" r="60" fill="#fbf236"/>' +
      '<path d="M0 400 200 190 360 330 500 220 640 360V400z" fill="#6a8f4f"/></svg>',
  );

function file(name: string, bytes: number, mediaType: string, folder: string, at: number) {
  return {
    ...{ name, path: `${folder === "/" ? "" : folder}/${name}`, kind: "file", bytes, mediaType, etag: `e${at}` },
    ...{ modifiedAt: ago(at * 7_300_000 + 60_000), createdAt: ago(at * 9_300_000 + 90_000), canWrite: at % 9 !== 7 },
    versions: at % 3 === 0 ? 3 : 1,
  };
}

function folderEntry(path: string, at = 1) {
  return {
    ...{ name: path.slice(path.lastIndexOf("/") + 1), path, kind: "folder", bytes: 0, mediaType: "inode/directory" },
    ...{ modifiedAt: ago(at * DAY_MS), createdAt: ago(at * 2 * DAY_MS), etag: "f", canWrite: true, versions: 1 },
  };
}

function entriesOf(world: World, path: string) {
  if (world.size === "empty" || world.size === "new") return [];
  const folders = path === "/" ? FOLDERS.map((name, at) => folderEntry(`/${name}`, at + 1)) : [];
  const files = NAMES.map(([name, bytes, type], at) => file(name, bytes, type, path, at));
  if (world.size !== "full") return [...folders, ...files];
  const many = Array.from({ length: 2_000 }, (_, at) =>
    file(`IMG_${String(at).padStart(4, "0")}.jpg`, 2_000_000 + at * 777, "image/jpeg", path, at + 10),
  );
  return [...folders, ...files, ...many];
}

const find = (world: World, path: string) =>
  entriesOf(world, path.slice(0, path.lastIndexOf("/")) || "/").find((entry) => entry.path === path) ??
  folderEntry(path);

function servers(world: World) {
  if (world.size === "empty" || world.size === "new") return [];
  return world.boxes.slice(0, 9).map((box, at) => ({
    ...{ id: box.id, name: box.name, box: box.id, owner: box.owner, zone: box.zone, origin: "box" },
    ...{ state: at === 4 ? "slow" : at === 7 ? "away" : "up", responseMs: at === 7 ? null : 8 + at * 11 },
    availableBytes: at === 7 ? null : (40 + at * 35) * GB,
  }));
}

export function filesStatus(world: World) {
  const all = servers(world);
  const [full, none] = [world.size === "full", all.length === 0];
  const door = (port: number, url: string) => ({
    on: !none,
    port: none ? 0 : port,
    url: none ? null : url,
    reason: null,
  });
  const listed = {
    ...{ id: "v0-imported", name: "friend-of-tahoe", box: null, owner: null, zone: null, state: "up", origin: "list" },
    ...{ availableBytes: 900 * GB, responseMs: 61 },
  };
  return {
    giving: { on: !none, bytesGiven: none ? 0 : 100 * GB, bytesUsed: none ? 0 : 61 * GB, port: 41_230, reason: null },
    grid: {
      servers: full ? [...all, listed] : all,
      ...{ needed: none ? 1 : 3, total: none ? 1 : 10, happy: none ? 1 : 7 },
      ...{ reachable: none ? 0 : all.length - 1, enough: !none },
    },
    me: { usedBytes: none ? 0 : 21 * GB, quotaBytes: none ? null : 25 * GB },
    access: { webdav: door(7080, "http://forn.local:7080/"), sftp: door(2022, "sftp://forn.local:2022/") },
    care: {
      state: none ? "waiting" : full ? "repairing" : "waiting",
      checkedAt: none ? null : ago(7_300_000),
      ...{ files: none ? 0 : 4_120, healthy: none ? 0 : 4_096, weak: full ? 22 : 0, lost: full ? 2 : 0 },
      running: full ? { kind: "repair", done: 9, total: 24 } : null,
    },
  };
}

const health = (path: string) => ({
  path,
  ...(path.includes("Festa")
    ? { state: "weak", good: 8, servers: 6 }
    : path.includes("Comptes")
      ? { state: "lost", good: 2, servers: 2 }
      : { state: "healthy", good: 10, servers: 7 }),
  ...{ total: 10, needed: 3, owners: 5, zones: 3, checkedAt: ago(7_300_000) },
});

const shares = (world: World) =>
  world.size === "empty"
    ? []
    : [
        {
          ...{ id: "s1", url: null, path: "/Fotos", mode: "read", note: "Àvia", createdAt: ago(DAY_MS) },
          expiresAt: ago(-20 * DAY_MS),
        },
        {
          ...{ id: "s2", url: null, path: "/Veïnes", mode: "write", note: "Fotos de la festa", createdAt: ago(DAY_MS) },
          expiresAt: null,
        },
      ];

const device = {
  ...{ id: "d1", name: "Portàtil de la Núria", user: "marta-k7f3", mayWrite: true, path: "/", publicKey: null },
  ...{ createdAt: ago(9 * DAY_MS), lastUsedAt: ago(400_000) },
};

const view = (world: World, path: string) => ({
  ...{ name: "Fotos", mode: "write", expiresAt: ago(-20 * DAY_MS), entry: folderEntry(path) },
  entries: entriesOf(world, path),
});

export const filesAnswers: Record<string, Answer> = {
  "files.status": filesStatus,
  "files.give": filesStatus,
  "files.stopGiving": filesStatus,
  "files.access": filesStatus,
  "files.list": (world, { path = "/" }) => ({ entry: folderEntry(path), entries: entriesOf(world, path) }),
  "files.entry": (world, { path = "/" }) => find(world, path),
  "files.search": (world, { q = "" }) =>
    entriesOf(world, "/Fotos").filter(({ name }) => name.toLowerCase().includes(q.toLowerCase())),
  // Nothing is played here: the film's picture is that it cannot be shown.
  "files.ticket": (_, { path = "" }) => ({ url: path.endsWith(".png") ? PICTURE : "/none", expiresAt: ago(-DAY_MS) }),
  "files.sharedTicket": () => ({ url: PICTURE, expiresAt: ago(-DAY_MS) }),
  "files.trash": (world) =>
    entriesOf(world, "/")
      .slice(0, 6)
      .map(({ name, path, kind, bytes }, at) => ({
        id: `t${at}`,
        name,
        path,
        kind,
        bytes,
        removedAt: ago(at * DAY_MS),
      })),
  "files.versions": () =>
    [0, 3, 40].map((days, at) => ({
      id: `v${at}`,
      bytes: 4_000 + at,
      modifiedAt: ago(days * DAY_MS),
      current: at === 0,
    })),
  "files.uploads": (world) =>
    world.size === "full"
      ? [
          {
            ...{ id: "u1", path: "/Fotos/Casament.mp4", bytes: 4_800_000_000, receivedBytes: 1_900_000_000 },
            ...{ state: "receiving", storedBytes: 0 },
          },
          {
            ...{ id: "u4", path: "/Música/Assaig.flac", bytes: 310_000_000, receivedBytes: 310_000_000 },
            ...{ state: "storing", storedBytes: 90_000_000, waitingFor: "files-not-spread", error: "files-not-spread" },
          },
          {
            ...{ id: "u2", path: "/Música/Concert.flac", bytes: 480_000_000, receivedBytes: 480_000_000 },
            ...{ state: "storing", storedBytes: 200_000_000 },
          },
          {
            ...{ id: "u3", path: "/Llibre.pdf", bytes: 48_000_000, receivedBytes: 48_000_000, state: "failed" },
            ...{ storedBytes: 0, error: "files-not-spread" },
          },
        ]
      : [],
  "files.health": (_, { path = "/" }) => health(path),
  "files.shares": shares,
  "files.share": (world) => ({
    ...shares(world)[0],
    id: "s9",
    url: `http://forn.local:7000/shared#${"k7f3m2xq".repeat(6)}`,
  }),
  "files.shared": (world, { path = "/" }) => view(world, path),
  "files.linkView": (world, { path = "/" }) => view(world, path),
  "files.links": (world) =>
    world.size === "empty"
      ? []
      : [{ id: "l1", name: "Partitures", box: "Ateneu", mode: "read", addedAt: ago(5 * DAY_MS) }],
  "files.devices": (world) => (world.size === "empty" ? [] : [device]),
  "files.addDevice": () => ({ ...device, password: "farina-oli-taronja-73" }),
  "files.phrase": (world) =>
    world.size === "empty"
      ? { made: false, madeAt: null, renewedAt: null, boxes: [] }
      : {
          ...{ made: true, madeAt: ago(40 * DAY_MS), renewedAt: ago(DAY_MS) },
          boxes: world.boxes.slice(1, 5).map(({ name }) => name),
        },
  // Of the published examples of BIP39: nobody has these.
  "files.makePhrase": (world) => ({
    phrase: "legal winner thank year wave sausage worth useful legal winner thank yellow",
    boxes: world.boxes.slice(1, 5).map(({ name }) => name),
  }),
  "files.given": (world) =>
    world.size === "empty"
      ? []
      : world.boxes.slice(0, 4).map(({ owner, name }, at) => ({
          ...{ member: "k7f3m2xqk7f3m2xqk7f3m2xqk7", account: at === 0 ? owner : null, box: name, owner },
          ...{ usedBytes: (2 + at * 7) * GB, quotaBytes: 25 * GB },
          ...{ boxUsedBytes: at === 0 ? null : (2 + at * 7) * GB, boxQuotaBytes: at === 0 ? null : 50 * GB },
        })),
};
