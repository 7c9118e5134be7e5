/** How good a service is from here, in a row: bars, a word, and below it the figure with its kind, count and age. */
import { Bars } from "../../../../ui/src/components/figures.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { milliseconds } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";
import { type Quality, type Service, markOf } from "./view.ts";

export function QualityMark({ service }: { service: Pick<Service, "state" | "quality"> }) {
  const { level, word } = markOf(service);
  return (
    <span class="quality">
      <Bars level={level} />
      <span>
        <span class="line">{t(`quality.${word}`)}</span>
        <span class="line soft small figure">
          {service.quality.measuredAt ? (
            <Measured quality={service.quality} />
          ) : (
            <Estimated quality={service.quality} />
          )}
        </span>
      </span>
    </span>
  );
}

function Measured({ quality }: { quality: Quality }) {
  const { rttMs, rttSource, reachable, samples, measuredAt } = quality;
  const hasTime = rttMs !== null && rttSource === "measured" && reachable;
  return (
    <>
      {hasTime ? `${milliseconds(rttMs, language.value)} · ` : ""}
      <abbr title={t("quality.of", { count: samples })}>{t("quality.times", { count: samples })}</abbr>
      {" · "}
      <Ago at={measuredAt!} />
    </>
  );
}

/** The estimate of its box's coordinates, or what was measured of another service on the same machine. */
function Estimated({ quality: { rttMs, rttSource, rttAt } }: { quality: Quality }) {
  if (rttMs === null || rttAt === null) return null;
  const time = milliseconds(rttMs, language.value);
  return rttSource === "estimate" ? (
    <>
      {t("quality.about", { time })} · {t("quality.estimated")} <Ago at={rttAt} />
    </>
  ) : (
    <>
      {time} · <Ago at={rttAt} />
    </>
  );
}
