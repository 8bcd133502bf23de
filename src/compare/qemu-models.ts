import { foldName, nearest } from "../registers/edit-distance.js";
import { QEMU_CPUID_DATA } from "./qemu-cpuid-data.js";
import { QEMU_MODELS_DATA } from "./qemu-models-data.js";

/*
 * QEMU's CPU models and VMX properties by QEMU version, and libvirt's names for them. The data are lines of fields
 * separated by `|`:
 *
 *   qemu|VERSION…, libvirt|VERSION…          versions that were looked at; "since" is the first of them that has a thing
 *   prop|NAME|MSR|BITS|SINCE|LIBVIRT-NAME|LIBVIRT-SINCE    the name in libvirt only where it differs
 *   set|HEX                                  a set of properties, bit N for the Nth `prop` line
 *   model|NAME|SINCE|UNTIL|SIGNATURE|SET
 *   alias|NAME|MODEL
 *   libvirt-model|NAME|SINCE|ADDED|SET       ADDED: the VMX features came after the model itself
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
  /** First QEMU version, of those looked at, that knows the property. */
  readonly since: string;
  /** Name in libvirt, and the first version looked at that knows it; missing when libvirt has no name for it. */
  readonly libvirt?: { readonly name: string; readonly since: string };
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
  readonly since: string;
}[] = [
  { feature: "lm", properties: ["vmx-entry-ia32e-mode"], since: "4.2" },
  { feature: "lm", properties: ["vmx-entry-load-fred"], since: "11.1" },
  { feature: "rdtscp", properties: ["vmx-rdtscp-exit"], since: "4.2" },
  { feature: "invpcid", properties: ["vmx-invpcid-exit"], since: "4.2" },
  { feature: "rdrand", properties: ["vmx-rdrand-exit"], since: "4.2" },
  { feature: "rdseed", properties: ["vmx-rdseed-exit"], since: "4.2" },
  { feature: "xsaves", properties: ["vmx-xsaves"], since: "4.2" },
  { feature: "mpx", properties: ["vmx-entry-load-bndcfgs", "vmx-exit-clear-bndcfgs"], since: "7.2" },
  { feature: "waitpkg", properties: ["vmx-enable-user-wait-pause"], since: "9.2" },
  { feature: "fred", properties: ["vmx-entry-load-fred"], since: "11.1" },
  { feature: "lkgs", properties: ["vmx-entry-load-fred"], since: "11.1" },
];

/** Bits that QEMU drops while a property is off, in the order in which it looks. */
export const QEMU_VMX_DEPENDENCIES: readonly {
  readonly property: string;
  readonly msr: number;
  readonly bits: readonly [high: number, low: number];
  readonly since: string;
}[] = [
  { property: "vmx-secondary-ctls", msr: 0x48b, bits: [31, 0], since: "4.2" },
  { property: "vmx-ept", msr: 0x48c, bits: [31, 0], since: "4.2" },
  { property: "vmx-ept", msr: 0x48b, bits: [7, 7], since: "4.2" },
  { property: "vmx-ept", msr: 0x48b, bits: [22, 22], since: "11.1" },
  { property: "vmx-vpid", msr: 0x48c, bits: [63, 32], since: "4.2" },
  { property: "vmx-vmfunc", msr: 0x491, bits: [63, 0], since: "4.2" },
];

