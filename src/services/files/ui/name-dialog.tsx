/** Asks for a name: of a new folder, or a new one for what is there. */
import { useState } from "preact/hooks";
import { Dialog } from "../../../../ui/src/components/dialog.tsx";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { Form } from "../../../../ui/src/components/form.tsx";
import { t } from "../../../../ui/src/words.ts";
import { NAME_MAX_BYTES, wrongName } from "./places.ts";

interface NameDialogProps {
  title: string;
  submit: string;
  name?: string;
  onName: (name: string) => Promise<unknown>;
  onClose: () => void;
}

export function NameDialog({ title, submit, name: before = "", onName, onClose }: NameDialogProps) {
  const [name, setName] = useState(before);
  const wrong = wrongName(name);
  const save = async () => {
    if (name !== before) await onName(name.trim());
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form submit={submit} ready={wrong === undefined} onSubmit={save}>
        <TextField
          label={t("files.name")}
          wrong={wrong === undefined || wrong === "empty" ? undefined : t(`files.name-${wrong}`)}
          value={name}
          onValue={setName}
          maxLength={NAME_MAX_BYTES}
          required
          autofocus
          autocomplete="off"
          spellcheck={false}
        />
      </Form>
    </Dialog>
  );
}
