/** What this box offers: in which state, and why something fails, with a way to change, withdraw and bring back. */
import empty from "lucide-static/icons/sprout.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { Empty, Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { t } from "../../../../ui/src/words.ts";
import { OwnActions } from "./details.tsx";
import { categoryIcon } from "./kinds.ts";
import { Publish } from "./publish.tsx";
import { reasonText } from "./row.tsx";
import type { Service } from "./view.ts";

const TONE = { up: "ok", failing: "bad", away: "warn", withdrawn: "" } as const;

export function OwnServices({ onPublish }: { onPublish: () => void }) {
  const all = useResource("discovery.list", { all: "true" });
  const [changing, setChanging] = useState<Service | null>(null);
  return (
    <>
      <Loaded from={all}>
        {(services) => {
          const own = services.filter((service) => service.own);
          if (own.length === 0) {
            return (
              <Empty icon={empty} title={t("discovery.own-none")}>
                <p>{t("discovery.own-none-text")}</p>
                <Button kind="primary" onClick={onPublish}>
                  {t("discovery.publish")}
                </Button>
              </Empty>
            );
          }
          return (
            <ul role="list" class="stack">
              {own.map((service) => (
                <li key={service.id} class="card stack tight">
                  <div class="cluster">
                    <Icon svg={categoryIcon[service.category]} />
                    <div class="grow">
                      <a class="service-title" href={`/services/${encodeURIComponent(service.id)}`}>
                        {service.title}
                      </a>
                      <div class="soft small">
                        {service.url} · {t(`scope.${service.scope}`)}
                      </div>
                    </div>
                    <span class={`badge ${TONE[service.state]}`}>{t(`discovery.state-${service.state}`)}</span>
                  </div>
                  {service.state === "failing" ? (
                    <Notice tone="error" title={reasonText(service)}>
                      <p>{t("discovery.failing-text")}</p>
                    </Notice>
                  ) : null}
                  <div class="cluster end">
                    <OwnActions service={service} onChange={() => setChanging(service)} onDone={all.reload} />
                  </div>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {changing ? <Publish service={changing} onClose={() => setChanging(null)} /> : null}
    </>
  );
}
