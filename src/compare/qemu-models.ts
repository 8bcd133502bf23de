import { foldName, nearest } from "../registers/edit-distance.js";
import { QEMU_CPUID_DATA } from "./qemu-cpuid-data.js";
import { QEMU_MODELS_DATA } from "./qemu-models-data.js";
import { presence, type Seen, seenIn } from "./versions.js";

/*
 * QEMU's CPU models and VMX properties by QEMU version, and libvirt's names for them. The data are lines of fields
 * separated by `|`:
 *
 *   qemu|VERSION…, libvirt|VERSION…          versions that were looked at; FIRST and LAST are the first and last of them
 *                                            that have a thing, LAST empty where the newest has it
 *   prop|NAME|MSR|BITS|FIRST|LIBVIRT-NAME|LIBVIRT-FIRST    the name in libvirt only where it differs
 *   set|HEX                                  a set of properties, bit N for the Nth `prop` line
 *   model|NAME|FIRST|LAST|SIGNATURE|SET
 *   alias|NAME|MODEL
 *   libvirt-model|NAME|FIRST|ADDED|SET       ADDED: the VMX features came after the model itself
 *
 * and in qemu-cpuid-data.ts:
 *
 *   feature|NAME…                            features of CPUID, and of the MSRs that go with it, by QEMU's names
 *   set|HEX                                  a set of them, bit N for the Nth name
 *   model|NAME|SET|SOURCE                    SOURCE: the QEMU version that answered
 */

/** One VMX property of QEMU's `-cpu`. */
export interface QemuProperty {
  readonly name: string;
  readonly msr: number;
  /**
   * Bit numbers. For 0x48b and 0x48d to 0x490 of the control word, as QEMU counts: the property says that the control
   * can be 1 and need not be. For other MSRs of the 64-bit MSR. One property names two bits (0x48c bits 25 and 41).
   */
  readonly bits: readonly number[];
  readonly seen: Seen;
  /** Name in libvirt, and its versions that know it; missing if libvirt has no name for it. */
  readonly libvirt?: { readonly name: string; readonly seen: Seen };
}

/** A CPUID feature by QEMU's name, as in `avx512f`. */
export type QemuCpuidFeature = string;

/**
 * Properties that QEMU drops from a CPU without the CPUID feature (feature_dependencies in target/i386/cpu.c). Found by
 * asking each QEMU version for a model with everything on and one feature off.
 */
export const QEMU_CPUID: readonly {
  readonly feature: QemuCpuidFeature;
  readonly properties: readonly string[];
  /** The first of the versions looked at that does so. */
  readonly seenIn: string;
}[] = [
  { feature: "lm", properties: ["vmx-entry-ia32e-mode"], seenIn: "4.2" },
  { feature: "lm", properties: ["vmx-entry-load-fred"], seenIn: "11.1" },
  { feature: "rdtscp", properties: ["vmx-rdtscp-exit"], seenIn: "4.2" },
  { feature: "invpcid", properties: ["vmx-invpcid-exit"], seenIn: "4.2" },
  { feature: "rdrand", properties: ["vmx-rdrand-exit"], seenIn: "4.2" },
  { feature: "rdseed", properties: ["vmx-rdseed-exit"], seenIn: "4.2" },
  { feature: "xsaves", properties: ["vmx-xsaves"], seenIn: "4.2" },
  { feature: "mpx", properties: ["vmx-entry-load-bndcfgs", "vmx-exit-clear-bndcfgs"], seenIn: "7.2" },
  { feature: "waitpkg", properties: ["vmx-enable-user-wait-pause"], seenIn: "9.2" },
  { feature: "fred", properties: ["vmx-entry-load-fred"], seenIn: "11.1" },
  { feature: "lkgs", properties: ["vmx-entry-load-fred"], seenIn: "11.1" },
];

/** Bits that QEMU drops while a property is off, in the order in which it looks. */
export const QEMU_VMX_DEPENDENCIES: readonly {
  readonly property: string;
  readonly msr: number;
  readonly bits: readonly [high: number, low: number];
  readonly seenIn: string;
}[] = [
  { property: "vmx-secondary-ctls", msr: 0x48b, bits: [31, 0], seenIn: "4.2" },
  { property: "vmx-ept", msr: 0x48c, bits: [31, 0], seenIn: "4.2" },
  { property: "vmx-ept", msr: 0x48b, bits: [7, 7], seenIn: "4.2" },
  { property: "vmx-ept", msr: 0x48b, bits: [22, 22], seenIn: "11.1" },
  { property: "vmx-vpid", msr: 0x48c, bits: [63, 32], seenIn: "4.2" },
  { property: "vmx-vmfunc", msr: 0x491, bits: [63, 0], seenIn: "4.2" },
];

