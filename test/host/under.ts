import type { Host } from "../../src/host/host.js";
import { isParam } from "../../src/kvm/load/params.js";
import type { ReplayOptions } from "../../src/kvm/replay.js";
import { type Situation, situation } from "../../src/situation/situation.js";

/** Captures have parameters that have nothing to do with VMX. */
function known(params: NonNullable<ReplayOptions["params"]>): NonNullable<ReplayOptions["params"]> {
  const of = (module: "kvm" | "kvm_intel") =>
    Object.fromEntries(Object.entries(params[module] ?? {}).filter(([name]) => isParam(module, name)));
  return { kvm: of("kvm"), kvm_intel: of("kvm_intel") };
}

/** A host as it is under one kernel of the tables, nothing assumed. */
export function under(host: Host, { release, params, config, machine }: ReplayOptions = {}): Situation {
  return situation(host, {
    foundParams: false,
    ...(release === undefined ? {} : { kernel: release }),
    ...(params === undefined ? {} : { params: known(params) }),
    ...(config === undefined ? {} : { config }),
    ...(machine === undefined ? {} : { machine }),
  });
}
