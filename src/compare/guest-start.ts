import { allOf, and, not, type Tri } from "../bits/tri.js";
import { isSvmVendor } from "../host/host.js";
import type { GuestCpu, GuestFeature } from "../input/guests/guest-cpu.js";
import { nestedMsrs } from "../kvm/nested-msrs.js";
import { CPUID_FEATURES, qemuNameOf } from "../registers/cpuid-features.js";
import { replays } from "../situation/replays.js";
import { checkSituation, type Situation } from "../situation/situation.js";
import type { SetLayer } from "./capability-set.js";
import { canGive } from "./guest-cpuid.js";
import { lossLayer } from "./hosts/where-lost.js";
import { versioned } from "./migrate/guest.js";
import { bitsOfProperties, expand, type FeatureBits, featureBits, propertyState } from "./qemu-features.js";
import {
  findModel,
  newestQemu,
  propertiesOf,
  type QemuCpuidFeature,
  type QemuModel,
  type QemuProperty,
  qemuData,
} from "./qemu-models.js";

/*
 * May this guest start there? Its model and features are held against what the host can give: CPUID against the host's, VMX
 * against what KVM offers guests.
 */

/** A feature of a guest, and whether the host gives it. */
export interface WantedFeature {
  readonly name: string;
  readonly kind: "CPUID" | "VMX";
  readonly given: Tri;
  /** The guest does not start without it. */
  readonly required: boolean;
  /** It is part of the model; else the configuration names it. */
  readonly ofModel: boolean;
  /** The host must not have it. */
  readonly forbidden?: true;
  /** Where a VMX feature that is not given gets lost. */
  readonly lostAt?: SetLayer;
}

export interface GuestStart {
  readonly guest: GuestCpu;
  readonly starts: Tri;
  /** Does KVM load there. */
  readonly loads: Tri;
  /** The host has SVM, and a KVM that is not modelled. */
  readonly svm?: true;
  /** The guest gets VMX itself, where it asks for it; with `host` it gets what is offered. */
  readonly asksVmx: boolean;
  readonly features: readonly WantedFeature[];
  /** Names that no table has as a feature. */
  readonly unknownNames: readonly string[];
  /** The model is in no table, so only the features that are named are judged. */
  readonly unknownModel: boolean;
}

/** A guest has these whatever the host: QEMU and KVM make them up, or Linux switches them on. */
const MADE_UP: readonly string[] = [
  "hypervisor",
  "ht",
  "osxsave",
  "ospke",
  "x2apic",
  "tsc-deadline",
  "monitor",
  "acpi",
];

/** KVM can emulate it, so that a host that lacks it proves nothing. */
const MAY_BE_EMULATED: readonly string[] = ["umip"];

/** Models that every 64-bit CPU with VT-x has the features of. */
const PLAIN: readonly string[] = ["qemu64", "kvm64", "qemu32", "kvm32", "base", "cpu64-rhel6"];

