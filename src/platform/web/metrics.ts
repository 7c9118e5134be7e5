/** Prometheus text exposition format, version 0.0.4. */
import type { Metric } from "../../kernel/contract.ts";

export function metricsText(metrics: readonly Metric[]): string {
  // The format wants all lines of one name together, whoever reports them.
  const groups = Map.groupBy(metrics, (metric) => `comu_${metric.name}`);
  const lines: string[] = [];
  for (const [name, group] of groups) {
    const help = group[0]!.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${group[0]!.type}`);
    for (const metric of group) {
      const labels = Object.entries(metric.labels ?? {}).map(([key, value]) => `${key}="${escaped(value)}"`);
      lines.push(`${name}${labels.length ? `{${labels.join(",")}}` : ""} ${figure(metric.value)}`);
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

function figure(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
