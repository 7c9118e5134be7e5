/** Short messages at the edge, where useful with a way back. They stay while the pointer or the focus is on them. */
import { signal } from "@preact/signals";
import close from "lucide-static/icons/x.svg?raw";
import { asApiError } from "../client.ts";
import { TOASTS_MAX, TOAST_MS, TOAST_UNDO_MS } from "../constants.ts";
import { t } from "../words.ts";
import { Button } from "./button.tsx";

interface Toast {
  id: number;
  text: string;
  undo?: () => Promise<unknown>;
  held: boolean;
}

const toasts = signal<readonly Toast[]>([]);
let last = 0;

export function toast(text: string, undo?: () => Promise<unknown>): void {
  const id = ++last;
  const entry: Toast = undo ? { id, text, undo, held: false } : { id, text, held: false };
  // The same words once: pressing "Copy" three times need not stack three notes.
  const others = toasts.value.filter((one) => one.undo || one.text !== text);
  toasts.value = [...others, entry].slice(-TOASTS_MAX);
  const leave = () => {
    if (toasts.value.find((one) => one.id === id)?.held) setTimeout(leave, TOAST_MS / 3);
    else drop(id);
  };
  setTimeout(leave, undo ? TOAST_UNDO_MS : TOAST_MS);
}

/** Runs something and says why when it fails. True when it went well. */
export async function attempt(
  run: () => Promise<unknown>,
  done?: string,
  undo?: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await run();
    if (done) toast(done, undo);
    return true;
  } catch (error) {
    const failure = asApiError(error);
    toast(`${failure.message} ${failure.advice}`.trim());
    return false;
  }
}

function drop(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

function hold(id: number, held: boolean): void {
  toasts.value = toasts.value.map((one) => (one.id === id ? { ...one, held } : one));
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, undo }) => (
        <div
          key={id}
          class="toast"
          onMouseEnter={() => hold(id, true)}
          onMouseLeave={() => hold(id, false)}
          onFocusIn={() => hold(id, true)}
          onFocusOut={() => hold(id, false)}
        >
          <span class="grow">{text}</span>
          {undo ? (
            <Button onClick={() => attempt(undo).then((went) => void (went && drop(id)))}>{t("shell.undo")}</Button>
          ) : null}
          <Button icon={close} aria-label={t("shell.close")} onClick={() => drop(id)} />
        </div>
      ))}
    </div>
  );
}