/** A versioned CPU model. What it has does not change from one QEMU version to the next. */
export interface QemuModel {
  /** As in `Skylake-Server-v4`. */
  readonly name: string;
  /** As in `Skylake-Server`. */
  readonly family: string;
  readonly version: number;
  readonly seen: Seen;
  /** CPUID.1:EAX. */
  readonly signature: number;
  /** Features of CPUID, and of IA32_ARCH_CAPABILITIES and the like. */
  readonly cpuid: ReadonlySet<QemuCpuidFeature>;
  /** VMX properties that are on with `vmx=on`, after QEMU took away what needs a CPUID feature the model lacks. */
  readonly on: ReadonlySet<string>;
}

/** A CPU model of libvirt that QEMU has too. It may list no VMX feature at all. */
export interface LibvirtModel {
  readonly name: string;
  readonly seen: Seen;
  /** The features were added to a model that earlier libvirt versions had without them. */
  readonly added: boolean;
  /** What libvirt takes the model to have, by QEMU's property names. */
  readonly lists: ReadonlySet<string>;
}

export interface QemuData {
  /** Versions that were looked at, oldest first. */
  readonly qemu: readonly string[];
  readonly libvirt: readonly string[];
  readonly properties: readonly QemuProperty[];
  readonly models: readonly QemuModel[];
  /** Names without a version and the model that they mean. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly libvirtModels: readonly LibvirtModel[];
}

let decoded: QemuData | undefined;

/** The data, decoded on first use. */
export function qemuData(): QemuData {
  decoded ??= decodeData(QEMU_MODELS_DATA, decodeCpuid(QEMU_CPUID_DATA));
  return decoded;
}

/** The fields behind the first of the lines that begin with a word. */
function linesOf(text: string): (kind: string) => string[][] {
  const rows = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("|"));
  return (kind) => rows.filter((row) => row[0] === kind).map((row) => row.slice(1));
}

function decodeCpuid(text: string): ReadonlyMap<string, ReadonlySet<QemuCpuidFeature>> {
  const of = linesOf(text);
  const names = (of("feature")[0] ?? []).map((name) => ({ name }));
  const sets = of("set").map(([hex = ""]) => namesIn(hex, names));
  return new Map(of("model").map(([name = "", set]) => [name, sets[Number(set)] ?? new Set()]));
}

/**
 * libvirt knows vmx-* names since 9.10.0 (its issue 568 is about them in that version); they were added to models that
 * earlier versions had without them, which broke migration until 10.2.0. All from libvirt's NEWS.
 */
export const LIBVIRT_VMX_SINCE = "9.10";

function libvirtNameSeen(first: string, looked: readonly string[]): Seen {
  return first === looked[0] ? { first: LIBVIRT_VMX_SINCE, came: true } : seenIn(first, undefined, looked);
}

/** The oldest libvirt whose list of models was looked at (but not its features), and what it lacks. */
const LIBVIRT_OLDEST_MODELS = "9.0";
const NOT_IN_OLDEST: readonly string[] = ["SapphireRapids"];

function libvirtModelSeen(name: string, first: string, looked: readonly string[]): Seen {
  if (first !== looked[0]) return seenIn(first, undefined, looked);
  if (NOT_IN_OLDEST.includes(name)) return { first, before: LIBVIRT_OLDEST_MODELS, came: false };
  return { first: LIBVIRT_OLDEST_MODELS, came: false };
}

/** Models that a source other than the versions looked at knows to be in an earlier one. */
const EARLIER: readonly { readonly name: string; readonly version: string; readonly source: string }[] = [
  { name: "SapphireRapids-v1", version: "8.0", source: "libvirt commit 96c8d39a, introduced in QEMU by 7eb061b06e" },
  { name: "SapphireRapids-v3", version: "9.1", source: "libvirt commit f38c2c37, test data of QEMU 9.1" },
  { name: "SierraForest-v1", version: "9.1", source: "libvirt commit f38c2c37, test data of QEMU 9.1" },
];

