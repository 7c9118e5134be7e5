/** Everything that is known of how good one service is from here: the figures, what the score is made of, the week. */
import type { z } from "zod";
import { isoTime } from "../../kernel/clock.ts";
import type { BoxView } from "../mesh/client.ts";
import type { ServiceView } from "./client.ts";
import type { discoveryContract } from "./contract.ts";
import { HOUR_MS, hoursOfWeek } from "./history.ts";
import type { Hour } from "./history.ts";
import type { Measure } from "./measure.ts";
import { scoreParts } from "./quality.ts";
import type { ScoreParts } from "./quality.ts";
import { weekLine } from "./sparkline.ts";
import { qualityFacts } from "./view.ts";

type Report = z.output<typeof discoveryContract.endpoints.quality.output>;

export function reportOf(service: ServiceView, box: BoxView, measure: Measure, nowMs: number): Report {
  const { id, title, state, quality } = service;
  const { summary } = measure.of(id, service.host);
  const hours = hoursOfWeek(measure.history(id), nowMs);
  const intervalMs = measure.intervalMs(id);
  const parts = scoreParts(qualityFacts(box, state === "up", summary, nowMs));
  return {
    id,
    title,
    state,
    quality,
    parts: parts && quality.score !== null ? rounded(parts) : null,
    intervalS: intervalMs === undefined ? null : Math.round(intervalMs / 1000),
    week: weekLine(hours, nowMs),
    history: hours.map(({ hour, ...figures }: Hour) => ({ from: isoTime(hour * HOUR_MS), ...figures })),
  };
}

function rounded(parts: ScoreParts): ScoreParts {
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const { success, speed, ease, loss } = parts;
  return { success: round(success), speed: round(speed), ease: round(ease), loss: round(loss) };
}
