import { parseHexU64 } from "../../src/bits/u64.js";
import type { CoreGroup, CpuFeature, Host } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue, UNREAD } from "../../src/host/msr.js";
import type { SelectedCpu } from "./selected-cpus.js";

type Features = { readonly [F in CpuFeature]?: boolean };

/** A register from its hex value, `absent` or `unread`. */
export function msr(text: string): Msr {
  if (text === "absent") return ABSENT;
  if (text === "unread") return UNREAD;
  const value = parseHexU64(text);
  if (value === undefined) throw new Error(`not a register value: ${text}`);
  return msrValue(value);
}

export function coreOf(msrs: Readonly<Record<string, string>>, features: Features = {}): CoreGroup {
  return {
    coreTypes: [],
    msrs: new Map(Object.entries(msrs).map(([index, text]) => [Number(index), msr(text)])),
    cpuid: { features },
  };
}

export function hostOf(cpu: SelectedCpu): Host {
  const cores = cpu.cores.map(({ types, msrs }) => ({ ...coreOf(msrs, cpu.features), coreTypes: types }));
  return { id: cpu.id, vendor: cpu.vendor, cores: cores as unknown as [CoreGroup, ...CoreGroup[]] };
}
