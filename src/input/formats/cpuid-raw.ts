import { CPUID_WORDS } from "../../registers/cpuid-features.js";
import {
  assignCoreTypes,
  type CpuidRegisters,
  coreKindFromCpuid,
  factsFromCpuid,
  nameFromCpuid,
  vendorFromCpuid,
} from "../hosts/cpuid-facts.js";
import type { CpuStatement, FactSink } from "../hosts/evidence.js";
import type { CpuDraft } from "../hosts/host-builder.js";
import { type FactReader, type FactRun, placeOf } from "../hosts/reader.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import type { Place } from "../text/diagnostic.js";

/** Output of Todd Allen's `cpuid -r`. */
export const cpuidRaw: FactReader = {
  kind: "facts",
  name: "cpuid",
  knows: "cpuid -r: CPUID of every CPU, so the features, signature, name and address widths; no MSR.",
  mark: /^\s{0,16}0x[0-9a-f]{8} 0x[0-9a-f]{2}: eax=|^\s{0,16}CPU(?: \d{1,5})?:\s*$/,
  unwraps: true,
  open: openCpuid,
};

const HEADING = /^\s{0,16}CPU(?: (\d{1,4}))?:\s*$/;
const LEAF =
  /^\s{0,16}0x([0-9a-f]{8}) 0x([0-9a-f]{2}): eax=0x([0-9a-f]{8}) ebx=0x([0-9a-f]{8}) ecx=0x([0-9a-f]{8}) {1,2}edx=0x([0-9a-f]{8})(?![0-9a-f])/;
/** The leaves that facts are made of; the others are passed over. */
export const FACT_LEAVES: ReadonlySet<number> = new Set([
  ...[0, 1, 4, 7, 0xa, 0xd, 0x12, 0x15, 0x1a],
  ...[0x8000_0000, 0x8000_0001, 0x8000_0002, 0x8000_0003, 0x8000_0004, 0x8000_0008, 0xc000_0000],
  ...Object.values(CPUID_WORDS).map(([leaf]) => leaf),
]);

interface Cpu {
  readonly at: Place;
  readonly leaves: Map<number, CpuidRegisters>;
}

function openCpuid(sink: FactSink): FactRun {
  let cpus = new Map<number | "unnamed", Cpu>();
  let current: number | "unnamed" = "unnamed";

  const settle = (): void => {
    emit(sink, cpus);
    cpus = new Map();
  };

  return {
    line(line) {
      const { text } = line;
      const heading = HEADING.exec(text);
      if (heading !== null) {
        current = heading[1] === undefined ? "unnamed" : Number(heading[1]);
        if (current !== "unnamed" && current > MAX_CPU) current = "unnamed";
        // The same CPU again is another output.
        if (cpus.has(current)) settle();
        return true;
      }
      const found = LEAF.exec(text);
      if (found === null) return false;
      const [leaf, subleaf, eax, ebx, ecx, edx] = found.slice(1).map((digits) => Number.parseInt(digits, 16)) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      if (!FACT_LEAVES.has(leaf) || subleaf > 15 || line.cut) return true;
      let cpu = cpus.get(current);
      if (cpu === undefined) {
        cpu = { at: placeOf(line), leaves: new Map() };
        cpus.set(current, cpu);
      }
      const key = leaf * 256 + subleaf;
      if (!cpu.leaves.has(key)) cpu.leaves.set(key, { eax, ebx, ecx, edx });
      return true;
    },
    end: settle,
  };
}

function emit(sink: FactSink, cpus: ReadonlyMap<number | "unnamed", Cpu>): void {
  const drafts = [...cpus].map(([scope, { at, leaves }]) => {
    const lookup = (leaf: number, subleaf: number): CpuidRegisters | undefined => leaves.get(leaf * 256 + subleaf);
    return { scope, at, lookup, draft: {} as CpuDraft, kind: coreKindFromCpuid(lookup) };
  });
  assignCoreTypes(drafts);
  for (const { scope, at, lookup, draft } of drafts) {
    const [name, vendor] = [nameFromCpuid(lookup), vendorFromCpuid(lookup)];
    const facts = factsFromCpuid(lookup);
    const { hypervisor } = facts.features;
    sink.machine(
      {
        ...(name === undefined ? {} : { name }),
        ...(vendor === undefined ? {} : { vendor }),
        ...(hypervisor === undefined ? {} : { hypervisor }),
      },
      at,
    );
    const signature = lookup(1, 0)?.eax;
    const said: CpuStatement = {
      ...facts,
      ...(signature === undefined ? {} : { signature }),
      ...(draft.coreType === undefined ? {} : { coreType: draft.coreType }),
    };
    sink.cpu(scope, said, at);
  }
}
