/** One service in full: what it says of itself, how good it has been from here, and for its host: change, withdraw. */
import trash from "lucide-static/icons/eye-off.svg?raw";
import undo from "lucide-static/icons/undo-2.svg?raw";
import pencil from "lucide-static/icons/pencil.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { Publish } from "./publish.tsx";
import { QualityPart } from "./quality-part.tsx";
import { ServiceAction, reasonText } from "./row.tsx";

type Shown = Output<"discovery.show">;

export function Details({ id, onClose }: { id: string; onClose: () => void }) {
  const service = useResource("discovery.show", { id });
  const [changing, setChanging] = useState(false);
  if (changing && service.data) return <Publish service={service.data} onClose={() => setChanging(false)} />;
  return (
    <Dialog drawer title={service.data?.title ?? t("discovery.details")} onClose={onClose}>
      <Loaded from={service} lines={6}>
        {(shown) => (
          <div class="stack wide">
            {shown.description ? <p>{shown.description}</p> : null}
            {shown.state === "up" ? null : (
              <Notice
                tone={shown.state === "failing" ? "error" : "warning"}
                title={t(`discovery.state-${shown.state}-text`)}
              >
                {shown.reason ? <p>{reasonText(shown)}</p> : null}
              </Notice>
            )}
            <div class="cluster">
              <ServiceAction service={shown} />
              {shown.action === "copy" ? null : <CopyButton text={shown.url} label={t("discovery.copy")} />}
              {shown.own && may("host") ? (
                <OwnActions service={shown} onChange={() => setChanging(true)} onDone={service.reload} />
              ) : null}
            </div>
            <QualityPart id={shown.id} own={shown.own} />
            <Facts service={shown} />
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

export function OwnActions({
  service,
  onChange,
  onDone,
}: {
  service: Shown | Output<"discovery.list">[number];
  onChange: () => void;
  onDone: () => void;
}) {
  const { id, title } = service;
  const withdraw = async () => {
    await call("discovery.withdraw", { id });
    onDone();
  };
  const restore = async () => {
    await call("discovery.restore", { id });
    onDone();
  };
  return (
    <>
      <Button kind="quiet" icon={pencil} aria-label={`${t("discovery.change")}: ${title}`} onClick={onChange}>
        {t("discovery.change")}
      </Button>
      {service.state === "withdrawn" ? (
        <Button
          icon={undo}
          aria-label={`${t("discovery.restore")}: ${title}`}
          onClick={() => attempt(restore, t("discovery.restored", { title }))}
        >
          {t("discovery.restore")}
        </Button>
      ) : (
        <Button
          kind="danger-quiet"
          icon={trash}
          aria-label={`${t("discovery.withdraw")}: ${title}`}
          onClick={() => attempt(withdraw, t("discovery.withdrawn", { title }), restore)}
        >
          {t("discovery.withdraw")}
        </Button>
      )}
    </>
  );
}

function Facts({ service }: { service: Shown }) {
  return (
    <section class="stack tight">
      <h3>{t("discovery.facts")}</h3>
      <dl class="facts">
        <dt>{t("discovery.address")}</dt>
        <dd class="mono">{service.url}</dd>
        <dt>{t("discovery.box")}</dt>
        <dd>
          <a href={`/boxes/${service.boxId}`}>{service.box}</a>
        </dd>
        <dt>{t("discovery.owner")}</dt>
        <dd>{service.owner}</dd>
        <dt>{t("discovery.zone")}</dt>
        <dd>{service.zone}</dd>
        <dt>{t("discovery.category")}</dt>
        <dd>{t(`category.${service.category}`)}</dd>
        <dt>{t("discovery.type")}</dt>
        <dd class="mono">{service.type}</dd>
        <dt>{t("discovery.seen-by")}</dt>
        <dd>
          {t(`scope.${service.scope}`)}
          {service.open ? `. ${t("discovery.open-text")}` : ""}
        </dd>
        {service.version ? (
          <>
            <dt>{t("discovery.version")}</dt>
            <dd>{service.version}</dd>
          </>
        ) : null}
        <dt>{t("discovery.since")}</dt>
        <dd>{date(service.since, language.value)}</dd>
      </dl>
    </section>
  );
}
