/**
 * Does something for each of many, with only so many under way at once: for what would take too much memory, or too
 * much of somebody else. The first error is thrown at once, and no other one is begun after it.
 */
export async function atMost<T>(
  limit: number,
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let isOver = false;
  const lane = async () => {
    for (let next = await queue.next(); !next.done && !isOver; next = await queue.next()) await work(next.value);
  };
  try {
    await Promise.all(Array.from({ length: limit }, lane));
  } finally {
    isOver = true;
    await queue.return?.();
  }
}
