/** Making an account from an invitation link: /accept#TOKEN. The token stays out of request lines and of logs. */
import { useState } from "preact/hooks";
import { call } from "../client.ts";
import { PasswordField, TextField } from "../components/field.tsx";
import { Form } from "../components/form.tsx";
import { Notice } from "../components/notice.tsx";
import { Front } from "../front.tsx";
import { navigate } from "../router.ts";
import { session, takeSession } from "../session.ts";
import { t } from "../words.ts";

const PASSWORD_LENGTH_MIN = 8;

export default function Accept() {
  const [token] = useState(() => decodeURIComponent(location.hash.slice(1)));
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const send = async () => {
    takeSession(await call("people.accept", { token, name, password }));
    navigate("/", true);
  };
  return (
    <Front>
      <div class="stack wide">
        <header class="stack tight">
          <h1 tabIndex={-1}>{t("accept.title")}</h1>
          <p class="soft">{t("accept.lead", { box: session.value?.box.name ?? "" })}</p>
        </header>
        {token ? (
          <div class="card">
            <Form
              submit={t("accept.go")}
              ready={name.trim() !== "" && password.length >= PASSWORD_LENGTH_MIN}
              onSubmit={send}
            >
              <TextField
                label={t("welcome.owner")}
                hint={t("accept.name-hint")}
                value={name}
                onValue={setName}
                maxLength={60}
                required
                autofocus
                autocomplete="username"
              />
              <PasswordField
                label={t("welcome.password")}
                hint={t("welcome.password-hint", { count: PASSWORD_LENGTH_MIN })}
                value={password}
                onValue={setPassword}
                required
                autocomplete="new-password"
              />
            </Form>
          </div>
        ) : (
          <Notice tone="warning" title={t("accept.no-token")}>
            <p>{t("accept.no-token-text")}</p>
          </Notice>
        )}
      </div>
    </Front>
  );
}
