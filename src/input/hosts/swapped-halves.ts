import type { U64 } from "../../bits/u64.js";

/**
 * Whether a VMX capability value makes no sense as it is but does with its halves exchanged, which happens if EDX and
 * EAX are written in the wrong order. Only a suspicion: nothing is ever exchanged.
 */
export function looksSwapped(index: number, value: U64): boolean {
  const plausible = PLAUSIBLE[index];
  if (plausible === undefined) return false;
  return !plausible(value) && plausible({ hi: value.lo, lo: value.hi });
}

/** Allowed-0 settings in the low half, all of them among the allowed-1 settings in the high half (SDM A.3 to A.5). */
const controls = (v: U64): boolean => (v.lo & ~v.hi) === 0;
/** Registers whose high half is reserved, and whose low half is not zero on any CPU. */
const lowOnly = (v: U64): boolean => v.hi === 0;
/**
 * Revision identifier without bit 31, region size of at most 4096 bytes in bits 44:32, memory type 0 or 6 in bits 53:50
 * (SDM A.1). No CPU or hypervisor has a region below 256 bytes; a small number there is a revision identifier.
 */
const basic = (v: U64): boolean => {
  const size = v.hi & 0x1fff;
  const type = (v.hi >>> 18) & 0xf;
  return v.lo >>> 31 === 0 && size >= 256 && size <= 4096 && (v.hi & 0xe000) === 0 && (type === 0 || type === 6);
};

const PLAUSIBLE: { readonly [index: number]: (v: U64) => boolean } = {
  0x3a: lowOnly,
  0x480: basic,
  0x481: controls,
  0x482: controls,
  0x483: controls,
  0x484: controls,
  // The MSEG revision identifier fills the high half only on CPUs with dual-monitor treatment; CR3 targets and
  // activity states are in the low one (SDM A.6).
  0x485: (v) => v.lo !== 0,
  // Linux reads these as CR0 and CR4 masks: the low half holds PE, PG and VMXE (SDM A.7, A.8).
  0x486: lowOnly,
  0x487: (v) => v.lo !== 0,
  0x488: lowOnly,
  0x489: (v) => (v.lo & 0x2000) !== 0,
  0x48a: lowOnly,
  0x48b: controls,
  // VPID capabilities, bits 63:32, are bit 32 and bits 43:40 (SDM A.10).
  0x48c: (v) => (v.hi & ~0xf01) === 0,
  0x48d: controls,
  0x48e: controls,
  0x48f: controls,
  0x490: controls,
  0x491: lowOnly,
};
