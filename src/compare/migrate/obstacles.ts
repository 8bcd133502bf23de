import type { CpuFacts } from "../../host/host.js";
import type { Replays } from "../../situation/replays.js";
import { fitOf } from "../guest-cpuid.js";
import { findModel, newestQemu } from "../qemu-models.js";
import { type MigrateOptions, versioned } from "./guest.js";

/** What keeps a guest from moving, besides the values of MSRs. */
export interface Obstacle {
  readonly certain: boolean;
  readonly text: string;
}

/** KVM does not load on one side, or without nested VMX; `side` is `source` or `destination`. */
export function obstaclesOn({ loads, cpu }: Replays, side: string): Obstacle[] {
  const found: Obstacle[] = [];
  if (loads !== "yes") {
    const text =
      loads === "no"
        ? `does not load on the ${side}.`
        : `may not load on the ${side}: not everything that decides was read.`;
    found.push({ certain: loads === "no", text: `kvm_intel ${text}` });
  }
  const nested = cpu.bit("params", "nested");
  if (nested !== "yes") {
    const text =
      nested === "no" ? `is off on the ${side}.` : `may be off on the ${side}: not everything that decides was read.`;
    found.push({ certain: nested === "no", text: `kvm_intel.nested ${text}` });
  }
  return found;
}

/** CPUID of each group of the host's CPUs. */
export function cpusOf({ situation: { host } }: Replays): readonly CpuFacts[] {
  return host.cores.map(({ cpuid }) => cpuid);
}

/** CPUID features of the guest's model that the CPU of one side is known to lack. */
export function modelObstacles(
  replayed: Replays,
  side: string,
  { model = "host", qemuVersion = newestQemu() }: MigrateOptions,
): Obstacle[] {
  const found = model === "host" ? undefined : findModel(versioned(model, qemuVersion), qemuVersion);
  if (found?.kind !== "one") return [];
  const { missing } = fitOf(found.model.cpuid, cpusOf(replayed));
  if (missing.length === 0) return [];
  const it = missing.length === 1 ? "it" : "them";
  const text = `The CPU of the ${side} lacks ${missing.join(", ")} of ${found.model.name}: QEMU leaves ${it} out there.`;
  return [{ certain: true, text }];
}
