/** What is new nearby: the newest services and boxes of others in one list, newest first. Pure. */

interface SeenService {
  id: string;
  title: string;
  box: string;
  own: boolean;
  state: string;
  since: string;
}

interface SeenBox {
  id: string;
  name: string;
  zone: string;
  self: boolean;
  state: string;
  since: string | null;
}

export interface FreshThing {
  kind: "service" | "box";
  id: string;
  title: string;
  /** The box that offers it, or the zone where a box stands. */
  from: string;
  since: string;
}

export function freshThings(services: readonly SeenService[], boxes: readonly SeenBox[], limit: number): FreshThing[] {
  const things: FreshThing[] = [];
  for (const { id, title, box, own, state, since } of services) {
    if (!own && state === "up") things.push({ kind: "service", id, title, from: box, since });
  }
  for (const { id, name, zone, self, state, since } of boxes) {
    if (!self && since !== null && (state === "up" || state === "suspect")) {
      things.push({ kind: "box", id, title: name, from: zone, since });
    }
  }
  return things.toSorted((a, b) => b.since.localeCompare(a.since)).slice(0, limit);
}
