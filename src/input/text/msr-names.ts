import type { U64 } from "../../bits/u64.js";
import { bareRegisterName } from "../../registers/lookup.js";
import { hexIndex, REGISTERS, type RegisterRow, registerOf } from "../../registers/registers.js";

/** One of the registers that a host is made of: IA32_FEAT_CTL and the VMX capability MSRs of SDM volume 3, appendix A. */
export function isVmxMsr(index: number): boolean {
  return INDICES.has(index);
}

const INDICES: ReadonlySet<number> = new Set(REGISTERS.map(({ index }) => index));

/** `0x480 (IA32_VMX_BASIC)`; only the number for any other MSR. */
export function describeMsr(index: number): string {
  const row = registerOf(index);
  return row === undefined ? hexIndex(index) : `${hexIndex(index)} (${row.sdm})`;
}

/**
 * The number of the register is beside its name in header files and documents, and one near it in tables of anything.
 * No register of VMX holds such a value.
 */
export function isNumberOfMsr({ hi, lo }: U64, index: number): boolean {
  return hi === 0 && (lo === index || (index >= 0x480 && lo >= 0x400 && lo <= 0x4ff));
}

let byName: Map<string, number> | undefined;

/** The index of `IA32_VMX_BASIC`, `MSR_IA32_VMX_BASIC`, `vmx_basic` …; `undefined` for a name that no register has. */
export function msrByName(name: string): number | undefined {
  byName ??= new Map(
    (REGISTERS as readonly RegisterRow[]).flatMap(({ index, sdm, linux, aliases }) =>
      [sdm, ...(linux === undefined ? [] : [linux]), ...aliases].map((known) => [bareRegisterName(known), index]),
    ),
  );
  return byName.get(bareRegisterName(name));
}
