import type { Decoded } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";

/*
 * Errors of Windows that its virtual machine services pass on: HRESULTs of the general kind (0x8007 and an error of the system).
 */

interface WindowsStatus {
  readonly code: number;
  readonly says: string;
  readonly step: Step;
}

const STATUS: readonly WindowsStatus[] = [
  {
    code: 0x0002,
    says: "the file was not found",
    step: { text: "Switch the feature off, restart, and on again: a file of it or of its image is missing." },
  },
  {
    code: 0x0005,
    says: "access denied",
    step: {
      text: "Start the program as administrator, or join the group Hyper-V Administrators; see whether another program locks the machine's files.",
      commands: ["Add-LocalGroupMember -Group 'Hyper-V Administrators' -Member $env:USERNAME"],
    },
  },
  {
    code: 0x000e,
    says: "not enough memory",
    step: { text: "Give the machine less memory, or close other programs." },
  },
  {
    code: 0x0057,
    says: "a parameter was not accepted",
    step: { text: "Update the program: its configuration of the machine does not fit this Windows." },
  },
  {
    code: 0x0422,
    says: "the service is disabled",
    step: { text: "Enable the services.", commands: ["sc.exe config vmcompute start= demand; sc.exe start vmcompute"] },
  },
  {
    code: 0x05aa,
    says: "not enough system resources",
    step: { text: "Give the machine less memory, or close other programs." },
  },
  {
    code: 0x05b4,
    says: "the time ran out",
    step: {
      text: "Read Windows' event log, and try without the virtual GPU and with less memory.",
      commands: ["Get-WinEvent -LogName Microsoft-Windows-Hyper-V-Compute-Admin -MaxEvents 20"],
    },
  },
];

/** What Windows' hypervisor itself answers, as 0xc0350000 and a number: the Hypervisor Top Level Functional Specification. */
const HYPERVISOR_STATUS: { readonly [code: number]: string } = {
  0x2: "HV_STATUS_INVALID_HYPERCALL_CODE",
  0x3: "HV_STATUS_INVALID_HYPERCALL_INPUT",
  0x4: "HV_STATUS_INVALID_ALIGNMENT",
  0x5: "HV_STATUS_INVALID_PARAMETER",
  0x6: "HV_STATUS_ACCESS_DENIED",
  0x7: "HV_STATUS_INVALID_PARTITION_STATE",
  0x8: "HV_STATUS_OPERATION_DENIED",
  0x9: "HV_STATUS_UNKNOWN_PROPERTY",
  0xb: "HV_STATUS_INSUFFICIENT_MEMORY",
};

/** A partition that the hypervisor refused to make for QEMU. */
function refusedPartition(text: string): Decoded | undefined {
  const code = /partition, hr=c0350(?<code>[0-9a-f]{3})\b/i.exec(text)?.groups?.code;
  if (code === undefined) return undefined;
  const name = HYPERVISOR_STATUS[Number.parseInt(code, 16)];
  return {
    what: `Windows' hypervisor runs (so VT-x or AMD-V works), and refused the machine that QEMU asked for (${name === undefined ? "" : `${name}, `}0xc0350${code}): what this QEMU or emulator asks does not fit this build of Windows.`,
    onlyCauses: true,
    steps: [{ text: "Update the Android emulator (or QEMU), and Windows.", commands: ["emulator -version", "winver"] }],
  };
}

/** Why QEMU's machine left the processor: WinHvPlatformDefs.h, WHV_RUN_VP_EXIT_REASON. */
const EXITS: { readonly [code: string]: string | undefined } = {
  "4": "an unrecoverable exception of the guest (a triple fault)",
  "5": "a register of the guest with a value that is not allowed",
};

function exitOfGuest(text: string): Decoded | undefined {
  const code = /\bVP exit code (?<code>(?:0x)?[0-9a-f]{1,8})/i.exec(text)?.groups?.code;
  if (code === undefined) return undefined;
  const means = EXITS[code];
  return {
    what: `QEMU runs over Windows' hypervisor (WHPX), so VT-x works; its guest stopped with exit code ${code}${means === undefined ? "" : `: ${means}`}.`,
  };
}

/** An error of Windows beside the name of its service for virtual machines. */
export function decodeWindowsStatus(
  [{ groups, text }]: readonly [Match, ...Match[]],
  _context: ExplainContext,
): Decoded {
  const refused = refusedPartition(text) ?? exitOfGuest(text);
  if (refused !== undefined) return refused;
  const code = Number(groups.code ?? groups.code2);
  const status = STATUS.find((one) => one.code === (code & 0xffff));
  if (status === undefined) return {};
  return {
    what: `Windows' service for virtual machines ended with a general error: ${status.says} (0x${code.toString(16)}). VT-x is not the reason: where it is missing, the error is 0x80370102 or 0xc0351000.`,
    steps: [status.step],
    onlySteps: true,
  };
}
