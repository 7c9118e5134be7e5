/**
 * The words of the page in the reader's language: one table, loaded when it is needed. Reading a word inside a
 * component makes the component follow a change of language.
 */
import { signal } from "@preact/signals";
import {
  LANGUAGES,
  type Language,
  type WordParams,
  type WordTable,
  pickLanguage,
  say,
} from "../../src/kernel/words.ts";
import type { WordKey } from "./api.ts";
import { loadPart } from "./parts.ts";

const STORED = "comu.language";
const NONE: WordTable = {};

export const language = signal<Language>("en");
const table = signal<WordTable>(NONE);

const load: Record<Language, () => Promise<{ default: WordTable }>> = {
  ca: () => import("virtual:words/ca"),
  es: () => import("virtual:words/es"),
  en: () => import("virtual:words/en"),
};

/** The language that the reader chose before, if any. */
export function storedLanguage(): Language | undefined {
  const stored = read();
  return LANGUAGES.find((one) => one === stored);
}

/** What fits this reader: their choice, then the browser's languages, then the box's own. */
export function fittingLanguage(ofBox?: Language): Language {
  const stored = storedLanguage();
  if (stored) return stored;
  const known = navigator.languages.find((tag) => LANGUAGES.some((one) => tag.toLowerCase().startsWith(one)));
  return known ? pickLanguage(known) : (ofBox ?? "en");
}

/** Loads a language and shows it; `remember` when the reader asked for it. Rejects when it cannot be had. */
export async function useLanguage(wanted: Language, remember = false): Promise<void> {
  const loaded = await loadPart(load[wanted]);
  table.value = loaded.default;
  language.value = wanted;
  document.documentElement.lang = wanted;
  if (remember) write(wanted);
}

/** A word that the tables are known to hold. */
export function t(key: WordKey, params?: WordParams): string {
  return word(key, params);
}

/** A word whose key came as data (a code, a setting's name); `otherwise` when the tables do not hold it. */
export function word(key: string, params?: WordParams, otherwise?: string): string {
  const own = table.value;
  const said = say({ ca: NONE, es: NONE, en: NONE, [language.value]: own }, language.value, key, params);
  return said === key && otherwise !== undefined ? otherwise : said;
}

function read(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function write(value: string): void {
  try {
    localStorage.setItem(STORED, value);
  } catch {
    // A browser that keeps nothing still shows the language for this visit.
  }
}
