import { effectiveMsr } from "../../host/existence.js";
import { type CoreGroup, CPU_FEATURES, type CpuFeature, type Host } from "../../host/host.js";
import { UNREAD } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import type { CpuidResult, Half, HostRead } from "../machine/op.js";
import type { HostFacts } from "./host-facts.js";

/** Number of a capability: word and bit of the kernel's `x86_capability` (asm/cpufeatures.h; words follow CPUID). */
type Capability = readonly [word: number, bit: number];

const CAPABILITIES = {
  vmx: [4, 5],
  smx: [4, 6],
  nx: [1, 20],
  mpx: [9, 14],
  umip: [16, 2],
  ss: [0, 27],
  pdpe1gb: [1, 26],
  xsave: [4, 26],
  xsaves: [10, 3],
  sgx: [9, 2],
  sgx_lc: [16, 30],
  hybrid: [18, 15],
  shstk: [16, 7],
  ibt: [18, 20],
  la57: [16, 16],
  hypervisor: [4, 31],
} as const satisfies { readonly [F in CpuFeature]: Capability };

/** Capabilities that every CPU with VMX has: x87 and FXSR, without which 64-bit Linux does not run. */
const ALWAYS: readonly Capability[] = [
  [0, 0],
  [0, 24],
];

/** Registers of CPUID by capability word: leaf, subleaf, and EAX to EDX as 0 to 3. */
const CPUID_WORDS: readonly (readonly [leaf: number, subleaf: number, register: 0 | 1 | 2 | 3, word: number])[] = [
  [1, -1, 3, 0],
  [1, -1, 2, 4],
  [7, 0, 1, 9],
  [7, 0, 2, 16],
  [7, 0, 3, 18],
  [7, 1, 0, 12],
  [0xd, 1, 0, 10],
  [0x8000_0001, -1, 3, 1],
  [0x8000_0001, -1, 2, 6],
];

const WORDS = 24;
const UNKNOWN: Half = { value: 0, unknown: 0xffff_ffff };

/** What is known of the machine around the CPU. */
export interface FactOptions {
  readonly pmu?: boolean | undefined;
  readonly irqPosting?: boolean | undefined;
  readonly tboot?: boolean | undefined;
  /**
   * What the CPU has outside of what a host describes: capabilities, CPUID leaves and MSRs that KVM looks at while it
   * loads for what it offers guests elsewhere. Unknown ones can stop a run, which then says nothing. Default `"absent"`.
   */
  readonly others?: "absent" | "unknown";
  /** MSRs that the host does not name, before anything else is assumed of them. */
  readonly otherMsrs?: (index: number) => HostRead;
}

/**
 * A register that has a value.
 *
 * @internal
 */
export function value64(value: bigint): HostRead {
  return {
    kind: "value",
    lo: Number(BigInt.asIntN(32, value)),
    hi: Number(BigInt.asIntN(32, value >> 32n)),
    ulo: 0,
    uhi: 0,
  };
}

/** Registers that every 64-bit CPU has. PAT and EFER as Linux leaves them; the value of the others does not matter. */
const EVERYWHERE: ReadonlyMap<number, HostRead> = new Map([
  [0x277, value64(0x0007_0406_0007_0406n)],
  [0xc000_0080, value64(0xd01n)],
  [0xd90, value64(0n)],
  [0x6a2, value64(0n)],
  ...[
    0x10, 0x1b, 0x174, 0x175, 0x176, 0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0100, 0xc000_0101,
    0xc000_0102,
  ].map((index): [number, HostRead] => [index, value64(0n)]),
]);

/** IA32_XSS, and the bits of it that Linux sets where it uses CET. */
const XSS = 0xda0;
const XSS_CET = 0x1800;

/** MSRs that describe VMX: whether one is there is never assumed. */
function isVmx(index: number): boolean {
  return registerOf(index) !== undefined;
}

