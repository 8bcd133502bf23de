/**
 * The MSRs that a host is made of: IA32_FEAT_CTL and the VMX capability MSRs of SDM volume 3, appendix A, with the
 * names that programs print for them. Names are matched without `MSR_` and `IA32_`, in any case.
 */
export const VMX_MSR_NAMES = [
  { index: 0x3a, name: "IA32_FEAT_CTL", aliases: ["FEATURE_CONTROL", "FEATURE_CTRL", "FEAT_CONTROL"] },
  { index: 0x480, name: "IA32_VMX_BASIC", aliases: ["VMX_BASIC_INFO"] },
  { index: 0x481, name: "IA32_VMX_PINBASED_CTLS", aliases: ["VMX_PINBASED"] },
  { index: 0x482, name: "IA32_VMX_PROCBASED_CTLS", aliases: ["VMX_PROCBASED"] },
  { index: 0x483, name: "IA32_VMX_EXIT_CTLS", aliases: ["VMX_EXIT"] },
  { index: 0x484, name: "IA32_VMX_ENTRY_CTLS", aliases: ["VMX_ENTRY"] },
  { index: 0x485, name: "IA32_VMX_MISC", aliases: [] },
  { index: 0x486, name: "IA32_VMX_CR0_FIXED0", aliases: [] },
  { index: 0x487, name: "IA32_VMX_CR0_FIXED1", aliases: [] },
  { index: 0x488, name: "IA32_VMX_CR4_FIXED0", aliases: [] },
  { index: 0x489, name: "IA32_VMX_CR4_FIXED1", aliases: [] },
  { index: 0x48a, name: "IA32_VMX_VMCS_ENUM", aliases: [] },
  { index: 0x48b, name: "IA32_VMX_PROCBASED_CTLS2", aliases: ["VMX_PROCBASED2"] },
  {
    index: 0x48c,
    name: "IA32_VMX_EPT_VPID_CAP",
    aliases: ["VMX_EPT_VPID_CAPS", "VMX_EPT_VPID_ENUM"],
  },
  { index: 0x48d, name: "IA32_VMX_TRUE_PINBASED_CTLS", aliases: ["VMX_TRUE_PINBASED"] },
  { index: 0x48e, name: "IA32_VMX_TRUE_PROCBASED_CTLS", aliases: ["VMX_TRUE_PROCBASED"] },
  { index: 0x48f, name: "IA32_VMX_TRUE_EXIT_CTLS", aliases: ["VMX_TRUE_EXIT"] },
  { index: 0x490, name: "IA32_VMX_TRUE_ENTRY_CTLS", aliases: ["VMX_TRUE_ENTRY"] },
  { index: 0x491, name: "IA32_VMX_VMFUNC", aliases: ["VMX_VMFUNC_CTRL", "VMX_FMFUNC"] },
  { index: 0x492, name: "IA32_VMX_PROCBASED_CTLS3", aliases: ["VMX_PROCBASED3"] },
  { index: 0x493, name: "IA32_VMX_EXIT_CTLS2", aliases: ["VMX_EXIT2"] },
] as const satisfies readonly { index: number; name: string; aliases: readonly string[] }[];

export function isVmxMsr(index: number): boolean {
  return index === 0x3a || (index >= 0x480 && index <= 0x493);
}

/** `0x480 (IA32_VMX_BASIC)`; only the number for any other MSR. */
export function describeMsr(index: number): string {
  const row = VMX_MSR_NAMES.find((r) => r.index === index);
  return row === undefined ? `0x${index.toString(16)}` : `0x${index.toString(16)} (${row.name})`;
}

let byName: Map<string, number> | undefined;

/** The index of `IA32_VMX_BASIC`, `MSR_IA32_VMX_BASIC`, `vmx_basic` …; `undefined` for a name that is not in the table. */
export function msrByName(name: string): number | undefined {
  if (byName === undefined) {
    byName = new Map();
    for (const row of VMX_MSR_NAMES) {
      for (const known of [row.name, ...row.aliases]) byName.set(shortName(known), row.index);
    }
  }
  return byName.get(shortName(name));
}

function shortName(name: string): string {
  return name
    .toUpperCase()
    .replace(/^MSR_/, "")
    .replace(/^IA32_/, "")
    .replace(/_MSR$/, "");
}
