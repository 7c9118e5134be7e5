/**
 * The page begins here: who is looking, in which language, then the right frame: first contact, the public page,
 * or the shell.
 */
import { render } from "preact";
import { App } from "./app.tsx";
import { watchStyles } from "./parts.ts";
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

async function start(root: HTMLElement): Promise<void> {
  startRouter();
  watchStyles();
  watchSession();
  // Words, with a style that did not come, and session travel at the same time; an error needs words too.
  const guessed = fittingLanguage();
  await Promise.all([useLanguage(guessed), loadSession()]);
  const fitting = fittingLanguage(session.value?.language);
  if (fitting !== guessed) await useLanguage(fitting);
  startTheme();
  root.replaceChildren();
  render(<App />, root);
}

/** What index.html says when the page does not come, at once. Where the address has a #, its button needs help. */
function sayNotLoaded(root: HTMLElement, before: readonly Node[]): void {
  root.replaceChildren(...before);
  const late = root.querySelector(".late");
  late?.classList.add("now");
  late?.addEventListener("submit", (event) => {
    event.preventDefault();
    location.reload();
  });
}

const root = document.getElementById("app");
if (!root) throw new Error("the page has no place to draw in");
const before = [...root.childNodes];
start(root).catch((error: unknown) => {
  sayNotLoaded(root, before);
  throw error;
});
