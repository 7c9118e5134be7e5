/** One service in full: what it says of itself, how good it has been from here, and for its host: change, withdraw. */
import gauge from "lucide-static/icons/gauge.svg?raw";
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
import { Sparkline } from "../../../../ui/src/components/figures.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { date, milliseconds, percent } from "../../../../ui/src/format.ts";
import { may } from "../../../../ui/src/session.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { Publish } from "./publish.tsx";
import { QualityMark, ServiceAction, reasonText } from "./row.tsx";

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
            <QualityPart service={shown} onMeasured={service.reload} />
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

function QualityPart({ service, onMeasured }: { service: Shown; onMeasured: () => void }) {
  const { quality, history } = service;
  const times = history.map((one) => (one.ok ? (one.firstByteMs ?? one.rttMs ?? 0) : null));
  const failures = history.filter((one) => !one.ok).length;
  const first = history[0];
  const measure = () =>
    attempt(async () => {
      await call("discovery.measure", { id: service.id });
      onMeasured();
    });
  return (
    <section class="stack tight">
      <div class="cluster apart">
        <h3>{t("discovery.quality")}</h3>
        <Button kind="quiet" icon={gauge} onClick={measure}>
          {t("discovery.measure")}
        </Button>
      </div>
      <QualityMark quality={quality} />
      {history.length > 1 && first ? (
        <>
          <Sparkline values={times} label={t("quality.history", { count: history.length, failures })} />
          <p class="soft small">
            {t("quality.history", { count: history.length, failures })}{" "}
            {t("quality.history-since", { date: date(first.at, language.value) })}
          </p>
        </>
      ) : (
        <p class="soft small">{t("quality.no-history")}</p>
      )}
      <dl class="facts">
        {quality.firstByteMs === null ? null : (
          <>
            <dt>{t("quality.first-byte")}</dt>
            <dd class="figure">{milliseconds(quality.firstByteMs, language.value)}</dd>
          </>
        )}
        {quality.lossPercent === null ? null : (
          <>
            <dt>{t("quality.loss")}</dt>
            <dd class="figure">{percent(quality.lossPercent, language.value)}</dd>
          </>
        )}
        {quality.success7dPercent === null ? null : (
          <>
            <dt>{t("quality.success")}</dt>
            <dd class="figure">{percent(quality.success7dPercent, language.value)}</dd>
          </>
        )}
        {quality.load === null ? null : (
          <>
            <dt>{t("quality.load")}</dt>
            <dd class="figure">{percent(quality.load * 100, language.value)}</dd>
          </>
        )}
      </dl>
      {quality.measuredAt ? (
        <p class="soft small">
          {t("quality.measured")} <Ago at={quality.measuredAt} />
        </p>
      ) : null}
    </section>
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
