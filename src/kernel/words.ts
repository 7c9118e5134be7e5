/**
 * Words for people: flat tables per language, with `{name}` places and plural forms by `Intl.PluralRules`
 * (`key.one`, `key.many`, `key.other`). Codes for machines stay English and never pass through here.
 */

export const LANGUAGES = ["ca", "es", "en"] as const;
export type Language = (typeof LANGUAGES)[number];
export type WordTable = Readonly<Record<string, string>>;
export type WordTables = Readonly<Record<Language, WordTable>>;
export type WordParams = Readonly<Record<string, string | number>>;

/** The best of our languages for an Accept-Language header or a LANG variable; English when none fits. */
export function pickLanguage(wish: string | undefined): Language {
  for (const part of (wish ?? "").slice(0, 200).split(",")) {
    const tag = part.trim().slice(0, 2).toLowerCase();
    const found = LANGUAGES.find((language) => language === tag);
    if (found) return found;
  }
  return "en";
}

/** Says `key` in a language; falls back to English, then to the key itself. */
export function say(tables: WordTables, language: Language, key: string, params: WordParams = {}): string {
  const table = tables[language];
  const form = plural(table, language, key, params) ?? plural(tables.en, "en", key, params) ?? key;
  return form.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) return whole;
    // Without grouping: most of these numbers are ports and limits, and "port 7,000" is no port.
    return typeof value === "number" ? new Intl.NumberFormat(language, { useGrouping: false }).format(value) : value;
  });
}

/**
 * What a code that came as data means, and what can be done: the words `BEGINNING-CODE` and `BEGINNING-CODE.advice`;
 * of a code without words those of `BEGINNING-other`, which name it (`code`).
 */
export function explain(tables: WordTables, language: Language, beginning: string, code: string) {
  const own = `${beginning}-${code}`;
  const key = Object.hasOwn(tables.en, own) ? own : `${beginning}-other`;
  return { text: say(tables, language, key, { code }), advice: say(tables, language, `${key}.advice`, { code }) };
}

function plural(table: WordTable, language: Language, key: string, params: WordParams): string | undefined {
  if (typeof params["count"] === "number") {
    const rule = new Intl.PluralRules(language).select(params["count"]);
    const form = table[`${key}.${rule}`] ?? table[`${key}.other`];
    if (form !== undefined) return form;
  }
  return table[key];
}

/** Each language's table is loaded when something is first said in it, and kept: a box speaks one language, or none. */
export function wordsOnDemand(load: (language: Language) => WordTable): WordTables {
  const loaded = new Map<Language, WordTable>();
  const table = (language: Language): WordTable => {
    const there = loaded.get(language) ?? load(language);
    loaded.set(language, there);
    return there;
  };
  return {
    get ca() {
      return table("ca");
    },
    get es() {
      return table("es");
    },
    get en() {
      return table("en");
    },
  };
}

/** Joins word tables; a key that two tables hold is a bug. */
export function mergeWords(...all: WordTables[]): WordTables {
  const merged: Record<Language, Record<string, string>> = { ca: {}, es: {}, en: {} };
  for (const tables of all) {
    for (const language of LANGUAGES) {
      for (const [key, text] of Object.entries(tables[language])) {
        if (merged[language][key] !== undefined) throw new Error(`the word ${key} stands in two tables (${language})`);
        merged[language][key] = text;
      }
    }
  }
  return merged;
}
