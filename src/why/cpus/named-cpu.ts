import { once } from "../../bits/once.js";
import { shared, type Tri } from "../../bits/tri.js";
import { entryHost } from "../../input/atlas/atlas.js";
import type { AtlasEntry } from "../../input/atlas/atlas-entry.js";
import { findCpu } from "../../input/atlas/atlas-find.js";
import { kinOf, kinOfGeneration } from "../../input/atlas/series.js";
import { hasBrokenPreemptionTimer } from "../../kvm/load/errata.js";
import { replay } from "../../kvm/replay.js";
import { DEFAULT_RELEASE, type Release } from "../../rules/release.js";
import type { Condition } from "../../rules/rule.js";
import { assume } from "../../situation/assume.js";
import type { Feature } from "../features.js";
import { DESIGN_WORDS, type Design, designCalled, designHas, designOf } from "./cpu-designs.js";

/** A CPU that a text names. */
export interface NamedCpu {
  readonly name: string;
  readonly entry?: AtlasEntry;
  /** CPUs of the atlas that are made from the same die, where it has none of the name. */
  readonly kin: readonly AtlasEntry[];
  /** Its design, where the atlas has none of them. */
  readonly design?: Design;
}

const CPU_NAME =
  /\b(?:i[3579]|m[357])[- ]?\d{3,5}(?:[A-Z]{1,2}\d?)?\b|\b(?:[EQXTPLUWN]\d{4}|(?:E[357]|W|D)-?\d{4}[A-Z]{0,2}(?: ?[vV]\d)?|[JN]\d{3,4}|N9[57]|(?:Gold|Silver|Platinum|Bronze) \d{4}\w?|(?<=\bXeon(?:\(R\))? )6\d{3}[EP])\b/g;
/** Machines whose names look like a CPU's. */
const MACHINE =
  /\b(?:Precision(?: Tower| Workstation)?|Latitude|OptiPlex|Vostro|Dell|IBM|System|HP|ThinkPad|Lenovo) $/i;
const SURE_NAME = /^(?:[im]\d|E[357]-)/;
const CPU_WORD =
  /\bIntel\b|\bXeon\b|\bCore ?(?:2|i\d)|\bC2[DQ]\b|\bCeleron\b|\bPentium\b|\bAtom\b|\bCPU\b|\bprocessor\b/i;

const OF_VMX = /\b(?:unrestricted[-_ ]guest|EPT|VPID|VT-?x|vmx|APICv|kvm_intel)\b/i;

/** Not the models of QEMU, whose names are written together. */
const GENERATION =
  /\b(?:Core ?2(?: (?:Duo|Quad|Extreme))?|Merom|Conroe|Penryn|Wolfdale|Yorkfield|Westmere|Gulftown|Sandy Bridge(?:-E[NPX]?)?|Ivy Bridge(?:-E[NPX]?)?|(?:Haswell|Broadwell)(?:-E[NPX]?)?|Skylake(?:-(?:SP|X))?|(?:Kaby|Coffee|Tiger|Alder) Lake|Cascade Lake(?:-(?:SP|X))?|Ice Lake-SP|Sapphire Rapids)\b(?![-\w])/g;
const CPU_MODEL = /-cpu\b|<model\b|\bcpu[-_ ]?model\b/i;

/** The generations of CPUs that a text names, where it names no CPU by its number. */
export function generationsNamed(text: string): readonly NamedCpu[] {
  const names = CPU_MODEL.test(text) ? [] : [...text.matchAll(GENERATION)].map(([name]) => name);
  const designs = CPU_MODEL.test(text) ? [] : [...text.matchAll(DESIGN_WORDS)].map(([name]) => name);
  return [
    ...[...new Set(names)].map((name) => ({ name, kin: kinOfGeneration(name) })),
    ...[...new Set(designs)].map((name) => ({ name, kin: [], design: designCalled(name) as Design })),
  ];
}