const V2 = ["cx16", "lahf-lm", "popcnt", "pni", "sse4.1", "sse4.2", "ssse3"];
const V3 = [...V2, "aes", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"];
/** The models that Proxmox builds itself (documentation of Proxmox VE, QEMU CPU types). */
const PROXMOX_MODELS: { readonly [name: string]: readonly string[] } = {
  "x86-64-v2": V2,
  "x86-64-v2-aes": [...V2, "aes"],
  "x86-64-v3": V3,
  "x86-64-v4": [...V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
};

/** Names of libvirt that QEMU writes otherwise. */
const LIBVIRT_NAMES: { readonly [name: string]: string } = { pclmuldq: "pclmulqdq", "sgx-lc": "sgxlc" };

/** A named model as far as it is known. */
interface Model {
  readonly cpuid: readonly QemuCpuidFeature[];
  readonly model?: QemuModel;
  readonly known: boolean;
}

function modelOf(guest: GuestCpu): Model {
  const { model: name } = guest;
  if (name === undefined || name === "host" || PLAIN.includes(name)) return { cpuid: [], known: true };
  const own = PROXMOX_MODELS[name.toLowerCase()];
  if (own !== undefined) return { cpuid: own, known: true };
  const found = findModel(versioned(name, newestQemu()));
  const model = found.kind === "one" ? found.model : found.kind === "none" ? found.elsewhere : undefined;
  return model === undefined ? { cpuid: [], known: false } : { cpuid: [...model.cpuid], model, known: true };
}

/** The model that the guest names is in a table; what a model leaves out is known for those only. */
export const isKnownModel = (guest: GuestCpu): boolean => modelOf(guest).known;

/** The feature of CPUID that a name means, by QEMU's name for it. */
function cpuidName(name: string): QemuCpuidFeature | undefined {
  const fold = (text: string) => text.toLowerCase().replace(/[-_.]/g, "");
  const wanted = fold(LIBVIRT_NAMES[name] ?? name);
  const row = CPUID_FEATURES.find((one) => fold(one.name) === wanted || fold(qemuNameOf(one) ?? "") === wanted);
  if (row !== undefined) return qemuNameOf(row) ?? row.name;
  return MADE_UP.find((known) => fold(known) === wanted);
}

function propertyNamed(name: string): QemuProperty | undefined {
  return qemuData().properties.find((row) => row.name === name || row.libvirt?.name === name);
}

/**
 * Whether the guest of a situation may start there. Throws `RangeError` for anything but a situation with a guest.
 *
 * @example
 * import { startsOn } from "vmxlens/compare";
 * import { atlasHost, readGuests } from "vmxlens/input";
 * import { situation } from "vmxlens/situation";
 *
 * const [guest] = readGuests("-cpu Skylake-Client,vmx=on,avx512f=on,enforce");
 * const host = situation(atlasHost("intel-306c3-haswell"), { kernel: "6.12", assume: ["firmware=enabled"], guest });
 * startsOn(host).starts; // "no"
 */
export function startsOn(situation: Situation): GuestStart {
  checkSituation(situation);
  const { guest, host } = situation;
  if (guest === undefined) throw new RangeError("situation: it has no guest; give one in asked.guest");
  const joined = replays(situation);
  const { loads } = joined;
  const svm = isSvmVendor(host.vendor);
  const offered = svm ? "no" : and(loads, joined.cpu.bit("params", "nested"));
  const { cpuid, model, known } = modelOf(guest);
  const unknownNames: string[] = [];
  const wanted: WantedFeature[] = [];
  const cpus = host.cores.map((core) => core.cpuid);
  const given = (feature: QemuCpuidFeature): Tri => {
    if (feature === "svm") return host.vendor === undefined ? "unknown" : svm ? "unknown" : "no";
    if (MADE_UP.includes(feature)) return "yes";
    const state = canGive(cpus, feature);
    return state === "no" && MAY_BE_EMULATED.includes(feature) ? "unknown" : state;
  };
  const on: string[] = [];
  const off: string[] = [];
  const named = new Map<string, GuestFeature>();
  for (const [name, state] of guest.features) {
    const property = name.startsWith("vmx-") ? propertyNamed(name) : undefined;
    if (property !== undefined) {
      named.set(property.name, state);
      (state === "off" || state === "forbidden" ? off : on).push(property.name);
      continue;
    }
    if (name === "vmx") continue;
    const feature = cpuidName(name);
    if (feature === undefined) {
      // What is switched off and unknown keeps nothing from starting.
      if (state === "on" || state === "forbidden") unknownNames.push(name);
      continue;
    }
    named.set(feature, state);
    if (state === "on") {
      wanted.push({ name: feature, kind: "CPUID", given: given(feature), required: guest.strict, ofModel: false });
    } else if (state === "forbidden") {
      const free = MADE_UP.includes(feature) ? "no" : not(canGive(cpus, feature));
      wanted.push({ name: feature, kind: "CPUID", given: free, required: true, ofModel: false, forbidden: true });
    }
  }
  for (const feature of cpuid) {
    if (named.has(feature)) continue;
    wanted.push({ name: feature, kind: "CPUID", given: given(feature), required: guest.strict, ofModel: true });
  }
  const vmx = guest.features.get("vmx");
  const asksVmx = vmx === "on" || (vmx === undefined && guest.model === "host" && on.length > 0);
  if (asksVmx) {
    const required = guest.strict && vmx === "on";
    const lost = svm ? ({ lostAt: "silicon" } as const) : {};
    wanted.push({ name: "vmx", kind: "VMX", given: offered, required, ofModel: false, ...lost });
    wanted.push(...vmxWanted(situation, guest, { model, on, off, named, offered }));
  }
  const needed = wanted.filter(({ required }) => required).map((row) => row.given);
  // A name that no table has may be one that the host lacks.
  if (guest.strict && (!known || unknownNames.length > 0)) needed.push("unknown");
  // On an AMD host kvm_amd decides, which is not modelled.
  const kvm: Tri = guest.emulated ? "yes" : svm ? "unknown" : loads;
  const starts = guest.emulated ? "yes" : and(kvm, allOf(needed));
  const found = { guest, starts, loads: kvm, asksVmx, features: wanted, unknownNames, unknownModel: !known };
  return svm ? { ...found, svm } : found;
}

interface VmxAsked {
  readonly model: QemuModel | undefined;
  readonly on: readonly string[];
  readonly off: readonly string[];
  readonly named: ReadonlyMap<string, GuestFeature>;
  readonly offered: Tri;
}

/** The VMX features of the model and those that are named, after QEMU took away what depends on something that is off. */
function vmxWanted(
  situation: Situation,
  guest: GuestCpu,
  { model, on, off, named, offered }: VmxAsked,
): WantedFeature[] {
  const version = newestQemu();
  const there: FeatureBits = featureBits(nestedMsrs(replays(situation).cpu));
  const known = propertiesOf(version);
  const isKnown = (name: string) => known.some((row) => row.name === name);
  // Of the host itself QEMU takes what is there; only what is named can be missing.
  const base = model === undefined ? there : bitsOfProperties(model.on);
  const cpuid = model === undefined ? {} : { cpuid: withFeatures(model, guest) };
  const asked = expand({ base, on: on.filter(isKnown), off: off.filter(isKnown), ...cpuid, version });
  // libvirt refuses what its own list has; the rest of QEMU's model it leaves to QEMU.
  const list =
    guest.format === "qemu" || guest.format === "proxmox"
      ? undefined
      : qemuData().libvirtModels.find(({ name, added }) => !added && name === guest.model)?.lists;
  return known.flatMap((property): WantedFeature[] => {
    const ofModel = named.get(property.name) === undefined;
    if (ofModel ? model === undefined || propertyState(asked, property) !== "yes" : !on.includes(property.name))
      return [];
    const refuses = ofModel
      ? list === undefined
        ? guest.format !== "libvirt" && guest.format !== "kubevirt"
        : list.has(property.name)
      : named.get(property.name) === "on";
    const given = and(offered, propertyState(there, property));
    const [bit = 0] = property.bits;
    const lostAt =
      given === "no" && offered !== "no"
        ? lossLayer({ label: "", situation }, property.msr, isControl(property.msr) ? bit + 32 : bit)
        : undefined;
    return [
      {
        name: property.name,
        kind: "VMX",
        given,
        required: guest.strict && refuses,
        ofModel,
        ...(lostAt === undefined ? {} : { lostAt }),
      },
    ];
  });
}

/** Properties count the bits of a control word, and registers hold it in their upper half. */
const isControl = (msr: number): boolean => msr === 0x48b || (msr >= 0x48d && msr <= 0x490);

/** CPUID of the model after the additions and removals of the configuration. */
function withFeatures({ cpuid }: QemuModel, { features }: GuestCpu): ReadonlySet<QemuCpuidFeature> {
  const all = new Set(cpuid);
  for (const [name, state] of features) {
    const feature = cpuidName(name);
    if (feature === undefined) continue;
    if (state === "on" || state === "optional") all.add(feature);
    else all.delete(feature);
  }
  return all;
}