/** A versioned CPU model. What it has does not change from one QEMU version to the next. */
export interface QemuModel {
  /** As in `Skylake-Server-v4`. */
  readonly name: string;
  /** As in `Skylake-Server`. */
  readonly family: string;
  readonly version: number;
  /** First and last QEMU version, of those looked at, that has the model; without `until` the newest has it. */
  readonly since: string;
  readonly until?: string;
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
  readonly since: string;
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
  /** Names without a version and the model that they stand for. */
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

function decodeData(text: string, cpuid: ReturnType<typeof decodeCpuid>): QemuData {
  const of = linesOf(text);
  const properties = of("prop").map(([name = "", msr = "", bits = "", since = "", other = "", known = ""]) => ({
    name,
    msr: Number.parseInt(msr, 16),
    bits: bits.split(",").map(Number),
    since,
    ...(known === "" ? {} : { libvirt: { name: other === "" ? name : other, since: known } }),
  }));
  const sets = of("set").map(([hex = ""]) => namesIn(hex, properties));
  const setAt = (index: string | undefined) => sets[Number(index)] ?? new Set<string>();
  const models = of("model").map(([name = "", since = "", until = "", signature = "", set]) => {
    const dash = name.lastIndexOf("-v");
    return {
      name,
      family: name.slice(0, dash),
      version: Number(name.slice(dash + 2)),
      since,
      ...(until === "" ? {} : { until }),
      signature: Number.parseInt(signature, 16),
      cpuid: cpuid.get(name) ?? new Set(),
      on: setAt(set),
    };
  });
  return {
    qemu: of("qemu")[0] ?? [],
    libvirt: of("libvirt")[0] ?? [],
    properties,
    models,
    aliases: new Map(of("alias").map(([name = "", model = ""]) => [name, model])),
    libvirtModels: of("libvirt-model").map(([name = "", since = "", added, set]) => ({
      name,
      since,
      added: added === "1",
      lists: setAt(set),
    })),
  };
}

function namesIn(hex: string, properties: readonly { readonly name: string }[]): ReadonlySet<string> {
  const digits = [...hex].reverse().map((digit) => Number.parseInt(digit, 16));
  return new Set(properties.filter((_, i) => ((digits[i >> 2] ?? 0) >>> (i & 3)) & 1).map((row) => row.name));
}

/** `7.2`, `7.2.22` or `10.0.13` as a number that can be compared; undefined for anything else. */
export function versionNumber(text: string): number | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:[.\-+~].*)?$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * 1000 + Number(match[2]);
}

/** Is `version` at least `since`. Throws `RangeError` when either is no version. */
export function atLeast(version: string, since: string): boolean {
  const [a, b] = [versionNumber(version), versionNumber(since)];
  if (a === undefined || b === undefined) throw new RangeError(`${version} or ${since} is not a version`);
  return a >= b;
}

/** The newest QEMU version that was looked at. */
export function newestQemu(): string {
  return qemuData().qemu.at(-1) as string;
}

/** Properties that a QEMU version knows for certain. */
export function propertiesOf(version: string): readonly QemuProperty[] {
  return qemuData().properties.filter((row) => atLeast(version, row.since));
}

/** Models that a QEMU version has for certain. */
export function modelsOf(version: string): readonly QemuModel[] {
  return qemuData().models.filter(
    (row) => atLeast(version, row.since) && (row.until === undefined || atLeast(row.until, version)),
  );
}

export type FoundModel =
  | { readonly kind: "one"; readonly model: QemuModel }
  /** The name has no version: every version of it that this QEMU has, oldest first. */
  | { readonly kind: "family"; readonly models: readonly QemuModel[] }
  /** `elsewhere`: another QEMU version has it. */
  | { readonly kind: "none"; readonly near: readonly string[]; readonly elsewhere?: QemuModel };

/** The model that a name means in a QEMU version: `Skylake-Server-v4`, `Skylake-Server-IBRS` or `Skylake-Server`. */
export function findModel(name: string, version: string = newestQemu()): FoundModel {
  const { aliases, models: all } = qemuData();
  const wanted = foldName(name);
  const same = (other: string) => foldName(other) === wanted;
  const models = modelsOf(version);
  const exact = models.find((model) => same(model.name));
  if (exact !== undefined) return { kind: "one", model: exact };
  const family = models.filter((model) => same(model.family));
  if (family.length > 0) return { kind: "family", models: family };
  const alias = [...aliases].find(([other]) => same(other))?.[1];
  const target = models.find((model) => model.name === alias);
  if (target !== undefined) return { kind: "one", model: target };
  const elsewhere = all.find((model) => same(model.name) || same(model.family) || model.name === alias);
  const near = nearest(name, [...models.flatMap((model) => [model.family, model.name]), ...aliases.keys()]);
  return elsewhere === undefined ? { kind: "none", near } : { kind: "none", near, elsewhere };
}