/** The CPUs that a text names, with what the atlas has of them. */
export function cpusNamed(text: string): readonly NamedCpu[] {
  const names = new Set<string>();
  for (const line of text.split("\n")) {
    // CPUID of the first Core i names them so: `i7 CPU         950`.
    for (const { 0: name, index } of line.replace(/\b(i[3579]) CPU {1,12}(?=\w?\d{3}\b)/g, "$1-").matchAll(CPU_NAME)) {
      const isOne =
        SURE_NAME.test(name) ||
        CPU_WORD.test(line) ||
        (OF_VMX.test(line) && (designOf(name) !== undefined || kinOf(name).length > 0));
      if (isOne && !MACHINE.test(line.slice(0, index))) names.add(name);
    }
  }
  return [...names].map((name) => {
    const found = findCpu(name);
    if (found.kind === "one" && isOf(name, found.entry)) return { name, entry: found.entry, kin: [] };
    const [kin, design] = [kinOf(name), designOf(name)];
    return kin.length > 0 || design === undefined ? { name, kin } : { name, kin, design };
  });
}

/** Whether the whole number of the product is meant: E5-2620 is another CPU than E5-2620 v2, and i7-4770 than i7-4770K. */
function isOf(name: string, { name: brand }: AtlasEntry): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[- ]/g, "");
  const words = brand.split(" ");
  return words.some((_, from) =>
    [1, 2].some((length) => {
      const said = words.slice(from, from + length).join("");
      return plain(said) === plain(name) && !/^v\d$/i.test(words[from + length] ?? "");
    }),
  );
}

/** What Intel switches off per product, so that CPUs of one die differ in it. */
export const OF_PRODUCT: ReadonlySet<string> = new Set(["shadow-vmcs", "tsc-scaling", "pml"]);

/** Whether CPUs of the atlas hold a condition, where all agree; they are replayed when it is first asked. */
export function sharedBy(entries: readonly AtlasEntry[], release: Release): (condition: Condition) => Tri {
  const replayed = once(() => entries.map((one) => replay(assume(entryHost(one), "registers=sdm").host, { release })));
  return (condition) => (entries.length === 0 ? "unknown" : shared(replayed().map(({ cpu }) => cpu.holds(condition))));
}

/** Whether the CPU has a feature: its own registers say so, or those of all its kind that are known. */
export function hasOf({ entry, kin, design }: NamedCpu): (feature: Feature) => Tri {
  if (design !== undefined) return ({ id }) => designHas(design, id);
  if (entry === undefined) return ofKind(sharedBy(kin, DEFAULT_RELEASE));
  const has = sharedBy([entry], DEFAULT_RELEASE);
  return ({ silicon }) => (silicon === undefined ? "unknown" : has(silicon));
}

/** PML came with Broadwell, as RDSEED did: what lacks both is older. */
const RDSEED: Condition = { bit: ["IA32_VMX_PROCBASED_CTLS2.hi", "RDSEED_EXITING"] };

/** What CPUs of one kind have says nothing about what Intel switches off per product. */
export function ofKind(has: (condition: Condition) => Tri): (feature: Feature) => Tri {
  return ({ id, silicon }) => {
    if (silicon === undefined) return "unknown";
    if (!OF_PRODUCT.has(id)) return has(silicon);
    return id === "pml" && has(silicon) === "no" && has(RDSEED) === "no" ? "no" : "unknown";
  };
}

/** CPUs of the Westmere design with graphics, for desktops and notebooks. */
const WESTMERE_CLIENT = /^(?:i[357][- ][3-6]|Arrandale|Clarkdale)/;

/** Whether KVM does not use the CPU's preemption timer: every one of its kind is of a stepping with the erratum. */
export function hasBrokenTimer({ name, entry, kin, design }: NamedCpu): boolean {
  if (design !== undefined)
    return design.name === "Nehalem" || (design.name === "Westmere" && WESTMERE_CLIENT.test(name));
  const entries = entry === undefined ? kin : [entry];
  return entries.length > 0 && entries.every((one) => hasBrokenPreemptionTimer(entryHost(one).cores[0].signature ?? 0));
}
