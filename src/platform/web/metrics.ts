/** Prometheus text exposition format, version 0.0.4. */
import type { Metric } from "../../kernel/contract.ts";

export function metricsText(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  const named = new Set<string>();
  for (const metric of metrics) {
    const name = `comu_${metric.name}`;
    if (!named.has(name)) {
      named.add(name);
      lines.push(`# HELP ${name} ${metric.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${metric.type}`);
    }
    const labels = Object.entries(metric.labels ?? {}).map(([key, value]) => `${key}="${escaped(value)}"`);
    lines.push(`${name}${labels.length ? `{${labels.join(",")}}` : ""} ${metric.value}`);
  }
  return `${lines.join("\n")}\n`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
