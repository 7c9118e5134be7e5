/** What the canned world answers to each call that a page makes. Changes are accepted and forgotten. */
import { renderSVG } from "uqr";
import { DAY_MS, OWNER, type World, ago, selfId } from "./world.ts";

type Answer = (world: World, params: Record<string, string>) => unknown;

const COMMUNITY = { id: "q".repeat(32), name: "Xarxa de veïnes de Sants" };
const ABOUT =
  "Som unes quantes cases, una escola i un forn que ens passem la xarxa i el que hi fem. Tothom hi és benvingut.";
const CODE = `comu1-${"k7f3m2xq".repeat(14)}`;
const figures = (world: World) => ({
  boxes: world.boxes.length,
  boxesUp: world.boxes.filter((box) => box.state === "up").length,
  owners: Math.min(8, world.boxes.length),
  zones: new Set(world.boxes.map((box) => box.zone)).size,
  services: world.services.length,
});

const warnings = (world: World) =>
  world.size === "full"
    ? [
        {
          code: "disk-low",
          source: "box",
          severity: "error",
          text: "Només queden 180 MiB lliures al disc.",
          fix: "Fes lloc: treu el que ja no necessitis, o posa un disc més gran.",
          since: ago(7_200_000),
          ignored: false,
        },
        {
          code: "own-service-failing",
          source: "discovery",
          severity: "warning",
          text: "El teu servei Sensor del terrat no respon.",
          fix: "Comprova que el programa estigui en marxa.",
          since: ago(420_000),
          ignored: false,
        },
      ]
    : [];

const session = (world: World, role: string) => ({
  setUp: world.size !== "new",
  setupKeyNeeded: true,
  role,
  account: role === "public" ? null : OWNER,
  csrf: role === "public" ? null : "canned",
  box: { id: selfId, name: world.size === "new" ? "" : "Forn de pa" },
  community: world.size === "new" ? null : { ...COMMUNITY, accent: "#a4461f" },
  health: world.size === "full" ? "warning" : "ok",
  language: "ca",
  version: "0.1.0",
});

const status = (world: World) => ({
  id: selfId,
  name: "Forn de pa",
  owner: OWNER,
  zone: "Sants",
  version: "0.1.0",
  state: "running",
  health: world.size === "full" ? "error" : "ok",
  community: COMMUNITY,
  url: "http://10.139.0.2:7000/",
  port: 7000,
  meshPort: 7946,
  addresses: ["10.139.0.2", "192.168.1.20"],
  startedAt: ago(3.2 * DAY_MS),
  uptimeS: 276_480,
  boxes: { up: figures(world).boxesUp, known: world.boxes.length },
  services: { own: world.services.filter((one) => one.own).length, community: world.services.length },
  memory: { rssBytes: 92_000_000, freeBytes: 1_250_000_000, totalBytes: 4_100_000_000 },
  cpu: { processPercent: 1.4, load1: 0.42, cores: 4 },
  disk: { freeBytes: world.size === "full" ? 189_000_000 : 41_000_000_000, totalBytes: 64_000_000_000 },
});

const invitation = (index: number, state: string) => ({
  id: `inv${index}`,
  note: ["La Rosa del tercer", "Escola", ""][index] ?? "",
  by: "Forn de pa",
  uses: index === 1 ? 5 : 1,
  used: index === 1 ? 2 : 0,
  zone: "",
  state,
  createdAt: ago(DAY_MS * (1 + index)),
  expiresAt: ago(-DAY_MS * (6 - index)),
});

const policy = { admission: "approval", inviters: "members", accent: "#a4461f", about: ABOUT };
const check = (code: string, ok: boolean, title: string, text: string, fix = "") => ({
  code,
  ok,
  severity: ok ? "info" : "warning",
  title,
  text,
  fix,
});
const history = () =>
  Array.from({ length: 96 }, (_, index) => ({
    at: ago((96 - index) * 900_000),
    ok: index % 31 !== 7,
    rttMs: 14 + 6 * Math.sin(index / 6),
    firstByteMs: 30 + 14 * Math.sin(index / 6) + (index % 5) * 2,
  }));
const log = () =>
  Array.from({ length: 40 }, (_, index) => ({
    time: ago((40 - index) * 47_000),
    level: index % 13 === 5 ? "warn" : "info",
    area: ["mesh", "discovery", "web"][index % 3],
    message: ["a box answered", "a service was measured", "a page was served"][index % 3],
    fields: { tookMs: 3 + index },
  }));
const growth = (world: World) =>
  Array.from({ length: world.size === "empty" ? 1 : 90 }, (_, index) => ({
    day: ago((90 - index) * DAY_MS).slice(0, 10),
    boxes: Math.round((world.boxes.length * (index + 8)) / 98),
    services: Math.round(Math.min(world.services.length, 300) * ((index + 4) / 94) ** 2),
  }));

