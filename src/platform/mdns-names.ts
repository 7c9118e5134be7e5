/**
 * Names as mDNS uses them: UTF-8 labels, written as text with "\." for a dot inside a label, since names of services
 * hold dots ("St. Pere"). Letters are compared without case in ASCII only (RFC 6762, section 16). Pure.
 */

/** A label as it stands in a whole name. */
export function escaped(label: string): string {
  return label.replace(/[\\.]/g, (sign) => `\\${sign}`);
}

/** The label for people. */
export function unescaped(label: string): string {
  return label.replace(/\\(.)/gs, "$1");
}

/** The labels of a name, for people, first one first. The root has none. */
export function labelsOf(name: string): string[] {
  const labels = name.match(/(?:\\.|[^.\\])+/gs) ?? [];
  return labels.map(unescaped);
}

/** The form in which names are compared. */
export function folded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The longest beginning of a text that takes at most so many bytes, cut between letters as people see them. */
export function cutTo(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let cut = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (Buffer.byteLength(cut) + Buffer.byteLength(segment) > bytes) break;
    cut += segment;
  }
  return cut.trimEnd();
}
