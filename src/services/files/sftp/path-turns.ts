/**
 * Requests about paths run at the same time, but those that touch one another run in the order in which they came: a
 * client may ask to open a file and look at it in one breath, without waiting for the first answer.
 */

export interface PathWish {
  paths: readonly string[];
  /** It changes what is there; two that only look never wait for one another. */
  isChange: boolean;
  /** It looks at what is below the path, too. */
  isListing?: boolean;
}

export class PathTurns {
  readonly #running = new Set<{ wish: PathWish; done: Promise<unknown> }>();

  run<T>(wish: PathWish, act: () => Promise<T>): Promise<T> {
    const before = [...this.#running].filter((one) => touches(one.wish, wish)).map((one) => one.done);
    const done = before.length === 0 ? act() : Promise.all(before).then(act);
    const quiet = done.then(
      () => {},
      () => {},
    );
    const entry = { wish, done: quiet };
    this.#running.add(entry);
    void quiet.then(() => this.#running.delete(entry));
    return done;
  }
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function touches(one: PathWish, other: PathWish): boolean {
  if (!one.isChange && !other.isChange) return false;
  return one.paths.some((a) => other.paths.some((b) => meets(one, a, b) || meets(other, b, a)));
}

/** A change of `path` meets everything below it; a look at `path` meets only a change of it, or of what it lists. */
function meets(wish: PathWish, path: string, other: string): boolean {
  if (path === other) return true;
  return (wish.isChange || wish.isListing === true) && isWithin(other, path);
}
