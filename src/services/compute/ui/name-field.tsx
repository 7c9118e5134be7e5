/** The name of a slice or of an image that is about to be made; what is wrong with it is said while it is typed. */
import { TextField } from "../../../../ui/src/components/field.tsx";
import { t } from "../../../../ui/src/words.ts";

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

export const isName = (name: string): boolean => NAME.test(name);

export function NameField({ name, setName, autofocus }: NameFieldProps) {
  return (
    <TextField
      label={t("compute.name")}
      hint={t("compute.name-hint")}
      wrong={name !== "" && !isName(name) ? t("compute.name-wrong") : undefined}
      value={name}
      onValue={setName}
      maxLength={40}
      autocapitalize="none"
      spellcheck={false}
      autofocus={autofocus ?? false}
    />
  );
}

interface NameFieldProps {
  name: string;
  setName: (name: string) => void;
  autofocus?: boolean;
}
