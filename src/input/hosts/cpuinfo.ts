import type { CpuFacts } from "../../host/host.js";
import { CPUID_FEATURES, type CpuidFeature } from "../../registers/cpuid-features.js";

/** One logical CPU of /proc/cpuinfo. */
export interface CpuinfoBlock {
  readonly cpu: number;
  readonly vendor?: string;
  readonly name?: string;
  readonly family?: number;
  readonly model?: number;
  readonly stepping?: number;
  readonly microcode?: number;
  /** Highest basic CPUID leaf. */
  readonly cpuidLevel?: number;
  readonly addressBits?: { readonly physical: number; readonly linear: number };
  readonly flags: ReadonlySet<string>;
  /** The `vmx flags` line; missing where Linux prints none. */
  readonly vmxFlags?: ReadonlySet<string>;
}

export function parseCpuinfo(text: string): CpuinfoBlock[] {
  const blocks: string[][] = [[]];
  for (const line of text.split("\n")) {
    if (line.trim() === "") blocks.push([]);
    else blocks.at(-1)?.push(line);
  }
  return blocks.flatMap((lines) => {
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      // The vendor of Zhaoxin's CPUs begins and ends with blanks, so only the one after the colon goes.
      if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).replace(/^ /, ""));
    }
    const cpu = number(fields.get("processor"));
    if (cpu === undefined) return [];
    const sizes = /^(\d+) bits physical, (\d+) bits virtual/.exec(fields.get("address sizes") ?? "");
    return [
      {
        cpu,
        ...given("vendor", fields.get("vendor_id")),
        ...given("name", fields.get("model name")?.replace(/ +/g, " ").trim()),
        ...given("family", number(fields.get("cpu family"))),
        ...given("model", number(fields.get("model"))),
        ...given("stepping", number(fields.get("stepping"))),
        ...given("microcode", number(fields.get("microcode"))),
        ...given("cpuidLevel", number(fields.get("cpuid level"))),
        ...(sizes === null ? {} : { addressBits: { physical: Number(sizes[1]), linear: Number(sizes[2]) } }),
        flags: names(fields.get("flags") ?? ""),
        ...given("vmxFlags", fields.has("vmx flags") ? names(fields.get("vmx flags") ?? "") : undefined),
      },
    ];
  });
}

function names(text: string): Set<string> {
  return new Set(text.split(/\s+/).filter((name) => name !== ""));
}

function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: T });
}

function number(text: string | undefined): number | undefined {
  const found = /^\s*(0x[0-9a-f]+|\d+)\s*$/i.exec(text ?? "");
  return found === null ? undefined : Number(found[1]);
}

/** CPUID.1:EAX put together again; the processor type, bits 13:12, is zero on every CPU with VMX. */
export function signatureFromCpuinfo({ family, model, stepping }: CpuinfoBlock): number | undefined {
  if (family === undefined || model === undefined || stepping === undefined || family > 0x10e || model > 0xff)
    return undefined;
  const base = Math.min(family, 15);
  return ((family - base) << 20) | ((model >>> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | (stepping & 0xf);
}

/** What Linux calls a feature on the `flags` line, where that is another name; null where it prints none. */
const OTHER_FLAG: { readonly [F in CpuidFeature]?: string | null } = {
  hybrid: "hybrid_cpu",
  // Shown by what Linux uses it for.
  shstk: "user_shstk",
  spec_ctrl: null,
  intel_stibp: null,
  spec_ctrl_ssbd: null,
  core_capabilities: null,
  fdp_excptn_only: null,
  zero_fcs_fds: null,
  keylocker: null,
  intel_psfd: null,
  ipred_ctrl: null,
  rrsba_ctrl: null,
  ddpd_u: null,
  bhi_ctrl: null,
  mcdt_no: null,
  // Linux itself sets these for some CPUs.
  arat: null,
  nonstop_tsc: null,
};

const FLAGS: readonly (readonly [CpuidFeature, string])[] = CPUID_FEATURES.flatMap(({ name }) => {
  const flag = OTHER_FLAG[name];
  return flag === null ? [] : [[name, flag ?? name] as const];
});

/** The names on the `flags` line that facts are made of. */
export const CPUINFO_FEATURES: readonly string[] = FLAGS.map(([, flag]) => flag);

/**
 * Flags that Linux neither clears (as it does with vmx and sgx when firmware disabled them, with features not compiled
 * in and with those that an erratum or the command line forbids) nor stopped to show: only they prove that the CPU
 * lacks a feature.
 */
const TELLING_WHEN_ABSENT: readonly CpuidFeature[] = ["smx", "pdpe1gb", "hypervisor"];

/** What /proc/cpuinfo certainly says about CPUID. `clearsCpuid`: the command line has `clearcpuid=`. */
export function factsFromCpuinfo(block: CpuinfoBlock, clearsCpuid: boolean): CpuFacts {
  const features: { [F in CpuidFeature]?: boolean } = {};
  for (const [feature, flag] of FLAGS) {
    if (block.flags.has(flag)) features[feature] = true;
    else if (TELLING_WHEN_ABSENT.includes(feature) && !clearsCpuid && block.flags.size > 0) features[feature] = false;
  }
  return {
    features,
    ...given("maxLeaf", block.cpuidLevel),
    // Linux takes the key bits of memory encryption off the physical width.
    ...given("physAddrBits", block.flags.has("tme") ? undefined : block.addressBits?.physical),
    ...given("linAddrBits", block.addressBits?.linear),
  };
}
