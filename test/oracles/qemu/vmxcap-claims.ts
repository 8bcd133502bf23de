import { formatU64, testBit, toBigInt, type U64 } from "../../../src/bits/u64.js";

/*
 * What QEMU's scripts/kvm/vmxcap says of given MSRs, stated by itself: labels, registers, bits and kinds of its groups,
 * by edition, and nothing of the project's own tables. So that what the project says can be held against it.
 *
 * Where the two differ, and why:
 * - The script takes a register that cannot be read for 0 and prints "no" for each of its bits; \`vmxlens show\` says that
 *   the register is absent, or that nobody read it.
 * - Before 2015 it called the control "IA-32e mode guest" "IA-64 mode guest", and of the MSEG revision identifier it left
 *   out bit 63 at first.
 * - It looks at CPU 0 only, prints no control without a label, and neither the FIXED registers nor VMCS_ENUM.
 */

/**
 * Editions of the script that differ in what they print, oldest first: by about the year, then by the QEMU release in
 * whose source it was looked at (10.0 in 10.0.13).
 */
export const VMXCAP_EDITIONS = ["2011", "2013", "2015", "2018", "5.2", "7.2", "10.0"] as const;
export type VmxcapEdition = (typeof VMXCAP_EDITIONS)[number];

/** From this edition on the groups of single bits begin with the whole register. */
const HEX_SINCE: VmxcapEdition = "2018";

/**
 * - `control`: allowed-0 in bits 31:0, allowed-1 in 63:32, and the TRUE register where there is one;
 * - `allowed1`: every bit of the 64-bit register says that a control may be 1;
 * - `bits`: single bits and numbers.
 */
type Kind = "control" | "allowed1" | "bits";

interface Row {
  /** Bit of the control word, or of the 64-bit register; two for a number, lowest first. */
  readonly at: number | readonly [low: number, high: number];
  readonly label: string;
  /** First and last edition with the row; without them the first and the last of all. */
  readonly since?: VmxcapEdition;
  readonly until?: VmxcapEdition;
}

interface Group {
  readonly title: string;
  readonly kind: Kind;
  readonly register: number;
  readonly trueRegister?: number;
  readonly since?: VmxcapEdition;
  readonly rows: readonly Row[];
}

