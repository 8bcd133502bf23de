import { effectiveMsr } from "../../src/host/existence.js";
import { CPU_FEATURES } from "../../src/host/host.js";
import { UNREAD } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { PARAMS, type ParamRow } from "../../src/kvm/load/params.js";
import { registerOf } from "../../src/registers/registers.js";
import { REPLAY_MSRS } from "../../src/rules/words.js";
import { assume } from "../../src/situation/assume.js";
import type { VectorCase } from "../../test/oracles/vectors/vector-case.js";
import { randomFrom } from "../judge/instances.js";

/*
 * Cases for `npm run truth`: every CPU of the atlas, some of them with each parameter, each setting of the firmware and
 * each fact of the machine changed, and others with registers altered at random. The same for every kernel.
 */

type Input = VectorCase["in"] & { readonly cpu: string; readonly assumed: readonly string[] };

export interface TruthCase {
  readonly id: string;
  readonly in: Input;
}

const NO_PARAMS = { kvm: {}, kvm_intel: {} };
const FEAT_CTL = 0x3a;
/** Locked, VMX outside SMX. */
const ENABLED = "0x5";
/** CPUs whose parameters and firmware are varied: every tenth of the atlas. */
const VARIED = 10;

/** All cases, `random` of them with altered registers. */
export function truthCases(random: number): readonly TruthCase[] {
  const plain = atlas().map((entry): TruthCase => ({ id: `cpu/${entry.id}`, in: inputOf(entry.id) }));
  const varied = plain
    .filter((_one, index) => index % VARIED === 0)
    .flatMap(({ in: input }) =>
      variations(input).map(([name, changed]): TruthCase => ({ id: `var/${input.cpu}/${name}`, in: changed })),
    );
  const inputs = plain.map((one) => one.in);
  const altered = Array.from({ length: random }, (_unused, index): TruthCase => {
    const next = randomFrom(index + 1);
    return { id: `rnd/${String(index).padStart(4, "0")}`, in: alter(inputs[next() % inputs.length] as Input, next) };
  });
  return [...plain, ...varied, ...altered];
}

/** A CPU as the vector files write it: what its dump does not say has a value that is named among `assumed`. */
function inputOf(id: string): Input {
  const entry = atlas().find((one) => one.id === id);
  if (entry === undefined) throw new RangeError(id);
  const { host } = assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled");
  const [core] = host.cores;
  const { cpuid } = core;
  const msrs: Record<string, string> = {};
  const assumed: string[] = [];
  for (const index of Object.values(REPLAY_MSRS)) {
    const name = `0x${index.toString(16)}`;
    const isVmx = registerOf(index) !== undefined;
    const msr = isVmx ? effectiveMsr(core, index) : (core.msrs.get(index) ?? UNREAD);
    if (msr.state === "absent") continue;
    if (msr.state === "unknown") {
      if (isVmx) assumed.push(name);
      continue;
    }
    msrs[name] = `0x${((BigInt(msr.hi.value) << 32n) | BigInt(msr.lo.value)).toString(16)}`;
    if ((msr.hi.unknown | msr.lo.unknown) !== 0) assumed.push(name);
  }
  return {
    cpu: id,
    assumed,
    vendor: host.vendor ?? "GenuineIntel",
    signature: `0x${(core.signature ?? 0).toString(16).padStart(8, "0")}`,
    maxLeaf: `0x${(cpuid.maxLeaf ?? 0xd).toString(16)}`,
    cpuid12Eax: `0x${(cpuid.cpuid12Eax ?? 0).toString(16)}`,
    features: CPU_FEATURES.filter((name) => cpuid.features[name] === true || name === "vmx" || name === "nx"),
    tscKhz: cpuid.tscKhz ?? 2_000_000,
    tboot: false,
    pmu: true,
    irqPosting: false,
    msrs,
    faults: [],
    params: NO_PARAMS,
  };
}

function variations(input: Input): readonly (readonly [name: string, changed: Input])[] {
  const firmware = ["0x0", "0x1", "0x3", "0x4", "0x7", "0x20001", "0x60005"].map(
    (value) => [`featctl_${value.slice(2)}`, withMsr(input, FEAT_CTL, value)] as const,
  );
  const lacking = ["vmx", "nx", "xsave", "umip", "pdpe1gb"].map(
    (name) => [`no_${name}`, { ...input, features: input.features.filter((one) => one !== name) }] as const,
  );
  const rows: readonly ParamRow[] = PARAMS;
  const names = [...new Map(rows.map((row) => [`${row.module}.${row.name}`, row])).values()];
  const params = names.flatMap((row) =>
    (row.type === "bool" ? ["0", "1"] : ["0", "1", "17"]).map(
      (text) => [`${row.name}_${text}`, withParam(input, row, text)] as const,
    ),
  );
  return [
    ...params,
    ...firmware,
    ["featctl_absent", withMsr(input, FEAT_CTL, undefined)],
    ...["0x1", "0x3", "0x5", "0x7"].map(
      (value) => [`tboot_${value.slice(2)}`, { ...withMsr(input, FEAT_CTL, value), tboot: true }] as const,
    ),
    ...lacking,
    ["tsc_0", { ...input, tscKhz: 0 }],
    ["irq_posting", { ...input, irqPosting: true }],
    ["no_pmu", { ...input, pmu: false }],
  ];
}

function withMsr(input: Input, index: number, value: string | undefined): Input {
  const { [`0x${index.toString(16)}`]: _old, ...others } = input.msrs;
  return { ...input, msrs: value === undefined ? others : { ...others, [`0x${index.toString(16)}`]: value } };
}

function withParam(input: Input, { module, name }: ParamRow, text: string): Input {
  return { ...input, params: { ...input.params, [module]: { ...input.params[module], [name]: text } } };
}

/** One to six changes that no CPU need have: the kernel's code says what comes of them. */
function alter(input: Input, next: () => number): Input {
  let changed: Input = { ...withMsr(input, FEAT_CTL, ENABLED), irqPosting: next() % 2 === 0 };
  const rows: readonly ParamRow[] = PARAMS;
  for (let left = 1 + (next() % 6); left > 0; left--) {
    const indexes = Object.keys(changed.msrs).map(Number);
    const index = indexes[next() % indexes.length] as number;
    const value = BigInt(changed.msrs[`0x${index.toString(16)}`] as string);
    const bit = 1n << BigInt(next() % 64);
    switch (next() % 8) {
      case 0:
        changed = withMsr(changed, index, undefined);
        break;
      case 1: {
        const row = rows[next() % rows.length] as ParamRow;
        changed = withParam(changed, row, ["0", "1", "n", "on", "2"][next() % 5] as string);
        break;
      }
      case 2:
        changed = withMsr(changed, index, hex(value & ~bit));
        break;
      case 3:
        changed = withMsr(changed, index, hex(value | bit));
        break;
      default:
        // A control with its allowed-0 and allowed-1 bit, which is what most of the code looks at.
        changed = withMsr(changed, index, hex(value ^ (bit & 0xffff_ffff_0000_0000n)));
    }
  }
  return changed;
}

function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}
