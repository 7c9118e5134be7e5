/** The path of something among the own files. What holds in its name what was typed is offered. */
import { useResource } from "../../../../ui/src/box.ts";
import { TextField } from "../../../../ui/src/components/field.tsx";
import { t } from "../../../../ui/src/words.ts";

const OFFERED_MAX = 50;
/** As much as the search takes. */
const ASKED_MAX = 200;

export function PathField({ kind, label, hint, path, setPath }: PathFieldProps) {
  const q = path
    .slice(path.lastIndexOf("/") + 1)
    .trim()
    .slice(0, ASKED_MAX);
  const { data } = useResource("files.search", { q }, { events: ["files.changed"], when: q !== "" });
  const offered = (data ?? []).filter((one) => one.kind === kind).map((one) => one.path);
  return (
    <TextField
      label={t(label)}
      hint={t(hint)}
      value={path}
      onValue={setPath}
      suggestions={offered.slice(0, OFFERED_MAX)}
      autocapitalize="none"
      autocomplete="off"
      spellcheck={false}
    />
  );
}

interface PathFieldProps {
  kind: "file" | "folder";
  label: Parameters<typeof t>[0];
  hint: Parameters<typeof t>[0];
  path: string;
  setPath: (path: string) => void;
}