const GROUPS: readonly Group[] = [
  {
    title: "Basic VMX Information",
    kind: "bits",
    register: 0x480,
    since: "2013",
    rows: [
      { at: [0, 31], label: "Revision", until: "2013" },
      { at: [0, 30], label: "Revision", since: "2015" },
      { at: [32, 44], label: "VMCS size" },
      { at: 48, label: "VMCS restricted to 32 bit addresses" },
      { at: 49, label: "Dual-monitor support" },
      { at: [50, 53], label: "VMCS memory type" },
      { at: 54, label: "INS/OUTS instruction information" },
      { at: 55, label: "IA32_VMX_TRUE_*_CTLS support" },
      { at: 56, label: "Skip checks on event error code", since: "10.0" },
      { at: 58, label: "VMX nested exception support", since: "10.0" },
    ],
  },
  {
    title: "pin-based controls",
    kind: "control",
    register: 0x481,
    trueRegister: 0x48d,
    rows: [
      { at: 0, label: "External interrupt exiting" },
      { at: 3, label: "NMI exiting" },
      { at: 5, label: "Virtual NMIs" },
      { at: 6, label: "Activate VMX-preemption timer" },
      { at: 7, label: "Process posted interrupts", since: "2013" },
    ],
  },
  {
    title: "primary processor-based controls",
    kind: "control",
    register: 0x482,
    trueRegister: 0x48e,
    rows: [
      { at: 2, label: "Interrupt window exiting" },
      { at: 3, label: "Use TSC offsetting" },
      { at: 7, label: "HLT exiting" },
      { at: 9, label: "INVLPG exiting" },
      { at: 10, label: "MWAIT exiting" },
      { at: 11, label: "RDPMC exiting" },
      { at: 12, label: "RDTSC exiting" },
      { at: 15, label: "CR3-load exiting" },
      { at: 16, label: "CR3-store exiting" },
      { at: 17, label: "Activate tertiary controls", since: "7.2" },
      { at: 19, label: "CR8-load exiting" },
      { at: 20, label: "CR8-store exiting" },
      { at: 21, label: "Use TPR shadow" },
      { at: 22, label: "NMI-window exiting" },
      { at: 23, label: "MOV-DR exiting" },
      { at: 24, label: "Unconditional I/O exiting" },
      { at: 25, label: "Use I/O bitmaps" },
      { at: 27, label: "Monitor trap flag" },
      { at: 28, label: "Use MSR bitmaps" },
      { at: 29, label: "MONITOR exiting" },
      { at: 30, label: "PAUSE exiting" },
      { at: 31, label: "Activate secondary control" },
    ],
  },
  {
    title: "secondary processor-based controls",
    kind: "control",
    register: 0x48b,
    rows: [
      { at: 0, label: "Virtualize APIC accesses" },
      { at: 1, label: "Enable EPT" },
      { at: 2, label: "Descriptor-table exiting" },
      { at: 3, label: "Enable RDTSCP", since: "2013" },
      { at: 4, label: "Virtualize x2APIC mode" },
      { at: 5, label: "Enable VPID" },
      { at: 6, label: "WBINVD exiting" },
      { at: 7, label: "Unrestricted guest" },
      { at: 8, label: "APIC register emulation", since: "2013" },
      { at: 9, label: "Virtual interrupt delivery", since: "2013" },
      { at: 10, label: "PAUSE-loop exiting" },
      { at: 11, label: "RDRAND exiting", since: "2013" },
      { at: 12, label: "Enable INVPCID", since: "2013" },
      { at: 13, label: "Enable VM functions", since: "2013" },
      { at: 14, label: "VMCS shadowing", since: "2013" },
      { at: 15, label: "Enable ENCLS exiting", since: "2018" },
      { at: 16, label: "RDSEED exiting", since: "2015" },
      { at: 17, label: "Enable PML", since: "2018" },
      { at: 18, label: "EPT-violation #VE", since: "2013" },
      { at: 19, label: "Conceal non-root operation from PT", since: "2018" },
      { at: 20, label: "Enable XSAVES/XRSTORS", since: "2015" },
      { at: 22, label: "Mode-based execute control (XS/XU)", since: "2018" },
      { at: 23, label: "Sub-page write permissions", since: "5.2" },
      { at: 24, label: "GPA translation for PT", since: "5.2" },
      { at: 25, label: "TSC scaling", since: "2018" },
      { at: 26, label: "User wait and pause", since: "5.2" },
      { at: 28, label: "ENCLV exiting", since: "5.2" },
    ],
  },
  {
    title: "tertiary processor-based controls",
    kind: "allowed1",
    register: 0x492,
    since: "7.2",
    rows: [{ at: 4, label: "Enable IPI virtualization" }],
  },
  {
    title: "VM-Exit controls",
    kind: "control",
    register: 0x483,
    trueRegister: 0x48f,
    rows: [
      { at: 2, label: "Save debug controls" },
      { at: 9, label: "Host address-space size" },
      { at: 12, label: "Load IA32_PERF_GLOBAL_CTRL" },
      { at: 15, label: "Acknowledge interrupt on exit" },
      { at: 18, label: "Save IA32_PAT" },
      { at: 19, label: "Load IA32_PAT" },
      { at: 20, label: "Save IA32_EFER" },
      { at: 21, label: "Load IA32_EFER" },
      { at: 22, label: "Save VMX-preemption timer value" },
      { at: 23, label: "Clear IA32_BNDCFGS", since: "2018" },
      { at: 24, label: "Conceal VM exits from PT", since: "2018" },
      { at: 25, label: "Clear IA32_RTIT_CTL", since: "5.2" },
      { at: 31, label: "Activate secondary VM-exit controls", since: "10.0" },
    ],
  },
  {
    title: "secondary VM-Exit controls",
    kind: "allowed1",
    register: 0x493,
    since: "10.0",
    rows: [
      { at: 0, label: "Save IA32 FRED MSRs" },
      { at: 1, label: "Load IA32 FRED MSRs" },
    ],
  },
  {
    title: "VM-Entry controls",
    kind: "control",
    register: 0x484,
    trueRegister: 0x490,
    rows: [
      { at: 2, label: "Load debug controls" },
      { at: 9, label: "IA-64 mode guest", until: "2013" },
      { at: 9, label: "IA-32e mode guest", since: "2015" },
      { at: 10, label: "Entry to SMM" },
      { at: 11, label: "Deactivate dual-monitor treatment" },
      { at: 13, label: "Load IA32_PERF_GLOBAL_CTRL" },
      { at: 14, label: "Load IA32_PAT" },
      { at: 15, label: "Load IA32_EFER" },
      { at: 16, label: "Load IA32_BNDCFGS", since: "2018" },
      { at: 17, label: "Conceal VM entries from PT", since: "2018" },
      { at: 18, label: "Load IA32_RTIT_CTL", since: "5.2" },
      { at: 23, label: "Load IA32 FRED MSRs", since: "10.0" },
    ],
  },
  {
    title: "Miscellaneous data",
    kind: "bits",
    register: 0x485,
    rows: [
      { at: [0, 4], label: "VMX-preemption timer scale (log2)" },
      { at: 5, label: "Store EFER.LMA into IA-32e mode guest control" },
      { at: 6, label: "HLT activity state" },
      { at: 7, label: "Shutdown activity state" },
      { at: 8, label: "Wait-for-SIPI activity state" },
      { at: 14, label: "PT in VMX operation", since: "5.2" },
      { at: 15, label: "IA32_SMBASE support", since: "2013" },
      { at: [16, 24], label: "Number of CR3-target values" },
      { at: [25, 27], label: "MSR-load/store count recommenation", until: "2013" },
      { at: [25, 27], label: "MSR-load/store count recommendation", since: "2015" },
      { at: 28, label: "IA32_SMM_MONITOR_CTL[2] can be set to 1", since: "2013" },
      { at: 29, label: "VMWRITE to VM-exit information fields", since: "2013" },
      { at: 30, label: "Inject event with insn length=0", since: "2018" },
      { at: [32, 62], label: "MSEG revision identifier", until: "2011" },
      { at: [32, 63], label: "MSEG revision identifier", since: "2013" },
    ],
  },
  {
    title: "VPID and EPT capabilities",
    kind: "bits",
    register: 0x48c,
    rows: [
      { at: 0, label: "Execute-only EPT translations" },
      { at: 6, label: "Page-walk length 4" },
      { at: 7, label: "Page-walk length 5", since: "7.2" },
      { at: 8, label: "Paging-structure memory type UC" },
      { at: 14, label: "Paging-structure memory type WB" },
      { at: 16, label: "2MB EPT pages" },
      { at: 17, label: "1GB EPT pages" },
      { at: 20, label: "INVEPT supported" },
      { at: 21, label: "EPT accessed and dirty flags", since: "2013" },
      { at: 22, label: "Advanced VM-exit information for EPT violations", since: "5.2" },
      { at: 25, label: "Single-context INVEPT" },
      { at: 26, label: "All-context INVEPT" },
      { at: 32, label: "INVVPID supported" },
      { at: 40, label: "Individual-address INVVPID" },
      { at: 41, label: "Single-context INVVPID" },
      { at: 42, label: "All-context INVVPID" },
      { at: 43, label: "Single-context-retaining-globals INVVPID" },
    ],
  },
  {
    title: "VM Functions",
    kind: "bits",
    register: 0x491,
    since: "2013",
    rows: [{ at: 0, label: "EPTP Switching" }],
  },
];

