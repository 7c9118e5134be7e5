/** One sliver from the inside: what it uses, its files, its snapshots, its log; each with an address of its own. */
import back from "lucide-static/icons/arrow-left.svg?raw";
import box from "lucide-static/icons/box.svg?raw";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { LinkButton } from "../../../../ui/src/components/button.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import { t } from "../../../../ui/src/words.ts";
import { SliverFigures } from "./sliver-figures.tsx";
import { SliverFiles } from "./sliver-files.tsx";
import { SliverLog } from "./sliver-log.tsx";
import { SliverPorts } from "./sliver-ports.tsx";
import { SliverSnapshots } from "./sliver-snapshots.tsx";
import { Trouble } from "./trouble.tsx";
import "./sliver.css";

const PARTS = ["figures", "files", "snapshots", "ports", "log"] as const;
type Part = (typeof PARTS)[number];
const REFRESH_MS = 5_000;

export const sliverHref = (name: string, number: number): string => `/compute/slivers/${name}/${number}`;

/** `rest`: "slivers/web/0/files". */
export function SliverPage({ rest }: { rest: string }) {
  const [, name = "", number = "0", wish] = rest.split("/");
  const part = PARTS.find((one) => one === wish) ?? "figures";
  const slices = useResource("compute.slices", {}, { events: ["compute"], everyMs: REFRESH_MS });
  const head = sliverHref(name, Number(number));
  const slice = slices.data?.find((one) => one.name === name);
  const sliver = slice?.slivers.find((one) => one.number === Number(number));
  const title = t("compute.inside-title", { name, number });
  return (
    <>
      <PageHead
        title={title}
        actions={
          <LinkButton href="/compute" icon={back}>
            {t("compute.inside-back")}
          </LinkButton>
        }
      >
        {sliver ? leadOf(sliver) : ""}
      </PageHead>
      <Loaded from={slices} lines={6}>
        {() =>
          slice && sliver ? (
            <div class="stack">
              {sliver.trouble ? <Trouble code={sliver.trouble} /> : null}
              <Tabs
                label={title}
                tabs={PARTS.map((one) => ({
                  href: one === "figures" ? head : `${head}/${one}`,
                  text: t(`compute.inside-${one}`),
                  on: one === part,
                }))}
              />
              <PartOf part={part} number={sliver.number} slice={slice} key={sliver.id} />
            </div>
          ) : (
            <Empty icon={box} title={t("compute.inside-gone")}>
              <p>{t("compute.inside-gone-text")}</p>
            </Empty>
          )
        }
      </Loaded>
    </>
  );
}

type Slice = Output<"compute.slices">[number];

function leadOf({ box: host, owner, state }: Slice["slivers"][number]): string {
  return `${t("compute.inside-lead", { box: host, owner })} ${t(`compute.state-${state}`)}.`;
}

function PartOf({ part, number, slice }: { part: Part; number: number; slice: Slice }) {
  const { name } = slice;
  const place = `${name}/${number}`;
  if (part === "files") return <SliverFiles place={place} />;
  if (part === "snapshots") return <SliverSnapshots place={place} />;
  if (part === "ports") return <SliverPorts name={name} number={number} />;
  if (part === "log") return <SliverLog place={place} />;
  return <SliverFigures place={place} most={slice} />;
}
