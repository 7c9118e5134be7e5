/**
 * A small complete service, as somebody would add it: the files of the folder src/services/radio and the two lines
 * (its import and its entry) that the list of services gets.
 */

/** Where the sample claims that its stream runs; nothing needs to listen there. */
export const RADIO_PORT = 8010;

const CONTRACT = `/**
 * Radio: the stations of this neighbourhood, a list to which members add.
 */
import { z } from "zod";
import { defineContract, endpoint } from "../../kernel/contract.ts";
import { defineErrors } from "../../kernel/errors.ts";
import ca from "./ui/ca.json" with { type: "json" };
import en from "./ui/en.json" with { type: "json" };
import es from "./ui/es.json" with { type: "json" };

export const STATIONS_MAX = 3;

export const radioErrors = defineErrors({ "stations-full": 507 });

const station = z.object({ name: z.string(), by: z.string().nullable() });

export const radioContract = defineContract({
  name: "radio",
  summary: "Radio stations of the neighbourhood",
  optional: true,
  errors: radioErrors.table,
  words: { ca, es, en },
  events: { changed: { role: "guest", summary: "A station was added" } },
  endpoints: {
    stations: endpoint({
      method: "GET",
      path: "/radio/stations",
      role: "guest",
      summary: "The stations that are known here",
      input: z.strictObject({}),
      output: z.array(station),
      cli: { command: "radio ls", columns: ["name", "by"] },
    }),
    add: endpoint({
      method: "POST",
      path: "/radio/stations",
      role: "member",
      summary: "Adds a station",
      input: z.strictObject({ name: z.string().trim().min(1).max(40) }),
      output: station,
      cli: { command: "radio add", positional: ["name"], headline: "name" },
    }),
  },
});
`;

const SERVICE = `/**
 * The radio service: keeps the list of stations and announces itself to the community.
 */
import type { Handlers, Service } from "../../kernel/contract.ts";
import type { Events } from "../../kernel/events.ts";
import type { DiscoveryClient } from "../discovery/client.ts";
import { radioContract, radioErrors, STATIONS_MAX } from "./contract.ts";

export interface RadioNeeds {
  events: Events;
  discovery: DiscoveryClient;
}

export function radio(needs: RadioNeeds): Service<typeof radioContract.endpoints> {
  const stations: { name: string; by: string | null }[] = [];
  const handlers: Handlers<typeof radioContract.endpoints> = {
    stations: () => stations,
    add({ name }, { principal }) {
      const params = { limit: STATIONS_MAX };
      if (stations.length >= STATIONS_MAX) throw radioErrors.fail("stations-full", { params });
      const added = { name, by: principal.account ?? null };
      stations.push(added);
      needs.events.emit("radio.changed", "guest");
      return added;
    },
  };
  return {
    contract: radioContract,
    handlers,
    async start() {
      const stream = { type: "_icecast._tcp", port: ${RADIO_PORT}, path: "/live" };
      needs.discovery.offer("radio", { ...stream, title: "Sample radio" });
    },
    async stop() {
      needs.discovery.unoffer("radio");
    },
  };
}
`;

const PAGE = `/** The page of the radio stations. */
import icon from "lucide-static/icons/radio.svg?raw";
import type { Page } from "../../../../ui/src/page.ts";
import type { radioContract } from "../contract.ts";
import type en from "./en.json";

declare module "../../../../ui/src/api.ts" {
  interface Contracts {
    radio: typeof radioContract;
  }
  interface Words {
    radio: typeof en;
  }
}

export const pages: Page[] = [{ path: "radio", icon, order: 700, role: "guest", title: "radio.title" }];
`;

const PANEL = `/** Radio: the stations, one line each. */
import { useResource } from "../../../../ui/src/box.ts";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { t } from "../../../../ui/src/words.ts";

export default function RadioPanel(_props: PanelProps) {
  const stations = useResource("radio.stations", {});
  return (
    <>
      <PageHead title={t("radio.title")}>{t("radio.lead")}</PageHead>
      <Loaded from={stations}>
        {(list) => (
          <ul class="stations">
            {list.map((station) => (
              <li key={station.name}>{station.name}</li>
            ))}
          </ul>
        )}
      </Loaded>
    </>
  );
}
`;

const words = (title: string, lead: string, full: string, advice: string) =>
  `${JSON.stringify(
    { "radio.title": title, "radio.lead": lead, "error.stations-full": full, "advice.stations-full": advice },
    null,
    2,
  )}\n`;

/** Path below src/services/radio to content. */
export const RADIO_FILES: Readonly<Record<string, string>> = {
  "README.md": "# Radio\n\nThe stations of the neighbourhood: a list in memory to which members add, at most three.\n",
  "contract.ts": CONTRACT,
  "service.ts": SERVICE,
  "ui/page.ts": PAGE,
  "ui/panel.tsx": PANEL,
  "ui/ca.json": words(
    "Ràdio",
    "Les emissores del barri.",
    "Ja hi ha {limit} emissores.",
    "No se n'hi poden afegir més.",
  ),
  "ui/es.json": words("Radio", "Las emisoras del barrio.", "Ya hay {limit} emisoras.", "No se pueden añadir más."),
  "ui/en.json": words("Radio", "The stations nearby.", "There are {limit} stations already.", "No more can be added."),
};

/** The list of services with the sample in it. */
export function withRadio(list: string): string {
  const load = `(await import("./radio/service.ts")).radio(system)`;
  const entry = `  { contract: radioContract, make: async (system) => ${load} },\n`;
  const start = "export const services: readonly ServiceEntry[] = [\n";
  const from = list.indexOf(start);
  const end = list.indexOf("\n];\n", from) + 1;
  if (from < 0 || end < from) throw new Error("src/services/index.ts has another form than this test knows");
  const head = `${list.slice(0, from)}import { radioContract } from "./radio/contract.ts";\n\n`;
  return head + list.slice(from, end) + entry + list.slice(end);
}
