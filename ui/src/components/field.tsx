/** Form fields: label, hint and what is wrong always belong to the input, for eyes and for screen readers. */
import eyeOff from "lucide-static/icons/eye-off.svg?raw";
import eye from "lucide-static/icons/eye.svg?raw";
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../words.ts";
import { Button } from "./button.tsx";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  wrong?: string | undefined;
}

interface Native {
  maxLength?: number | undefined;
  required?: boolean;
  autofocus?: boolean;
  autocomplete?: string;
  autocapitalize?: "none";
  placeholder?: string;
  spellcheck?: boolean;
  inputMode?: "decimal" | "numeric";
}

interface TextProps extends FieldProps, Native {
  value: string;
  onValue: (value: string) => void;
}

interface SuggestingProps extends TextProps {
  /** What may be meant, as the browser shows it; anything else may be typed as well. */
  suggestions?: readonly string[];
}

function Frame({ id, label, hint, wrong, children }: FieldProps & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint ? (
        <div class="hint" id={`${id}-hint`}>
          {hint}
        </div>
      ) : null}
      {children}
      {wrong ? (
        <div class="wrong" id={`${id}-wrong`}>
          {wrong}
        </div>
      ) : null}
    </div>
  );
}

function described(id: string, hint: unknown, wrong: unknown) {
  const ids = [hint ? `${id}-hint` : "", wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ");
  return { id, "aria-describedby": ids || undefined, "aria-invalid": wrong ? true : undefined } as const;
}

export function TextField({ label, hint, wrong, value, onValue, suggestions, ...rest }: SuggestingProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} wrong={wrong}>
      <input
        {...rest}
        {...described(id, hint, wrong)}
        list={suggestions ? `${id}-list` : undefined}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {suggestions ? (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </datalist>
      ) : null}
    </Frame>
  );
}

export function PasswordField({ label, hint, wrong, value, onValue, ...rest }: TextProps) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <Frame id={id} label={label} hint={hint} wrong={wrong}>
      <div class="with-button">
        <input
          {...rest}
          {...described(id, hint, wrong)}
          {...({ type: shown ? "text" : "password" } as object)}
          value={value}
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
        <Button
          kind="quiet"
          icon={shown ? eyeOff : eye}
          aria-label={t(shown ? "shell.hide-password" : "shell.show-password")}
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        />
      </div>
    </Frame>
  );
}

export function AreaField({ label, hint, wrong, value, onValue, rows = 3, ...rest }: TextProps & { rows?: number }) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} wrong={wrong}>
      <textarea
        {...described(id, hint, wrong)}
        rows={rows}
        maxLength={rest.maxLength}
        placeholder={rest.placeholder}
        required={rest.required}
        spellcheck={rest.spellcheck}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface SelectProps extends FieldProps {
  value: string;
  onValue: (value: string) => void;
  options: readonly { value: string; label: string }[];
}

export function SelectField({ label, hint, wrong, value, onValue, options }: SelectProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} wrong={wrong}>
      <select {...described(id, hint, wrong)} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

interface SwitchProps {
  label: string;
  hint?: ComponentChildren;
  checked: boolean;
  onChecked: (checked: boolean) => void;
  disabled?: boolean;
}

export function Switch({ label, hint, checked, onChecked, disabled }: SwitchProps) {
  const id = useId();
  return (
    <label class="switch">
      <span>
        <span id={`${id}-label`}>{label}</span>
        {hint ? (
          <span class="soft small" id={`${id}-hint`}>
            <br />
            {hint}
          </span>
        ) : null}
      </span>
      <input
        type="checkbox"
        role="switch"
        aria-labelledby={`${id}-label`}
        aria-describedby={hint ? `${id}-hint` : undefined}
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChecked(event.currentTarget.checked)}
      />
    </label>
  );
}

interface ChoicesProps {
  label: string;
  name: string;
  value: string;
  onValue: (value: string) => void;
  options: readonly { value: string; label: string; hint?: string }[];
}

export function Choices({ label, name, value, onValue, options }: ChoicesProps) {
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onValue(option.value)} />
          <span>
            <strong>{option.label}</strong>
            {option.hint ? (
              <span class="soft small">
                <br />
                {option.hint}
              </span>
            ) : null}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
