/**
 * The accent colour of a community, made readable: a community may choose any colour, but text in it must reach a
 * contrast of 4.5 to 1 on its ground (WCAG 2.2, 1.4.3), so the lightness is moved until it does. Pure.
 */

export interface Rgb {
  r: number;
  g: number;
  b: number;
}

/** Contrast that text must have on its ground. */
export const CONTRAST_MIN = 4.5;
const STEPS_MAX = 100;

export function parseHex(hex: string): Rgb | undefined {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  if (!match) return undefined;
  const [r = 0, g = 0, b = 0] = match.slice(1).map((part) => Number.parseInt(part, 16));
  return { r, g, b };
}

export function toHex({ r, g, b }: Rgb): string {
  return `#${[r, g, b].map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance, 0 (black) to 1 (white). */
export function luminance({ r, g, b }: Rgb): number {
  const [lr = 0, lg = 0, lb = 0] = [r, g, b].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
}

export function contrast(one: Rgb, other: Rgb): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return {
    r: from.r + (to.r - from.r) * share,
    g: from.g + (to.g - from.g) * share,
    b: from.b + (to.b - from.b) * share,
  };
}

const WHITE: Rgb = { r: 255, g: 255, b: 255 };
const BLACK: Rgb = { r: 0, g: 0, b: 0 };

/** The nearest tone of `wish` that can be read on every one of `grounds`. */
export function readableOn(wish: Rgb, grounds: readonly Rgb[]): Rgb {
  const darkGround = luminance(grounds[0] ?? WHITE) < 0.2;
  for (let step = 0; step <= STEPS_MAX; step += 1) {
    const tone = mix(wish, darkGround ? WHITE : BLACK, step / STEPS_MAX);
    if (grounds.every((ground) => contrast(tone, ground) >= CONTRAST_MIN)) return tone;
  }
  return darkGround ? WHITE : BLACK;
}

export interface AccentTones {
  /** For text, icons and filled buttons. */
  accent: string;
  /** Text on a filled button. */
  onAccent: string;
  /** A quiet ground behind accent text. */
  soft: string;
}

/** The tones of an accent for a page whose grounds are `paper` and `surface`. */
export function accentTones(wishHex: string, paperHex: string, surfaceHex: string): AccentTones | undefined {
  const [wish, paper, surface] = [wishHex, paperHex, surfaceHex].map(parseHex);
  if (!wish || !paper || !surface) return undefined;
  const soft = mix(surface, wish, 0.12);
  const accent = readableOn(wish, [soft, paper, surface]);
  const onAccent = contrast(WHITE, accent) >= contrast(paper, accent) ? WHITE : paper;
  return {
    accent: toHex(accent),
    onAccent: toHex(contrast(onAccent, accent) >= CONTRAST_MIN ? onAccent : BLACK),
    soft: toHex(soft),
  };
}
