import type { Advice } from "../answers/message.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";
import { outerStep, START_ANEW } from "../why/questions/next-steps.js";
import { GIVE_CPU, GIVE_TEXT, GIVE_VMX, LOAD_AMD, LOAD_KVM } from "./rows/shared-advice.js";

/*
 * Steps at the host of a nested guest, by the state of nested there: to be switched on, on already, or kept off by a file.
 */

/** By words or by its parameter, at the host. */
const NESTED_ON: readonly Circumstance[] = ["nested on", "said to have nested on"];

/** Nested is to be switched on at the host, and is off there. */
const TO_HAVE_NESTED: ReadonlySet<string> = new Set(["KVM", "Proxmox"].map((name) => outerStep(name).text));
const SWITCH_ON = [
  "echo 'options kvm_intel nested=1' | sudo tee /etc/modprobe.d/kvm-nested.conf",
  "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
];
export const withNestedOn = (step: Advice): Advice =>
  TO_HAVE_NESTED.has(step.text) ? { ...step, commands: [...SWITCH_ON, ...(step.commands ?? [])] } : step;

const OF_KVM_HOST: ReadonlySet<string> = new Set([...TO_HAVE_NESTED, GIVE_TEXT, GIVE_VMX]);

const LOADS: ReadonlySet<string> = new Set([LOAD_KVM.text, LOAD_AMD]);
/** Where a cloud passes VT-x, the kernel loads KVM at boot. */
export const isLoadInCloud = (step: Advice, isSo: (name: Circumstance) => boolean): boolean =>
  LOADS.has(step.text) && isSo("in a cloud") && !NESTED_ON.some(isSo);

const OF_CLOUD: ReadonlySet<string> = new Set(["Google", "Azure", "Amazon"].map((name) => outerStep(name).text));
const IN_INSTANCE: Advice = {
  text: "In the instance, see whether it arrived.",
  commands: ["grep -m1 -ow vmx /proc/cpuinfo; ls -l /dev/kvm; sudo dmesg | grep -i kvm"],
};

/** At a host whose nested is on, the guest's CPU is left to be given; where that is given, the guest's start. */
export const atNestedHost = (step: Advice, isSo: (name: Circumstance) => boolean): Advice =>
  OF_CLOUD.has(step.text) && isSo("said to have nested on")
    ? IN_INSTANCE
    : !OF_KVM_HOST.has(step.text) || !NESTED_ON.some(isSo)
      ? step
      : isSo("a host model given")
        ? START_ANEW
        : { text: GIVE_TEXT, commands: GIVE_CPU };

const KEPT_OFF = "At the next boot the line with nested=0 in /etc/modprobe.d counts again: change it, too.";
/** What modprobe is given once, a file takes back. */
export const keptOff = (step: Advice, { has }: Circumstances): Advice =>
  has("nested kept off") && step.commands?.some((one) => one.endsWith(" nested=1")) === true
    ? { ...step, text: `${step.text} ${KEPT_OFF}` }
    : step;
