import type { Tri } from "../bits/tri.js";
import { word } from "../bits/word.js";
import type { CpuFacts } from "../host/host.js";
import type { FactName, ReservedName } from "./checks/expr.js";
import type { Value64 } from "./value64.js";

/* Reserved bits of the registers that a VM entry loads. */

/**
 * Bits that must be 0, bits that need not, and the bits between, which depend on CPUID leaves that were not given.
 * Sources: SDM volume 4 for each register.
 */
export function reservedBits(name: ReservedName, fact: (name: FactName) => Tri, cpuid: CpuFacts | undefined): Value64 {
  switch (name) {
    case "IA32_PERF_GLOBAL_CTRL":
      if (cpuid?.cpuid0a !== undefined) return reservedCounters(cpuid.cpuid0a, cpuid);
      // Two general-purpose and three fixed counters exist wherever the control to load the register does.
      return register({
        reserved: [[63, 49]],
        depends: [
          [31, 2],
          [47, 35],
          [48, 48],
        ],
      });
    case "IA32_EFER": {
      const depends: Range[] = [];
      const never: Range[] = [
        [7, 1],
        [9, 9],
        [63, 12],
      ];
      const sort = (bit: number, has: Tri) => {
        if (has === "no") never.push([bit, bit]);
        else if (has === "unknown") depends.push([bit, bit]);
      };
      sort(0, fact("intel64"));
      sort(8, fact("intel64"));
      sort(10, fact("intel64"));
      sort(11, fact("nx"));
      return register({ reserved: never, depends });
    }
    case "IA32_DEBUGCTL": {
      const never: Range[] = [
        [63, 16],
        [5, 3],
      ];
      const depends: Range[] = [[15, 11]];
      if (fact("osBusLock") === "no") never.push([2, 2]);
      else if (fact("osBusLock") === "unknown") depends.push([2, 2]);
      return register({ reserved: never, depends });
    }
    case "IA32_RTIT_CTL":
      return register({
        reserved: [
          [18, 18],
          [23, 23],
          [30, 28],
          [54, 48],
          [63, 57],
        ],
        depends: [
          [1, 1],
          [9, 4],
          [12, 12],
          [17, 14],
          [22, 19],
          [27, 24],
          [31, 31],
          [47, 32],
          [56, 55],
        ],
      });
    case "IA32_LBR_CTL":
      return register({
        reserved: [
          [15, 4],
          [63, 23],
        ],
        depends: [
          [3, 1],
          [22, 16],
        ],
      });
    case "IA32_SPEC_CTRL":
      return register({ reserved: [[63, 11]], depends: [[10, 0]] });
  }
}

/**
 * CPUID.0AH: EAX[7:0] version, EAX[15:8] general-purpose counters; fixed counter i is there if ECX[i] = 1 or EDX[4:0] > i (SDM
 * volume 3, architectural performance monitoring). A hybrid CPU shows there what all its cores have, and a core can have more,
 * as leaf 23H says. The metrics of bit 48 are counted beside fixed counter 3, where IA32_PERF_CAPABILITIES says so.
 */
function reservedCounters(
  { eax, ecx, edx }: NonNullable<CpuFacts["cpuid0a"]>,
  { features, maxLeaf = 0xffff_ffff }: CpuFacts,
): Value64 {
  // The register came with version 2.
  if ((eax & 0xff) < 2) return register({ reserved: [[63, 0]], depends: [] });
  const general = (eax >>> 8) & 0xff;
  const fixed = edx & 0x1f;
  const isShown = (bit: number) => (bit < 32 ? bit < general : bit - 32 < fixed || ((ecx >>> (bit - 32)) & 1) === 1);
  const others = Array.from({ length: 48 }, (_, bit) => bit)
    .filter((bit) => !isShown(bit))
    .map((bit): Range => [bit, bit]);
  const isAll = features.hybrid === false && maxLeaf < 0x23;
  const metrics: Range = [48, 48];
  return isAll && !isShown(32 + 3)
    ? register({ reserved: [...others, metrics, [63, 49]], depends: [] })
    : register({ reserved: [[63, 49], ...(isAll ? others : [])], depends: [metrics, ...(isAll ? [] : others)] });
}

type Range = readonly [high: number, low: number];

function register(spec: { readonly reserved: readonly Range[]; readonly depends: readonly Range[] }): Value64 {
  const mask = (ranges: readonly Range[]) => {
    let lo = 0;
    let hi = 0;
    for (const [high, low] of ranges) {
      for (let bit = low; bit <= high; bit++) {
        if (bit < 32) lo |= 1 << bit;
        else hi |= 1 << (bit - 32);
      }
    }
    return { lo: lo >>> 0, hi: hi >>> 0 };
  };
  const value = mask(spec.reserved);
  const unknown = mask(spec.depends);
  return { lo: word(value.lo, unknown.lo), hi: word(value.hi, unknown.hi) };
}
