import type { GuestCpu } from "../input/guests/guest-cpu.js";
import type { GuestStart, WantedFeature } from "./guest-start.js";
import { listed } from "./hosts/compared-host.js";

const FORMATS: { readonly [F in GuestCpu["format"]]: string } = {
  libvirt: "libvirt domain",
  qemu: "QEMU command line",
  proxmox: "Proxmox configuration",
  kubevirt: "KubeVirt machine",
};

/** Who it is: `web01 (libvirt domain, Skylake-Server-IBRS with VMX)` */
export function guestText({ name, format, model, emulated }: GuestCpu, asksVmx: boolean): string {
  const cpu = model === undefined ? "default CPU" : model === "host" ? "CPU of the host" : model;
  const with_ = emulated ? ", without KVM" : asksVmx ? " with VMX" : "";
  return name === undefined
    ? `This ${FORMATS[format]} (${cpu}${with_})`
    : `${name} (${FORMATS[format]}, ${cpu}${with_})`;
}

const lower = (text: string): string => (text.startsWith("This ") ? `this ${text.slice(5)}` : text);

export function countText(features: readonly WantedFeature[]): string {
  return features.length === 1 ? "1 feature" : `${features.length} features`;
}

const MOST = 8;

export function namesText(features: readonly WantedFeature[]): string {
  const names = features.map(({ name, forbidden }) => (forbidden ? `no ${name}` : name));
  return names.length <= MOST ? listed(names) : `${names.slice(0, MOST).join(", ")} and ${names.length - MOST} others`;
}

/** Features that the host does not give; without VMX at all the ones that go with it are not repeated. */
export function missingOf({ features }: GuestStart): readonly WantedFeature[] {
  const missing = features.filter(({ given }) => given === "no");
  const noVmx = missing.some(({ name }) => name === "vmx");
  return noVmx ? missing.filter(({ kind, name }) => kind !== "VMX" || name === "vmx") : missing;
}

/** Whether the guest starts somewhere, and why not, in one sentence. */
export function startText(start: GuestStart, where: string): string {
  const { guest, starts, loads, asksVmx, features, unknownNames, unknownModel } = start;
  const who = guestText(guest, asksVmx);
  if (guest.emulated) return `${who} starts on ${where}: it runs without KVM, whatever the CPU has.`;
  if (loads === "no") return `${who} does not start on ${where}: kvm_intel does not load there.`;
  const fatal = missingOf(start).filter(({ required }) => required);
  if (fatal.length > 0) {
    return `${who} does not start on ${where}: it requires ${countText(fatal)} that the host does not give: ${namesText(fatal)}.`;
  }
  if (starts === "yes") {
    const required = features.filter((one) => one.required).length;
    const all =
      required === 0
        ? ""
        : required === 1
          ? ": the feature that it requires is there"
          : `: all ${required} features that it requires are there`;
    return `${who} starts on ${where}${all}.`;
  }
  const open = features.filter(({ given, required }) => given === "unknown" && required);
  const why =
    start.svm === true && !guest.emulated
      ? "it has an AMD CPU, on which kvm_amd decides, and vmxlens is about VMX"
      : loads === "unknown"
        ? "whether KVM loads there is not known"
        : unknownModel
          ? `the model ${guest.model} is unknown here`
          : open.length > 0
            ? `${countText(open)} that it requires ${open.length === 1 ? "was" : "were"} not read: ${namesText(open)}`
            : `${listed(unknownNames)} ${unknownNames.length === 1 ? "is" : "are"} unknown here`;
  return `Not known whether ${lower(who)} starts on ${where}: ${why}.`;
}
