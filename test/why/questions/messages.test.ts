import { describe, expect, it } from "vitest";
import { readHost } from "../../../src/input/index.js";
import type { Question } from "../../../src/why/questions/answer.js";
import { answerTo } from "../../../src/why/questions/questions.js";

/*
 * One line of the log, and the three questions. What is expected was worked out by hand from what the kernel does before and
 * after it prints the line: init_ia32_feat_ctl (feat_ctl.c), the checks when kvm_intel is loaded, hardware_setup and
 * setup_vmcs_config (vmx.c), and for what kvm.ko prints, x86.c. The kernels are some of those that print it.
 */

type First = "Yes" | "No" | "Not known";
type Row = readonly [message: string, kernels: string, vmx: First, kvm: First, nested: First, says: RegExp];

const BOOT = "5.10.0-28-amd64 5.15.0-91-generic 6.1.0-18-amd64 6.6.87 6.12.9 6.18.1 7.3.1";
const FROM_5_15 = "5.15.0-91-generic 6.1.0-18-amd64 6.12.9 6.18.1";
const FIRST_NAMES = "5.10.0-28-amd64 5.15.0-91-generic";
const PREFIXED = "6.6.87 6.12.9 6.18.1";

const ROWS: readonly Row[] = [
  // Without KVM configured it is not printed; with it, the flag is gone.
  ["x86/cpu: VMX (outside TXT) disabled by BIOS", BOOT, "No", "No", "No", /firmware locked VT-x off.*\(bit 2\) at 0/],
  ["x86/cpu: VMX (inside TXT) disabled by BIOS", BOOT, "No", "No", "No", /firmware locked VT-x off.*\(bit 1\) at 0/],
  // The SGX part follows whether VMX was lost or not, on CPUs without VMX, too.
  ["x86/cpu: SGX disabled by BIOS.", FROM_5_15.replace(/ 6\.12.*/, ""), "Not known", "Not known", "Not known", /./],
  ["x86/cpu: SGX disabled or unsupported by BIOS.", "6.12.9 6.18.1", "Not known", "Not known", "Not known", /./],
  ["x86/cpu: SGX Launch Control is locked. Disable SGX.", FROM_5_15, "Not known", "Not known", "Not known", /./],
  // Wanted for guests, which needs VMX to be wanted, and lost.
  ["x86/cpu: SGX virtualization disabled due to lack of VMX.", FROM_5_15, "No", "No", "No", /firmware locked VT-x off/],
  // Still wanted for guests after the step that gives it up without VMX.
  [
    "x86/cpu: SGX Launch Control is locked. Support SGX virtualization only.",
    FROM_5_15,
    "Yes",
    "Not known",
    "Not known",
    /VT-x is there and on/,
  ],
  // Of either vendor's module; both refuse.
  ["kvm: no hardware support", FIRST_NAMES, "No", "No", "No", /no virtualization in CPUID/],
  ["kvm: disabled by bios", FIRST_NAMES, "No", "No", "No", /switched off by the firmware/],
  ["kvm_intel: VMX not supported by CPU 0", PREFIXED, "No", "No", "No", /CPUID shows no VMX/],
  [
    "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0",
    PREFIXED,
    "No",
    "No",
    "No",
    /switched off in IA32_FEAT_CTL/,
  ],
  // The CPU that modprobe ran on, or the only one that differs: the module is refused in both cases.
  ["kvm_intel: VMX not supported by CPU 3", PREFIXED, "Not known", "No", "No", /CPUID/],
  [
    "kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS",
    "7.2.13 7.3.1",
    "No",
    "No",
    "No",
    /boot/,
  ],
  // hardware_setup comes after VMX was found to be on; since 5.14 kvm_amd has the same text.
  ["kvm_intel: NX (Execute Disable) not supported", PREFIXED, "Yes", "No", "No", /VT-x is there and on/],
  ["kvm: NX (Execute Disable) not supported", "5.15.0-91-generic", "Not known", "No", "No", /AMD/],
  // kvm.ko, for either vendor.
  ["kvm: host PAT[0] is not WB", "5.15.0-91-generic 6.1.0-18-amd64", "Not known", "No", "No", /./],
  // The other CPUs are checked when the first was accepted.
  ["kvm: CPU 3 feature inconsistency!", "5.10.0-28-amd64 6.1.0-18-amd64", "Yes", "No", "No", /VT-x is there and on/],
  ["kvm_intel: Inconsistent VMCS config on CPU 1", PREFIXED, "Yes", "No", "No", /VT-x is there and on/],
  // setup_vmcs_config, after the same checks; what it requires comes after it.
  [
    "kvm: VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL does not work properly. Using workaround",
    FIRST_NAMES,
    "Yes",
    "Not known",
    "Not known",
    /VT-x is there and on/,
  ],
  ["kvm: already loaded vendor module 'kvm_intel'", PREFIXED, "Yes", "Yes", "Yes", /VT-x is there and on/],
  ["kvm: already loaded vendor module 'kvm_amd'", PREFIXED, "No", "No", "No", /kvm_amd is loaded/],
];

const firstWord = (says: string) => /^(Yes|No|Not known)\b/.exec(says)?.[1] ?? says;

describe("the answer to a line of the log", () => {
  it.each(ROWS)("%s", (message, kernels, vmx, kvm, nested, says) => {
    // Kernels before 5.6 print this workaround, too, and load where there is no IA32_FEAT_CTL.
    const unnamed = /^kvm: VM_EXIT/.test(message) ? [] : [""];
    for (const kernel of [...unnamed, ...kernels.split(" ")]) {
      const name = kernel === "" ? "" : `Linux version ${kernel} (builder)\n`;
      const { host } = readHost(`${name}[    1.234567] ${message}\n`);
      if (host === undefined) throw new Error(`no host in ${message}`);
      const asked = (question: Question) => answerTo(question, host);
      const words = [asked("vmx"), asked("kvm"), asked("nested")].map((one) => firstWord(one.says));
      expect([kernel, ...words]).toEqual([kernel, vmx, kvm, nested]);
      expect(asked("vmx").says).toMatch(says);
      for (const one of [asked("vmx"), asked("kvm"), asked("nested")])
        expect(one.answer).toBe({ Yes: "yes", No: "no", "Not known": "unknown" }[firstWord(one.says) as First]);
    }
  });
});