/** One line of the script. */
export interface VmxcapClaim {
  readonly group: string;
  readonly register: number;
  readonly label: string;
  /** The bit of a control, counted in the control word, or of the register. */
  readonly low: number;
  readonly high: number;
  /** `hex`: the whole register; `number`: a field; `state`: one bit. */
  readonly kind: "hex" | "number" | "state";
  /** `yes`, `no`, `default`, `forced`, `?`, or a number as it is printed. */
  readonly said: string;
}

/** Registers by index; reading one that is missing fails, which the script takes for 0. */
export type VmxcapRegisters = ReadonlyMap<number, U64>;

const ZERO: U64 = { hi: 0, lo: 0 };

function inEdition(row: { readonly since?: VmxcapEdition; readonly until?: VmxcapEdition }, edition: VmxcapEdition) {
  const at = VMXCAP_EDITIONS.indexOf(edition);
  const since = row.since === undefined ? 0 : VMXCAP_EDITIONS.indexOf(row.since);
  const until = row.until === undefined ? at : VMXCAP_EDITIONS.indexOf(row.until);
  return since <= at && at <= until;
}

/** What an edition of the script says of these registers, line by line; a title stands before its first line. */
export function vmxcapClaims(msrs: VmxcapRegisters, edition: VmxcapEdition): VmxcapClaim[] {
  const claims: VmxcapClaim[] = [];
  for (const group of GROUPS) {
    if (!inEdition(group, edition)) continue;
    const value = msrs.get(group.register) ?? ZERO;
    const whole = { group: group.title, register: group.register };
    if (group.kind === "bits" && inEdition({ since: HEX_SINCE }, edition)) {
      claims.push({ ...whole, label: "Hex", low: 0, high: 63, kind: "hex", said: formatU64(value) });
    }
    for (const { at, label, ...range } of group.rows) {
      if (!inEdition(range, edition)) continue;
      if (typeof at !== "number") {
        const [low, high] = at;
        const said = String((toBigInt(value) >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
        claims.push({ ...whole, label, low, high, kind: "number", said });
      } else claims.push({ ...whole, label, low: at, high: at, kind: "state", said: stateOf(group, value, at, msrs) });
    }
  }
  return claims;
}

function stateOf(group: Group, value: U64, bit: number, msrs: VmxcapRegisters): string {
  if (group.kind !== "control") return testBit(value, bit) ? "yes" : "no";
  const mustBe1 = testBit(value, bit);
  const mayBe1 = testBit(value, bit + 32);
  if (mustBe1 && mayBe1 && group.trueRegister !== undefined) {
    const other = msrs.get(group.trueRegister) ?? ZERO;
    if (!testBit(other, bit) && testBit(other, bit + 32)) return "default";
  }
  if (mayBe1) return mustBe1 ? "forced" : "yes";
  return mustBe1 ? "?" : "no";
}

/** The whole output of an edition. */
export function vmxcapOutput(msrs: VmxcapRegisters, edition: VmxcapEdition): string {
  const lines: string[] = [];
  let title: string | undefined;
  for (const { group, label, kind, said } of vmxcapClaims(msrs, edition)) {
    if (group !== title) lines.push(group);
    title = group;
    lines.push(kind === "hex" ? `  Hex: ${said}` : `  ${label.padEnd(40)} ${said}`);
  }
  return `${lines.join("\n")}\n`;
}
