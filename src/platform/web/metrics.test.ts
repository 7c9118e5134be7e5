/** The figures as Prometheus reads them (text exposition format, version 0.0.4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Metric } from "../../kernel/contract.ts";
import { metricsText } from "./metrics.ts";

test("help and type once per name, all lines of one name together", () => {
  const gauge = (name: string, value: number, labels?: Record<string, string>): Metric => ({
    name,
    type: "gauge",
    help: `Help of ${name}.`,
    value,
    ...(labels ? { labels } : {}),
  });
  const text = metricsText([
    gauge("boxes", 3, { state: "up" }),
    { name: "calls_total", type: "counter", help: "Calls.", value: 0 },
    gauge("boxes", 1, { state: "away", zone: "Sants" }),
  ]);
  assert.equal(
    text,
    '# HELP comu_boxes Help of boxes.\n# TYPE comu_boxes gauge\ncomu_boxes{state="up"} 3\n' +
      'comu_boxes{state="away",zone="Sants"} 1\n' +
      "# HELP comu_calls_total Calls.\n# TYPE comu_calls_total counter\ncomu_calls_total 0\n",
  );
  assert.equal(metricsText([]), "");
});

test("texts are escaped, odd numbers written as the format wants them", () => {
  const one = (value: number, label = "x") =>
    metricsText([{ name: "m", type: "gauge", help: "a\\b\nc", value, labels: { l: label } }]);
  assert.equal(one(1e-7, 'q"\\\n'), '# HELP comu_m a\\\\b\\nc\n# TYPE comu_m gauge\ncomu_m{l="q\\"\\\\\\n"} 1e-7\n');
  const figure = (value: number) => one(value).trim().split(" ").at(-1);
  assert.deepEqual([Infinity, -Infinity, NaN, 0.5].map(figure), ["+Inf", "-Inf", "NaN", "0.5"]);
});
