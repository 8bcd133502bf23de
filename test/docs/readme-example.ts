import { atlasHost, replay } from "../../src/index.js";

const { cpu, loads } = replay(atlasHost("intel-50654-skylakex"), {
  release: "6.12",
  params: { kvm_intel: { ept: "0" } },
});
export const answers = [
  loads, // "unknown": nobody read the firmware's switch
  cpu.bit("params", "unrestricted_guest"), // "no": it needs ept=1
  cpu.bit("cpu_based_2nd_exec_ctrl", "EPT"), // "yes": the control itself could be used
];
