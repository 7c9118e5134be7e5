/** The settings of every part, as one form that comes from their schemas. Saved together, all or nothing. */
import { useState } from "preact/hooks";
import type { Output } from "../../../../ui/src/api.ts";
import { useResource } from "../../../../ui/src/box.ts";
import { type ApiError, asApiError, call } from "../../../../ui/src/client.ts";
import { Button } from "../../../../ui/src/components/button.tsx";
import { SelectField, Switch, TextField } from "../../../../ui/src/components/field.tsx";
import { ErrorNotice, Loaded } from "../../../../ui/src/components/notice.tsx";
import { toast } from "../../../../ui/src/components/toast.tsx";
import { t, word } from "../../../../ui/src/words.ts";
import { type SettingField, settingFields, shownValue, typedValue } from "./settings-form.ts";

type Values = Output<"box.settings">["values"];
type Typed = Record<string, string | boolean>;

export function Settings() {
  const settings = useResource("box.settings", {});
  return (
    <Loaded from={settings} lines={8}>
      {({ schemas, values }) => <Form schemas={schemas} values={values} onSaved={settings.reload} />}
    </Loaded>
  );
}

/** What was typed, by section and key; `wrong` holds the fields that cannot be saved. */
function gather(fields: readonly SettingField[], typed: Typed): { patch: Values; wrong: Map<string, string> } {
  const patch: Values = {};
  const wrong = new Map<string, string>();
  for (const field of fields) {
    const id = `${field.section}.${field.key}`;
    const text = typed[id];
    if (text === undefined) continue;
    const result = typeof text === "boolean" ? { ok: true as const, value: text } : typedValue(field, text);
    if (!result.ok) {
      wrong.set(id, t(`settings.${result.problem}`, { min: field.min ?? 0, max: field.max ?? 0 }));
    } else if (JSON.stringify(result.value) !== JSON.stringify(field.value)) {
      (patch[field.section] ??= {})[field.key] = result.value;
    }
  }
  return { patch, wrong };
}

/** The values before a change, for taking it back. */
function beforeOf(patch: Values, values: Values): Values {
  return Object.fromEntries(
    Object.entries(patch).map(([section, keys]) => [
      section,
      Object.fromEntries(Object.keys(keys).map((key) => [key, values[section]?.[key]])),
    ]),
  );
}

function Form({ schemas, values, onSaved }: { schemas: Record<string, unknown>; values: Values; onSaved: () => void }) {
  const [typed, setTyped] = useState<Typed>({});
  const [error, setError] = useState<ApiError | null>(null);
  const sections = Object.entries(schemas).map(([name, schema]) => ({
    name,
    fields: settingFields(name, schema, values[name] ?? {}),
  }));
  const { patch, wrong } = gather(
    sections.flatMap((section) => section.fields),
    typed,
  );
  const changed = Object.keys(patch).length > 0;
  const save = async () => {
    setError(null);
    try {
      const before = beforeOf(patch, values);
      await call("box.changeSettings", { values: patch });
      setTyped({});
      onSaved();
      toast(t("settings.saved"), async () => {
        await call("box.changeSettings", { values: before });
        onSaved();
      });
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (changed && wrong.size === 0) void save();
      }}
    >
      <div class="columns">
        {sections
          .filter((section) => section.fields.length > 0)
          .map(({ name, fields }) => (
            <section key={name} class="card stack">
              <h2>{word(`part.${name}`, {}, name)}</h2>
              {fields.map((field) => (
                <Setting
                  key={field.key}
                  field={field}
                  typed={typed[`${name}.${field.key}`]}
                  wrong={wrong.get(`${name}.${field.key}`)}
                  onTyped={(value) => setTyped({ ...typed, [`${name}.${field.key}`]: value })}
                />
              ))}
            </section>
          ))}
      </div>
      {error ? <ErrorNotice error={error} /> : null}
      <div class={`cluster end ${changed ? "save-bar" : ""}`}>
        {changed ? (
          <Button kind="quiet" onClick={() => setTyped({})}>
            {t("settings.forget")}
          </Button>
        ) : null}
        <Button kind="primary" disabled={!changed || wrong.size > 0} onClick={save}>
          {t("shell.save")}
        </Button>
      </div>
    </form>
  );
}

interface SettingProps {
  field: SettingField;
  typed: string | boolean | undefined;
  wrong: string | undefined;
  onTyped: (value: string | boolean) => void;
}

function Setting({ field, typed, wrong, onTyped }: SettingProps) {
  const id = `setting.${field.section}.${field.key}`;
  const label = word(id, {}, field.key);
  const hint = word(`${id}.help`, {}, field.description);
  if (field.kind === "switch") {
    return (
      <Switch
        label={label}
        hint={hint}
        checked={typeof typed === "boolean" ? typed : field.value === true}
        onChecked={onTyped}
      />
    );
  }
  const value = typeof typed === "string" ? typed : shownValue(field, field.value);
  if (field.kind === "choice") {
    const options = field.choices.map((choice) => ({ value: choice, label: word(`${id}.${choice}`, {}, choice) }));
    return <SelectField label={label} hint={hint} value={value} onValue={onTyped} options={options} />;
  }
  const numeric = field.kind === "number" ? { inputMode: "decimal" as const } : {};
  return (
    <TextField
      label={label}
      hint={hint}
      wrong={wrong}
      value={value}
      onValue={onTyped}
      maxLength={field.lengthMax}
      {...numeric}
    />
  );
}
