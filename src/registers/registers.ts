import { checkNumber } from "../bits/misuse.js";
import type { BitRow, FieldRow, UnnamedRow } from "./bit-row.js";
import { BASIC_BITS, EPT_VPID_BITS, FEAT_CTL_BITS, MISC_BITS, VMFUNC_BITS } from "./capabilities.js";
import { CR0_BITS, CR4_BITS } from "./cr-bits.js";
import { DEFAULT1 } from "./default1.js";
import { PIN_CONTROLS, PRIMARY_CONTROLS, SECONDARY_CONTROLS, TERTIARY_CONTROLS } from "./execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS, EXIT2_CONTROLS } from "./exit-entry-controls.js";
import {
  BASIC_FIELDS,
  BASIC_UNNAMED,
  ENTRY_UNNAMED,
  EPT_VPID_FIELDS,
  EXIT2_UNNAMED,
  FEAT_CTL_FIELDS,
  MISC_FIELDS,
  MISC_UNNAMED,
  TERTIARY_UNNAMED,
  VMCS_ENUM_FIELDS,
} from "./register-fields.js";
import type { SourceId } from "./sources.js";

/**
 * How a register is built.
 *
 * - `controls`: 32 controls; MSR bit X says that control X must be 1 (allowed-0 word), bit 32+X that it may be 1
 *   (allowed-1 word).
 * - `allowed1`: 64 controls; bit X says that control X may be 1, and each may be 0.
 * - `capability`: bits and fields that say what the processor has.
 * - `fixed0`, `fixed1`: bit X of FIXED0 says that bit X of the control register must be 1 in VMX operation; a 0 in
 *   FIXED1 says that it must be 0.
 * - `enumeration`: one number.
 * - `configuration`: written by firmware or the kernel, then locked.
 */
export type Layout = "controls" | "allowed1" | "capability" | "fixed0" | "fixed1" | "enumeration" | "configuration";

/** A control that may be 1 (layouts `controls` and `allowed1`) or a capability bit that is set, as `BitRow` counts. */
export interface BitRef {
  readonly index: number;
  readonly bit: number;
}

/**
 * What says that a register exists: CPUID.1:ECX bit 5 (`vmx`), any one of several bits, or, for IA32_FEATURE_CONTROL,
 * CPUID as well, but of several features (`features`), so that the absence of one proves nothing.
 */
export type Existence = "vmx" | "features" | readonly BitRef[];

/** One MSR: its names, how it is built, what its bits and fields are called, and what says that it exists. */
export interface RegisterRow {
  /** MSR index. */
  readonly index: number;
  /** Name in the SDM. */
  readonly sdm: string;
  /** Linux macro (asm/msr-index.h). */
  readonly linux?: string;
  /** Further spellings: older Linux, QEMU, VirtualBox, FreeBSD and others. Case and `MSR_` do not count. */
  readonly aliases: readonly string[];
  /** What it holds, in a few words. */
  readonly title: string;
  readonly layout: Layout;
  readonly bits: readonly BitRow[];
  readonly fields: readonly FieldRow[];
  readonly unnamed: readonly UnnamedRow[];
  /**
   * Controls of the default1 class: always 1 in the allowed-0 word of the plain register, and free to be 0 where the
   * TRUE register of the same controls says so.
   */
  readonly default1?: readonly number[];
  /**
   * Nothing is defined in bits 63:32, so they are 0 on every CPU, read or not. Set where a kernel looks at them all
   * the same.
   */
  readonly nothingAbove31?: true;
  /** The register that is read with this one: plain and TRUE, FIXED0 and FIXED1. */
  readonly counterpart?: number;
  /** Set for IA32_VMX_TRUE_*: the register that Linux does not read. */
  readonly isTrue?: true;
  readonly exists: Existence;
  /** Section of SDM volume 3D, appendix A, or its substitute. */
  readonly section: string;
  /** Section of the chapter that defines the controls themselves (edition with the VMCS in chapter 26), or a title. */
  readonly definedIn?: string;
  readonly source: SourceId;
}

const TRUE_CTLS_EXIST = [{ index: 0x480, bit: 55 }] as const;
const NONE = [] as const;

