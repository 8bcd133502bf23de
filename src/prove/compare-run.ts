import type { Tri } from "../bits/tri.js";
import type { Word } from "../bits/word.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { paramsOf } from "../kvm/programs.js";
import type { Replay } from "../kvm/replay.js";
import { paramText } from "../kvm/replay-params.js";
import { vmxWordCount } from "../linux/cpuinfo.js";
import { settledRecord } from "../rules/machine.js";
import { type BitName, bitName, WORD_NAMES, type WordName } from "../rules/words.js";
import { compareMessages } from "./compare-messages.js";
import type { BootRun } from "./kernel/boot.js";
import type { Known64 } from "./kernel/outcome.js";
import type { ModuleRun } from "./kernel/run-modules.js";
import type { Half } from "./machine/op.js";

/** What is compared, in the order of a report. */
export const COMPARED_GROUPS = ["boot", "loading", "messages", "words", "parameters", "nested"] as const;
export type Group = (typeof COMPARED_GROUPS)[number];

/** One thing that the tables and the kernel's code both say. */
export interface Compared {
  readonly group: Group;
  /** As the kernel names it: `vmcs_config.pin_based_exec_ctrl`, `kvm_intel.pml`, `0x480`. */
  readonly name: string;
  readonly tables: string;
  readonly module: string;
  /** `open` where one of the two does not know. */
  readonly verdict: "agree" | "differ" | "open";
  /** Bits in which both are known and differ, with their names. */
  readonly bits: readonly { readonly bit: number; readonly name?: string; readonly tables: 0 | 1 }[];
  /** The word of the replay, for the rule behind it. */
  readonly word?: WordName;
  /** Where the module keeps it: a symbol, and bytes from its start. */
  readonly place?: { readonly symbol: string; readonly field: string };
}

/** Everything that both the tables and the kernel's code say, and how often they agree. */
export interface Comparison {
  readonly items: readonly Compared[];
  readonly counts: {
    readonly [G in Group]: { readonly agree: number; readonly differ: number; readonly open: number };
  };
}

/** Compares every result that both have. What one of the two does not have in this release is left out. */
export function compareRun(replayed: Replay, run: ModuleRun, boot: BootRun | undefined): Comparison {
  const items: Compared[] = [
    ...(boot === undefined || boot.stopped !== undefined
      ? []
      : [...bootItems(replayed, boot), ...messageItems("boot", replayed.cpu.boot.messages, boot.log.messages)]),
    ...(run.stopped === undefined
      ? [
          ...loadingItems(replayed, run),
          ...messageItems("loading", settled(replayed), run.log.messages),
          ...wordItems(replayed, run),
          ...paramItems(replayed, run),
          ...nestedItems(replayed, run),
        ]
      : []),
  ];
  const count = (group: Group, verdict: Compared["verdict"]) =>
    items.filter((item) => item.group === group && item.verdict === verdict).length;
  return {
    items,
    counts: Object.fromEntries(
      COMPARED_GROUPS.map((group) => [
        group,
        { agree: count(group, "agree"), differ: count(group, "differ"), open: count(group, "open") },
      ]),
    ) as Comparison["counts"],
  };
}

interface Sides {
  readonly group: Group;
  readonly name: string;
  readonly tables: Known64;
  readonly module: Known64;
  readonly words?: { readonly lo: WordName; readonly hi?: WordName };
  readonly place?: Compared["place"];
}

function compareNumbers({ group, name, tables, module, words, place }: Sides): Compared {
  const differing = (tables.value ^ module.value) & ~(tables.unknown | module.unknown);
  const open = tables.unknown | module.unknown;
  const bits: { bit: number; name?: string; tables: 0 | 1 }[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (((differing >> BigInt(bit)) & 1n) === 0n) continue;
    const word = bit < 32 ? words?.lo : words?.hi;
    const label = word === undefined ? undefined : bitName(word, bit & 31);
    bits.push({
      bit,
      ...(label === undefined ? {} : { name: label }),
      tables: (tables.value >> BigInt(bit)) & 1n ? 1 : 0,
    });
  }
  return {
    group,
    name,
    tables: numberText(tables),
    module: numberText(module),
    verdict: differing !== 0n ? "differ" : open !== 0n ? "open" : "agree",
    bits,
    ...(words === undefined ? {} : { word: words.lo }),
    ...(place === undefined ? {} : { place }),
  };
}

