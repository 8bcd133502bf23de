import type { BASIC_FIELDS } from "../registers/register-fields.js";
import { decodeRegister } from "./decode.js";
import { HYPERVISOR_REVISIONS } from "./finding-kinds.js";
import { type CoreGroup, type Host, isWsl2, msrOf } from "./host.js";
import { isThere, type Msr } from "./msr.js";

/*
 * What lies below the machine: its CPU is then a virtual one, and what it lacks was not passed on.
 */

const BASIC = 0x480;

/** What QEMU's own CPU models are called (QEMU, target/i386/cpu.c): a real CPU has `(R)` behind Intel, and a number behind EPYC. */
const QEMU_MODEL =
  /^(?:QEMU |Common (?:32-bit )?KVM |Westmere |Intel [^()]*\((?!R\)|TM\))|AMD EPYC(?:-\w+)? Processor$|AMD Opteron [^(]*\(Gen )/;

/** What the values of a machine show of the hypervisor that it runs in. */
export interface Below {
  /** Whether there is one; undefined where nothing says so or denies it. */
  readonly virtual: boolean | undefined;
  /** As it calls itself, or as its VMCS revision identifier shows it. */
  readonly name: string | undefined;
}

export function belowOf(host: Host): Below {
  const [boot] = host.cores;
  const name =
    host.observed?.outer ??
    (isWsl2(host) ? "WSL2" : undefined) ??
    hypervisorOfRevision(boot)?.name ??
    (QEMU_MODEL.test(host.name ?? "") ? (host.name?.startsWith("QEMU TCG") ? "QEMU TCG" : "QEMU") : undefined);
  return { virtual: boot.cpuid.features.hypervisor ?? (name === undefined ? undefined : true), name };
}

/** `the hypervisor below`, with its name where that is known. */
export const belowText = (name: string | undefined): string =>
  `the hypervisor below${name === undefined ? "" : ` (${name})`}`;

/** The number in a field of IA32_VMX_BASIC, or `undefined` when a bit of it is not known. */
export function basicField(basic: Msr, key: (typeof BASIC_FIELDS)[number]["key"]): number | undefined {
  return decodeRegister(BASIC, basic).fields.find(({ row }) => row.key === key)?.raw;
}

/** The hypervisor or emulator that gives the machine its VMCS revision identifier: processors have others. */
export function hypervisorOfRevision(core: CoreGroup): (typeof HYPERVISOR_REVISIONS)[number] | undefined {
  const basic = msrOf(core, BASIC);
  if (!isThere(basic)) return undefined;
  const revision = basicField(basic, "REVISION");
  const size = basicField(basic, "REGION_SIZE");
  return HYPERVISOR_REVISIONS.find(
    (mark) => revision === mark.revision && (mark.size === undefined || mark.size === size),
  );
}
