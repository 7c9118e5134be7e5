/** Signing in with the account of this box. */
import { useState } from "preact/hooks";
import { call } from "../client.ts";
import { PasswordField, TextField } from "../components/field.tsx";
import { Form } from "../components/form.tsx";
import { Notice } from "../components/notice.tsx";
import { Front } from "../front.tsx";
import { expired, session, takeSession } from "../session.ts";
import { t } from "../words.ts";

export default function SignIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  return (
    <Front>
      <div class="stack wide">
        <header class="stack tight">
          <h1 tabIndex={-1}>{t("sign-in.title")}</h1>
          <p class="soft">{t("sign-in.lead", { box: session.value?.box.name ?? "" })}</p>
        </header>
        {expired.value ? <Notice tone="info" title={t("sign-in.expired")} /> : null}
        <div class="card">
          <Form
            submit={t("sign-in.go")}
            ready={name.trim() !== "" && password !== ""}
            onSubmit={async () => takeSession(await call("people.signIn", { name, password }))}
          >
            <TextField
              label={t("sign-in.name")}
              value={name}
              onValue={setName}
              required
              autofocus
              autocomplete="username"
              autocapitalize="none"
            />
            <PasswordField
              label={t("sign-in.password")}
              value={password}
              onValue={setPassword}
              required
              autocomplete="current-password"
            />
          </Form>
        </div>
        <p class="soft">{t("sign-in.help")}</p>
      </div>
    </Front>
  );
}