/** `0x1f`, with `?` for digits that hold unknown bits. */
export function numberText({ value, unknown }: Pick<Known64, "value" | "unknown">): string {
  if (unknown === 0n) return `0x${value.toString(16)}`;
  let text = "";
  for (let shift = 60n; shift >= 0n; shift -= 4n)
    text += (unknown >> shift) & 15n ? "?" : ((value >> shift) & 15n).toString(16);
  return `0x${text.replace(/^0+(?=.)/, "")}`;
}

function ofWords(lo: Word, hi?: Word): Known64 {
  return {
    value: (BigInt(hi?.value ?? 0) << 32n) | BigInt(lo.value),
    unknown: (BigInt(hi?.unknown ?? 0) << 32n) | BigInt(lo.unknown),
    size: hi === undefined ? 4 : 8,
  };
}

function ofHalf({ value, unknown }: Half): Known64 {
  return { value: BigInt(value >>> 0), unknown: BigInt(unknown >>> 0), size: 4 };
}

function compareTruth(group: Group, name: string, tables: Tri, module: Tri): Compared {
  const verdict = tables === "unknown" || module === "unknown" ? "open" : tables === module ? "agree" : "differ";
  return { group, name, tables, module, verdict, bits: [] };
}

export const COMPARED_WORDS = [
  "vmx_capability[0]",
  "vmx_capability[1]",
  "vmx_capability[2]",
  "vmx_capability[3]",
  "vmx_capability[4]",
] as const;

function bootItems({ release, cpu }: Replay, boot: BootRun): Compared[] {
  const words = COMPARED_WORDS.slice(0, vmxWordCount(release)).flatMap((name, index) => {
    const half = boot.vmxCapability[index];
    return half === undefined
      ? []
      : [
          compareNumbers({
            group: "boot",
            name,
            tables: ofWords(cpu.word(name)),
            module: ofHalf(half),
            words: { lo: name },
          }),
        ];
  });
  const flags = bootFlags(boot).map(({ cap, name, value }) =>
    compareTruth("boot", `CPU flag ${name}`, cpu.bit("caps", cap), value),
  );
  return [...words, ...flags];
}

const CAPS: readonly (readonly [cap: BitName<"caps">, name: string])[] = [
  ["VMX", "vmx"],
  ["SGX", "sgx"],
  ["SGX_LC", "sgx_lc"],
];

/** CPU flags that boot may clear, as it left them. */
export function bootFlags(
  boot: BootRun,
): readonly { readonly cap: BitName<"caps">; readonly name: string; readonly value: Tri }[] {
  return CAPS.flatMap(([cap, name]) => {
    const place = boot.capabilityBits.get(name);
    const half = place === undefined ? undefined : boot.capabilities[place >> 5];
    if (place === undefined || half === undefined) return [];
    const bit = place & 31;
    return [{ cap, name, value: (half.unknown >>> bit) & 1 ? "unknown" : (half.value >>> bit) & 1 ? "yes" : "no" }];
  });
}

export const ERRNO: { readonly [errno: string]: number } = {
  EIO: -5,
  ENOMEM: -12,
  EINVAL: -22,
  ERANGE: -34,
  EOPNOTSUPP: -95,
};

function loadingItems(replayed: Replay, run: ModuleRun): Compared[] {
  const { result } = run;
  const known = result !== undefined && result.unknown === 0 ? result.value | 0 : undefined;
  // The module runs on the boot CPU; that other kinds of cores refuse is beyond it.
  const { cpu } = replayed;
  const error = cpu.loads === "no" ? cpu.refusals.at(-1)?.errno : undefined;
  const tables = cpu.loads === "yes" ? "0" : error === undefined ? "unknown" : String(ERRNO[error]);
  const module = known === undefined ? "unknown" : String(known);
  const verdict = tables === "unknown" || module === "unknown" ? "open" : tables === module ? "agree" : "differ";
  return [{ group: "loading", name: "result of loading kvm_intel", tables, module, verdict, bits: [] }];
}

