/** The reader's own account: what they may do, and a new password. */
import { useState } from "preact/hooks";
import { call } from "../../../../ui/src/client.ts";
import { PasswordField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { loadSession, session } from "../../../../ui/src/session.ts";
import { t } from "../../../../ui/src/words.ts";

const PASSWORD_LENGTH_MIN = 8;

export function OwnAccount() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const now = session.value;
  const role = now && now.role !== "public" ? now.role : "guest";
  const save = async () => {
    await call("people.changePassword", { current, next });
    await loadSession();
    setCurrent("");
    setNext("");
    toast(t("people.own-password-set"));
  };
  return (
    <div class="columns">
      <section class="card stack">
        <h2>{now?.account ?? ""}</h2>
        <p>
          <strong>{t(`role.${role}`)}</strong>
          <br />
          <span class="soft">{t(`role.${role}-text`)}</span>
        </p>
      </section>
      <section class="card stack">
        <h2>{t("people.change-password")}</h2>
        <Form
          submit={t("people.change-password")}
          ready={current !== "" && next.length >= PASSWORD_LENGTH_MIN}
          onSubmit={save}
        >
          <input type="hidden" name="username" autocomplete="username" value={now?.account ?? ""} />
          <PasswordField
            label={t("people.current-password")}
            value={current}
            onValue={setCurrent}
            autocomplete="current-password"
          />
          <PasswordField
            label={t("people.next-password")}
            hint={t("welcome.password-hint", { count: PASSWORD_LENGTH_MIN })}
            value={next}
            onValue={setNext}
            autocomplete="new-password"
          />
          <p class="soft small">{t("people.change-password-text")}</p>
        </Form>
      </section>
    </div>
  );
}
