/** How good one service is from here, in full: each figure with its kind, count and age, and the last seven days. */
import gauge from "lucide-static/icons/gauge.svg?raw";
import type { ComponentChildren } from "preact";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { duration, milliseconds, percent } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { QualityMark } from "./quality-mark.tsx";
import { Week } from "./week.tsx";

type Report = Output<"discovery.quality">;

/** While it is open the box measures about every minute; the page asks a little after that. */
const RELOAD_MS = 65_000;

export function QualityPart({ id, own }: { id: string; own: boolean }) {
  const report = useResource("discovery.quality", { id }, { everyMs: RELOAD_MS });
  const measure = () =>
    attempt(async () => {
      await call("discovery.measure", { id });
      report.reload();
    });
  return (
    <section class="stack tight">
      <div class="cluster apart">
        <h3>{t("discovery.quality")}</h3>
        {report.data?.quality.method === "none" ? null : (
          <Button kind="quiet" icon={gauge} onClick={measure}>
            {t("discovery.measure")}
          </Button>
        )}
      </div>
      <Loaded from={report} lines={4}>
        {(shown) => (
          <>
            <QualityMark service={shown} />
            <Week hours={shown.history} />
            <Figures report={shown} />
            <p class="soft small">{whenMeasured(shown, own)}</p>
          </>
        )}
      </Loaded>
    </section>
  );
}

function whenMeasured({ intervalS, quality }: Report, own: boolean): string {
  if (quality.method === "none") return t("quality.unmeasurable");
  if (own) return t("quality.interval-own");
  return intervalS === null ? "" : t("quality.interval", { time: duration(intervalS * 1000, language.value) });
}

function Figures({ report: { quality, parts } }: { report: Report }) {
  const ms = (value: number) => milliseconds(value, language.value);
  const share = (value: number) => percent(value, language.value);
  const of100 = (value: number) => Math.round(value * 100);
  const { score, measuredAt, rttMs, rttSource, rttAt, firstByteMs, load, loadAt } = quality;
  const recent = t("quality.of", { count: quality.lossSamples });
  const median = t("quality.median", { count: quality.lossSamples });
  const week = t("quality.of", { count: quality.samples });
  return (
    <dl class="facts figures">
      <Figure name={t("quality.score")} value={score} at={measuredAt} kind={week}>
        {(value) => t("quality.score-of", { score: value })}
      </Figure>
      <Figure
        name={t("quality.round-trip")}
        value={rttMs}
        at={rttAt}
        kind={rttSource === "estimate" ? t("quality.estimated") : t("quality.kind-measured")}
      >
        {(value) => (rttSource === "estimate" ? t("quality.about", { time: ms(value) }) : ms(value))}
      </Figure>
      <Figure name={t("quality.first-byte")} value={firstByteMs} at={measuredAt} kind={median}>
        {ms}
      </Figure>
      <Figure name={t("quality.loss")} value={quality.lossPercent} at={measuredAt} kind={recent}>
        {share}
      </Figure>
      <Figure name={t("quality.success")} value={quality.success7dPercent} at={measuredAt} kind={week}>
        {share}
      </Figure>
      <Figure name={t("quality.load")} value={load} at={loadAt} kind={t("quality.claimed")}>
        {(value) => share(value * 100)}
      </Figure>
      {parts ? (
        <>
          <dt>{t("quality.parts-name")}</dt>
          <dd class="soft small">
            {t("quality.parts", {
              success: of100(parts.success),
              speed: of100(parts.speed),
              ease: of100(parts.ease),
            })}
          </dd>
        </>
      ) : null}
    </dl>
  );
}

interface FigureProps {
  name: string;
  value: number | null;
  /** When it was measured, estimated or said; without it there is no figure. */
  at: string | null;
  /** Estimated, claimed, or of how many measurements. */
  kind: string;
  children: (value: number) => ComponentChildren;
}

function Figure({ name, value, at, kind, children }: FigureProps) {
  if (value === null || at === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <span class="figure">{children(value)}</span>
        <div class="soft small">
          {kind} · <Ago at={at} />
        </div>
      </dd>
    </>
  );
}
