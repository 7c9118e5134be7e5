/** What the canned world answers to each call that a page makes. Changes are accepted and forgotten. */
import { renderSVG } from "uqr";
import { computeAnswers } from "./compute-answers.ts";
import { filesAnswers } from "./files-answers.ts";
import { kvAnswers } from "./kv-answers.ts";
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
  Array.from({ length: 150 }, (_, index) => {
    const answered = index % 31 === 7 ? 0 : index % 13 === 5 ? 3 : 4;
    const slow = 30 + 14 * Math.sin(index / 6) + (index % 5) * 2;
    const times = { rttMs: 14 + 6 * Math.sin(index / 6), firstByteMs: slow, firstByteP95Ms: slow * 1.6 };
    const none = { rttMs: null, firstByteMs: null, firstByteP95Ms: null };
    const from = ago((150 - index) * 3_600_000);
    return { from, samples: 4, answered, lost: 4 - answered, ...(answered > 0 ? times : none) };
  }).filter((_, index) => index < 40 || index > 61);
const log = () =>
  Array.from({ length: 40 }, (_, index) => ({
    time: ago((40 - index) * 47_000),
    level: index % 13 === 5 ? "warn" : "info",
    area: ["mesh", "discovery", "web"][index % 3],
    message: ["a box answered", "a service was measured", "a page was served"][index % 3],
    fields: { tookMs: 3 + index },
  }));
const gossiped = (box: World["boxes"][number]) => ({
  name: box.name,
  shortId: box.id.slice(0, 8),
  kind: "box",
  self: box.self,
  status: box.state === "up" ? "alive" : box.state === "suspect" ? "suspect" : "failed",
  address: box.address,
  since: box.startedAt,
  rttMs: box.self ? 0 : box.state === "up" ? box.rttMs : null,
  rttAgeMs: box.self ? 0 : box.state === "up" ? 4_000 : null,
  tags: { h: "o", k: "3.YvS4kqm0", l: "15", n: box.name, role: "comu" },
  incarnation: 4,
  protocol: 4,
  localHealth: box.self ? 0 : null,
  id: box.id,
});
const agents = (world: World) =>
  world.size === "empty"
    ? []
    : [
        {
          ...gossiped(world.boxes[1]!),
          ...{ name: "portatil-de-la-rosa", shortId: "", kind: "agent", id: "portatil-de-la-rosa", self: false },
          ...{ status: "alive", address: "10.139.7.20:7947", tags: { role: "monitor" }, rttMs: 3.2, rttAgeMs: 900 },
        },
      ];
const happened = () =>
  [
    ["join", "Ateneu és aquí (10.139.3.2:7946)."],
    ["suspect", "Mercat fluixeja: no ha respost a temps."],
    ["refuted", "Se sospitava de Mercat, i està bé."],
    ["failed", "Terrat 14 ja no respon."],
    ["exclusion", "Ateneu ha exclòs Terrat 14: envia publicitat cada minut"],
    ["key", "Ateneu ha fet una clau nova, la 3, perquè Terrat 14 ha estat exclosa."],
    ["refused", "14 missatges rebutjats: not-admitted 12, unopened 2"],
    ["event", "Ha passat l’avís festa: a les nou a la plaça"],
    ["query", "portatil-de-la-rosa ha preguntat a tothom: comu-version"],
    ["flapping", "S’ha dit que Biblioteca no hi era i ha tornat 37 vegades en aquell minut."],
    ["update", "Ateneu diu una altra cosa de si: h=o n=Ate\u202eueneu\u202c\u200b"],
  ].map(([type, text], index) => ({
    id: index + 1,
    at: ago((11 - index) * 340_000),
    type,
    text,
    member: "",
    params: {},
  }));
const growth = (world: World) =>
  Array.from({ length: world.size === "empty" ? 1 : 90 }, (_, index) => ({
    day: ago((90 - index) * DAY_MS).slice(0, 10),
    boxes: Math.round((world.boxes.length * (index + 8)) / 98),
    services: Math.round(Math.min(world.services.length, 300) * ((index + 4) / 94) ** 2),
  }));

export const answers: Record<string, Answer> = {
  ...computeAnswers,
  ...filesAnswers,
  ...kvAnswers,
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
  "discovery.show": (world, { id }) => world.services.find((one) => one.id === id) ?? world.services[0],
  "discovery.quality": (world, { id }) => {
    const { title, state, quality } = world.services.find((one) => one.id === id) ?? world.services[0]!;
    const measured = quality.score !== null;
    return {
      ...{ id, title, state, quality, week: "·".repeat(56), intervalS: 900 },
      parts: measured ? { success: 0.97, speed: 0.81, ease: 0.62, loss: 0.02 } : null,
      history: measured ? history() : [],
    };
  },
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
  "lan.announced": (world) =>
    world.size === "empty"
      ? []
      : (["announced", "starting", "left"] as const).map((state, n) => ({
          id: `abcdefghijklmnop-k${n}`,
          name: ["Ràdio del barri (Can Mora)", "Mapa (Ateneu)", "Biblioteca (La Fàbrica)"][n]!,
          type: "_http._tcp",
          category: (["radio", "maps", "files"] as const)[n]!,
          box: ["Can Mora", "Ateneu", "La Fàbrica"][n]!,
          own: n === 0,
          state,
          by: state === "left" ? "La Fàbrica" : null,
          host: `comu-abcdefgh-0000000${n}.local`,
          address: `10.1.2.${n + 3}`,
          port: 8000,
          path: "/",
          devices: state === "announced" ? ["eth0"] : [],
        })),
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
  "mesh.info": (world) => ({
    name: "Forn de pa",
    id: selfId,
    address: "10.139.0.2:7946",
    profile: "lan",
    localHealth: world.size === "full" ? 2 : 0,
    members: { alive: figures(world).boxesUp, suspect: 0, leaving: 0, left: 0, failed: 1 },
    agents: world.size === "empty" ? 0 : 1,
    agentsAllowed: true,
    keyEpoch: 3,
    suspicions: 4,
    refutations: 1,
    refused: 12,
    unopened: 3,
  }),
  "mesh.members": (world) => [
    ...world.boxes.filter((box) => box.state !== "pending" && box.state !== "excluded").map(gossiped),
    ...agents(world),
  ],
  "mesh.rtt": () => ({ from: "Forn de pa", to: "Ateneu", rttMs: 11.4, ageMs: 2100, measuredMs: 12.9 }),
  "mesh.keyring": (world, { reveal }) => [
    {
      epoch: 3,
      fingerprint: "YvS4kqm0ZQ0v2T1bS7xW4A",
      primary: true,
      since: ago(40_000),
      by: "Ateneu",
      why: "exclusió de Terrat 14",
      holding: figures(world).boxesUp,
      boxes: figures(world).boxesUp,
      ...(reveal ? { key: "cGljdHVyZSBvZiBhIGtleSwgbm90IGEga2V5IGF0IGE=" } : {}),
    },
    ...(world.size === "empty"
      ? []
      : [
          {
            epoch: 2,
            fingerprint: "b1o5Pz8sQeK2rXvJt0m3aw",
            primary: false,
            since: ago(30 * DAY_MS),
            by: "Forn de pa",
            why: "canviada a mà",
            holding: 1,
            boxes: figures(world).boxesUp,
          },
        ]),
  ],
  "mesh.events": (world, { type }) =>
    world.size === "empty" ? [] : happened().filter((line) => !type || line.type === type),
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
