import type { ReferenceInput } from "./reference-cpu.js";

/*
 * Cases for the comparison with the reference interpreter: inputs of real CPUs after random changes, from a seed, so
 * that a failure can be run again by its number.
 */

/** xorshift32: the same numbers for the same seed everywhere. */
export function randomFrom(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const CONTROL_MSRS = ["0x481", "0x482", "0x483", "0x484", "0x48b"];
const LOST_MSRS = [...CONTROL_MSRS, "0x3a", "0x480", "0x485", "0x487", "0x489", "0x48c", "0x491", "0x492", "0xd90"];
const FEATURES = [
  ...["vmx", "smx", "nx", "mpx", "umip", "ss", "pdpe1gb", "xsave", "xsaves", "sgx", "sgx_lc", "hybrid", "shstk"],
  ...["ibt", "hypervisor"],
];
const VENDORS = ["GenuineIntel", "CentaurHauls", "  Shanghai  ", "GenuineIotel", "AuthenticAMD"];
/** Models with errata, their neighbours, and steppings with a broken preemption timer. */
const SIGNATURES = ["0x000106a5", "0x000106e5", "0x00020652", "0x00020655", "0x000206c2", "0x000206e6", "0x000306a8"];
const MORE_SIGNATURES = ["0x000306a9", "0x00010fe5", "0x80020652", "0x00000f41", "0x000a0650"];
const PARAMS = [
  ...["vpid", "vnmi", "flexpriority", "ept", "unrestricted_guest", "eptad", "cet", "mbec", "fasteoi", "enable_apicv"],
  ...["enable_ipiv", "enable_device_posted_irqs", "nested", "pml", "error_on_inconsistent_vmcs_config", "sgx"],
  ...["preemption_timer", "allow_smaller_maxphyaddr", "enlightened_vmcs", "enable_shadow_vmcs", "nested_early_check"],
];
const OPTIONS = [
  ...["CONFIG_X86_64", "CONFIG_KVM_INTEL", "CONFIG_X86_SGX", "CONFIG_X86_SGX_KVM", "CONFIG_X86_VMX_FEATURE_NAMES"],
  ...["CONFIG_HYPERV", "CONFIG_BROKEN", "CONFIG_KVM_INTEL_PROVE_VE"],
];

type Mutable = { -readonly [K in keyof ReferenceInput]: ReferenceInput[K] };

/** One to eight random changes to a case. */
export function mutate(base: ReferenceInput, seed: number): ReferenceInput {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const result: Mutable = {
    ...base,
    msrs: { ...base.msrs },
    features: [...base.features],
    params: { kvm: { ...base.params.kvm }, kvm_intel: { ...base.params.kvm_intel } },
    config: {},
  };
  const msrs = result.msrs as Record<string, string>;
  const changeMsr = (index: string, change: (value: bigint) => bigint): void => {
    const value = msrs[index];
    if (value !== undefined) msrs[index] = `0x${BigInt.asUintN(64, change(BigInt(value))).toString(16)}`;
  };
  const flip = (index: string, base32: number, width = 32): void => {
    const at = BigInt(base32 + random(width));
    changeMsr(index, (value) => value ^ (1n << at));
  };
  const toggle = (name: string): void => {
    const { features } = result;
    result.features = features.includes(name) ? features.filter((f) => f !== name) : [...features, name];
  };
  const changes: readonly (() => void)[] = [
    () => flip(pick(CONTROL_MSRS), 32),
    () => flip(pick(CONTROL_MSRS), 32),
    () => flip("0x48b", 32),
    () => flip(pick(CONTROL_MSRS), 0),
    () => flip("0x48c", pick([0, 32]), 28),
    () => flip("0x485", 0),
    () => flip("0x480", 32, 26),
    () => flip(pick(["0x487", "0x489", "0x491", "0x492"]), 0, 64),
    () => {
      msrs["0x492"] = pick(["0x0", "0x10", "0x1f", "0xffffffffffffffff"]);
      changeMsr("0x482", (value) => value | (1n << 49n));
    },
    () => changeMsr("0x485", (value) => (value & ~0x1fn) | BigInt(random(32))),
    () => changeMsr("0x480", (value) => value & ~(0x1fffn << 32n) & ~(pick([0n, 0n, 1n, 15n]) << 50n)),
    () => {
      msrs["0x3a"] = pick([
        "0x0",
        "0x1",
        "0x2",
        "0x3",
        "0x4",
        "0x5",
        "0x7",
        "0x40001",
        "0x40005",
        "0x60005",
        "0x60007",
      ]);
    },
    () => delete msrs[pick(LOST_MSRS)],
    () => {
      result.faults = [...result.faults, "0xd90"];
    },
    () => {
      msrs[pick(["0x277", "0x6a2", "0xd90", "0xda0"])] = pick(["0x0", "0x1", "0x6", "0x800", "0x1800", "0x7ff"]);
    },
    () => toggle(pick(FEATURES)),
    () => toggle(pick(FEATURES)),
    () => {
      result.tboot = !result.tboot;
    },
    () => {
      result.pmu = !result.pmu;
    },
    () => {
      result.irqPosting = !result.irqPosting;
    },
    () => {
      result.tscKhz = pick([0, 1, 429_496, 429_497, 2_000_000, 13_743_895, 4_294_967_295]);
    },
    () => {
      result.maxLeaf = pick(["0x11", "0x12", "0x14", "0x15", "0x20"]);
      result.cpuid12Eax = pick(["0x0", "0x1", "0x2", "0x3"]);
    },
    () => {
      result.cpuid15 = { eax: pick([0, 1, 2, 0xffff_ffff]), ebx: pick([0, 1, 2, 64, 84, 292]), ecx: 0 };
    },
    () => {
      result.signature = pick([...SIGNATURES, ...MORE_SIGNATURES]);
    },
    () => {
      result.vendor = pick(VENDORS);
    },
    () => {
      const params = result.params.kvm_intel;
      params[pick(PARAMS)] = pick(["0", "0", "0", "N", "off", "1", "Y"]);
    },
    () => {
      result.params.kvm_intel[pick(["ple_gap", "ple_window", "pt_mode"])] = pick(["0", "1", "1", "2", "0x20"]);
    },
    () => {
      result.params.kvm[pick(["enable_pmu", "tdp_mmu"])] = pick(["0", "1"]);
    },
    () => {
      result.params.kvm_intel.error_on_inconsistent_vmcs_config = "0";
    },
    () => {
      if (random(4) === 0) result.config = { ...result.config, [pick(OPTIONS)]: random(2) === 1 };
    },
    () => {
      result.enlightenedVmcs = true;
    },
  ];
  for (let count = 1 + random(8); count > 0; count--) pick(changes)();
  return result;
}