/** IA32_FEATURE_CONTROL and every VMX capability MSR, 0x480 to 0x493, by ascending index. */
export const REGISTERS: readonly RegisterRow[] = [
  {
    index: 0x3a,
    sdm: "IA32_FEATURE_CONTROL",
    linux: "MSR_IA32_FEAT_CTL",
    aliases: [
      "MSR_IA32_FEATURE_CONTROL",
      "IA32_FEAT_CTL",
      "MSR_FEATURE_CONTROL",
      "IA32_FEATURE_CTRL",
      "IA32_FEAT_CONTROL",
    ],
    title: "firmware's choice of VMX, SMX and SGX, and the lock",
    layout: "configuration",
    bits: FEAT_CTL_BITS,
    fields: FEAT_CTL_FIELDS,
    unnamed: NONE,
    exists: "features",
    section: "vol. 4, table 2-2",
    definedIn: 'vol. 3C, "Enabling and Entering VMX Operation"',
    source: "sdm",
  },
  {
    index: 0x480,
    sdm: "IA32_VMX_BASIC",
    linux: "MSR_IA32_VMX_BASIC",
    aliases: ["MSR_IA32_VMX_BASIC_INFO", "MSR_VMX_BASIC"],
    title: "basic VMX information",
    layout: "capability",
    bits: BASIC_BITS,
    fields: BASIC_FIELDS,
    unnamed: BASIC_UNNAMED,
    exists: "vmx",
    section: "A.1",
    source: "sdm",
  },
  {
    index: 0x481,
    sdm: "IA32_VMX_PINBASED_CTLS",
    linux: "MSR_IA32_VMX_PINBASED_CTLS",
    aliases: ["MSR_VMX_PINBASED_CTLS", "MSR_VMX_PIN_CTLS", "VMX_PINBASED"],
    title: "pin-based VM-execution controls",
    layout: "controls",
    bits: PIN_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.pin,
    counterpart: 0x48d,
    exists: "vmx",
    section: "A.3.1",
    definedIn: "26.6.1",
    source: "sdm",
  },
  {
    index: 0x482,
    sdm: "IA32_VMX_PROCBASED_CTLS",
    linux: "MSR_IA32_VMX_PROCBASED_CTLS",
    aliases: ["MSR_VMX_PROCBASED_CTLS", "MSR_VMX_PROC_CTLS", "VMX_PROCBASED"],
    title: "primary processor-based VM-execution controls",
    layout: "controls",
    bits: PRIMARY_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.primary,
    counterpart: 0x48e,
    exists: "vmx",
    section: "A.3.2",
    definedIn: "26.6.2",
    source: "sdm",
  },
  {
    index: 0x483,
    sdm: "IA32_VMX_EXIT_CTLS",
    linux: "MSR_IA32_VMX_EXIT_CTLS",
    aliases: ["MSR_VMX_EXIT_CTLS", "MSR_IA32_VMX_VMEXIT_CTLS", "VMX_EXIT"],
    title: "primary VM-exit controls",
    layout: "controls",
    bits: EXIT_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.exit,
    counterpart: 0x48f,
    exists: "vmx",
    section: "A.4.1",
    definedIn: "26.7.1",
    source: "sdm",
  },
  {
    index: 0x484,
    sdm: "IA32_VMX_ENTRY_CTLS",
    linux: "MSR_IA32_VMX_ENTRY_CTLS",
    aliases: ["MSR_VMX_ENTRY_CTLS", "MSR_IA32_VMX_VMENTRY_CTLS", "VMX_ENTRY"],
    title: "VM-entry controls",
    layout: "controls",
    bits: ENTRY_CONTROLS,
    fields: NONE,
    unnamed: ENTRY_UNNAMED,
    default1: DEFAULT1.entry,
    counterpart: 0x490,
    exists: "vmx",
    section: "A.5",
    definedIn: "26.8.1",
    source: "sdm",
  },
  {
    index: 0x485,
    sdm: "IA32_VMX_MISC",
    linux: "MSR_IA32_VMX_MISC",
    aliases: ["MSR_VMX_MISC"],
    title: "miscellaneous data",
    layout: "capability",
    bits: MISC_BITS,
    fields: MISC_FIELDS,
    unnamed: MISC_UNNAMED,
    exists: "vmx",
    section: "A.6",
    source: "sdm",
  },
  {
    index: 0x486,
    sdm: "IA32_VMX_CR0_FIXED0",
    linux: "MSR_IA32_VMX_CR0_FIXED0",
    aliases: ["MSR_VMX_CR0_FIXED0"],
    title: "bits of CR0 that must be 1 in VMX operation",
    layout: "fixed0",
    bits: CR0_BITS,
    fields: NONE,
    unnamed: NONE,
    counterpart: 0x487,
    exists: "vmx",
    section: "A.7",
    source: "general",
  },
  {
    index: 0x487,
    sdm: "IA32_VMX_CR0_FIXED1",
    linux: "MSR_IA32_VMX_CR0_FIXED1",
    aliases: ["MSR_VMX_CR0_FIXED1"],
    title: "bits of CR0 that may be 1 in VMX operation",
    layout: "fixed1",
    bits: CR0_BITS,
    fields: NONE,
    unnamed: NONE,
    counterpart: 0x486,
    exists: "vmx",
    section: "A.7",
    source: "general",
  },
  {
    index: 0x488,
    sdm: "IA32_VMX_CR4_FIXED0",
    linux: "MSR_IA32_VMX_CR4_FIXED0",
    aliases: ["MSR_VMX_CR4_FIXED0"],
    title: "bits of CR4 that must be 1 in VMX operation",
    layout: "fixed0",
    bits: CR4_BITS,
    fields: NONE,
    unnamed: NONE,
    counterpart: 0x489,
    exists: "vmx",
    section: "A.8",
    source: "general",
  },
  {
    index: 0x489,
    sdm: "IA32_VMX_CR4_FIXED1",
    linux: "MSR_IA32_VMX_CR4_FIXED1",
    aliases: ["MSR_VMX_CR4_FIXED1"],
    title: "bits of CR4 that may be 1 in VMX operation",
    layout: "fixed1",
    bits: CR4_BITS,
    fields: NONE,
    unnamed: NONE,
    counterpart: 0x488,
    exists: "vmx",
    section: "A.8",
    source: "general",
  },
  {
    index: 0x48a,
    sdm: "IA32_VMX_VMCS_ENUM",
    linux: "MSR_IA32_VMX_VMCS_ENUM",
    aliases: ["MSR_VMX_VMCS_ENUM"],
    title: "highest index of a VMCS field",
    layout: "enumeration",
    bits: NONE,
    fields: VMCS_ENUM_FIELDS,
    unnamed: NONE,
    exists: "vmx",
    section: "A.9",
    source: "sdm",
  },
  {
    index: 0x48b,
    sdm: "IA32_VMX_PROCBASED_CTLS2",
    linux: "MSR_IA32_VMX_PROCBASED_CTLS2",
    aliases: ["MSR_VMX_PROCBASED_CTLS2", "MSR_VMX_PROC_CTLS2", "VMX_PROCBASED2"],
    title: "secondary processor-based VM-execution controls",
    layout: "controls",
    bits: SECONDARY_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    exists: [{ index: 0x482, bit: 31 }],
    section: "A.3.3",
    definedIn: "26.6.2",
    source: "sdm",
  },
  {
    index: 0x48c,
    sdm: "IA32_VMX_EPT_VPID_CAP",
    linux: "MSR_IA32_VMX_EPT_VPID_CAP",
    aliases: ["MSR_VMX_EPT_VPID_CAP", "IA32_VMX_EPT_VPID_CAPS", "IA32_VMX_EPT_VPID_ENUM"],
    title: "VPID and EPT capabilities",
    layout: "capability",
    bits: EPT_VPID_BITS,
    fields: EPT_VPID_FIELDS,
    unnamed: NONE,
    exists: [
      { index: 0x48b, bit: 1 },
      { index: 0x48b, bit: 5 },
    ],
    section: "A.10",
    source: "sdm",
  },
  {
    index: 0x48d,
    sdm: "IA32_VMX_TRUE_PINBASED_CTLS",
    linux: "MSR_IA32_VMX_TRUE_PINBASED_CTLS",
    aliases: ["MSR_VMX_TRUE_PINBASED_CTLS", "MSR_VMX_TRUE_PIN_CTLS", "VMX_TRUE_PINBASED"],
    title: "pin-based VM-execution controls, default1 class included",
    layout: "controls",
    bits: PIN_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.pin,
    counterpart: 0x481,
    isTrue: true,
    exists: TRUE_CTLS_EXIST,
    section: "A.3.1",
    definedIn: "26.6.1",
    source: "sdm",
  },
  {
    index: 0x48e,
    sdm: "IA32_VMX_TRUE_PROCBASED_CTLS",
    linux: "MSR_IA32_VMX_TRUE_PROCBASED_CTLS",
    aliases: ["MSR_VMX_TRUE_PROCBASED_CTLS", "MSR_VMX_TRUE_PROC_CTLS", "VMX_TRUE_PROCBASED"],
    title: "primary processor-based VM-execution controls, default1 class included",
    layout: "controls",
    bits: PRIMARY_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.primary,
    counterpart: 0x482,
    isTrue: true,
    exists: TRUE_CTLS_EXIST,
    section: "A.3.2",
    definedIn: "26.6.2",
    source: "sdm",
  },
  {
    index: 0x48f,
    sdm: "IA32_VMX_TRUE_EXIT_CTLS",
    linux: "MSR_IA32_VMX_TRUE_EXIT_CTLS",
    aliases: ["MSR_VMX_TRUE_EXIT_CTLS", "VMX_TRUE_EXIT"],
    title: "primary VM-exit controls, default1 class included",
    layout: "controls",
    bits: EXIT_CONTROLS,
    fields: NONE,
    unnamed: NONE,
    default1: DEFAULT1.exit,
    counterpart: 0x483,
    isTrue: true,
    exists: TRUE_CTLS_EXIST,
    section: "A.4.1",
    definedIn: "26.7.1",
    source: "sdm",
  },
  {
    index: 0x490,
    sdm: "IA32_VMX_TRUE_ENTRY_CTLS",
    linux: "MSR_IA32_VMX_TRUE_ENTRY_CTLS",
    aliases: ["MSR_VMX_TRUE_ENTRY_CTLS", "VMX_TRUE_ENTRY"],
    title: "VM-entry controls, default1 class included",
    layout: "controls",
    bits: ENTRY_CONTROLS,
    fields: NONE,
    unnamed: ENTRY_UNNAMED,
    default1: DEFAULT1.entry,
    counterpart: 0x484,
    isTrue: true,
    exists: TRUE_CTLS_EXIST,
    section: "A.5",
    definedIn: "26.8.1",
    source: "sdm",
  },
  {
    index: 0x491,
    sdm: "IA32_VMX_VMFUNC",
    linux: "MSR_IA32_VMX_VMFUNC",
    aliases: ["MSR_VMX_VMFUNC", "VMX_VMFUNC_CTRL", "VMX_FMFUNC"],
    title: "VM-function controls",
    layout: "allowed1",
    nothingAbove31: true,
    bits: VMFUNC_BITS,
    fields: NONE,
    unnamed: NONE,
    exists: [{ index: 0x48b, bit: 13 }],
    section: "A.11",
    definedIn: "26.6.14",
    source: "sdm",
  },
  {
    index: 0x492,
    sdm: "IA32_VMX_PROCBASED_CTLS3",
    linux: "MSR_IA32_VMX_PROCBASED_CTLS3",
    aliases: ["MSR_VMX_PROCBASED_CTLS3", "MSR_VMX_PROC_CTLS3", "VMX_PROCBASED3"],
    title: "tertiary processor-based VM-execution controls",
    layout: "allowed1",
    bits: TERTIARY_CONTROLS,
    fields: NONE,
    unnamed: TERTIARY_UNNAMED,
    exists: [{ index: 0x482, bit: 17 }],
    section: "A.3.4",
    definedIn: "26.6.2",
    source: "sdm",
  },
  {
    index: 0x493,
    sdm: "IA32_VMX_EXIT_CTLS2",
    aliases: ["MSR_IA32_VMX_EXIT_CTLS2", "MSR_VMX_EXIT_CTLS2", "VMX_EXIT2"],
    title: "secondary VM-exit controls",
    layout: "allowed1",
    bits: EXIT2_CONTROLS,
    fields: NONE,
    unnamed: EXIT2_UNNAMED,
    exists: [{ index: 0x483, bit: 31 }],
    section: "A.4.2",
    definedIn: "26.7.1",
    source: "sdm",
  },
];

/** The first bit of the high half of a register of controls, which has what may be 1; the low half has what must be 1. */
export const ALLOWED1 = 32;

/** The row of an MSR index, or `undefined` for an MSR that the table does not have. */
export function registerOf(index: number): RegisterRow | undefined {
  checkNumber(index, "index", "the number of an MSR");
  return REGISTERS.find((row) => row.index === index);
}

/** `0x480`: an MSR index as people write it. */
export function hexIndex(index: number): string {
  return `0x${index.toString(16)}`;
}
