/** Tests of the picture of zones: the own one in the middle, no circles over one another, limits kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type MapBox, zoneMap } from "./zones.ts";

function boxes(zones: number, each: number): MapBox[] {
  return Array.from({ length: zones * each }, (_, index) => ({
    id: `box${index}`,
    name: `box${index}`,
    zone: `zone${index % zones}`,
    state: "up",
    self: index === 3 % zones,
    rttMs: index,
  }));
}

test("the own zone stands first, in the middle of the others", () => {
  const map = zoneMap(boxes(5, 4), 12, 60);
  const [own, ...others] = map.zones;
  assert.equal(own?.own, true);
  const middle = others.reduce((sum, zone) => sum + zone.x / others.length, 0);
  assert.ok(Math.abs(middle - own!.x) < 1);
});

test("no two circles touch, and all stand within the picture", () => {
  for (const count of [1, 2, 3, 4, 7, 12]) {
    const { zones, width, height } = zoneMap(boxes(count, 30), 12, 60);
    assert.equal(zones.length, count);
    for (const [index, one] of zones.entries()) {
      assert.ok(one.x - one.radius >= 0 && one.x + one.radius <= width && one.y + one.radius <= height);
      for (const other of zones.slice(index + 1)) {
        assert.ok(
          Math.hypot(one.x - other.x, one.y - other.y) >= one.radius + other.radius,
          `${count} zones: ${one.zone} ${other.zone}`,
        );
      }
    }
  }
});

test("beyond the limits there are figures instead of drawings", () => {
  const map = zoneMap(boxes(20, 100), 12, 60);
  assert.equal(map.zones.length, 12);
  assert.equal(map.left, 8);
  assert.equal(map.zones[0]?.dots.length, 60);
  assert.equal(map.zones[0]?.boxes, 100);
});

test("no boxes, no picture", () => {
  assert.deepEqual(zoneMap([], 12, 60).zones, []);
});
