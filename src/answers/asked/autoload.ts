import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { releaseOf } from "../../rules/held.js";
import type { TextVerdict } from "../answer.js";

/*
 * What loads KVM's modules unasked. Linux, MODULE_DEVICE_TABLE(x86cpu, ...) in arch/x86/kvm/vmx/vmx.c
 * and svm/svm.c: X86_FEATURE_VMX, X86_FEATURE_SVM.
 */

const ASKED: readonly RegExp[] = [
  /\bwhy (?:is|are|does|do|did)\b[^\n?]{0,60}\bkvm(?:[-_](?:intel|amd))?\b[^\n?]{0,60}\bload(?:ed)?\b[^\n]{0,100}\b(?:automatically|by default|by itsel[f]|not us(?:e|ing)|n['’]t us(?:e|ing)|without|at boot|even)\b/i,
  /\bkvm(?:[-_](?:intel|amd))?\b[^\n]{0,80}\b(?:load(?:s|ed)|loading) (?:automatically|by default|by itsel[f]|even though|although)/i,
  /\bautomatically load(?:s|ed)\b[^\n]{0,40}\bkvm(?:[-_](?:intel|amd))?\b/i,
  /\b(?:udev|alias|modalias)\b[^\n]{0,80}\bload\w{0,3}\b[^\0]{0,400}\bkvm(?:[-_](?:intel|amd))?\b/i,
  /\bkvm(?:[-_](?:intel|amd))?\b[^\0]{0,400}\b(?:udev|modalias)\b[^\n]{0,80}\bload\w{0,3}\b/i,
];
/** A line of modules.builtin, which lists what is part of the kernel. */
const BUILT_IN = /\bmodules\.builtin\b[^\0]{0,2000}^\s{0,8}kernel\/arch\/x86\/kvm\/kvm-intel\.ko(?:\.\w{2,3})?\s*$/m;

/** What it means that KVM is part of the kernel. */
export function builtIn(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  return text === undefined || text.length > LONGEST || !BUILT_IN.test(text)
    ? undefined
    : {
        says: "modules.builtin lists kvm_intel: it is part of this kernel, and no module. Nothing has to be loaded, lsmod does not show it, and its parameters go on the kernel command line: modprobe.d does not reach it.",
        steps: [
          {
            text: "See that it found VT-x at boot.",
            commands: [
              "ls -l /dev/kvm; grep . /sys/module/kvm_intel/parameters/nested; sudo dmesg | grep -iE 'kvm|vmx'",
            ],
          },
        ],
        evidence: [],
      };
}
const LONGEST = 20_000;

/** It is asked to load, and does not. */
const FAILS =
  /\bcould not insert\b|\b(?:not|n['’]t|never|fail\w{0,4} to) (?:get |be )?(?:auto-?)?load|\bnot found\b|\bunknown symbol\b|\b(?:no|missing) \/dev\/kvm\b/i;

/** What loads KVM's modules, where a text asks that and nothing failed. */
export function autoloaded(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || FAILS.test(text) || !ASKED.some((words) => words.test(text))) return undefined;
  return {
    says: `udev loads kvm_intel (AMD: kvm_amd) on its own, with kvm: the module names the CPU flag \`vmx\` (\`svm\`) in its alias, so it is loaded at boot on every machine that shows the flag, whether or not a guest ever runs, and in no list of modules is it needed. It takes VT-x only while a guest runs, and from Linux ${releaseOf(NOT_REPLAYED.virtAtLoad.held.since)} on as soon as it is loaded.`,
    steps: [
      { text: "See the alias.", commands: ["modinfo kvm_intel | grep alias"] },
      {
        text: "To keep it from loading, on the next start.",
        commands: ["echo 'blacklist kvm_intel' | sudo tee /etc/modprobe.d/no-kvm.conf"],
      },
    ],
    evidence: [],
  };
}
