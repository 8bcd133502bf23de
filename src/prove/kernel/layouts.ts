import { NESTED_U32, NESTED_U64 } from "../../kvm/guest/layout.js";
import type { Btf } from "../loader/btf.js";
import type { LoadedModule } from "../loader/link.js";

/** A number in a structure: bytes from the start of the structure, and its size. */
export interface LaidOut {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** The numbers of a structure of a module, in its order. */
export type Layout = readonly LaidOut[];

/**
 * The numbers of a structure, or of a part of it, that a variable of the module is. By the module's own types; for a
 * module without types, which those before 5.11 are, as their source has it, provided that the variable has its size.
 */
export function layoutOf(
  module: LoadedModule,
  types: Btf | undefined,
  variable: "vmcs_config" | "vmx_capability" | "kvm_caps",
  part?: "nested",
): Layout | undefined {
  if (types !== undefined) {
    const whole = types.struct(variable);
    const inner = whole === undefined || part === undefined ? undefined : types.place(whole, part);
    if (whole === undefined || (part !== undefined && inner === undefined)) return undefined;
    return ofTypes(types, inner?.type ?? whole, inner?.offset ?? 0);
  }
  const bySource = SOURCES.find(
    (row) => row.variable === variable && row.part === part && row.whole === module.size(variable),
  );
  return bySource === undefined ? undefined : inOrder(bySource);
}

function ofTypes(btf: Btf, type: number, start: number): Layout {
  return btf.members(type).flatMap(({ name, type: of, bit }) => {
    const size = btf.size(of);
    if (name === "" || bit % 8 !== 0 || btf.members(of).length > 0) return [];
    return size === 1 || size === 2 || size === 4 || size === 8 ? [{ name, offset: start + bit / 8, size }] : [];
  });
}

interface SourceRow {
  readonly variable: "vmcs_config" | "vmx_capability";
  readonly part?: "nested";
  /** Bytes of the whole variable. */
  readonly whole: number;
  /** Where the first number lies. */
  readonly start: number;
  /** Names of the numbers of four bytes, and then of those of eight. */
  readonly four: readonly string[];
  readonly eight: readonly string[];
}

/** Layouts of kernels whose modules have no types: arch/x86/kvm/vmx/capabilities.h of 5.6 to 5.10. */
const SOURCES: readonly SourceRow[] = [
  {
    variable: "vmcs_config",
    whole: 152,
    start: 0,
    four: [
      "size",
      "order",
      "basic_cap",
      "revision_id",
      "pin_based_exec_ctrl",
      "cpu_based_exec_ctrl",
      "cpu_based_2nd_exec_ctrl",
      "vmexit_ctrl",
      "vmentry_ctrl",
    ],
    eight: [],
  },
  {
    variable: "vmcs_config",
    part: "nested",
    whole: 152,
    start: 40,
    four: NESTED_U32,
    eight: NESTED_U64.map(([field]) => field),
  },
  { variable: "vmx_capability", whole: 8, start: 0, four: ["ept", "vpid"], eight: [] },
];

function inOrder({ start, four, eight }: SourceRow): Layout {
  const after = start + 4 * four.length;
  return [
    ...four.map((name, index) => ({ name, offset: start + 4 * index, size: 4 })),
    ...eight.map((name, index) => ({ name, offset: after + 8 * index, size: 8 })),
  ];
}
