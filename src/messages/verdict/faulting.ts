import type { Step } from "../../answers/message.js";
import { describeMsr } from "../../input/text/msr-names.js";
import { vmxInstruction } from "../../vmcs/stopped/register-block.js";
import { vmxOnMemory } from "../../vmcs/stopped/vmx-on-memory.js";

/*
 * The instruction that a crashed kernel names by its code bytes, where it is one that a hypervisor decides about.
 */

const CODE = /\bCode: [^<\n]{0,400}<(?<at>[0-9a-f]{2})>(?<behind>(?: [0-9a-f]{2}){1,3})/;
const RCX = /\bRCX: (?<rcx>[0-9a-f]{8,16})\b/;
const MODULE = /\+0x[0-9a-f]{1,6}\/0x[0-9a-f]{1,6} \[(?<module>[\w-]{2,30})\b/;
const VIRTUAL =
  /\bHardware name: (?<name>[^\n]{0,60}?\b(?:QEMU|KVM|KubeVirt|OpenStack|VMware|VirtualBox|Xen|Virtual Machine)\b)/i;
const OF_KVM = /QEMU|KVM|KubeVirt|OpenStack/i;

interface Fault {
  readonly says: string;
  readonly steps: readonly Step[];
}

const IGNORE: Step = {
  text: "On the host, let KVM answer such accesses instead of refusing them; and update KVM there, and the module here.",
  commands: ["echo 1 | sudo tee /sys/module/kvm/parameters/ignore_msrs"],
};
const UPDATE: Step = {
  text: "Update the module that asks for it, the kernel, and the microcode or the hypervisor below.",
};

/** The instruction in the lines of a crash; undefined where it is another one. */
export function faultingInstruction(lines: readonly string[]): Fault | undefined {
  const text = lines.join("\n");
  const { at = "", behind = "" } = CODE.exec(text)?.groups ?? {};
  const code = `${at}${behind}`.split(" ").map((byte) => Number.parseInt(byte, 16));
  const module = MODULE.exec(text)?.groups?.module;
  const name = VIRTUAL.exec(text)?.groups?.name;
  const where = module === undefined ? "" : `, for the module ${module}`;
  const access = code[0] !== 0x0f ? undefined : code[1] === 0x32 ? "RDMSR" : code[1] === 0x30 ? "WRMSR" : undefined;
  const rcx = RCX.exec(text)?.groups?.rcx;
  if (access !== undefined && rcx !== undefined) {
    const index = Number.parseInt(rcx.slice(-8), 16);
    const below =
      name === undefined
        ? "this CPU does not have the register, or refuses the value"
        : `this is a virtual machine (${name}), and the hypervisor below does not give it the register`;
    return {
      says: `${access} of ${index === 0x9b ? "0x9b (IA32_SMM_MONITOR_CTL, which CPUs with VMX have)" : describeMsr(index)} faulted${where}: ${below}.`,
      steps: name !== undefined && OF_KVM.test(name) ? [IGNORE] : [UPDATE],
    };
  }
  const insn = vmxInstruction(code) ?? vmxOnMemory(code);
  return insn === undefined
    ? undefined
    : {
        says: `The instruction is ${insn}${where}: this CPU is not in VMX operation there, or its operand is bad.`,
        steps: [UPDATE],
      };
}
