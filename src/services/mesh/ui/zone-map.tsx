/**
 * The community as a picture: zones around the own one, a dot for each box. The list beside it says the same, and has
 * the same marks: the excluded stand in the list only, and in the key of both.
 */
import { useMemo } from "preact/hooks";
import { MAP_BOXES_PER_ZONE_MAX, MAP_ZONES_MAX } from "../../../../ui/src/constants.ts";
import { t } from "../../../../ui/src/words.ts";
import { type MapBox, type ZoneCircle, zoneMap } from "./zones.ts";

const DOT_RADIUS = 5.5;

export function ZonePicture({ boxes, onPick }: { boxes: readonly MapBox[]; onPick: (id: string) => void }) {
  const pictured = useMemo(() => boxes.filter((box) => box.state !== "excluded"), [boxes]);
  const map = useMemo(() => zoneMap(pictured, MAP_ZONES_MAX, MAP_BOXES_PER_ZONE_MAX), [pictured]);
  const own = map.zones[0];
  if (!own) return null;
  const up = pictured.filter((box) => box.state === "up").length;
  return (
    <figure class="zone-map">
      <svg
        viewBox={`0 0 ${Math.ceil(map.width)} ${Math.ceil(map.height)}`}
        role="img"
        aria-label={t("mesh.map-label", { count: pictured.length, up, zones: map.zones.length + map.left })}
      >
        {map.zones.slice(1).map((zone) => (
          <line key={zone.zone} class="link" x1={own.x} y1={own.y} x2={zone.x} y2={zone.y} />
        ))}
        {map.zones.map((zone) => (
          <Zone key={zone.zone} zone={zone} scale={map.nameScale} onPick={onPick} />
        ))}
      </svg>
      <figcaption class="cluster small soft">
        <span class="cluster">
          <span class="map-key up self" />
          {t("mesh.this-box")}
        </span>
        {(["up", "suspect", "away", "pending", "excluded"] as const)
          .filter((state) => boxes.some((box) => box.state === state))
          .map((state) => (
            <span key={state} class="cluster">
              <span class={`map-key ${state}`} />
              {t(`mesh.state-${state}`)}
            </span>
          ))}
        {map.left > 0 ? <span>{t("mesh.map-left", { count: map.left })}</span> : null}
      </figcaption>
    </figure>
  );
}

function Zone({ zone, scale, onPick }: { zone: ZoneCircle; scale: number; onPick: (id: string) => void }) {
  return (
    <g transform={`translate(${zone.x.toFixed(1)} ${zone.y.toFixed(1)})`}>
      <circle class={`zone ${zone.own ? "own" : ""}`} r={zone.radius} />
      {zone.dots.map(({ box, x, y }) => (
        <g key={box.id} class={`box-dot ${box.state} ${box.self ? "self" : ""}`} onClick={() => onPick(box.id)}>
          <title>{`${box.name}: ${t(`mesh.state-${box.state as "up"}`)}`}</title>
          <circle cx={x} cy={y} r={box.self ? DOT_RADIUS + 2 : DOT_RADIUS} />
        </g>
      ))}
      <text class="zone-name" y={zone.radius + 16 * scale} font-size={14 * scale} text-anchor="middle">
        {zone.zone || t("mesh.zone-unknown")}
      </text>
      <text class="zone-count" y={zone.radius + 30 * scale} font-size={12 * scale} text-anchor="middle">
        {t("mesh.map-zone", { up: zone.up, count: zone.boxes })}
      </text>
    </g>
  );
}
