import { checkText, kindOf, wrong } from "../bits/misuse.js";
import type { Host } from "../host/host.js";
import { replays } from "../situation/replays.js";
import { asSituation, type Situation } from "../situation/situation.js";
import { type CapabilitySet, kvmSet, nestedSet, SET_LAYERS, type SetLayer, siliconSet } from "./capability-set.js";

/**
 * The capability registers of a machine at one layer, for `diffSets`, `baseline` and `chooseControls`. Of a host with several
 * kinds of cores they are those of the boot CPU; give `asked.cpu` for another.
 *
 * @param layer what the CPU has, what KVM uses, or what KVM offers a nested hypervisor. Default: the last.
 * @param label who it is, for people. Default: the name of the host.
 * @throws RangeError for another subject or layer.
 */
export function capabilities(subject: Situation | Host, layer: SetLayer = "nested", label?: string): CapabilitySet {
  if (label !== undefined) checkText(label, "label", "a name for people");
  const situation = asSituation(subject);
  if (!SET_LAYERS.includes(layer)) throw wrong("layer", `${kindOf(layer)} is not one of ${SET_LAYERS.join(", ")}`);
  const { host } = situation;
  const name = label ?? host.name ?? host.codename ?? host.id ?? "host";
  if (layer === "silicon") return siliconSet(name, host.cores[0]);
  const { cpu } = replays(situation);
  return layer === "kvm" ? kvmSet(name, cpu) : nestedSet(name, cpu);
}
