/** Small drawings of figures: a meter, bars of quality, a sparkline, the growth of a community. Words say the same. */
import { areaPath, linePath, place, roundTop, thin, usualTop } from "../chart.ts";
import { count, date } from "../format.ts";
import { language, t } from "../words.ts";

interface MeterProps {
  label: string;
  /** 0 to 1. */
  share: number;
  text: string;
}

/** How full something is: green, then amber from 75 %, then red from 90 %. */
export function Meter({ label, share, text }: MeterProps) {
  const bound = Math.min(1, Math.max(0, share));
  const tone = bound >= 0.9 ? "bad" : bound >= 0.75 ? "warn" : "";
  return (
    <div class={`meter ${tone}`}>
      <div class="cluster apart">
        <span>{label}</span>
        <span class="soft small figure">{text}</span>
      </div>
      <div
        class="track"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(bound * 100)}
        aria-valuetext={text}
      >
        <div class="fill" style={{ inlineSize: `${bound * 100}%` }} />
      </div>
    </div>
  );
}

/** Four bars, as a telephone shows its signal. `level` 0 to 4; null while nothing is known. */
export function Bars({ level }: { level: number | null }) {
  const tone = level === null ? "" : level >= 3 ? "good" : level === 2 ? "warn" : "bad";
  return (
    <span class={`bars ${tone}`} aria-hidden="true">
      {[1, 2, 3, 4].map((bar) => (
        <i key={bar} class={level !== null && bar <= level ? "on" : ""} />
      ))}
    </span>
  );
}

const SPARK_WIDTH = 300;
const SPARK_HEIGHT = 56;
const SPARK_POINTS_MAX = 150;

/** Values over time; a null is drawn as a mark at the bottom: it did not answer. */
export function Sparkline({ values, label }: { values: readonly (number | null)[]; label: string }) {
  const shown = thin(values, SPARK_POINTS_MAX);
  const points = place(shown, SPARK_WIDTH, SPARK_HEIGHT, roundTop(usualTop(shown)));
  const step = shown.length > 1 ? SPARK_WIDTH / (shown.length - 1) : 0;
  const alone = points.filter((point, index) => point && !points[index - 1] && !points[index + 1]);
  return (
    <svg
      class="spark"
      viewBox={`-2 -4 ${SPARK_WIDTH + 4} ${SPARK_HEIGHT + 8}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {shown.map((value, index) =>
        value === null ? (
          <rect key={index} class="gap" x={index * step - 1} y={SPARK_HEIGHT - 6} width={2} height={8} />
        ) : null,
      )}
      {alone.map((point) => point && <circle key={point.x} cx={point.x} cy={point.y} r={2} class="end" />)}
      <path d={linePath(points)} class="line" />
    </svg>
  );
}

const CHART_WIDTH = 640;
const CHART_HEIGHT = 150;

interface Growth {
  day: string;
  boxes: number;
  services: number;
}

/** Boxes and services day by day; the figures of the last day stand beside their lines, the table below says all. */
export function GrowthChart({ days }: { days: readonly Growth[] }) {
  const shown = thin(days, 120);
  const last = shown.at(-1);
  const first = shown[0];
  if (!last || !first) return null;
  const top = roundTop(Math.max(...shown.map((day) => Math.max(day.boxes, day.services)), 4));
  const boxes = place(
    shown.map((day) => day.boxes),
    CHART_WIDTH,
    CHART_HEIGHT,
    top,
  ).filter((point) => point !== null);
  const services = place(
    shown.map((day) => day.services),
    CHART_WIDTH,
    CHART_HEIGHT,
    top,
  ).filter((point) => point !== null);
  const say = (day: Growth) => ({ day: date(day.day, language.value), boxes: day.boxes, services: day.services });
  return (
    <figure class="growth">
      <svg
        viewBox={`0 -4 ${CHART_WIDTH} ${CHART_HEIGHT + 8}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("shell.growth-label", say(last))}
      >
        {[0, 0.5, 1].map((share) => (
          <line key={share} class="grid" x1={0} x2={CHART_WIDTH} y1={CHART_HEIGHT * share} y2={CHART_HEIGHT * share} />
        ))}
        <path d={areaPath(services, CHART_HEIGHT)} class="area" />
        <path d={linePath(services)} class="line services" />
        <path d={linePath(boxes)} class="line boxes" />
      </svg>
      <figcaption class="cluster apart small soft">
        <span>{date(first.day, language.value)}</span>
        <span class="cluster">
          <span class="key services">{t("shell.growth-services", { count: last.services })}</span>
          <span class="key boxes">{t("shell.growth-boxes", { count: last.boxes })}</span>
          <span>{t("shell.axis-top", { top: count(top, language.value) })}</span>
        </span>
        <span>{date(last.day, language.value)}</span>
      </figcaption>
    </figure>
  );
}
