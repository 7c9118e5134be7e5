/**
 * Characters that nobody sees, in what others say: they turn the direction of text, hide a letter or steer a terminal,
 * so that one name looks like another. Whoever shows words of others passes them through here.
 */

/**
 * Unicode's controls and format characters, but for those that whitespace is. The joiner belongs to many pictures
 * (families, professions); anywhere else it only hides.
 */
const HIDDEN =
  /(?![\u200d\t\n\r])[\p{Cc}\p{Cf}\u2028\u2029]|(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d/gu;
/** All of them: in JSON they can stand as escapes, and lose nothing. */
const ESCAPED = /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu;

/** What stands in the place of one. */
export const UNSEEN_SHOWN = "\ufffd";

/** The text with a visible mark in the place of each character that nobody sees. */
export function shownText(text: string): string {
  return text.replaceAll(HIDDEN, UNSEEN_SHOWN);
}

/** JSON of the same value in which such characters stand as escapes, for instance "\u202e". */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(ESCAPED, escaped);
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}
