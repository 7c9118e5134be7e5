/** What a sliver uses now, beside what it may, and small graphs of the last hour. */
import { amount } from "../../../../ui/src/amount.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { Meter, Sparkline } from "../../../../ui/src/components/figures.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import type { Output } from "../../../../ui/src/api.ts";
import { bytes, count } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";

type Sample = NonNullable<Output<"compute.figures">["now"]>;
type Most = { cores: number; memoryBytes: number; diskBytes: number };

/** Its host reads the engine at most every two seconds, for all who look. */
const LOOK_MS = 4_000;
const GRAPH_POINTS_MIN = 2;

export function SliverFigures({ place, most }: { place: string; most: Most }) {
  const figures = useResource("compute.figures", { sliver: place }, { events: [], everyMs: LOOK_MS });
  return (
    <Loaded from={figures} lines={6}>
      {({ now, samples }) => {
        if (!now) return <p class="soft">{t("compute.figures-none")}</p>;
        const all = [...samples, now];
        return (
          <>
            <section class="card stack">
              {measures(now, most).map(({ label, value, whole, say }) => (
                <Meter
                  key={label}
                  label={label}
                  share={whole > 0 ? value / whole : 0}
                  text={t("compute.of", { part: say(value), whole: say(whole) })}
                />
              ))}
              <p class="soft small">
                {t("compute.figures-processes")}: {count(now.processes, language.value)}
              </p>
            </section>
            {all.length >= GRAPH_POINTS_MIN ? (
              <Graphs samples={all} />
            ) : (
              <p class="soft">{t("compute.figures-wait")}</p>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

const inAmount = (value: number): string => amount(value, language.value);
const inBytes = (value: number): string => bytes(value, language.value);
const inCores = (value: number): string => count(Math.round(value * 100) / 100, language.value);

function measures(now: Sample, most: Most) {
  const cores = { label: t("compute.figures-cores"), value: now.cores ?? 0, whole: most.cores, say: inCores };
  const memory = { label: t("compute.memory"), value: now.memoryBytes, whole: most.memoryBytes, say: inAmount };
  const { diskBytes } = now;
  if (diskBytes === null) return [cores, memory];
  return [cores, memory, { label: t("compute.disk"), value: diskBytes, whole: most.diskBytes, say: inAmount }];
}

function Graphs({ samples }: { samples: readonly Sample[] }) {
  const graphs = [
    { what: t("compute.figures-cores"), values: samples.map((one) => one.cores), say: inCores },
    { what: t("compute.memory"), values: samples.map((one) => one.memoryBytes), say: inAmount },
    { what: t("compute.disk"), values: samples.map((one) => one.diskBytes), say: inAmount },
    { what: t("compute.figures-processes"), values: samples.map((one) => one.processes), say: inCores },
    { what: t("compute.figures-received"), values: samples.map((one) => one.receivedBytesPerS), say: inBytes },
    { what: t("compute.figures-sent"), values: samples.map((one) => one.sentBytesPerS), say: inBytes },
  ];
  return (
    <section class="stack">
      <p class="soft small">{t("compute.figures-hour")}</p>
      <div class="sliver-graphs">
        {graphs.map(({ what, values, say }) => {
          const known = values.filter((value) => value !== null);
          // What nobody counts here is no graph: a disk without quotas, a sliver without a network.
          if (known.length === 0) return null;
          const words = { what, now: say(known.at(-1)!), top: say(Math.max(...known)) };
          return (
            <figure key={what} class="card">
              <figcaption class="cluster apart">
                <span>{what}</span>
                <span class="soft small figure">{words.now}</span>
              </figcaption>
              <Sparkline values={known} label={t("compute.figures-graph", words)} />
            </figure>
          );
        })}
      </div>
    </section>
  );
}
