/**
 * The page begins here: who is looking, in which language, then the right frame: first contact, the public page,
 * or the shell.
 */
import { render } from "preact";
import { App } from "./app.tsx";
import { startRouter } from "./router.ts";
import { loadSession, session, watchSession } from "./session.ts";
import { startTheme } from "./theme.ts";
import { fittingLanguage, useLanguage } from "./words.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/figures.css";
import "./styles/shell.css";
import "./styles/large-text.css";

async function start(): Promise<void> {
  startRouter();
  watchSession();
  // Words and session travel at the same time; an error needs words too.
  const guessed = fittingLanguage();
  await Promise.all([useLanguage(guessed), loadSession()]);
  const fitting = fittingLanguage(session.value?.language);
  if (fitting !== guessed) await useLanguage(fitting);
  startTheme();
  const root = document.getElementById("app");
  if (!root) throw new Error("the page has no place to draw in");
  root.replaceChildren();
  render(<App />, root);
}

void start();
