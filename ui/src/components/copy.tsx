/** Copies a text. Where the browser has no clipboard (plain http on a foreign name) the text is selected instead. */
import check from "lucide-static/icons/check.svg?raw";
import copyIcon from "lucide-static/icons/copy.svg?raw";
import { useState } from "preact/hooks";
import { t } from "../words.ts";
import { Button, type ButtonKind } from "./button.tsx";
import { toast } from "./toast.tsx";

const SHOWN_MS = 2_000;

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

interface CopyProps {
  text: string;
  label?: string;
  kind?: ButtonKind;
  /** Only the icon is seen; the label is for screen readers. */
  bare?: boolean;
  /** Says what is copied, for a list of many. */
  about?: string;
}

export function CopyButton({ text, label = t("shell.copy"), kind = "plain", bare, about }: CopyProps) {
  const [done, setDone] = useState(false);
  const press = async () => {
    if (!(await copyText(text))) return toast(t("shell.copy-failed", { text }));
    setDone(true);
    setTimeout(() => setDone(false), SHOWN_MS);
    toast(t("shell.copied"));
  };
  return (
    <Button
      kind={kind}
      icon={done ? check : copyIcon}
      aria-label={about ? `${label}: ${about}` : bare ? label : undefined}
      title={bare ? label : undefined}
      onClick={() => void press()}
    >
      {bare ? undefined : label}
    </Button>
  );
}
