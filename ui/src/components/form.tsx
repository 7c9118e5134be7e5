/** A form with one deed: Enter sends it, it cannot be sent twice, and it says why when it fails. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type ApiError, asApiError } from "../client.ts";
import { Button } from "./button.tsx";
import { ErrorNotice } from "./notice.tsx";

interface FormProps {
  submit: string;
  ready?: boolean;
  /** Said while it runs, when it may take long. */
  running?: string;
  onSubmit: () => Promise<unknown>;
  children: ComponentChildren;
  /** Beside the button. */
  beside?: ComponentChildren;
}

export function Form({ submit, ready = true, running, onSubmit, children, beside }: FormProps) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={(event) => void send(event)}>
      {children}
      {error ? <ErrorNotice error={error} /> : null}
      {busy && running ? (
        <p role="status" class="soft">
          {running}
        </p>
      ) : null}
      <div class="cluster end">
        {beside}
        <Button kind="primary" type="submit" busy={busy} disabled={!ready}>
          {submit}
        </Button>
      </div>
    </form>
  );
}
