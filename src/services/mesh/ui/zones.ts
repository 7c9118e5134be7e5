/**
 * The picture of a community: zones as circles around the own one, nearer zones nearer, boxes as dots inside.
 * Only where things stand on a flat picture; nothing here knows a real map. Pure.
 */

export interface MapBox {
  id: string;
  name: string;
  zone: string;
  state: string;
  self: boolean;
  rttMs: number | null;
}

export interface Dot {
  box: MapBox;
  x: number;
  y: number;
}

export interface ZoneCircle {
  zone: string;
  own: boolean;
  x: number;
  y: number;
  radius: number;
  /** Boxes in the zone, also those that are not drawn. */
  boxes: number;
  up: number;
  dots: Dot[];
}

export interface ZoneMap {
  zones: ZoneCircle[];
  width: number;
  height: number;
  /** How much larger than plain names are to be written. */
  nameScale: number;
  /** Zones that have no place on the picture. */
  left: number;
}

/** Between neighbouring dots. */
const STEP = 17;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
const GAP = 26;
/** Room below a circle for its name, at a scale of 1. */
const NAME_HEIGHT = 34;
/**
 * A picture is at least so wide, lest one lone box fill it. Up to this width names have their plain size; on a wider
 * picture, which is drawn smaller, they grow with it.
 */
const PLAIN_WIDTH = 400;

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Infinity;
}

/** Seeds of a sunflower: the first in the middle, the next ones around, evenly. */
function seed(index: number): { x: number; y: number } {
  const distance = STEP * Math.sqrt(index) * 0.95;
  return { x: distance * Math.cos(index * GOLDEN_ANGLE), y: distance * Math.sin(index * GOLDEN_ANGLE) };
}

function circleOf(zone: string, boxes: readonly MapBox[], dotsMax: number): ZoneCircle {
  const drawn = boxes
    .toSorted(
      (a, b) =>
        Number(b.self) - Number(a.self) || (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity) || (a.id < b.id ? -1 : 1),
    )
    .slice(0, dotsMax);
  const radius = Math.max(30, STEP * Math.sqrt(drawn.length) * 0.95 + 16);
  return {
    zone,
    own: boxes.some((box) => box.self),
    x: 0,
    y: 0,
    radius,
    boxes: boxes.length,
    up: boxes.filter((box) => box.state === "up").length,
    dots: drawn.map((box, index) => ({ box, ...seed(index) })),
  };
}

export function zoneMap(boxes: readonly MapBox[], zonesMax: number, dotsMax: number): ZoneMap {
  const byZone = new Map<string, MapBox[]>();
  for (const box of boxes) byZone.set(box.zone, [...(byZone.get(box.zone) ?? []), box]);
  const distance = (zone: string) => median((byZone.get(zone) ?? []).map((box) => box.rttMs ?? Infinity));
  const ordered = [...byZone.keys()].toSorted((a, b) => {
    const own = (zone: string) => Number((byZone.get(zone) ?? []).some((box) => box.self));
    const [near, far] = [distance(a), distance(b)];
    return own(b) - own(a) || (near === far ? (a < b ? -1 : 1) : near - far);
  });
  const drawn = ordered.slice(0, zonesMax).map((zone) => circleOf(zone, byZone.get(zone) ?? [], dotsMax));
  const plain = arrange(drawn, 1);
  const nameScale = Math.max(1, plain.width / PLAIN_WIDTH);
  return { ...arrange(drawn, nameScale), nameScale, left: ordered.length - drawn.length };
}

/** The first in the middle, the others on a ring that is just wide enough. */
function arrange(
  shapes: readonly ZoneCircle[],
  nameScale: number,
): { zones: ZoneCircle[]; width: number; height: number } {
  const circles = shapes.map((one) => ({ ...one }));
  const [middle, ...around] = circles;
  if (!middle) return { zones: [], width: 0, height: 0 };
  const nameHeight = NAME_HEIGHT * nameScale;
  const widest = Math.max(0, ...around.map((one) => one.radius));
  const apart = around.length > 1 ? (widest + nameHeight / 2) / Math.sin(Math.PI / around.length) : 0;
  const ring = Math.max(middle.radius + widest + GAP + nameHeight, around.length > 2 ? apart : 0);
  around.forEach((one, index) => {
    const angle = (2 * Math.PI * index) / around.length - (around.length === 2 ? 0 : Math.PI / 2);
    one.x = ring * Math.cos(angle);
    one.y = ring * Math.sin(angle);
  });
  const bounds = {
    left: Math.min(...circles.map((one) => one.x - one.radius)) - GAP,
    right: Math.max(...circles.map((one) => one.x + one.radius)) + GAP,
    top: Math.min(...circles.map((one) => one.y - one.radius)) - GAP / 2,
    bottom: Math.max(...circles.map((one) => one.y + one.radius)) + nameHeight + GAP / 2,
  };
  const spare = Math.max(0, PLAIN_WIDTH - (bounds.right - bounds.left)) / 2;
  bounds.left -= spare;
  bounds.right += spare;
  for (const one of circles) {
    one.x -= bounds.left;
    one.y -= bounds.top;
  }
  return { zones: circles, width: bounds.right - bounds.left, height: bounds.bottom - bounds.top };
}
