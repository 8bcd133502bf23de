import { bit, hex, high, low, type ReferenceCpu } from "./reference-cpu.js";
import type { ReferenceData } from "./reference-data.js";

/*
 * init_ia32_feat_ctl, init_vmx_capabilities and the virtualization init of 7.2, step by step as the prose about them
 * (feat_ctl.md) numbers the steps.
 */

export interface ReferenceBoot {
  readonly caps: Readonly<Record<string, boolean>>;
  readonly output: Readonly<Record<string, unknown>>;
}

export function referenceBoot(cpu: ReferenceCpu, data: ReferenceData): ReferenceBoot {
  const { since, config, has, input } = cpu;
  const withSgx = since("5.15");
  const caps: Record<string, boolean> = {
    VMX: has("vmx"),
    MSR_IA32_FEAT_CTL: false,
    TPR_SHADOW: false,
    VNMI: false,
    FLEXPRIORITY: false,
    EPT: false,
    VPID: false,
    EPT_AD: false,
    ...(withSgx ? { SGX: has("sgx"), SGX_LC: has("sgx_lc") } : {}),
  };
  const clearSgx = (): void => {
    caps.SGX = false;
    caps.SGX_LC = false;
  };
  const words = [0n, 0n, 0n, 0n, 0n];
  let written: bigint | null = null;

  const vendors = ["GenuineIntel", "CentaurHauls", "  Shanghai  "];
  const featCtl = (): void => {
    let msr = cpu.rdmsrSafe(0x3a);
    if (cpu.faults(0x3a)) {
      caps.VMX = false;
      if (withSgx) clearSgx();
      return;
    }
    const wantVmx = has("vmx") && config("CONFIG_KVM_INTEL");
    const sgx = withSgx && has("sgx") && config("CONFIG_X86_SGX");
    const wantDriver = sgx && has("sgx_lc");
    let wantKvm = sgx && wantVmx && config("CONFIG_X86_SGX_KVM");
    if (!bit(msr, 0)) {
      msr = 1n;
      if (wantVmx) msr |= input.tboot ? 6n : 4n;
      if (wantKvm || wantDriver) msr |= 1n << 18n;
      if (wantDriver) msr |= 1n << 17n;
      written = msr;
    }
    caps.MSR_IA32_FEAT_CTL = true;
    if (has("vmx")) {
      if (bit(msr, input.tboot ? 1 : 2)) {
        if (config("CONFIG_X86_VMX_FEATURE_NAMES")) vmxCapabilities(cpu, words, caps);
      } else {
        if (config("CONFIG_KVM_INTEL")) {
          cpu.say(3, `x86/cpu: VMX (${input.tboot ? "inside" : "outside"} TXT) disabled by BIOS`);
        }
        caps.VMX = false;
      }
    }
    if (!withSgx) return;
    if (!bit(msr, 18)) {
      if (wantKvm || wantDriver) {
        cpu.say(3, `x86/cpu: SGX disabled ${since("6.12") ? "or unsupported " : ""}by BIOS.`);
      }
      clearSgx();
      return;
    }
    if (!caps.VMX && wantKvm) {
      cpu.say(3, "x86/cpu: SGX virtualization disabled due to lack of VMX.");
      wantKvm = false;
    }
    if (!bit(msr, 17) && wantDriver) {
      if (wantKvm) {
        cpu.say(3, "x86/cpu: SGX Launch Control is locked. Support SGX virtualization only.");
        caps.SGX_LC = false;
      } else {
        cpu.say(3, "x86/cpu: SGX Launch Control is locked. Disable SGX.");
        clearSgx();
      }
    }
  };
  if (vendors.includes(input.vendor)) featCtl();
  if (since("7.2") && config("CONFIG_KVM_INTEL") && caps.VMX) {
    const size = high(cpu.rdmsr(0x480)) & 0x1fffn;
    if (size > 4096n) {
      cpu.warn({
        kind: "WARN_ON_ONCE",
        func: "__x86_vmx_init",
        cond: "vmx_basic_vmcs_size(basic_msr) > PAGE_SIZE",
      });
      caps.VMX = false;
    }
  }
  return { caps, output: bootOutput(cpu, data, caps, words, written) };
}

