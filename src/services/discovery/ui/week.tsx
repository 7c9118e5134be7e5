/** The last seven days of a service as a small drawing, hour by hour, and the same as a table. */
import { roundTop, usualTop } from "../../../../ui/src/chart.ts";
import type { Output } from "../../../../ui/src/api.ts";
import { count, dateTime, milliseconds } from "../../../../ui/src/format.ts";
import { nowMs } from "../../../../ui/src/components/time.tsx";
import { language, t } from "../../../../ui/src/words.ts";
import { type Bar, HOURS, barsOf, timeOf } from "./week-bars.ts";

type Hours = Output<"discovery.quality">["history"];

const HEIGHT = 40;
const FOOT = 6;

export function Week({ hours }: { hours: Hours }) {
  if (hours.length === 0) return <p class="soft small">{t("quality.no-history")}</p>;
  const top = roundTop(usualTop(hours.map(timeOf)));
  const sum = (key: "samples" | "answered") => hours.reduce((total, hour) => total + hour[key], 0);
  const failures = sum("samples") - sum("answered");
  return (
    <figure class="week">
      <svg
        viewBox={`0 0 ${HOURS} ${HEIGHT + FOOT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("quality.week-label", { count: sum("samples"), failures })}
      >
        <line class="ground" x1={0} x2={HOURS} y1={HEIGHT} y2={HEIGHT} />
        {barsOf(hours, top, nowMs.value).map((bar) => (
          <HourBar key={bar.at} bar={bar} />
        ))}
      </svg>
      <figcaption class="small soft">
        <div class="cluster apart">
          <span>{t("quality.week-from")}</span>
          <span>{t("quality.week-to")}</span>
        </div>
        {t("quality.week-top", { time: milliseconds(top, language.value) })}
      </figcaption>
      <details>
        <summary>{t("quality.table")}</summary>
        <WeekTable hours={hours} />
      </details>
    </figure>
  );
}

function HourBar({ bar: { at, share, failed } }: { bar: Bar }) {
  return (
    <>
      {share === null ? null : (
        <rect class="answer" x={at} y={HEIGHT * (1 - share)} width={1} height={HEIGHT * share} />
      )}
      {failed > 0 ? <rect class="gap" x={at} y={HEIGHT} width={1} height={FOOT * failed} /> : null}
    </>
  );
}

function WeekTable({ hours }: { hours: Hours }) {
  const time = (ms: number | null) => (ms === null ? "–" : milliseconds(ms, language.value));
  return (
    <div class="week-table" role="region" aria-label={t("quality.week")} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("quality.hour")}</th>
            <th scope="col">{t("quality.column-samples")}</th>
            <th scope="col">{t("quality.column-answered")}</th>
            <th scope="col">{t("quality.column-median")}</th>
            <th scope="col">{t("quality.column-slow")}</th>
          </tr>
        </thead>
        <tbody>
          {hours.toReversed().map((hour) => (
            <tr key={hour.from}>
              <th scope="row">
                <time dateTime={hour.from}>{dateTime(hour.from, language.value)}</time>
              </th>
              <td class="figure">{count(hour.samples, language.value)}</td>
              <td class="figure">{count(hour.answered, language.value)}</td>
              <td class="figure">{time(timeOf(hour))}</td>
              <td class="figure">{time(hour.firstByteP95Ms ?? timeOf(hour))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
