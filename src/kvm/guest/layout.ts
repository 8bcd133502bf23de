import { type Fact, rowIn } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import type { WordName } from "../../rules/words.js";
import { BASIC_AS_ONE_WORD, FULL_LISTS, ONE_PAGE_VMCS, TERTIARY } from "../changes.js";

/*
 * Where the fields of struct vmcs_config lie, as 32-bit words: what the per-CPU check compares and what the offsets mean
 * that it prints since 7.2. Facts: arch/x86/kvm/vmx/capabilities.h of 64-bit kernels; the offsets were checked against
 * the memory of running kernels of 5.10, 6.1 and 7.2, and those of 7.2 against a published log.
 */

/** Four bytes of struct vmcs_config. */
export interface LayoutRow {
  /** In bytes from the start of the structure. */
  readonly offset: number;
  /** Name of the field in the kernel; of a 64-bit field with the half. */
  readonly field: string;
  /** The word of a replay that holds it; none for a field that follows from others. */
  readonly word?: WordName;
  /** Bits of that word that the field holds, if not all: the others are 0 in the field. */
  readonly bits?: { readonly hi: number; readonly lo: number };
}

type NarrowField = readonly [field: string, word: WordName];

/** Fields of struct nested_vmx_msrs in their order, the same in every release: those of 32 bits, then those of 64. */
export const NESTED_U32 = [
  "procbased_ctls_low",
  "procbased_ctls_high",
  "secondary_ctls_low",
  "secondary_ctls_high",
  "pinbased_ctls_low",
  "pinbased_ctls_high",
  "exit_ctls_low",
  "exit_ctls_high",
  "entry_ctls_low",
  "entry_ctls_high",
  "misc_low",
  "misc_high",
  "ept_caps",
  "vpid_caps",
] as const satisfies readonly WordName[];
export const NESTED_U64 = [
  ["basic", "nested.basic.lo", "nested.basic.hi"],
  ["cr0_fixed0", "cr0_fixed0.lo", "cr0_fixed0.hi"],
  ["cr0_fixed1", "cr0_fixed1.lo", "cr0_fixed1.hi"],
  ["cr4_fixed0", "cr4_fixed0.lo", "cr4_fixed0.hi"],
  ["cr4_fixed1", "cr4_fixed1.lo", "cr4_fixed1.hi"],
  ["vmcs_enum", "vmcs_enum.lo", "vmcs_enum.hi"],
  ["vmfunc_controls", "vmfunc_controls.lo", "vmfunc_controls.hi"],
] as const satisfies readonly (readonly [string, WordName, WordName])[];

const CONTROLS: readonly NarrowField[] = [
  ["pin_based_exec_ctrl", "pin_based_exec_ctrl"],
  ["cpu_based_exec_ctrl", "cpu_based_exec_ctrl"],
  ["cpu_based_2nd_exec_ctrl", "cpu_based_2nd_exec_ctrl"],
];
const EXIT_ENTRY: readonly NarrowField[] = [
  ["vmexit_ctrl", "vmexit_ctrl"],
  ["vmentry_ctrl", "vmentry_ctrl"],
];

function narrow(offset: number, fields: readonly NarrowField[]): LayoutRow[] {
  return fields.map(([field, word], position) => ({ offset: offset + 4 * position, field, word }));
}

function wide(offset: number, field: string, lo: WordName, hi: WordName): LayoutRow[] {
  return [
    { offset, field: `${field} bits 31:0`, word: lo },
    { offset: offset + 4, field: `${field} bits 63:32`, word: hi },
  ];
}

function nested(offset: number): LayoutRow[] {
  const u64s = offset + 4 * NESTED_U32.length;
  return [
    ...narrow(
      offset,
      NESTED_U32.map((word) => [`nested.${word}`, word]),
    ),
    ...NESTED_U64.flatMap(([field, lo, hi], position) => wide(u64s + 8 * position, `nested.${field}`, lo, hi)),
  ];
}

/** IA32_VMX_BASIC as three fields: the low half as it is, the high half cut at bit 13. */
const SIZE = { field: "size", word: "basic.hi", bits: { hi: 12, lo: 0 } } as const;
const BASIC_CAP = { field: "basic_cap", word: "basic.hi", bits: { hi: 31, lo: 13 } } as const;
const REVISION = { field: "revision_id", word: "basic.lo" } as const;

/** A gap before an aligned 64-bit field has no row. */
export const VMCS_CONFIG_LAYOUTS: readonly (Fact & { readonly rows: readonly LayoutRow[] })[] = [
  {
    held: { before: ONE_PAGE_VMCS },
    rows: [
      { offset: 0, ...SIZE },
      // get_order() of the size: 0 for every size from 1 to 4096.
      { offset: 4, field: "order" },
      { offset: 8, ...BASIC_CAP },
      { offset: 12, ...REVISION },
      ...narrow(16, [...CONTROLS, ...EXIT_ENTRY]),
      ...nested(40),
    ],
  },
  {
    held: { since: ONE_PAGE_VMCS, before: TERTIARY },
    rows: [
      { offset: 0, ...SIZE },
      { offset: 4, ...BASIC_CAP },
      { offset: 8, ...REVISION },
      ...narrow(12, [...CONTROLS, ...EXIT_ENTRY]),
      ...nested(32),
    ],
  },
  {
    held: { since: TERTIARY, before: FULL_LISTS },
    rows: [
      { offset: 0, ...SIZE },
      { offset: 4, ...BASIC_CAP },
      { offset: 8, ...REVISION },
      ...narrow(12, CONTROLS),
      ...wide(24, "cpu_based_3rd_exec_ctrl", "cpu_based_3rd_exec_ctrl.lo", "cpu_based_3rd_exec_ctrl.hi"),
      ...narrow(32, EXIT_ENTRY),
      ...nested(40),
    ],
  },
  {
    held: { since: FULL_LISTS, before: BASIC_AS_ONE_WORD },
    rows: [
      { offset: 0, ...SIZE },
      { offset: 4, ...BASIC_CAP },
      { offset: 8, ...REVISION },
      ...narrow(12, CONTROLS),
      ...wide(24, "cpu_based_3rd_exec_ctrl", "cpu_based_3rd_exec_ctrl.lo", "cpu_based_3rd_exec_ctrl.hi"),
      ...narrow(32, EXIT_ENTRY),
      ...wide(40, "misc", "misc.lo", "misc.hi"),
      ...nested(48),
    ],
  },
  {
    held: { since: BASIC_AS_ONE_WORD },
    rows: [
      ...wide(0, "basic", "basic.lo", "basic.hi"),
      ...narrow(8, CONTROLS),
      ...wide(24, "cpu_based_3rd_exec_ctrl", "cpu_based_3rd_exec_ctrl.lo", "cpu_based_3rd_exec_ctrl.hi"),
      ...narrow(32, EXIT_ENTRY),
      ...wide(40, "misc", "misc.lo", "misc.hi"),
      ...nested(48),
    ],
  },
];

/** The fields of struct vmcs_config of a release, by ascending offset. Throws `RangeError` when none are tabulated. */
export function vmcsConfigLayout(release: Release): readonly LayoutRow[] {
  return rowIn(VMCS_CONFIG_LAYOUTS, release).rows;
}

/** What lies at an offset, in bytes, as the line `Offset 76 REF = …` of 7.2 gives it; undefined for a gap. */
export function vmcsConfigField(release: Release, offset: number): LayoutRow | undefined {
  return vmcsConfigLayout(release).find((row) => row.offset === offset);
}
