/** Makes an image of Debian on this box: the form, how far it is, and how it ended. For its host. */
import { useState } from "preact/hooks";
import { useResource } from "../../../../ui/src/box.ts";
import { call } from "../../../../ui/src/client.ts";
import type { Output } from "../../../../ui/src/api.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { SelectField, TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Loaded, Notice } from "../../../../ui/src/components/notice.tsx";
import { attempt } from "../../../../ui/src/components/toast.tsx";
import { t } from "../../../../ui/src/words.ts";
import { PathField } from "./path-field.tsx";
import { NameField, isName } from "./name-field.tsx";

type Building = Output<"compute.imageBuild">;

const SUITES = ["bookworm", "trixie"];
const REFRESH_MS = 2_000;

export function BuildPart({ onMade }: { onMade: () => void }) {
  const building = useResource("compute.imageBuild", {}, { events: ["compute"], everyMs: REFRESH_MS });
  return (
    <section class="card stack">
      <h2>{t("compute.build")}</h2>
      <Loaded from={building}>
        {(now) => (
          <>
            <Last now={now} onChange={building.reload} />
            {now.state === "running" ? null : (
              <BuildForm
                onBegun={() => {
                  building.reload();
                  onMade();
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Last({ now, onChange }: { now: Building; onChange: () => void }) {
  const { name, state, percent, error, log } = now;
  if (state === "running") {
    const cancel = () =>
      attempt(async () => {
        await call("compute.cancelBuild", {});
        onChange();
      });
    return (
      <>
        <label class="stack">
          <span>{t("compute.build-running", { name })}</span>
          <progress max={100} value={percent} />
        </label>
        <p class="soft" role="status">
          {t(`compute.stage-${now.stage}`)} · {percent} %
        </p>
        <div class="cluster end">
          <Button kind="danger-quiet" onClick={cancel}>
            {t("compute.build-cancel")}
          </Button>
        </div>
      </>
    );
  }
  if (state === "done") return <Notice tone="ok" title={t("compute.build-done", { name })} />;
  if (state !== "failed" || !error) return null;
  return (
    <Notice tone="error" title={t("compute.build-failed", { name })}>
      <p>
        {error.message} {error.advice}
      </p>
      {log ? (
        <details>
          <summary>{t("compute.build-log")}</summary>
          <pre class="small">{log}</pre>
        </details>
      ) : null}
    </Notice>
  );
}

function BuildForm({ onBegun }: { onBegun: () => void }) {
  const [name, setName] = useState("debian");
  const [suite, setSuite] = useState(SUITES[0]!);
  const [packages, setPackages] = useState("");
  const [app, setApp] = useState("");
  const begin = async () => {
    const wish = { name, suite, packages, wait: false, ...(app.trim() ? { app: app.trim() } : {}) };
    await call("compute.buildImage", wish);
    onBegun();
  };
  return (
    <>
      <p class="soft">{t("compute.build-lead")}</p>
      <Form submit={t("compute.build-begin")} ready={isName(name)} onSubmit={begin}>
        <NameField {...{ name, setName }} />
        <SelectField
          label={t("compute.build-suite")}
          value={suite}
          onValue={setSuite}
          options={SUITES.map((value) => ({ value, label: value }))}
        />
        <TextField
          label={t("compute.build-packages")}
          hint={t("compute.build-packages-hint")}
          value={packages}
          onValue={setPackages}
          autocapitalize="none"
          spellcheck={false}
        />
        <PathField kind="folder" label="compute.build-app" hint="compute.build-app-hint" path={app} setPath={setApp} />
      </Form>
    </>
  );
}
