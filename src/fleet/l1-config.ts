import type { CoreGroup, Host } from "../host/host.js";
import { type Msr, msrValue } from "../host/msr.js";
import { replay } from "../kvm/replay.js";
import type { Release } from "../rules/release.js";

/** Locked, with VMX outside SMX: what KVM and QEMU give a guest. */
const FEATURE_CONTROL = msrValue({ hi: 0, lo: 5 });

/**
 * KVM makes these two from the guest's CPUID, which moves with the guest: they are the same before and after.
 */
const FROM_CPUID: readonly (readonly [msr: number, value: Msr])[] = [
  [0x487, msrValue({ hi: 0, lo: 0xffff_ffff })],
  [0x489, msrValue({ hi: 0, lo: 0x7f_ffff })],
];

/**
 * The struct vmcs_config that a guest's own KVM makes of the registers it is offered: one piece of text for each field,
 * or undefined where bits of it are not known. A vCPU that is added later, on a host whose registers give another one, is
 * refused with "Inconsistent VMCS config".
 *
 * @param signature CPUID.1:EAX of the vCPU; errata depend on it.
 */
export function l1Config(
  registers: ReadonlyMap<number, Msr>,
  signature: number | undefined,
  release: Release,
): string | undefined {
  const core: CoreGroup = {
    coreTypes: [],
    logicalCpus: "0",
    ...(signature === undefined ? {} : { signature }),
    msrs: new Map([...registers, ...FROM_CPUID, [0x3a, FEATURE_CONTROL]]),
    cpuid: { features: { vmx: true, hypervisor: true } },
  };
  // Every field may differ from that of a CPU about which nothing is known, so all of them are listed.
  const other: CoreGroup = { coreTypes: [], logicalCpus: "1", msrs: new Map(), cpuid: { features: { vmx: true } } };
  const host: Host = { vendor: "GenuineIntel", cores: [core, other] };
  const { compatibility } = replay(host, { release });
  const [check] = compatibility;
  if (check === undefined || check.differences.length === 0) return undefined;
  const fields = check.differences.map(({ offset, reference }) =>
    reference.unknown === 0 ? `${offset}:${reference.value.toString(16)}` : undefined,
  );
  return fields.includes(undefined) ? undefined : fields.join(" ");
}
