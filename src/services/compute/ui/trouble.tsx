/** What is in the way, told as an error is: what it is, and what can be done. */
import { word } from "../../../../ui/src/words.ts";

/** `code`: why a sliver does not stand as it should, or why a host refuses something. */
export function Trouble({ code }: { code: string }) {
  const own = `compute.why-${code}`;
  const key = word(own, {}, "") === "" ? "compute.why-other" : own;
  return (
    <div class="small">
      {word(key, { code })} <span class="soft">{word(`${key}.advice`)}</span>
    </div>
  );
}
