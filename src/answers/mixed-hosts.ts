import { listText } from "../bits/list-text.js";
import { cpusNamed } from "../why/cpus/named-cpu.js";
import { answer, type TextVerdict } from "./answer.js";

/*
 * Guests that get the CPU of the host they start on, in a cluster of hosts with different CPUs. Facts: libvirt, formatdomain
 * (CPU model and topology); QEMU, docs/system/cpu-models-x86.
 */

const GIVES_HOST =
  /\bhost-passthrough\b|(?<![\w-])-cpu host\b|\bcpu[._ ]?(?:mode|type)\W{1,4}(?:is )?["']?host\b(?!-model)/i;
const OF_SEVERAL =
  /\b(?:cluster|mixed|pool|fleet|heterogeneous|nodes|(?:other|different|all|several|both) (?:hosts|nodes|servers|hypervisors)|migrat\w{1,4}|vMotion)\b/i;
const CLOUDSTACK = /\bcloud-?stack\b|\bguest\.cpu\.mode\b/i;
const LONGEST = 6_000;
const MOST_NAMES = 6;

/** What follows from the CPUs that a text names for the hosts of one cluster. */
export function mixedHosts(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !GIVES_HOST.test(text) || !OF_SEVERAL.test(text)) return undefined;
  const names = cpusNamed(text).map(({ name }) => name);
  if (names.length < 2 || names.length > MOST_NAMES) return undefined;
  return answer(
    `The guests get the CPU of the host on which they start (host-passthrough), and the hosts have different CPUs (${listText(names)}): a guest that moves to one that lacks what it was given cannot use it there, and what uses it crashes. Guests that stay where they started are not affected.`,
    [
      {
        text: "Give the guests one model that every host has, shut them down and start them; leave vmx out where none of them runs guests of its own.",
        commands: [
          "virsh domcapabilities | xmllint --xpath '//cpu/mode[@name=\"host-model\"]' - > HOST.xml   # on each; then",
          "virsh hypervisor-cpu-baseline ALL.xml",
          ...(CLOUDSTACK.test(text)
            ? ["guest.cpu.mode=custom", "guest.cpu.model=MODEL"]
            : ["<cpu mode='custom'><model>MODEL</model></cpu>"]),
        ],
      },
      {
        text: "See whether what goes wrong follows a move.",
        commands: ["sudo journalctl -u libvirtd -u virtqemud | grep -i migrat | tail"],
      },
    ],
  );
}
