import type { Advice } from "../answers/message.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";

/*
 * One setting of a guest is written in as many ways as there are programs that start guests. Where the text shows which one
 * does, the others' ways are left out.
 */

interface FrontEnd {
  readonly is: Circumstance;
  readonly own: RegExp;
}

const FRONT_ENDS: readonly FrontEnd[] = [
  { is: "Proxmox starts the guests", own: /^qm / },
  { is: "libvirt starts the guests", own: /^(?:<|virsh )/ },
  { is: "QEMU is started by hand", own: /^-(?:cpu|machine|accel|overcommit|smp)\b/ },
];
const FOR_OTHERS = "# Proxmox: qm set VMID --cpu host; OpenStack: cpu_mode = host-passthrough";

/** Of a step's commands, those of the program that starts the guests of the text. */
export function ofFrontEnd(step: Advice, { has }: Circumstances): Advice {
  const { commands } = step;
  const front = FRONT_ENDS.find(({ is }) => has(is));
  if (commands === undefined || front === undefined) return step;
  const others = FRONT_ENDS.filter((one) => one !== front);
  if (commands.some((one) => front.own.test(one)))
    // libvirt before 10.1 has no names for what is below vmx, and QEMU's own have to do.
    return commands.some((one) => /name='vmx-/.test(one))
      ? step
      : { ...step, commands: commands.filter((one) => one !== FOR_OTHERS && !isOf(others, one)) };
  if (front.is === "Proxmox starts the guests") {
    const named = commands.map((one) => (one === FOR_OTHERS || one === "-cpu host" ? HOST_CPU : one));
    return { ...step, commands: [...new Set(named)].filter((one) => !named.includes(HOST_CPU) || !isOf(others, one)) };
  }
  // QEMU's own way does for want of libvirt's.
  const left = front.is === "libvirt starts the guests" ? commands.filter((one) => !one.startsWith("qm ")) : commands;
  return left.length === 0 ? step : { ...step, commands: left };
}
const HOST_CPU = "qm set VMID --cpu host";

const isOf = (fronts: readonly FrontEnd[], command: string): boolean => fronts.some(({ own }) => own.test(command));
