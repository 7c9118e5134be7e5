/**
 * A long list drawn only where it is in view: fine with thousands of rows on an old phone. Rows have one height, which
 * the style sheet sets (in rem, so that larger text gets larger rows) and this file reads. It scrolls with the page.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ROWS_AROUND, WHOLE_LIST_ROWS_MAX } from "../constants.ts";
import { rowsInView } from "../window.ts";

interface VirtualListProps<T> {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  row: (item: T, index: number) => ComponentChildren;
  class?: string;
}

export function VirtualList<T>({ label, items, keyOf, row, class: extra = "" }: VirtualListProps<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [rowPx, setRowPx] = useState(84);
  const [view, setView] = useState({ from: 0, to: WHOLE_LIST_ROWS_MAX });
  const whole = items.length <= WHOLE_LIST_ROWS_MAX;

  useLayoutEffect(() => {
    const first = list.current?.firstElementChild;
    if (!first) return undefined;
    const read = () => setRowPx((now) => (first.isConnected ? first.getBoundingClientRect().height : now) || now);
    read();
    const watch = new ResizeObserver(read);
    watch.observe(first);
    return () => watch.disconnect();
  }, [items.length > 0, whole]);

  useEffect(() => {
    if (whole) return undefined;
    let asked = 0;
    const look = () => {
      asked = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const next = rowsInView(-top, innerHeight, rowPx, items.length, ROWS_AROUND);
      setView((now) => (now.from === next.from && now.to === next.to ? now : next));
    };
    const ask = () => (asked ||= requestAnimationFrame(look));
    look();
    addEventListener("scroll", ask, { passive: true });
    addEventListener("resize", ask);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener("scroll", ask);
      removeEventListener("resize", ask);
    };
  }, [items.length, rowPx, whole]);

  const from = whole ? 0 : Math.min(view.from, Math.max(0, items.length - 1));
  const to = whole ? items.length : Math.min(view.to, items.length);
  const space = { blockSize: `${items.length * rowPx}px`, paddingBlockStart: `${from * rowPx}px` };
  return (
    <ul ref={list} role="list" class={`list ${extra}`} aria-label={label} style={whole ? {} : space}>
      {items.slice(from, to).map((item, offset) => (
        <li key={keyOf(item)} aria-setsize={items.length} aria-posinset={from + offset + 1}>
          {row(item, from + offset)}
        </li>
      ))}
    </ul>
  );
}
