import type { KernelConfig } from "../rules/condition.js";
import { type KernelRow, kernelRow } from "../rules/kernels.js";
import type { Release } from "../rules/release.js";
import { CONFIG_OPTIONS, type ConfigOption } from "../rules/rule.js";

/** The kernel configuration of Debian's amd64 kernels. */
export const DEBIAN_CONFIG: KernelConfig = Object.freeze({
  CONFIG_X86_64: true,
  CONFIG_KVM_INTEL: true,
  CONFIG_X86_SGX: true,
  CONFIG_X86_SGX_KVM: true,
  CONFIG_X86_VMX_FEATURE_NAMES: true,
  CONFIG_KVM_INTEL_PROVE_VE: false,
  CONFIG_KVM_INTEL_TDX: false,
  CONFIG_HYPERV: true,
  CONFIG_BROKEN: false,
  CONFIG_INTEL_TXT: true,
  CONFIG_CPU_SUP_ZHAOXIN: true,
});

const configs = new Map<Release, KernelConfig>();

/** The build options of a kernel, with those that a caller gives instead. The same object wherever they are the kernel's own. */
export function configOf(release: Release, given?: Partial<KernelConfig>): KernelConfig {
  const own = ownConfig(release);
  if (given === undefined || CONFIG_OPTIONS.every((option) => (given[option] ?? own[option]) === own[option]))
    return own;
  return { ...own, ...given };
}

function ownConfig(release: Release): KernelConfig {
  const { config: differs } = kernelRow(release) as KernelRow;
  if (differs === undefined) return DEBIAN_CONFIG;
  let config = configs.get(release);
  if (config === undefined) {
    config = Object.freeze({ ...DEBIAN_CONFIG, ...differs });
    configs.set(release, config);
  }
  return config;
}

/** Names of build options, for callers that offer them to users. */
export function isConfigOption(name: string): name is ConfigOption {
  return (CONFIG_OPTIONS as readonly string[]).includes(name);
}
