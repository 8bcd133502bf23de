import { and, not, type Tri } from "../bits/tri.js";
import { bitAt, type Word } from "../bits/word.js";
import { holdsIn, rowIn, rowsIn } from "../rules/held.js";
import type { Release } from "../rules/release.js";
import { CPU_FLAGS, type CpuFlag, VMX_FLAGS, VMX_FLAGS_LINE, VMX_WORDS, type VmxFlag } from "./vmx-features.js";

/** A flag and whether it is printed. */
export interface FlagState {
  readonly flag: string;
  readonly set: Tri;
}

/** The `vmx flags` line of /proc/cpuinfo. */
export interface VmxFlagsLine {
  /** Is the line printed at all: only with X86_FEATURE_VMX and a word 0 that is not zero. */
  readonly printed: Tri;
  /** Every name that the release knows, in the order of printing, and whether the line has it if it is printed. */
  readonly flags: readonly FlagState[];
}

/** Number of words of `vmx_capability[]` in a release. */
export function vmxWordCount(release: Release): number {
  return rowIn(VMX_WORDS, release).words;
}

/**
 * The line that show_cpuinfo (arch/x86/kernel/cpu/proc.c) prints from `vmx_capability[]`: `words` are all those of the
 * release (`vmxWordCount`), in order.
 */
export function vmxFlagsLine(release: Release, hasVmx: Tri, words: readonly Word[]): VmxFlagsLine {
  const first = words[0];
  if (first === undefined || holdsIn(release, VMX_FLAGS_LINE.held) === false) return { printed: "no", flags: [] };
  const empty: Tri = first.value !== 0 ? "no" : first.unknown === 0 ? "yes" : "unknown";
  return {
    printed: and(hasVmx, not(empty)),
    flags: rowsIn<VmxFlag>(VMX_FLAGS, release).map((row) => ({
      flag: row.flag,
      set: bitAt(words[row.word] as Word, row.bit),
    })),
  };
}

/** The flags of the `flags` line that boot sets or clears because of VMX, in the kernel's order. */
export function cpuFlags(
  release: Release,
  cap: (name: (typeof CPU_FLAGS)[number]["cap"]) => Tri,
): readonly FlagState[] {
  return rowsIn<CpuFlag>(CPU_FLAGS, release).map((row) => ({
    flag: row.flag,
    set: cap(row.cap),
  }));
}
