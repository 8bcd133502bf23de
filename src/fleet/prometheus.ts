import type { FeatureCount, RefusedVcpus, Summary } from "./answer.js";
import type { Drifting } from "./drift.js";
import type { Pools } from "./pools.js";

/*
 * A fleet as Prometheus reads it (text format 0.0.4): gauges of hosts, as a textfile collector or a push gateway takes them.
 */

export interface Metrics {
  readonly summary: Summary;
  readonly features: readonly FeatureCount[];
  readonly layer: string;
  readonly pools: Pools;
  readonly drift: readonly Drifting[];
  readonly vcpus: readonly RefusedVcpus[];
}

type Labels = { readonly [name: string]: string };

/** The three characters that a value of a label has to escape. */
const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');

function family(name: string, help: string, samples: readonly (readonly [Labels, number])[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  });
  return lines.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
}

export function prometheusText({ summary, features, layer, pools, drift, vcpus }: Metrics): string {
  const states = ["yes", "no", "unknown"] as const;
  return [
    family(
      "vmxlens_fleet_hosts",
      "Hosts by whether nested guests get VMX.",
      states.map((verdict) => [{ verdict }, summary.verdicts[verdict]]),
    ),
    family(
      "vmxlens_fleet_unjudged_hosts",
      "Hosts that cannot be judged, by what was not read of them.",
      summary.unread.map(({ what, hosts }) => [{ unread: what }, hosts]),
    ),
    family(
      "vmxlens_fleet_feature_hosts",
      "Hosts by VMX feature at a layer.",
      features.flatMap((row) =>
        states.map((state): readonly [Labels, number] => [{ feature: row.feature.id, layer, state }, row[state]]),
      ),
    ),
    family(
      "vmxlens_fleet_pool_hosts",
      "Hosts of each pool among which nested guests move freely, the largest first.",
      pools.pools.map(({ hosts }, at) => [{ pool: String(at + 1) }, hosts]),
    ),
    family(
      "vmxlens_fleet_pool_features",
      "VMX features that all hosts of a pool have.",
      pools.pools.map(({ features: common }, at) => [{ pool: String(at + 1) }, common.length]),
    ),
    family("vmxlens_fleet_drifting_hosts", "Hosts unlike most of their model, kernel and parameters.", [
      [{}, drift.reduce((sum, { hosts }) => sum + hosts, 0)],
    ]),
    family(
      "vmxlens_fleet_refused_vcpu_pairs",
      "Pairs of hosts between which an added vCPU is refused after a migration.",
      vcpus.map(({ within, refusedPairs }) => [{ within }, refusedPairs]),
    ),
  ].join("");
}
