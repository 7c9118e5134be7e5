/**
 * A message between two boxes as the other side sees it: in small worlds it goes through JSON like on a real link, in
 * large ones it is handed over as it is (the cores do not change what they receive) and only its size is worked out.
 */

const sizes = new WeakMap<object, number>();

export function carry(message: unknown, copy: boolean): { answer: unknown; bytes: number } {
  if (copy) {
    const text = JSON.stringify(message);
    return { answer: JSON.parse(text), bytes: text.length };
  }
  const { records, ...rest } = message as { records?: object[] };
  let bytes = JSON.stringify(rest).length;
  for (const record of records ?? []) bytes += sizeOf(record);
  return { answer: message, bytes };
}

/** Of one record; remembered, since the same one passes many boxes. */
function sizeOf(record: object): number {
  let size = sizes.get(record);
  if (size === undefined) sizes.set(record, (size = JSON.stringify(record).length + 1));
  return size;
}
