import type { TextVerdict } from "../answer.js";
import type { Step } from "../message.js";
import { DROP_VMX } from "../rows/shared-advice.js";
import { proseOf } from "./guest-verdict.js";

/*
 * Migrations that are said to fail, where no line names what the destination lacks.
 */

const FAILS =
  /\bmigrat(?:ion|ing|es?|ed)\b[^.\n]{0,60}\b(?:fail(?:s|ed|ure)?|errors?|assert\w{0,4}|hangs?|freez\w{1,3}|stuck|crash\w{0,3}|paus\w{1,3}|locks? up)\b|\b(?:fail(?:s|ed)?|unable|cannot|can['’]?t) (?:to )?(?:live[- ])?migrat\w{1,3}\b/i;
const NESTED = /\bnest(?:ed|ing)\b|\bvmx\b/i;
const OF_KVM = /\bKVM\b|\bqemu\b|\blibvirt\b|\bvirsh\b/i;
/** Longer texts are logs. */
const LONGEST = 8_000;

const COMPARE: Step = {
  text: "Compare what the two hosts offer, and give the guest a CPU model that both have.",
  commands: ["vmxlens migrate HOST-A HOST-B", "virsh domcapabilities | sed -n '/<cpu>/,/<.cpu>/p'"],
};
const DESTINATION: Step = {
  text: "Read what the destination said: its QEMU names the device or the register.",
  commands: ["sudo tail -60 /var/log/libvirt/qemu/NAME.log; sudo dmesg | tail -50   # on the destination"],
};

/** QEMU at the destination, where the state of a device does not fit what it was started with. */
const DEVICE =
  /\berror while loading state for instance \S{1,20} of device ["'](?<device>(?!cpu["'])[^"'\n]{1,60})["']|\berror while loading state section id \d{1,4}\((?<section>[\w./:-]{1,40})\)|\bUnknown ramblock ["'](?<block>[^"'\n]{1,60})["']/i;
const SAME_MACHINE: Step = {
  text: "Start the destination with the same machine type (its versioned name), the same devices, firmware and memory, and a QEMU no older than the source's.",
  commands: ["qemu-system-x86_64 --version; qemu-system-x86_64 -machine help | grep -E 'alias|default'"],
};

const SAME_DISKS: Step = {
  text: "At the destination, make each disk (the firmware's variables as well) of the same size and format beforehand, or migrate without copying storage.",
  commands: ["qemu-img info FILE   # on both hosts"],
};

/** Undefined where no migration of KVM is said to fail. */
export function migrationFails(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !OF_KVM.test(text)) return undefined;
  const { device, block, section } = DEVICE.exec(text)?.groups ?? {};
  if (section !== undefined)
    return {
      says: `QEMU at the destination could not load the section "${section}" of the migration${section === "block" ? ", the disks that are copied along: their files there are not as large as at the source, or cannot be written" : ""}. VT-x has no part in that.`,
      steps: [section === "block" ? SAME_DISKS : SAME_MACHINE],
      evidence: [],
    };
  if (device !== undefined || block !== undefined)
    return {
      says: `QEMU at the destination could not take over ${block === undefined ? `the state of ${device}` : `the memory of ${block}`}: it was started with other devices, another machine type or another version than the source. VT-x has no part in that.`,
      steps: [SAME_MACHINE],
      evidence: [],
    };
  const found = FAILS.exec(text)?.[0].replace(/\s+/g, " ");
  if (found === undefined) return undefined;
  const state = "Old versions of QEMU and KVM do not carry the state of a hypervisor that runs inside";
  return NESTED.test(proseOf(text))
    ? {
        says: `The text says that a migration goes wrong ("${found}"), of a guest that can have VMX: with nested on, -cpu host gives it VMX, and the destination's KVM then has to accept its VMX registers, too. ${state}.`,
        steps: [DROP_VMX, COMPARE, DESTINATION],
        evidence: [],
      }
    : {
        says: `The text says that a migration goes wrong ("${found}"). KVM runs guests on both hosts, so VT-x works: what the destination refuses, or makes of the state, is in its log.`,
        steps: [DESTINATION, COMPARE],
        evidence: [],
      };
}
