/** One icon of the one family (lucide). Decoration for the eye; what it means is said in words beside it. */
export function Icon({
  svg,
  size = "",
  class: extra = "",
}: {
  svg: string;
  size?: "" | "s" | "l" | "xl";
  class?: string;
}) {
  return <span class={`icon ${size} ${extra}`} aria-hidden="true" dangerouslySetInnerHTML={{ __html: svg }} />;
}
