import { PARAMS } from "../kvm/load/params.js";
import { aboutSourceName, findSourceNames } from "../kvm/source-names.js";
import { registerNamed } from "../registers/bit-place.js";
import { type BitMatch, bitsNamed } from "../registers/lookup.js";
import { hexIndex, type RegisterRow } from "../registers/registers.js";
import { featureNamed } from "./find-feature.js";

/** What a name means, in a sentence or two, without a host. */
export interface Definition {
  readonly says: string;
  /** What shows more of it. */
  readonly command: string;
}

/** How the controls of a register are written about, and where their bits are. */
const ALLOWED1 = 32;

/**
 * Says what a bit, a flag of /proc/cpuinfo, a parameter of KVM, a register or a name of the kernel's source is. Undefined
 * for any other word.
 */
export function definitionOf(name: string): Definition | undefined {
  const register = registerNamed(name);
  if (register !== undefined) return ofRegister(name, register);
  const param = PARAMS.find((row) => row.name === name || `${row.module}.${row.name}` === name);
  const bits = bitsNamed(name.replace(/^(?:X86|VMX)_FEATURE_/, "")).filter(
    ({ register: { isTrue } }) => isTrue !== true,
  );
  if (bits.length > 0) {
    const also = param === undefined ? "" : ` ${param.module}.${param.name} is the parameter of KVM for it.`;
    return {
      says: `${bits
        .slice(0, 2)
        .map((bit) => ofBit(name, bit))
        .join(" ")}${also}`,
      command: whyOf(name),
    };
  }
  const feature = featureNamed(name);
  if (param !== undefined) {
    return { says: `${name} is a parameter of the module ${param.module}: ${param.about}.`, command: whyOf(name) };
  }
  if (feature !== undefined) {
    const flag = feature.flag === undefined || feature.flag === name ? "" : ` (${feature.flag} in \`vmx flags\`)`;
    return { says: `${name} is ${feature.name}${flag}.`, command: whyOf(name) };
  }
  const [source] = findSourceNames(name);
  return source === undefined
    ? undefined
    : { says: `${name} (${source.file}): ${aboutSourceName(source)}`, command: whyOf(name) };
}

const whyOf = (name: string) => `vmxlens why ${name} HOST`;

function ofRegister(name: string, register: RegisterRow): Definition {
  const index = hexIndex(register.index);
  const own = register.sdm === name ? "" : `, in the SDM ${register.sdm}`;
  const named = register.bits.length === 0 ? "" : ` It has ${register.bits.length} named bits.`;
  return {
    says: `${name} is MSR ${index}${own}: ${register.title}.${withTrue(register)}${named}`,
    command: `vmxlens show HOST ${index}`,
  };
}

/** A TRUE register beside the one that Linux reads. */
function withTrue({ isTrue }: RegisterRow): string {
  return isTrue === true
    ? " It exists where bit 55 of IA32_VMX_BASIC is 1, and says which controls of the default1 class may be 0; Linux and KVM read the plain register."
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
