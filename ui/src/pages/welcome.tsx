/**
 * First contact. It asks two things, the box's name and the owner's name with a password, and then whether to begin
 * a community or to join one. Everything else has a default and can be changed later.
 */
import { useState } from "preact/hooks";
import { call, setCsrf } from "../client.ts";
import { CommunityChoice, type CommunityDraft, communityReady } from "../components/community-choice.tsx";
import { PasswordField, TextField } from "../components/field.tsx";
import { Form } from "../components/form.tsx";
import { LinkButton } from "../components/button.tsx";
import { SETUP_TIMEOUT_MS } from "../constants.ts";
import { Front } from "../front.tsx";
import { navigate, path } from "../router.ts";
import { loadSession, session } from "../session.ts";
import { t } from "../words.ts";

const PASSWORD_LENGTH_MIN = 8;

interface Draft {
  name: string;
  owner: string;
  password: string;
  zone: string;
  setupKey: string;
}

/** `comu up` prints an address that ends in #setup=KEY; the key never travels in a request line. */
function keyFromAddress(): string {
  return new URLSearchParams(location.hash.slice(1)).get("setup") ?? "";
}

export default function Welcome() {
  const [draft, setDraft] = useState<Draft>(() => ({
    name: "",
    owner: "",
    password: "",
    zone: "",
    setupKey: keyFromAddress(),
  }));
  const [keyGiven] = useState(() => keyFromAddress() !== "");
  const [community, setCommunity] = useState<CommunityDraft>({ way: "found", name: "", code: "" });
  const second = path.value === "/welcome/community";
  return (
    <Front>
      <div class="stack wide">
        <header class="stack tight">
          <p class="soft small">{t("welcome.step", { step: second ? 2 : 1, steps: 2 })}</p>
          <h1 tabIndex={-1}>{t(second ? "welcome.title-community" : "welcome.title")}</h1>
          <p class="soft">{t(second ? "welcome.lead-community" : "welcome.lead")}</p>
        </header>
        <div class="card">
          {second ? (
            <SecondStep draft={draft} community={community} onCommunity={setCommunity} />
          ) : (
            <FirstStep draft={draft} onDraft={setDraft} askKey={session.value?.setupKeyNeeded === true && !keyGiven} />
          )}
        </div>
      </div>
    </Front>
  );
}

interface FirstStepProps {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  askKey: boolean;
}

function FirstStep({ draft, onDraft, askKey }: FirstStepProps) {
  const ready =
    draft.name.trim() !== "" &&
    draft.owner.trim() !== "" &&
    draft.password.length >= PASSWORD_LENGTH_MIN &&
    (!askKey || draft.setupKey.trim() !== "");
  const short = draft.password !== "" && draft.password.length < PASSWORD_LENGTH_MIN;
  return (
    <Form submit={t("welcome.next")} ready={ready} onSubmit={async () => navigate("/welcome/community")}>
      <TextField
        label={t("welcome.box-name")}
        hint={t("welcome.box-name-hint")}
        value={draft.name}
        onValue={(name) => onDraft({ ...draft, name })}
        maxLength={40}
        required
        autofocus
        autocomplete="off"
      />
      <TextField
        label={t("welcome.owner")}
        hint={t("welcome.owner-hint")}
        value={draft.owner}
        onValue={(owner) => onDraft({ ...draft, owner })}
        maxLength={60}
        required
        autocomplete="username"
      />
      <PasswordField
        label={t("welcome.password")}
        hint={t("welcome.password-hint", { count: PASSWORD_LENGTH_MIN })}
        wrong={short ? t("welcome.password-short", { count: PASSWORD_LENGTH_MIN - draft.password.length }) : undefined}
        value={draft.password}
        onValue={(password) => onDraft({ ...draft, password })}
        required
        autocomplete="new-password"
      />
      {askKey ? (
        <TextField
          label={t("welcome.key")}
          hint={t("welcome.key-hint")}
          value={draft.setupKey}
          onValue={(setupKey) => onDraft({ ...draft, setupKey })}
          required
          autocomplete="off"
        />
      ) : null}
      <details>
        <summary>{t("welcome.more")}</summary>
        <TextField
          label={t("welcome.zone")}
          hint={t("welcome.zone-hint")}
          value={draft.zone}
          onValue={(zone) => onDraft({ ...draft, zone })}
          maxLength={40}
          autocomplete="off"
        />
      </details>
    </Form>
  );
}

interface SecondStepProps {
  draft: Draft;
  community: CommunityDraft;
  onCommunity: (draft: CommunityDraft) => void;
}

function SecondStep({ draft, community, onCommunity }: SecondStepProps) {
  if (draft.name === "" || draft.password === "") {
    navigate("/", true);
    return null;
  }
  const send = async () => {
    const done = await call(
      "box.setup",
      {
        name: draft.name,
        owner: draft.owner,
        password: draft.password,
        ...(draft.zone.trim() ? { zone: draft.zone } : {}),
        ...(draft.setupKey.trim() ? { setupKey: draft.setupKey.trim() } : {}),
        community: community.way === "found" ? { found: community.name } : { join: community.code.trim() },
      },
      { timeoutMs: SETUP_TIMEOUT_MS },
    );
    setCsrf(done.csrf);
    history.replaceState(null, "", "/");
    await loadSession();
    navigate("/", true);
  };
  return (
    <Form
      submit={t(community.way === "found" ? "welcome.found-go" : "welcome.join-go")}
      ready={communityReady(community)}
      running={t(community.way === "found" ? "welcome.founding" : "welcome.joining")}
      beside={
        <LinkButton kind="quiet" href="/">
          {t("welcome.back")}
        </LinkButton>
      }
      onSubmit={send}
    >
      <CommunityChoice draft={community} onDraft={onCommunity} />
    </Form>
  );
}
