import type { Step } from "../../message.js";
import type { Symptom } from "./author-symptom.js";

/*
 * What Windows says about a hypervisor that is being written: a driver that does not start, and bug checks that mean something else
 * there. Facts: Windows, winerror.h and the list of bug checks; HyperPlatform, common.h; Intel SDM volume 3C, VM exits.
 */

/** The first parameter of the bug check 0xE2 of HyperPlatform, and of what was made from it. */
const HYPERPLATFORM = [
  undefined,
  "a VM exit that it has no handler for",
  "a triple fault of the guest (exit reason 2): an exception in the guest while another one was delivered. VM entries work; the guest's IDT, stack, page tables or code were not what the CPU needed, as after a wrong hook or a wrong write to a guest field",
  "no more preallocated EPT entries: the guest touched more memory above RAM (devices) than it had tables for",
  "a VMRESUME or VMXOFF that failed; the next parameter is then the VM-instruction error",
  "an EPT misconfiguration (exit reason 49): an entry of its EPT is not valid",
  "an allocation that failed",
];

const DRIVER_STEP: Step = {
  text: "For a driver without Microsoft's signature: test signing on, memory integrity and Secure Boot off, as administrator.",
  commands: ["bcdedit /set testsigning on", "msinfo32"],
};

/** What StartService and its like give back where a driver does not start. Fact: Windows, winerror.h. */
const DRIVER_ERRORS: { readonly [code: number]: readonly [means: string, todo: Step] | undefined } = {
  2: [
    "2 (ERROR_FILE_NOT_FOUND): the driver's file is not where the service says",
    { text: "Give the service the whole path.", commands: ["sc qc NAME"] },
  ],
  5: ["5 (ERROR_ACCESS_DENIED): the program was not started as administrator", { text: "Start it as administrator." }],
  31: [
    "31 (ERROR_GEN_FAILURE): it was loaded and its own start failed, as it does where its check for VT-x or its VMXON fails",
    {
      text: "Read what the driver prints (DbgView, WinDbg), and see whether Windows' own hypervisor runs.",
      commands: ["msinfo32"],
    },
  ],
  127: [
    "127, 0x7f (ERROR_PROC_NOT_FOUND): it needs a function that this Windows' kernel does not have, since it was built for another one",
    { text: "Build it with the kit for this Windows, or use a Windows that it was built for." },
  ],
  193: [
    "193, 0xc1 (ERROR_BAD_EXE_FORMAT): it is not of this machine's kind (32 and 64 bit)",
    { text: "Build it for 64 bit." },
  ],
  577: ["577, 0x241 (ERROR_INVALID_IMAGE_HASH): Windows does not accept its signature", DRIVER_STEP],
  1058: [
    "1058 (ERROR_SERVICE_DISABLED): the service is disabled",
    { text: "Let it be started on demand.", commands: ["sc config NAME start= demand"] },
  ],
  1275: ["1275, 0x4fb (ERROR_DRIVER_BLOCKED): Windows blocks this driver", DRIVER_STEP],
};

const NO_DRIVER =
  "Windows did not load the program's driver, or could not start it. That comes before VT-x is used: its signature is not accepted (driver signature enforcement), memory integrity (HVCI) refuses it, or it was built for another Windows.";

export const WINDOWS_SYMPTOMS: readonly Symptom[] = [
  {
    words:
      /\b(?:StartService\w?|(?:load|start|install)\w{0,3}\b[^\n]{0,16}\bdriver|driver[^\n]{0,30}\b(?:load|start)\w{0,3})\b[^\n]{0,40}?(?:fail\w{0,4}|error\w{0,5}|LastError)\b\W{0,4}(?:code |with )?(?:error )?\W{0,3}(?:0x(?<hex>[0-9a-f]{1,8})\b|\((?<bare>[0-9a-f]{1,4})\)|(?<number>\d{1,4})\b)/gi,
    says: (found) => {
      const { hex, bare, number } = found.groups ?? {};
      const code = number === undefined ? Number.parseInt(hex ?? bare ?? "", 16) : Number(number);
      const error = DRIVER_ERRORS[code];
      if (error === undefined) return undefined;
      const before = code === 31 ? "" : " That comes before VT-x is used.";
      return { says: `Windows did not start the driver, with error ${error[0]}.${before}`, steps: [error[1]] };
    },
  },
  {
    words: /\bfailed to install or load the driver\b|\bfailed loading driver\b|\bunable to install VMM driver\b/i,
    says: ({ input }) => (/\bVM_?LAUNCH\b|\bVMXON\b|\bvmx-root\b|\bVMCS\b/i.test(input) ? undefined : NO_DRIVER),
    steps: [DRIVER_STEP],
  },
  {
    words: /\bCRITICAL_STRUCTURE_CORRUPTION\b|\b(?:PatchGuard|Kernel Patch Protection)\b/i,
    and: /\b(?:hypervisor|vm_?launch|VMX\w{0,3}|VMCS|EPT|virtuali[sz]ed?)\b/i,
    says: "CRITICAL_STRUCTURE_CORRUPTION (0x109) is Windows' patch protection: it found something changed that it watches, minutes to hours later. A hypervisor changes such things without a hook, too: each VM exit sets the limits of GDTR and IDTR to 0xffff, so they have to be restored after VMXOFF; and hooks, descriptor tables, LSTAR and CR4 have to look to the guest as they were.",
    steps: [
      { text: "Argument 4 names the kind: 2 an IDT, 3 a GDT, 7 an MSR. Compare that with what is left after VMXOFF." },
    ],
  },
  {
    words:
      /\bBUGCHECK_STR:\s{1,4}0xE2\b[^\0]{0,4000}?\b0{0,8}`?0{0,7}e2 0{8}`?0{7}(?<code>[1-6])\b|\bMANUALLY_INITIATED_CRASH\b[^\0]{0,400}\bArg1: 0{8,15}(?<code2>[1-6])\b/i,
    and: /\bHyperPlatform|\bDdiMon\b|\bEopMon\b|\bMemoryMon\b/i,
    says: ({ groups }) =>
      `Bug check 0xE2 with ${groups?.code ?? groups?.code2} as its first parameter is HyperPlatform's own: ${HYPERPLATFORM[Number(groups?.code ?? groups?.code2)]}.`,
    steps: [
      {
        text: "Print guest RIP, CR3, IDTR, GDTR and the IDT-vectoring information (0x4408) in that handler before the bug check.",
        commands: ["vmxlens vmcs 0x4408"],
      },
    ],
  },
];
