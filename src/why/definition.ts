import { PARAMS } from "../kvm/load/params.js";
import { aboutSourceName, findSourceNames } from "../kvm/source-names.js";
import { registerNamed } from "../registers/bit-place.js";
import { type BitMatch, bitsNamed } from "../registers/lookup.js";
import { ALLOWED1, hexIndex, type RegisterRow } from "../registers/registers.js";
import type { Feature, FeatureId } from "./features.js";
import { featureNamed } from "./find-feature.js";
import { otherParam } from "./other-params.js";
import { FUNCTIONS, PURPOSES, READING, REGISTER_PARTS } from "./purposes.js";

/** What a name means, in a sentence or two, without a host. */
export interface Definition {
  readonly says: string;
  /** The same without its place: beside definitions of others. */
  readonly short: string;
  /** What shows more of it. */
  readonly command: string;
}

/**
 * Says what a bit, a flag of /proc/cpuinfo, a parameter of KVM, a register or a name of the kernel's source is. Undefined
 * for any other word.
 */
export function definitionOf(name: string): Definition | undefined {
  const register = registerNamed(name);
  if (register !== undefined) return ofRegister(name, register);
  const bare = name.replace(/^vmx_(?=hardware_setup$)|\(\)$/, "");
  const fn = Object.hasOwn(FUNCTIONS, bare) ? FUNCTIONS[bare] : undefined;
  if (fn !== undefined) {
    const says = `${name} (${fn.file}) ${fn.about}`;
    return { says, short: says, command: fn.command };
  }
  const param = PARAMS.find((row) => row.name === name || `${row.module}.${row.name}` === name);
  const bits = bitsNamed(name.replace(/^(?:X86|VMX)_FEATURE_/, "")).filter(
    ({ register: { isTrue } }) => isTrue !== true,
  );
  // flexpriority of Linux is two controls, and the one of them that QEMU calls so says too little.
  const whole = featureNamed(name);
  if (bits.length > 0 && !(whole?.id === name && isJoined(whole))) {
    const also = param === undefined ? "" : ` ${param.module}.${param.name} is the parameter of KVM for it.`;
    const [{ row }] = bits as [BitMatch];
    const named = featureNamed(name) ?? featureNamed(row.cpuinfo ?? row.key);
    const purpose = purposeOf(named, row.cpuinfo);
    return {
      short: `${name} is ${named?.name ?? `"${row.sdm}"`}.${purpose}`,
      says: `${bits
        .slice(0, 2)
        .map((bit) => ofBit(name, bit))
        .join(" ")}${purpose}${also}`,
      command: whyOf(name),
    };
  }
  const feature = featureNamed(name);
  if (param !== undefined) {
    const shown = param.type === "bool" && feature?.silicon !== undefined ? SHOWN : "";
    const says = `${name} is a parameter of the module ${param.module}: ${param.about}.${purposeOf(feature)}`;
    return {
      says: `${says}${shown}`,
      short: says,
      command: whyOf(name),
    };
  }
  if (feature !== undefined) {
    const flag = feature.flag === undefined || feature.flag === name ? "" : ` (${feature.flag} in \`vmx flags\`)`;
    const says = `${name} is ${feature.name}${flag}.${purposeOf(feature)}`;
    return { says, short: says, command: whyOf(name) };
  }
  const other = otherParam(name);
  if (other !== undefined) {
    const says = `${name} is a parameter of the module ${other.module}: ${other.about}.`;
    return { says, short: says, command: `cat /sys/module/${other.module}/parameters/${other.name}` };
  }
  const [source] = findSourceNames(name);
  if (source === undefined) return undefined;
  const says = `${name} (${source.file}): ${aboutSourceName(source)}`;
  return { says, short: says, command: whyOf(name) };
}

/** Several bits have to be there for it. */
const isJoined = ({ silicon }: Feature): boolean => silicon !== undefined && "all" in silicon && silicon.all.length > 1;

const SHOWN =
  " What /sys shows is what KVM's checks left of it: N where the CPU (or the hypervisor below) lacks what it needs, or where it was switched off.";

/** What a feature is for, after other sentences; empty where that is not in the table. */
function purposeOf(feature: Feature | undefined, flag?: string): string {
  const says = PURPOSES[feature?.id as FeatureId] ?? (flag === "vapic" ? PURPOSES.vapic : undefined);
  return says === undefined ? "" : ` ${says}`;
}

/** How the value of a register is read. */
function partsOf({ index, layout }: RegisterRow): string {
  const says = REGISTER_PARTS[index] ?? (Object.hasOwn(READING, layout) ? READING[layout as keyof typeof READING] : "");
  return says === "" ? "" : ` ${says}`;
}

const whyOf = (name: string) => `vmxlens why ${name} HOST`;

function ofRegister(name: string, register: RegisterRow): Definition {
  const index = hexIndex(register.index);
  const own = register.sdm === name ? "" : `, in the SDM ${register.sdm}`;
  const named = register.bits.length === 0 ? "" : ` It has ${register.bits.length} named bits.`;
  const says = `${name} is MSR ${index}${own}: ${register.title}.`;
  return {
    says: `${says}${register.isTrue === true ? "" : partsOf(register)}${withTrue(register)}${named}`,
    short: says,
    command: `vmxlens show HOST ${index}`,
  };
}

/** A TRUE register beside the one that Linux reads. */
function withTrue({ isTrue }: RegisterRow): string {
  return isTrue === true
    ? " It exists where bit 55 of IA32_VMX_BASIC is 1, and says which controls of the default1 class may be 0: a hypervisor of one's own takes it where it exists; Linux and KVM read the plain register."
    : "";
}

function ofBit(name: string, { register, row }: BitMatch): string {
  const title = featureNamed(row.cpuinfo ?? row.key)?.name;
  const index = hexIndex(register.index);
  const sdm = title === undefined || title === row.sdm ? "" : `, "${row.sdm}"`;
  const where =
    register.layout === "controls"
      ? `control ${row.bit} of ${register.sdm} (${index})${sdm}, which may be 1 where bit ${row.bit + ALLOWED1} of the MSR is 1`
      : register.layout === "fixed1"
        ? `bit ${row.bit} of the control register; ${register.sdm} (${index}) says whether it may be 1`
        : `bit ${row.bit} of ${register.sdm} (${index})${sdm}`;
  const flag =
    row.cpuinfo === undefined || row.cpuinfo === name
      ? ""
      : ` /proc/cpuinfo prints it as ${row.cpuinfo} in \`vmx flags\`.`;
  return `${name} is ${title ?? `"${row.sdm}"`}: ${where}.${flag}`;
}
