/** The canned world of compute: no engine when empty, else a few slices; when full, slivers in every state. */
import { type World, DAY_MS, ago } from "./world.ts";

type Answer = (world: World, params: Record<string, string>) => unknown;

const [MIB, GIB, MINUTE_MS] = [2 ** 20, 2 ** 30, 60_000];
const STATES = ["running", "starting", "preparing", "reserved", "stopping", "stopped", "ending", "failed", "unknown"];
const TROUBLES: Readonly<Record<string, string>> = { failed: "engine-full", reserved: "files-unreachable" };
const isEmpty = ({ size }: World) => size === "empty" || size === "new";

function status(world: World) {
  const [none, full] = [isEmpty(world), world.size === "full"];
  const lent = none ? [0, 0, 0] : [8, 16 * GIB, 100 * GIB];
  const used = none ? [0, 0, 0] : full ? [8, 11 * GIB, 64 * GIB] : [2, 1 * GIB, 8 * GIB];
  const amounts = ([cores, memoryBytes, diskBytes]: number[]) => ({ cores, memoryBytes, diskBytes });
  return {
    engine: none
      ? { state: "missing", product: "", version: "", vms: false }
      : { state: full ? "silent" : "ready", product: "lxd", version: "5.0.2", vms: false },
    lending: {
      ...{ to: none ? "nobody" : "community", reach: "slice", slivers: 16, egressBytesPerS: 0, ...amounts(lent) },
    },
    network: full ? { state: "missing", lacks: "wireguard-tools" } : { state: none ? "off" : "ready", lacks: "" },
    used: { slivers: none ? 0 : full ? 12 : 2, ...amounts(used) },
    lenders: none ? 0 : 5,
  };
}

function slivers(world: World, states: readonly string[]) {
  return states.map((state, number) => {
    const box = world.boxes[(number + 1) % world.boxes.length]!;
    const runs = state === "running";
    return {
      ...{ id: `sliver${number}`, number, box: box.name, owner: box.owner, zone: box.zone, state },
      ...{ address: runs ? `fd5c:9a31:7f02:1::${number + 1}a4f:3` : null },
      ...{ trouble: TROUBLES[state] ?? null },
      ...{ usedCores: runs ? 0.12 : null, usedMemoryBytes: runs ? 83 * MIB : null },
      ...{ usedDiskBytes: runs ? 410 * MIB : null, processes: runs ? 17 : null },
    };
  });
}

function slices(world: World) {
  if (isEmpty(world)) return [];
  const slice = (name: string, image: string, states: readonly string[], more: object = {}) => ({
    ...{ isEnded: false, trouble: states.flatMap((state) => TROUBLES[state] ?? [])[0] ?? null },
    ...{ id: `slice-${name}`, name, image, kind: "container", cores: 1, memoryBytes: 512 * MIB, diskBytes: 4 * GIB },
    ...{
      running: states.filter((one) => one === "running").length,
      wanted: states.length,
      isStopped: false,
      missing: 0,
    },
    ...{ endsAt: ago(-30 * DAY_MS), slivers: slivers(world, states), ...more },
  });
  const some = [
    slice("web", "debian", ["running", "running", "starting"]),
    slice("proves", "tiny", ["stopped"], { isStopped: true }),
  ];
  if (world.size !== "full") return some;
  const long = "biblioteca-de-l-ateneu-llibertari-de-sants".slice(0, 40);
  return [
    ...some,
    slice(long, "debian-bookworm-kiwix", STATES, { wanted: 12, missing: 3, cores: 4, memoryBytes: 8 * GIB }),
    slice("festa-major", "debian", [], { wanted: 2, isEnded: true, endsAt: ago(2 * DAY_MS) }),
  ];
}

const lent = (world: World) =>
  isEmpty(world)
    ? []
    : (world.size === "full" ? STATES.slice(0, -1) : ["running", "stopped"]).map((state, at) => ({
        ...{ sliver: `sliver${at}`, box: world.boxes[at + 1]!.name, owner: world.boxes[at + 1]!.owner, state },
        ...{ cores: 1, memoryBytes: 512 * MIB, diskBytes: 4 * GIB, snapshots: at % 3, leaseEndsAt: ago(-7 * DAY_MS) },
      }));

const images = (world: World) =>
  isEmpty(world)
    ? []
    : ["debian", "tiny", "debian-bookworm-kiwix"].map((name, at) => ({
        ...{ name, hash: "0123456789abcdef".repeat(4), bytes: [78, 1, 412][at]! * 1_000_000, arch: "x86_64" },
        ...{ box: world.boxes[at]!.name, owner: world.boxes[at]!.owner, own: at === 0, isHere: at < 2 },
      }));

function build({ size }: World) {
  const runs = size === "full";
  return {
    ...{ state: runs ? "running" : "none", name: runs ? "debian-bookworm-kiwix" : "", suite: runs ? "bookworm" : "" },
    ...{ stage: "configure", percent: runs ? 41 : 0, beganAt: runs ? ago(2 * MINUTE_MS) : null, endedAt: null },
    ...{ image: null, error: null, log: "" },
  };
}

const sample = (at: number) => ({
  ...{ at: ago((60 - at) * MINUTE_MS), cores: 0.2 + 0.15 * Math.sin(at / 5), memoryBytes: (80 + at) * MIB },
  ...{ diskBytes: (400 + at) * MIB, processes: 17, receivedBytesPerS: 900 + 40 * at, sentBytesPerS: 4_000 + 300 * at },
});

const entries = [
  ...["bin", "etc", "home", "srv", "var"].map((name) => ({ name, kind: "folder", bytes: 0 })),
  { name: "index-de-la-biblioteca-de-l’ateneu-llibertari.html", kind: "file", bytes: 48_211 },
  { name: "motd", kind: "link", bytes: 12 },
].map((one) => ({ ...one, mode: one.kind === "folder" ? "755" : "644", modifiedAt: ago(DAY_MS) }));

export const computeAnswers: Record<string, Answer> = {
  "compute.status": status,
  "compute.slices": slices,
  "compute.slice": (world, { name = "web" }) => slices(world).find((one) => one.name === name),
  "compute.lent": lent,
  "compute.images": images,
  "compute.imageBuild": build,
  "compute.figures": () => {
    const samples = Array.from({ length: 60 }, (_, at) => sample(at));
    return { now: samples.at(-1), samples };
  },
  "compute.snapshots": () => [
    { name: "abans-d-actualitzar", takenAt: ago(3 * DAY_MS) },
    { name: "net", takenAt: ago(9 * DAY_MS) },
  ],
  "compute.sliverFiles": () => ({ entries, isCut: false }),
  "compute.published": (world) =>
    isEmpty(world)
      ? []
      : [
          {
            ...{ slice: "web", number: 0, port: 8080, title: "Biblioteca de l’ateneu", type: "_http._tcp" },
            ...{ box: world.boxes[1]!.name, url: "http://forn.local:41080", why: null },
          },
          {
            ...{ slice: "web", number: 0, port: 1883, title: "Sensors", type: "_mqtt._tcp" },
            ...{ box: world.boxes[1]!.name, url: null, why: "ports-too-many" },
          },
        ],
};
