/** Buttons, and links that look like them. A button that is busy says so and cannot be pressed twice. */
import loader from "lucide-static/icons/loader-circle.svg?raw";
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

export type ButtonKind = "plain" | "primary" | "soft-accent" | "quiet" | "danger" | "danger-quiet";

interface Common {
  kind?: ButtonKind;
  icon?: string;
  children?: ComponentChildren;
  class?: string;
}

interface ButtonProps
  extends Common, Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "class" | "onClick" | "children"> {
  busy?: boolean;
  /** While a returned promise runs the button is busy. */
  onClick?: (event: MouseEvent) => unknown;
}

export function Button({
  kind = "plain",
  icon,
  busy = false,
  children,
  onClick,
  class: extra = "",
  ...rest
}: ButtonProps) {
  const [running, setRunning] = useState(false);
  const alive = useRef(true);
  const press = async (event: MouseEvent) => {
    const result = onClick?.(event);
    if (!(result instanceof Promise)) return;
    setRunning(true);
    try {
      await result;
    } finally {
      if (alive.current) setRunning(false);
    }
  };
  const waits = busy || running;
  const bare = children === undefined ? "only-icon" : "";
  return (
    <button
      type="button"
      {...rest}
      class={`button ${kind} ${bare} ${extra}`}
      aria-busy={waits}
      disabled={rest.disabled || waits}
      onClick={(event) => void press(event)}
    >
      {waits ? <Icon svg={loader} size="s" class="spin" /> : icon ? <Icon svg={icon} size={bare ? "" : "s"} /> : null}
      {children}
    </button>
  );
}

interface LinkProps extends Common {
  href: string;
  /** Opens beside the page, without telling the other side where the reader came from. */
  outside?: boolean;
  label?: string;
}

export function LinkButton({ kind = "plain", icon, href, outside, children, label, class: extra = "" }: LinkProps) {
  const away = outside ? { target: "_blank", rel: "noopener noreferrer" } : {};
  const bare = children === undefined ? "only-icon" : "";
  return (
    <a class={`button ${kind} ${bare} ${extra}`} href={href} aria-label={label} {...away}>
      {icon ? <Icon svg={icon} size="s" /> : null}
      {children}
    </a>
  );
}
