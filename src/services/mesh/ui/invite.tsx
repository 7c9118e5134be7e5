/** Inviting a box: a code to send or to show. It is made at once with usual wishes; the wishes can be changed. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { call } from "../../../../ui/src/client.ts";
import { CopyButton } from "../../../../ui/src/components/copy.tsx";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { SelectField, TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { Ago } from "../../../../ui/src/components/time.tsx";
import { duration } from "../../../../ui/src/format.ts";
import { language, t } from "../../../../ui/src/words.ts";

const HOURS = ["1", "24", "168", "720"] as const;
const USES = ["1", "5", "20", "100"] as const;
const HOUR_MS = 3_600_000;

export function Invite({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Output<"mesh.invite"> | null>(null);
  const [uses, setUses] = useState("1");
  const [hours, setHours] = useState("168");
  const [note, setNote] = useState("");
  const make = async () => setMade(await call("mesh.invite", { uses: Number(uses), hours: Number(hours), note }));
  return (
    <Dialog title={t("mesh.invite")} onClose={onClose}>
      {made ? (
        <Code made={made} />
      ) : (
        <Form submit={t("mesh.make-code")} onSubmit={make}>
          <p>{t("mesh.invite-text")}</p>
          <TextField label={t("mesh.note")} hint={t("mesh.note-hint")} value={note} onValue={setNote} maxLength={100} />
          <SelectField
            label={t("mesh.uses")}
            value={uses}
            onValue={setUses}
            options={USES.map((value) => ({ value, label: t("mesh.uses-count", { count: Number(value) }) }))}
          />
          <SelectField
            label={t("mesh.valid-for")}
            value={hours}
            onValue={setHours}
            options={HOURS.map((value) => ({ value, label: duration(Number(value) * HOUR_MS, language.value) }))}
          />
        </Form>
      )}
    </Dialog>
  );
}

function Code({ made }: { made: Output<"mesh.invite"> }) {
  return (
    <div class="stack" role="status">
      <p>{t("mesh.code-text")}</p>
      <img
        class="qr"
        alt={t("mesh.qr")}
        src={`data:image/svg+xml,${encodeURIComponent(made.qrSvg)}`}
        width={224}
        height={224}
      />
      <code class="code">{made.code}</code>
      <div class="cluster apart">
        <span class="soft">
          {t("mesh.uses-count", { count: made.uses })} · {t("mesh.expires")} <Ago at={made.expiresAt} />
        </span>
        <CopyButton kind="primary" text={made.code} label={t("mesh.copy-code")} />
      </div>
    </div>
  );
}
