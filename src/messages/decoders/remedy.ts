import type { Step } from "../../answers/message.js";
import type { Host } from "../../host/host.js";
import { formatRange } from "../../rules/release.js";
import type { Feature, Layer } from "../../why/features.js";
import type { Change } from "../../why/remedies.js";
import { whyUnder } from "../../why/why.js";
import { type ExplainContext, replayOptions } from "../context.js";

/** Steps that would bring a feature back on a machine, found by replaying. */
export function explainRemedies(host: Host, feature: Feature, context: ExplainContext, goal: Layer = "nested"): Step[] {
  const { remedies } = whyUnder(host, feature, replayOptions(context), goal);
  return remedies.slice(0, 3).map((remedy) => {
    const commands = remedy.flatMap(commandsOf);
    return {
      text: `To get ${feature.name}: ${remedy.map(changeText).join(", and ")}.`,
      ...(commands.length === 0 ? {} : { commands }),
    };
  });
}

function changeText(change: Change): string {
  switch (change.kind) {
    case "parameter":
      return `load ${change.module} with ${change.name}=${change.value}`;
    case "firmware":
      return change.sgx ? "enable VT-x and SGX in the firmware setup" : "enable VT-x in the firmware setup";
    case "releases":
      return `use Linux ${change.ranges.map(formatRange).join(" or ")}`;
    case "config":
      return `use a kernel built with ${change.option}=${change.value ? "y" : "n"}`;
    case "machine":
      return "another machine is needed";
    case "silicon":
      return "another CPU is needed";
  }
}

function commandsOf(change: Change): string[] {
  if (change.kind !== "parameter") return [];
  return [`sudo modprobe -r kvm_intel && sudo modprobe ${change.module} ${change.name}=${change.value}`];
}
