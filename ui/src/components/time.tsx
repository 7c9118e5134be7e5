/** Times that keep up with the clock: how long ago, how long since. One ticking signal serves the whole page. */
import { signal } from "@preact/signals";
import { dateTime, duration, relative } from "../format.ts";
import { language } from "../words.ts";

const TICK_MS = 5_000;
export const nowMs = signal(Date.now());
setInterval(() => document.hidden || (nowMs.value = Date.now()), TICK_MS);
document.addEventListener("visibilitychange", () => document.hidden || (nowMs.value = Date.now()));

/** "3 min ago", with the whole date on hover. */
export function Ago({ at }: { at: string | number }) {
  const atMs = typeof at === "number" ? at : Date.parse(at);
  const iso = new Date(atMs).toISOString();
  return (
    <time dateTime={iso} title={dateTime(iso, language.value)}>
      {relative(atMs, Math.max(nowMs.value, typeof at === "number" ? at : 0), language.value)}
    </time>
  );
}

/** "3 days": how long since then. */
export function Lasting({ since }: { since: string }) {
  return (
    <time dateTime={since} title={dateTime(since, language.value)}>
      {duration(nowMs.value - Date.parse(since), language.value)}
    </time>
  );
}
