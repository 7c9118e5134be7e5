/**
 * The picture of the ring: an arc for each box, as long as its share of the copies; inside it a thinner one, as long as
 * its share of the slots that it coordinates. A drawing only: slots are placed by hash, not in order. Pure.
 */

export interface RingMember {
  boxId: string;
  up: boolean;
  slots: number;
  coordinates: number;
}

export interface Arc<M extends RingMember = RingMember> {
  member: M;
  /** From 1, as in the list beside the picture. */
  number: number;
  /** SVG paths; the inner one is empty for a box that coordinates nothing. */
  outer: string;
  inner: string;
  /** Where the number stands; undefined where it has no room. */
  at: { x: number; y: number } | undefined;
}

export const RING_SIZE = 240;
const CENTRE = RING_SIZE / 2;
const OUTER = { from: 84, to: 112 };
const INNER = { from: 72, to: 79 };
/** Between neighbours, as an angle; it shrinks when there are many. */
const GAP_RADIANS = 0.035;
/** An arc shorter than this along its middle has no room for its number. */
const NUMBER_ROOM = 18;
const TURN = 2 * Math.PI;

/** Clockwise from the top, in the order that is given. A box without slots has no arc. */
export function ringOf<M extends RingMember>(members: readonly M[]): Arc<M>[] {
  const all = members.reduce((sum, member) => sum + member.slots, 0);
  const drawn = members.filter((member) => member.slots > 0).length;
  const gap = drawn > 1 ? Math.min(GAP_RADIANS, TURN / drawn / 4) : 0;
  const radius = (OUTER.from + OUTER.to) / 2;
  let angle = 0;
  return members.flatMap((member, index) => {
    if (member.slots <= 0) return [];
    const from = angle + gap / 2;
    const width = (TURN * member.slots) / all - gap;
    angle += width + gap;
    const led = width * Math.min(1, member.coordinates / member.slots);
    const middle = from + width / 2;
    return [
      {
        member,
        number: index + 1,
        outer: bandPath(from, width, OUTER.from, OUTER.to),
        inner: led > 0 ? bandPath(from, led, INNER.from, INNER.to) : "",
        at: width * radius >= NUMBER_ROOM ? place(middle, radius) : undefined,
      },
    ];
  });
}

function place(angle: number, radius: number): { x: number; y: number } {
  const round = (value: number) => Math.round(value * 10) / 10;
  return { x: round(CENTRE + radius * Math.sin(angle)), y: round(CENTRE - radius * Math.cos(angle)) };
}

/** A piece of a band. A whole turn is two circles, the inner one backwards: an arc to its own start is nothing. */
function bandPath(from: number, width: number, inside: number, outside: number): string {
  if (width > TURN - 0.001) return circlePath(outside, 1) + circlePath(inside, 0);
  const large = width > Math.PI ? 1 : 0;
  const point = (angle: number, radius: number) => {
    const { x, y } = place(angle, radius);
    return `${x} ${y}`;
  };
  return [
    `M${point(from, outside)}`,
    `A${outside} ${outside} 0 ${large} 1 ${point(from + width, outside)}`,
    `L${point(from + width, inside)}`,
    `A${inside} ${inside} 0 ${large} 0 ${point(from, inside)}Z`,
  ].join("");
}

function circlePath(radius: number, sweep: 0 | 1): string {
  const arc = `A${radius} ${radius} 0 1 ${sweep} ${CENTRE}`;
  return `M${CENTRE} ${CENTRE - radius}${arc} ${CENTRE + radius}${arc} ${CENTRE - radius}Z`;
}
