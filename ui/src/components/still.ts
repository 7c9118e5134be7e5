/** Whether the reader has been still for a while: no finger, no pointer, no key, no scrolling. */
import { signal } from "@preact/signals";
import { STILL_MS } from "../constants.ts";

const still = signal(true);
let timer: ReturnType<typeof setTimeout> | undefined;

function stir(): void {
  still.value = false;
  clearTimeout(timer);
  timer = setTimeout(() => void (still.value = true), STILL_MS);
}

for (const type of ["pointermove", "pointerdown", "touchmove", "keydown", "wheel"]) {
  addEventListener(type, stir, { passive: true });
}

export function useStill(): boolean {
  return still.value;
}