export const answers: Record<string, Answer> = {
  "people.session": (world, params) => session(world, params["role"] ?? "host"),
  "people.signIn": (world) => session(world, "host"),
  "people.accept": (world) => session(world, "member"),
  "people.accounts": (world) =>
    ["host", "member", "steward", "guest"].slice(0, world.size === "empty" ? 1 : 4).map((role, index) => ({
      name: [OWNER, "Biel", "Rosa Vidal", "Veïns del 3r 2a"][index],
      role,
      createdAt: ago(DAY_MS * (40 - index)),
      lastSeenAt: index === 3 ? null : ago(index * 5_000_000),
      sessions: 2 - (index % 2),
    })),
  "people.invitations": (world) =>
    world.size === "empty"
      ? []
      : [{ id: "p1", role: "member", note: "El nebot", createdAt: ago(3_600_000), expiresAt: ago(-6 * DAY_MS) }],
  "people.invite": () => ({
    id: "p2",
    link: "http://10.139.0.2:7000/accept#2f9d7c41b06e4a5f8833",
    expiresAt: ago(-7 * DAY_MS),
  }),
  "box.status": status,
  "box.health": warnings,
  "box.setup": () => ({ id: selfId, name: "Forn de pa", community: COMMUNITY, csrf: "canned" }),
  "box.doctor": () => ({
    ok: false,
    checkedAt: ago(0),
    checks: [
      check("ports", true, "Ports", "Pàgines al port 7000, altres caixes al port 7946."),
      check("clock", true, "Rellotge", "El rellotge va bé, a 0 s dels altres."),
      check(
        "reachability",
        false,
        "Connexió des de fora",
        "Les altres caixes no arriben a 10.139.0.2, port 7946.",
        "Permet aquest port al tallafoc, per a UDP i TCP.",
      ),
    ],
  }),
  "box.parts": () =>
    ["people", "mesh", "discovery", "lan", "box"].map((name) => ({
      name,
      summary: name,
      state: name === "lan" ? "off" : "running",
      crashes: name === "mesh" ? 1 : 0,
      optional: name === "lan",
    })),
  "box.logs": (world) => (world.size === "empty" ? [] : log()),
  "discovery.list": (world, { box }) =>
    world.services.filter((one) => !box || one.boxId === box).slice(0, box ? 6 : undefined),
  "discovery.show": (world, { id }) => ({
    ...(world.services.find((one) => one.id === id) ?? world.services[0]),
    history: history(),
  }),
  "discovery.measure": (world) => world.services[0],
  "discovery.publish": (world) => world.services[1],
  "discovery.withdraw": (world) => world.services[1],
  "discovery.publicPage": (world) => ({
    community: { ...COMMUNITY, about: ABOUT, accent: "#a4461f", foundedAt: ago(300 * DAY_MS) },
    box: { name: "Forn de pa", owner: OWNER, zone: "Sants" },
    figures: figures(world),
    growth: growth(world),
    admission: "approval",
    services: world.services.filter((one) => one.open).slice(0, 12),
  }),
  "lan.heard": (world) =>
    world.size === "empty"
      ? []
      : [
          {
            id: "h1",
            title: "Brother HL-L2350DW",
            type: "_ipp._tcp",
            category: "print",
            host: "brother.local",
            address: "192.168.1.31",
            port: 631,
            path: "/ipp",
            published: null,
          },
          {
            id: "h2",
            title: "Sala d'estar",
            type: "_http._tcp",
            category: "web",
            host: "sala.local",
            address: "192.168.1.40",
            port: 80,
            path: "/",
            published: "x",
          },
        ],
  "mesh.boxes": (world) => world.boxes,
  "mesh.box": (world, { id }) => world.boxes.find((box) => box.id === id) ?? world.boxes[0],
  "mesh.community": (world) => ({
    ...COMMUNITY,
    policy,
    foundedAt: ago(300 * DAY_MS),
    steward: true,
    figures: figures(world),
  }),
  "mesh.invitations": (world) =>
    world.size === "empty" ? [] : [invitation(0, "open"), invitation(1, "open"), invitation(2, "expired")],
  "mesh.invite": () => ({ id: "inv9", code: CODE, expiresAt: ago(-7 * DAY_MS), uses: 1, qrSvg: renderSVG(CODE) }),
  "mesh.nearby": () => [
    {
      box: "Ateneu",
      community: COMMUNITY.name,
      communityId: COMMUNITY.id,
      address: "192.168.1.50:7946",
      url: "http://192.168.1.50:7000/",
    },
  ],
};