/** The facts of one group of CPUs of a host, for the machine to run on. */
export function factsOfHost(host: Host, core: CoreGroup, options: FactOptions = {}): HostFacts {
  const { features, maxLeaf, tscKhz, physAddrBits, linAddrBits, cpuid12Eax, cpuid15 } = core.cpuid;
  const fill = options.others === "unknown" ? 0xffff_ffff : 0;
  const capabilities: Half[] = Array.from({ length: WORDS }, () => ({ value: 0, unknown: fill }));
  const set = ([word, bit]: Capability, value: boolean | undefined) => {
    const half = capabilities[word];
    if (half === undefined || value === undefined) return;
    const mask = (1 << bit) >>> 0;
    capabilities[word] = {
      value: value ? (half.value | mask) >>> 0 : half.value,
      unknown: (half.unknown & ~mask) >>> 0,
    };
  };
  for (const name of CPU_FEATURES) set(CAPABILITIES[name], features[name]);
  for (const capability of ALWAYS) set(capability, true);
  const known = (value: number | undefined): Half =>
    value === undefined ? { value: 0, unknown: fill } : { value: value >>> 0, unknown: 0 };
  const cpuid = (leaf: number, subleaf: number): CpuidResult => {
    const result: [Half, Half, Half, Half] = [known(undefined), known(undefined), known(undefined), known(undefined)];
    for (const [of, sub, register, word] of CPUID_WORDS)
      if (of === leaf && (sub === -1 || sub === subleaf)) result[register] = capabilities[word] ?? UNKNOWN;
    if (leaf === 0) {
      result[0] = known(maxLeaf);
      if (host.vendor?.length === 12)
        for (const [register, at] of [
          [1, 0],
          [3, 4],
          [2, 8],
        ] as const)
          result[register] = letters(host.vendor, at);
    } else if (leaf === 1) result[0] = known(core.signature);
    else if (leaf === 0x12 && subleaf === 0) result[0] = known(cpuid12Eax);
    else if (leaf === 0x15 && cpuid15 !== undefined) {
      result[0] = known(cpuid15.eax);
      result[1] = known(cpuid15.ebx);
      result[2] = known(cpuid15.ecx);
    } else if (leaf === 0x8000_0008 && physAddrBits !== undefined && linAddrBits !== undefined)
      result[0] = { value: physAddrBits | (linAddrBits << 8), unknown: (fill & 0xffff_0000) >>> 0 };
    return result;
  };
  return {
    ...(host.vendor === undefined ? {} : { vendor: host.vendor }),
    ...(core.signature === undefined ? {} : { signature: core.signature }),
    capabilities,
    ...(maxLeaf === undefined ? {} : { maxLeaf }),
    ...(tscKhz === undefined ? {} : { tscKhz }),
    ...(physAddrBits === undefined ? {} : { physAddrBits }),
    ...(linAddrBits === undefined ? {} : { linAddrBits }),
    rdmsr(index) {
      const msr = isVmx(index) ? effectiveMsr(core, index) : (core.msrs.get(index) ?? UNREAD);
      if (msr.state === "absent") return { kind: "fault" };
      if (msr.state === "unknown") {
        const other = options.otherMsrs?.(index) ?? EVERYWHERE.get(index);
        if (other !== undefined) return other;
        if (index === XSS) {
          const { shstk } = features;
          return {
            kind: "value",
            lo: shstk === true ? XSS_CET : 0,
            hi: 0,
            ulo: shstk === undefined ? XSS_CET : 0,
            uhi: 0,
          };
        }
        return isVmx(index) || options.others === "unknown" ? { kind: "unknown" } : { kind: "fault" };
      }
      // Bits of a register that may not be there: a fault reads as the same zeros.
      return {
        kind: "value",
        lo: msr.lo.value | 0,
        hi: msr.hi.value | 0,
        ulo: msr.lo.unknown | 0,
        uhi: msr.hi.unknown | 0,
      };
    },
    cpuid,
    control: (name) => (name === "xcr0" ? xcr0(features.mpx) : { kind: "unknown" }),
    ...(options.pmu === undefined ? {} : { pmu: options.pmu }),
    ...(options.irqPosting === undefined ? {} : { irqPosting: options.irqPosting }),
    ...(options.tboot === undefined ? {} : { tboot: options.tboot }),
  };
}

/** XCR0 as Linux leaves it: x87 and SSE always, the registers of MPX where the CPU has it, the rest is not described. */
function xcr0(mpx: boolean | undefined): HostRead {
  const bounds = 0x18;
  const always = 3;
  const lo = always | (mpx === true ? bounds : 0);
  return { kind: "value", lo, hi: 0, ulo: ~(always | (mpx === undefined ? 0 : bounds)), uhi: -1 };
}

function letters(text: string, at: number): Half {
  let value = 0;
  for (let i = 0; i < 4; i++) value |= text.charCodeAt(at + i) << (8 * i);
  return { value: value >>> 0, unknown: 0 };
}
