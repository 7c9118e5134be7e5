/** The reader's own wishes: language, light or dark, and signing out. They stay in this browser. */
import out from "lucide-static/icons/log-out.svg?raw";
import settings from "lucide-static/icons/sliders-horizontal.svg?raw";
import person from "lucide-static/icons/circle-user-round.svg?raw";
import { type Language } from "../../src/kernel/words.ts";
import { Button, LinkButton } from "./components/button.tsx";
import { missingPart } from "./components/lazy.tsx";
import { Menu, Segments } from "./components/menu.tsx";
import { attempt } from "./components/toast.tsx";
import { navigate } from "./router.ts";
import { session, signOut } from "./session.ts";
import { THEMES, setTheme, theme } from "./theme.ts";
import { language, t, useLanguage } from "./words.ts";

const LANGUAGE_NAMES: readonly { value: Language; label: string; lang: string }[] = [
  { value: "ca", label: "Català", lang: "ca" },
  { value: "es", label: "Castellano", lang: "es" },
  { value: "en", label: "English", lang: "en" },
];

async function speak(wanted: Language): Promise<void> {
  try {
    await useLanguage(wanted, true);
  } catch (error) {
    throw await missingPart(error);
  }
}

export function Wishes() {
  const account = session.value?.account;
  const leave = async () => {
    await attempt(signOut);
    navigate("/", true);
  };
  return (
    <Menu label={t("shell.wishes")} icon={account ? person : settings}>
      {(close) => (
        <>
          {account ? (
            <>
              <span class="menu-label">{t("shell.signed-in-as", { name: account })}</span>
              <a class="button quiet menu-item" href="/people/me" onClick={close}>
                {t("shell.my-account")}
              </a>
            </>
          ) : null}
          <span class="menu-label">{t("shell.language")}</span>
          <Segments
            label={t("shell.language")}
            value={language.value}
            options={LANGUAGE_NAMES}
            onValue={(value) => void attempt(() => speak(value))}
          />
          <span class="menu-label">{t("shell.theme")}</span>
          <Segments
            label={t("shell.theme")}
            value={theme.value}
            options={THEMES.map((value) => ({ value, label: t(`shell.theme-${value}`) }))}
            onValue={setTheme}
          />
          {account ? (
            <Button kind="quiet" class="menu-item" icon={out} onClick={leave}>
              {t("shell.sign-out")}
            </Button>
          ) : session.value?.setUp ? (
            <LinkButton kind="quiet" class="menu-item" href="/sign-in">
              {t("sign-in.title")}
            </LinkButton>
          ) : null}
        </>
      )}
    </Menu>
  );
}
