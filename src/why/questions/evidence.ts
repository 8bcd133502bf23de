import type { Tri } from "../../bits/tri.js";
import { msrOf } from "../../host/host.js";
import { formatMsr, knownValue, type Msr, msrBit } from "../../host/msr.js";
import { hexIndex } from "../../registers/registers.js";
import type { About } from "./about.js";

/*
 * What an answer rests on.
 */

/** The value, or the bits that are known of it. */
function featCtlText(msr: Msr): string {
  const [lock, outside, inside] = [0, 2, 1].map((bit) => msrBit(msr, bit)) as [Tri, Tri, Tri];
  if (knownValue(msr) !== undefined) return formatMsr(msr);
  const bits = [
    ...(lock === "unknown" ? [] : [lock === "yes" ? "locked" : "not locked"]),
    ...(outside === "unknown" ? [] : [`VMX outside SMX ${outside === "yes" ? "on" : "off"}`]),
    ...(inside === "unknown" ? [] : [`inside SMX ${inside === "yes" ? "on" : "off"}`]),
  ];
  return bits.length === 0 ? "known in part" : bits.join(", ");
}

export function evidenceOf({ situation, outer, virtual, isSaid }: About): string[] {
  const { host } = situation;
  const [boot] = host.cores;
  const { observed, params } = host;
  const found: string[] = [];
  const msr = msrOf(boot, 0x3a);
  if (boot.signature !== undefined || host.name !== undefined) {
    const signature = boot.signature === undefined ? "" : `, signature ${hexIndex(boot.signature)}`;
    found.push(`CPU: ${host.name ?? "unnamed"}${signature}`);
  }
  const flags = observed?.cpuFlags;
  if (flags !== undefined) found.push(`\`vmx\` ${flags.includes("vmx") ? "is" : "is not"} among the flags`);
  else if (observed?.vmx === false && observed.svm === false) found.push("Linux shows neither `vmx` nor `svm`");
  else if (observed?.vmx !== undefined) found.push(`Linux ${observed.vmx ? "shows" : "does not show"} \`vmx\``);
  const isRead = msrOf(situation.read.cores[0], 0x3a).state === "value";
  const follows = isRead ? "" : ", which follows from the rest";
  // Where the kernel refused the module, what follows from the flag is what the answer doubts.
  if (msr.state === "value" && (isRead || observed?.loadError !== "EOPNOTSUPP"))
    found.push(`IA32_FEAT_CTL (0x3a): ${featCtlText(msr)}${follows}`);
  if (msr.state === "absent") found.push("IA32_FEAT_CTL (0x3a) is absent");
  const names = observed?.vmxFlags?.length ?? 0;
  if (names > 0) {
    found.push(
      `the \`vmx flags\` line of /proc/cpuinfo, ${names} names: what the CPU allows, whatever KVM makes of it`,
    );
  }
  for (const message of observed?.messages ?? []) found.push(`log: ${message}`);
  if (observed?.loadError !== undefined) found.push(`the kernel refused kvm_intel with ${observed.loadError}`);
  const loaded = observed?.modules?.kvm_intel;
  if (loaded !== undefined) found.push(`lsmod: kvm_intel is ${loaded ? "" : "not "}loaded`);
  const shown = Object.entries(params?.kvm_intel ?? {}).filter(([name]) => ["nested", "ept"].includes(name));
  for (const [name, value] of shown) found.push(`kvm_intel.${name}: ${value}`);
  if (isSaid) found.push(`the text says that it ${outer === undefined ? "is a virtual machine" : `runs in ${outer}`}`);
  else if (virtual === true) {
    const shown = observed?.outer ?? outer;
    const product = outer === shown ? "" : `, of ${outer} by the text`;
    found.push(`it is a virtual machine${shown === undefined ? "" : ` (${shown}${product})`}`);
  }
  if (virtual === false) found.push("it is not a virtual machine");
  return found.slice(0, 12);
}
