/** A box that takes no part: what the store is, what taking part means, and one button. */
import { useState } from "preact/hooks";
import { call } from "../../../../ui/src/client.ts";
import { SelectField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Notice } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { SETUP_TIMEOUT_MS } from "../../../../ui/src/constants.ts";
import { may } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";

const QUOTAS = ["64 MiB", "256 MiB", "1 GiB", "4 GiB", "16 GiB"] as const;

export function Off({ onOn }: { onOn: () => void }) {
  const [quota, setQuota] = useState<string>(QUOTAS[0]);
  const takePart = async () => {
    await call("kv.takePart", { quota }, { timeoutMs: SETUP_TIMEOUT_MS });
    toast(t("kv.takes-part"));
    // The button goes away with this part of the page; what is new begins at the top.
    document.querySelector<HTMLElement>("main h1")?.focus();
    onOn();
  };
  return (
    <section class="card stack kv-off">
      <h2>{t("kv.off")}</h2>
      <p>{t("kv.off-text")}</p>
      <h3>{t("kv.means")}</h3>
      <ul class="stack tight">
        <li>{t("kv.means-room")}</li>
        <li>{t("kv.means-on")}</li>
        <li>{t("kv.means-trust")}</li>
        <li>{t("kv.means-leave")}</li>
      </ul>
      {may("host") ? (
        <Form submit={t("kv.take-part")} running={t("kv.taking-part")} onSubmit={takePart}>
          <SelectField
            label={t("kv.quota")}
            hint={t("kv.quota-hint")}
            value={quota}
            onValue={setQuota}
            options={QUOTAS.map((value) => ({ value, label: value }))}
          />
        </Form>
      ) : (
        <Notice tone="info" title={t("kv.off-ask")} />
      )}
    </section>
  );
}