/** What the tables print while the modules load, those behind a possible refusal by whether they load. */
function settled({ cpu, loads }: Replay) {
  return cpu.load.messages.map((message) => settledRecord(message, loads));
}

function messageItems(phase: string, ...sides: Parameters<typeof compareMessages>): Compared[] {
  return compareMessages(...sides).map(({ level, text, tables, module }) => ({
    group: "messages",
    name: `${phase}: <${level}> ${text}`,
    tables: SAID[tables],
    module: SAID[module],
    verdict:
      tables === "yes" && module === "yes" ? "agree" : tables === "maybe" || module === "maybe" ? "open" : "differ",
    bits: [],
  }));
}

const SAID = { yes: "printed", maybe: "perhaps", no: "not printed" } as const;

const NAMES: ReadonlySet<string> = new Set(WORD_NAMES);

/** The word or the two words of the replay for a field; undefined where the replay keeps none. */
export function wordsFor(field: string): { readonly lo: WordName; readonly hi?: WordName } | undefined {
  if (NAMES.has(field)) return { lo: field as WordName };
  if (NAMES.has(`${field}.lo`)) return { lo: `${field}.lo` as WordName, hi: `${field}.hi` as WordName };
  return undefined;
}

function fieldItems(
  replayed: Replay,
  group: Group,
  prefix: string,
  fields: ModuleRun["nested"],
  symbol: string,
  inner: string,
): Compared[] {
  return [...fields].flatMap(([field, module]) => {
    const words = wordsFor(`${inner}${field}`) ?? wordsFor(field);
    if (words === undefined) return [];
    const { cpu } = replayed;
    const tables = ofWords(cpu.word(words.lo), words.hi === undefined ? undefined : cpu.word(words.hi));
    return [compareNumbers({ group, name: `${prefix}${field}`, tables, module, words, place: { symbol, field } })];
  });
}

/** Whether `setup_vmcs_config` did what it is called for; nothing that it writes means anything otherwise. */
export function isSetUp({ setupVmcsConfig }: ModuleRun): boolean {
  return setupVmcsConfig !== undefined && setupVmcsConfig.value === 0;
}

function wordItems(replayed: Replay, run: ModuleRun): Compared[] {
  if (!isSetUp(run) || run.setupVmcsConfig?.unknown !== 0) return [];
  return [
    ...fieldItems(replayed, "words", "vmcs_config.", run.vmcsConfig, "vmcs_config", ""),
    ...fieldItems(replayed, "words", "vmx_capability.", run.vmxCapability, "vmx_capability", "vmx_capability."),
  ];
}

/** True when it is known that the module loads, or not known that it does not: what it set up means something. */
export function mayLoad(run: ModuleRun): boolean {
  return run.result !== undefined && run.result.value === 0;
}

function paramItems({ release, config, cpu }: Replay, run: ModuleRun): Compared[] {
  if (!mayLoad(run)) return [];
  return paramsOf(release, config).flatMap((row) => {
    const name = `${row.module}.${row.name}`;
    const module = run.params.get(name);
    if (module === undefined) return [];
    const tables = paramText(cpu, row);
    const verdict = module === "?" || tables === "unknown" ? "open" : module === tables ? "agree" : "differ";
    return [
      { group: "parameters", name, tables, module: module === "?" ? "unknown" : module, verdict, bits: [] } as const,
    ];
  });
}

function nestedItems(replayed: Replay, run: ModuleRun): Compared[] {
  const { cpu } = replayed;
  if (!mayLoad(run) || run.params.get("kvm_intel.nested") !== "Y" || cpu.bit("params", "nested") !== "yes") return [];
  const fields = fieldItems(replayed, "nested", "nested.", run.nested, "vmcs_config", "nested.");
  const msrs = [...nestedMsrs(cpu)].flatMap(([index, words]) => {
    const module = run.nestedMsrs?.get(index);
    if (module === undefined) return [];
    const name = `MSR 0x${index.toString(16)}`;
    return [compareNumbers({ group: "nested", name, tables: ofWords(words.lo, words.hi), module })];
  });
  return [...fields, ...msrs];
}
