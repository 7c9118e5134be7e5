/**
 * Light or dark, as the reader wishes or as their machine says, and the accent colour of the community on top.
 */
import { effect, signal } from "@preact/signals";
import { accentTones } from "./accent.ts";
import { session } from "./session.ts";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const STORED = "comu.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(readTheme());
const dark = signal(systemDark.matches);
/** For a colour that is being tried out, before it is saved. */
export const accentTrial = signal<string | null>(null);

export function setTheme(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // A browser that keeps nothing still shows it for this visit.
  }
}

export function startTheme(): void {
  systemDark.addEventListener("change", () => void (dark.value = systemDark.matches));
  effect(() => {
    const shown = theme.value === "auto" ? (dark.value ? "dark" : "light") : theme.value;
    const root = document.documentElement;
    root.dataset["theme"] = shown;
    const wish = accentTrial.value ?? session.value?.community?.accent ?? "";
    for (const name of ["--accent", "--on-accent", "--accent-soft"]) root.style.removeProperty(name);
    const style = getComputedStyle(root);
    const [paper, surface] = ["--paper", "--surface"].map((name) => style.getPropertyValue(name).trim());
    const tones = accentTones(wish, paper ?? "", surface ?? "");
    if (!tones) return;
    root.style.setProperty("--accent", tones.accent);
    root.style.setProperty("--on-accent", tones.onAccent);
    root.style.setProperty("--accent-soft", tones.soft);
  });
}

function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(STORED);
    return THEMES.find((one) => one === stored) ?? "auto";
  } catch {
    return "auto";
  }
}
