/** The newest lines of the log, for the curious and for who helps them; fit to be sent. */
import { useState } from "preact/hooks";
import refresh from "lucide-static/icons/refresh-cw.svg?raw";
import { useResource } from "../../../../ui/src/box.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { SelectField } from "../../../../ui/src/components/field.tsx";
import { Loaded } from "../../../../ui/src/components/notice.tsx";
import { clockTime } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";

const LINES_SHOWN = 300;
const LEVELS = ["debug", "info", "warn", "error"] as const;

export function Logs() {
  const logs = useResource("box.logs", { limit: LINES_SHOWN });
  const [least, setLeast] = useState<string>("info");
  return (
    <section class="card stack">
      <p class="soft">{t("box.log-text")}</p>
      <Loaded from={logs} lines={8}>
        {(lines) => {
          const from = LEVELS.findIndex((level) => level === least);
          const shown = lines.filter((line) => LEVELS.indexOf(line.level) >= from).toReversed();
          const text = shown.map((line) =>
            [line.time, line.level, line.area, line.message, line.fields ? JSON.stringify(line.fields) : ""].join(" "),
          );
          return (
            <>
              <div class="cluster apart">
                <SelectField
                  label={t("box.log-level")}
                  value={least}
                  onValue={setLeast}
                  options={LEVELS.map((level) => ({ value: level, label: t(`box.log-${level}`) }))}
                />
                <div class="cluster">
                  <Button icon={refresh} busy={logs.busy} onClick={logs.reload}>
                    {t("box.log-refresh")}
                  </Button>
                  <CopyButton text={text.join("\n")} label={t("box.log-copy")} />
                </div>
              </div>
              {shown.length === 0 ? (
                <p class="soft">{t("box.log-none")}</p>
              ) : (
                <pre class="log" tabIndex={0} aria-label={t("box.tab-log")}>
                  {shown.map((line, index) => (
                    <span key={line.time + index} class={`line ${line.level}`}>
                      <span class="soft">
                        {clockTime(line.time, language.value)} {line.area}
                      </span>{" "}
                      {line.message}
                      {line.fields ? <span class="soft"> {JSON.stringify(line.fields)}</span> : null}
                      {"\n"}
                    </span>
                  ))}
                </pre>
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
