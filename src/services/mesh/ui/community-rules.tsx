/** What the community says of itself and how boxes come in; stewards change it here. And the way out for this box. */
import { useEffect, useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { Confirm } from "../../../../ui/src/components/dialog.tsx";
import { AreaField, Choices } from "../../../../ui/src/components/field.tsx";
import { ErrorNotice } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { date } from "../../../../ui/src/format.ts";
import { loadSession, may } from "../../../../ui/src/session.ts";
import { accentTrial } from "../../../../ui/src/theme.ts";
import { language, t } from "../../../../ui/src/words.ts";

type Community = NonNullable<Output<"mesh.community">>;
type Policy = Community["policy"];
const ADMISSIONS = ["open", "invitation", "approval"] as const;
const INVITERS = ["members", "stewards"] as const;

export function CommunityRules({ community, onChanged }: { community: Community; onChanged: () => void }) {
  const [leaving, setLeaving] = useState(false);
  const rules =
    community.steward && may("steward") ? (
      <Form policy={community.policy} onChanged={onChanged} />
    ) : (
      <Plain policy={community.policy} />
    );
  return (
    <div class="columns">
      <section class="card stack">
        <h2>{community.name}</h2>
        <dl class="facts">
          <dt>{t("mesh.founded")}</dt>
          <dd>{date(community.foundedAt, language.value)}</dd>
          <dt>{t("mesh.figures-boxes")}</dt>
          <dd>{t("mesh.figures-up", { count: community.figures.boxes, up: community.figures.boxesUp })}</dd>
          <dt>{t("mesh.figures-owners")}</dt>
          <dd class="figure">{community.figures.owners}</dd>
          <dt>{t("mesh.figures-zones")}</dt>
          <dd class="figure">{community.figures.zones}</dd>
          <dt>{t("mesh.figures-services")}</dt>
          <dd class="figure">{community.figures.services}</dd>
        </dl>
        <p>
          <a href="/public">{t("mesh.public-page")}</a>
        </p>
        {may("host") ? (
          <p>
            <Button kind="danger-quiet" onClick={() => setLeaving(true)}>
              {t("mesh.leave")}
            </Button>
          </p>
        ) : null}
      </section>
      <section class="card stack">
        <h2>{t("mesh.rules")}</h2>
        {rules}
      </section>
      {leaving ? (
        <Confirm
          title={t("mesh.leave-title", { community: community.name })}
          confirm={t("mesh.leave")}
          onConfirm={async () => {
            await call("mesh.leave", {});
            await loadSession();
            onChanged();
          }}
          onClose={() => setLeaving(false)}
        >
          <p>{t("mesh.leave-text", { community: community.name })}</p>
          <p>{t("mesh.leave-back")}</p>
        </Confirm>
      ) : null}
    </div>
  );
}

function Plain({ policy }: { policy: Policy }) {
  return (
    <>
      {policy.about ? <p>{policy.about}</p> : null}
      <p>
        <strong>{t(`mesh.admission-${policy.admission}`)}</strong>
        <br />
        <span class="soft">{t(`mesh.admission-${policy.admission}-text`)}</span>
      </p>
      <p class="soft">{t("mesh.rules-by-stewards")}</p>
    </>
  );
}

function Form({ policy, onChanged }: { policy: Policy; onChanged: () => void }) {
  const [draft, setDraft] = useState(policy);
  const [error, setError] = useState<ApiError | null>(null);
  const changed = JSON.stringify(draft) !== JSON.stringify(policy);
  useEffect(() => {
    accentTrial.value = draft.accent === policy.accent ? null : draft.accent;
    return () => void (accentTrial.value = null);
  }, [draft.accent]);
  const write = async (wanted: Policy) => {
    const { admission, inviters, accent, about } = wanted;
    await call("mesh.setPolicy", { admission, inviters, about, ...(accent ? { accent } : {}) });
    await loadSession();
    onChanged();
  };
  const save = async () => {
    setError(null);
    try {
      await write(draft);
      accentTrial.value = null;
      toast(t("settings.saved"), () => write(policy).then(() => setDraft(policy)));
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <>
      <AreaField
        label={t("mesh.about")}
        hint={t("mesh.about-hint")}
        value={draft.about}
        onValue={(about) => setDraft({ ...draft, about })}
        maxLength={1000}
        rows={4}
      />
      <Wishes draft={draft} onDraft={setDraft} />
      {error ? <ErrorNotice error={error} /> : null}
      <div class="cluster end">
        {changed ? (
          <Button kind="quiet" onClick={() => setDraft(policy)}>
            {t("settings.forget")}
          </Button>
        ) : null}
        <Button kind="primary" disabled={!changed} onClick={save}>
          {t("shell.save")}
        </Button>
      </div>
    </>
  );
}

function Wishes({ draft, onDraft }: { draft: Policy; onDraft: (draft: Policy) => void }) {
  return (
    <>
      <Choices
        label={t("mesh.admission")}
        name="admission"
        value={draft.admission}
        onValue={(value) => onDraft({ ...draft, admission: value as Policy["admission"] })}
        options={ADMISSIONS.map((value) => ({
          value,
          label: t(`mesh.admission-${value}`),
          hint: t(`mesh.admission-${value}-text`),
        }))}
      />
      <Choices
        label={t("mesh.inviters")}
        name="inviters"
        value={draft.inviters}
        onValue={(value) => onDraft({ ...draft, inviters: value as Policy["inviters"] })}
        options={INVITERS.map((value) => ({ value, label: t(`mesh.inviters-${value}`) }))}
      />
      <label class="cluster apart">
        <span>
          <strong>{t("mesh.accent")}</strong>
          <br />
          <span class="soft small">{t("mesh.accent-hint")}</span>
        </span>
        <input
          type="color"
          class="colour"
          value={draft.accent}
          onInput={(event) => onDraft({ ...draft, accent: event.currentTarget.value })}
        />
      </label>
    </>
  );
}
