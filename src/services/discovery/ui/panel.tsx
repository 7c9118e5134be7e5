/**
 * Services: one list over the whole community. Type to filter, choose a category, open, listen, copy. Beside it what
 * this box offers itself, and what is heard on the local network and could be published.
 */
import plus from "lucide-static/icons/plus.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { PageHead, Tabs } from "../../../../ui/src/components/page-head.tsx";
import type { PanelProps } from "../../../../ui/src/page.ts";
import { navigate } from "../../../../ui/src/router.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";
import { AllServices } from "./all-services.tsx";
import { Announced } from "../../lan/ui/announced.tsx";
import { Details } from "./details.tsx";
import { Heard } from "./heard.tsx";
import { OwnServices } from "./own-services.tsx";
import { Player } from "./player.tsx";
import { Publish } from "./publish.tsx";
import "./services.css";

export default function ServicesPanel({ rest }: PanelProps) {
  const [publishing, setPublishing] = useState(false);
  const services = useResource("discovery.list", {});
  const heard = useResource("lan.heard", {}, { events: ["lan", "discovery"], when: may("host") });
  const at = rest === "own" || rest === "heard" ? rest : "";
  const unpublished = heard.data?.filter((one) => one.published === null).length ?? 0;
  return (
    <>
      <PageHead
        title={t("discovery.title")}
        actions={
          may("host") ? (
            <Button kind="primary" icon={plus} onClick={() => setPublishing(true)}>
              {t("discovery.publish")}
            </Button>
          ) : null
        }
      >
        {t("discovery.lead")}
      </PageHead>
      <div class="stack">
        {may("host") ? (
          <Tabs
            label={t("discovery.title")}
            tabs={[
              { href: "/services", text: t("discovery.tab-all"), on: at === "" },
              { href: "/services/own", text: t("discovery.tab-own"), on: at === "own" },
              { href: "/services/heard", text: t("discovery.tab-heard"), on: at === "heard", count: unpublished },
            ]}
          />
        ) : null}
        {at === "" ? (
          <Loaded from={services} lines={8}>
            {(list) => <AllServices services={list} onPublish={() => setPublishing(true)} />}
          </Loaded>
        ) : null}
        {at === "own" ? <OwnServices onPublish={() => setPublishing(true)} /> : null}
        {at === "heard" ? (
          <>
            <Heard heard={heard} />
            <Announced />
          </>
        ) : null}
      </div>
      <Player />
      {rest && at === "" ? <Details key={rest} id={rest} onClose={() => navigate("/services")} /> : null}
      {publishing ? <Publish onClose={() => setPublishing(false)} /> : null}
    </>
  );
}
