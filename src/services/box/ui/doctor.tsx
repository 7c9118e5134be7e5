/** The doctor: looks at everything at once and says in plain words what is well, what is not, and what to do. */
import stethoscope from "lucide-static/icons/stethoscope.svg?raw";
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Icon } from "../../../../ui/src/components/icon.tsx";
import { ErrorNotice, toneIcon } from "../../../../ui/src/components/notice.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { t } from "../../../../ui/src/words.ts";

const DOCTOR_TIMEOUT_MS = 60_000;

export function Doctor() {
  const [report, setReport] = useState<Output<"box.doctor"> | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async () => {
    setError(null);
    try {
      setReport(await call("box.doctor", {}, { timeoutMs: DOCTOR_TIMEOUT_MS }));
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <section class="card stack">
      <div class="cluster apart">
        <h2>{t("box.doctor")}</h2>
        <Button kind="soft-accent" icon={stethoscope} onClick={run}>
          {t(report ? "box.doctor-again" : "box.doctor-run")}
        </Button>
      </div>
      {error ? <ErrorNotice error={error} /> : null}
      {report ? <Report report={report} /> : <p class="soft">{t("box.doctor-text")}</p>}
    </section>
  );
}

function Report({ report }: { report: Output<"box.doctor"> }) {
  return (
    <div class="stack tight" role="status">
      <p>
        <strong>{t(report.ok ? "box.doctor-ok" : "box.doctor-bad")}</strong>{" "}
        <span class="soft small">
          <Ago at={report.checkedAt} />
        </span>
      </p>
      <ul role="list" class="rows">
        {report.checks.map((check) => (
          <li key={check.code} class={check.ok ? "ok" : check.severity}>
            <span class="tone">
              <Icon svg={toneIcon[check.ok ? "ok" : check.severity]} />
            </span>
            <span class="grow">
              <strong>{check.title}</strong>
              <br />
              {check.text}
              {!check.ok && check.fix ? (
                <>
                  <br />
                  <span class="soft">{check.fix}</span>
                </>
              ) : null}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