function decodeData(text: string, cpuid: ReturnType<typeof decodeCpuid>): QemuData {
  const of = linesOf(text);
  const [qemu = [], libvirt = []] = [of("qemu")[0], of("libvirt")[0]];
  const properties = of("prop").map(([name = "", msr = "", bits = "", since = "", other = "", known = ""]) => ({
    name,
    msr: Number.parseInt(msr, 16),
    bits: bits.split(",").map(Number),
    seen: seenIn(since, undefined, qemu),
    ...(known === "" ? {} : { libvirt: { name: other === "" ? name : other, seen: libvirtNameSeen(known, libvirt) } }),
  }));
  const sets = of("set").map(([hex = ""]) => namesIn(hex, properties));
  const setAt = (index: string | undefined) => sets[Number(index)] ?? new Set<string>();
  const models = of("model").map(([name = "", since = "", until = "", signature = "", set]) => {
    const dash = name.lastIndexOf("-v");
    return {
      name,
      family: name.slice(0, dash),
      version: Number(name.slice(dash + 2)),
      seen: seenIn(since, until === "" ? undefined : until, qemu, EARLIER.find((row) => row.name === name)?.version),
      signature: Number.parseInt(signature, 16),
      cpuid: cpuid.get(name) ?? new Set(),
      on: setAt(set),
    };
  });
  return {
    qemu,
    libvirt,
    properties,
    models,
    aliases: new Map(of("alias").map(([name = "", model = ""]) => [name, model])),
    libvirtModels: of("libvirt-model").map(([name = "", since = "", added, set]) => ({
      name,
      seen: libvirtModelSeen(name, since, libvirt),
      added: added === "1",
      lists: setAt(set),
    })),
  };
}

function namesIn(hex: string, properties: readonly { readonly name: string }[]): ReadonlySet<string> {
  const digits = [...hex].reverse().map((digit) => Number.parseInt(digit, 16));
  return new Set(properties.filter((_, i) => ((digits[i >> 2] ?? 0) >>> (i & 3)) & 1).map((row) => row.name));
}

/** The newest QEMU version that was looked at. */
export function newestQemu(): string {
  return qemuData().qemu.at(-1) as string;
}

/** The newest libvirt version that was looked at. */
export function newestLibvirt(): string {
  return qemuData().libvirt.at(-1) as string;
}

/** Properties that a QEMU version certainly has. */
export function propertiesOf(version: string): readonly QemuProperty[] {
  return qemuData().properties.filter((row) => presence(row.seen, version) === "yes");
}

/** Models that a QEMU version certainly has. */
export function modelsOf(version: string): readonly QemuModel[] {
  return qemuData().models.filter((row) => presence(row.seen, version) === "yes");
}

/** `unsure`: whether this QEMU version has it is not known. */
export type FoundModel =
  | { readonly kind: "one"; readonly model: QemuModel; readonly unsure: boolean }
  /** The name has no version: every version of it that this QEMU has, oldest first. */
  | { readonly kind: "family"; readonly models: readonly QemuModel[]; readonly unsure: boolean }
  /** `elsewhere`: another QEMU version has it. */
  | { readonly kind: "none"; readonly near: readonly string[]; readonly elsewhere?: QemuModel };

/** The model that a name means in a QEMU version: `Skylake-Server-v4`, `Skylake-Server-IBRS` or `Skylake-Server`. */
export function findModel(name: string, version: string = newestQemu()): FoundModel {
  const { aliases, models: all } = qemuData();
  const there = modelsOf(version);
  const perhaps = all.filter((row) => presence(row.seen, version) === "unknown");
  const found = findAmong(there, name, false) ?? findAmong(perhaps, name, true);
  if (found !== undefined) return found;
  const elsewhere = findAmong(all, name, true);
  const own = new Set(there.map((model) => model.name));
  const known = [...aliases].flatMap(([alias, target]) => (own.has(target) ? [alias] : []));
  const names = [...there.flatMap((model) => [model.family, model.name]), ...known];
  const near = nearest(name, new Set(names)).filter((one) => foldName(one) !== foldName(name));
  if (elsewhere === undefined) return { kind: "none", near };
  return {
    kind: "none",
    near,
    elsewhere: elsewhere.kind === "one" ? elsewhere.model : (elsewhere.models[0] as QemuModel),
  };
}

function findAmong(
  models: readonly QemuModel[],
  name: string,
  unsure: boolean,
): Exclude<FoundModel, { readonly kind: "none" }> | undefined {
  const wanted = foldName(name);
  const same = (other: string) => foldName(other) === wanted;
  const exact = models.find((model) => same(model.name));
  if (exact !== undefined) return { kind: "one", model: exact, unsure };
  const family = models.filter((model) => same(model.family));
  if (family.length > 0) return { kind: "family", models: family, unsure };
  const alias = [...qemuData().aliases].find(([other]) => same(other))?.[1];
  const target = models.find((model) => model.name === alias);
  return target === undefined ? undefined : { kind: "one", model: target, unsure };
}
