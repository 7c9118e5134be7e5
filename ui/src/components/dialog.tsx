/**
 * Dialogs and drawers on the browser's own <dialog>: it keeps the focus inside, closes on Escape and gives the focus
 * back. A dialog that destroys something names what will be lost before it asks.
 */
import close from "lucide-static/icons/x.svg?raw";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type ApiError, asApiError } from "../client.ts";
import { t } from "../words.ts";
import { Button } from "./button.tsx";
import { ErrorNotice } from "./notice.tsx";

interface DialogProps {
  title: string;
  onClose: () => void;
  drawer?: boolean;
  /** A class of its own, for a drawer that is wider and the like. */
  class?: string;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, drawer, class: extra = "", children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`${drawer ? "drawer" : ""} ${extra}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="inside">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon={close} aria-label={t("shell.close")} onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What happens, and what will be lost. */
  children: ComponentChildren;
  confirm: string;
  kind?: "danger" | "primary";
  /** False: the reader still has to fill in something. */
  ready?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks once. The dialog stays open with the reason when it fails. */
export function Confirm({ title, children, confirm, kind = "danger", ready = true, onConfirm, onClose }: ConfirmProps) {
  const [error, setError] = useState<ApiError | null>(null);
  const run = async () => {
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">{children}</div>
      {error ? <ErrorNotice error={error} /> : null}
      <div class="cluster end">
        <Button kind="quiet" onClick={onClose}>
          {t("shell.cancel")}
        </Button>
        <Button kind={kind} disabled={!ready} onClick={run}>
          {confirm}
        </Button>
      </div>
    </Dialog>
  );
}
