import { atlasHost, layers, nested, replays, situation, vmxFlags, why } from "../../src/index.js";

const skylake = situation(atlasHost("intel-50654-skylakex"), { kernel: "6.12", params: { kvm_intel: { ept: "0" } } });
export const answers = [
  replays(skylake).loads, // "unknown": the firmware's switch was not read
  why(skylake, "unrestricted guest").lostAt, // "param": it needs ept=1
  layers(skylake).find(({ feature }) => feature.id === "mbec")?.cells.kvm, // "no": KVM asks for it since 7.2
  nested(skylake).msrs.get(0x48a)?.text, // "0x32": the highest index of a VMCS field that L1 gets
  vmxFlags(situation(skylake.host, { kernel: "6.12", assume: ["firmware=enabled"] })).vmxFlags.printed, // "yes"
];
