/** The log of the gossip, the newest first, growing while one looks. */
import history from "lucide-static/icons/history.svg?raw";
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { SelectField } from "../../../../ui/src/components/field.tsx";
import { Empty, Loaded } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { t } from "../../../../ui/src/words.ts";

const LINES_SHOWN = 200;
const TYPES = [
  "join",
  "leave",
  "failed",
  "suspect",
  "refuted",
  "update",
  "reap",
  "flapping",
  "exclusion",
  "pardon",
  "key",
  "conflict",
  "refused",
  "event",
  "query",
] as const;
type Type = (typeof TYPES)[number];
const TONE: Partial<Record<string, string>> = {
  failed: "error",
  conflict: "error",
  exclusion: "error",
  suspect: "warning",
  flapping: "warning",
  refused: "warning",
  join: "ok",
  refuted: "ok",
  pardon: "ok",
  key: "info",
};

export function GossipEvents() {
  const [type, setType] = useState<Type | "">("");
  const events = useResource("mesh.events", { limit: LINES_SHOWN, ...(type ? { type } : {}) });
  return (
    <section class="card stack">
      <SelectField
        label={t("mesh.events-kind")}
        value={type}
        onValue={(value) => setType(value as Type | "")}
        options={[
          { value: "", label: t("mesh.events-all") },
          ...TYPES.map((value) => ({ value, label: t(`mesh.type-${value}`) })),
        ]}
      />
      <Loaded from={events} lines={8}>
        {(lines) =>
          lines.length === 0 ? (
            <Empty icon={history} title={t(type ? "mesh.events-none-kind" : "mesh.events-none")}>
              {type ? null : <p>{t("mesh.events-none-text")}</p>}
            </Empty>
          ) : (
            <ul role="list" class="rows" aria-label={t("mesh.tab-events")}>
              {lines.toReversed().map((line) => (
                <li key={line.id}>
                  <span class={`dot ${TONE[line.type] ?? ""}`} />
                  <span class="grow">
                    {line.text}
                    <br />
                    <span class="soft small">
                      <Ago at={line.at} /> · {t(`mesh.type-${line.type}`)}
                    </span>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  );
}