function vmxCapabilities(cpu: ReferenceCpu, words: bigint[], caps: Record<string, boolean>): void {
  words[1] = high(cpu.rdmsr(0x482));
  words[2] = high(cpu.rdmsrSafe(0x48b));
  if (cpu.since("6.1")) {
    const tertiary = cpu.rdmsrSafe(0x492);
    words[3] = low(tertiary);
    words[4] = high(tertiary);
  }
  const pin = high(cpu.rdmsr(0x481));
  const functions = high(cpu.rdmsrSafe(0x491));
  const cap = cpu.rdmsrSafe(0x48c);
  const warn = (cond: string) => cpu.warn({ kind: "WARN_ON_ONCE", func: "init_vmx_capabilities", cond });
  if (pin >> 16n) warn("supported >> 16");
  if (functions >> 4n) warn("funcs >> 4");
  const [, primary, secondary] = words as [bigint, bigint, bigint];
  let first = (pin & 0xffffn) | ((functions & 0xfn) << 28n);
  const put = (to: number, on: boolean): void => {
    if (on) first |= 1n << BigInt(to);
  };
  put(16, bit(cap, 32));
  put(17, bit(cap, 0));
  put(18, bit(cap, 21));
  put(19, bit(cap, 17));
  put(20, cpu.since("6.12") && bit(cap, 7));
  put(24, bit(primary, 21) && bit(secondary, 0));
  put(25, bit(primary, 21) && bit(secondary, 8) && bit(secondary, 9) && bit(pin, 7));
  words[0] = first;
  caps.TPR_SHADOW = bit(primary, 21);
  caps.FLEXPRIORITY = bit(first, 24);
  caps.VNMI = bit(first, 5);
  caps.EPT = bit(secondary, 1);
  caps.EPT_AD = bit(first, 18);
  caps.VPID = bit(first, 5);
}

function bootOutput(
  cpu: ReferenceCpu,
  data: ReferenceData,
  caps: Readonly<Record<string, boolean>>,
  words: readonly bigint[],
  written: bigint | null,
) {
  const table = data.features.releases[`v${cpu.release}`];
  if (table === undefined) throw new Error(`no feature words for ${cpu.release}`);
  const log = cpu.takeLog();
  const lines: readonly (readonly [string, string])[] = [
    ["VMX", "vmx"],
    ["TPR_SHADOW", "tpr_shadow"],
    // X86_FEATURE_VNMI moved behind the others between 6.1 and 6.12.
    ...(cpu.since("6.6") ? [] : [["VNMI", "vnmi"] as const]),
    ["FLEXPRIORITY", "flexpriority"],
    ["EPT", "ept"],
    ["VPID", "vpid"],
    ["EPT_AD", "ept_ad"],
    ["SGX", "sgx"],
    ...(cpu.since("6.6") ? [["VNMI", "vnmi"] as const] : []),
    ["SGX_LC", "sgx_lc"],
  ];
  const shown = table.cpuinfoOrder.filter((name) => {
    const entry = table.entries.find((row) => row.cpuinfo === name);
    return entry !== undefined && bit(words[entry.word] as bigint, entry.bit);
  });
  return {
    feat_ctl_written: written === null ? null : hex(written),
    caps,
    vmx_capability: words.slice(0, table.words).map(hex),
    cpuinfo_flags: lines
      .filter(([cap]) => caps[cap])
      .map(([, flag]) => flag)
      .join(" "),
    vmx_flags: caps.VMX && words[0] !== 0n ? shown.join(" ") : null,
    ...log,
  };
}
