/** Compute: slices of slivers on the boxes of the community, what this box lends, and the images to make them of. */
import { useResource } from "../../../../ui/src/box.ts";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { ImagesPart } from "./images-part.tsx";
import { LendPart } from "./lend-part.tsx";
import { SlicesPart } from "./slices-part.tsx";
import { SliverPage } from "./sliver-page.tsx";

const EVENTS = { events: ["compute"] };

export default function ComputePanel({ rest }: PanelProps) {
  const status = useResource("compute.status", {}, EVENTS);
  if (rest.startsWith("slivers/") && may("member")) return <SliverPage rest={rest} />;
  const tab = rest === "lend" || rest === "images" ? rest : "slices";
  return (
    <>
      <PageHead title={t("compute.title")}>{t("compute.lead")}</PageHead>
      <div class="stack">
        <Tabs
          label={t("compute.title")}
          tabs={[
            { href: "/compute", text: t("compute.tab-slices"), on: tab === "slices" },
            { href: "/compute/lend", text: t("compute.tab-lend"), on: tab === "lend" },
            { href: "/compute/images", text: t("compute.tab-images"), on: tab === "images" },
          ]}
        />
        <Loaded from={status} lines={6}>
          {(now) => {
            if (tab === "lend") return <LendPart status={now} onChange={status.reload} />;
            if (!may("member")) return <Notice tone="info" title={t("compute.guest")} />;
            return tab === "images" ? <ImagesPart /> : <SlicesPart lenders={now.lenders} />;
          }}
        </Loaded>
      </div>
    </>
  );
}
