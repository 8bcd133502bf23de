import type { Decoded } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { lowerFirst } from "../../bits/first-letter.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";

/*
 * What Apple's Hypervisor.framework answers: hv_return_t of hv_error.h.
 */

interface HvStatus {
  readonly name: string;
  readonly number: number;
  readonly what: string;
  readonly causes: readonly string[];
  readonly steps: readonly Step[];
}

const ASK_MACOS: Step = {
  text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
  commands: ["sysctl kern.hv_support kern.hv_vmm_present"],
};
const SIGN: Step = {
  text: "Sign the program with the entitlement, or take a release that is.",
  commands: ["codesign --force --sign - --entitlements hypervisor.entitlements PROGRAM"],
};
const UPDATE: Step = { text: "Update the program that called it (QEMU, xhyve, the emulator); it chose the value." };
const IN_MACHINE =
  "macOS is itself a virtual machine (hosted CI runners are), and the hypervisor below passes no VT-x; on Apple silicon it passes no virtualization of its own.";
const NO_EPT =
  "The CPU has no EPT with unrestricted guest (Core 2, first Nehalems): kern.hv_support is 0 then, and no setting brings it.";
const ENTITLEMENT =
  "Since macOS 11 the program needs the entitlement com.apple.security.hypervisor; without it the call is denied.";
const OTHER_HOLDS =
  "Another hypervisor (VirtualBox, VMware, HAXM, Parallels) uses VT-x, or an earlier machine still runs.";

const HV_STATUS: readonly HvStatus[] = [
  {
    name: "HV_ERROR",
    number: 0xfae94001,
    what: "macOS's Hypervisor.framework failed without naming a reason",
    causes: [ENTITLEMENT, IN_MACHINE, NO_EPT, OTHER_HOLDS],
    steps: [ASK_MACOS, { ...SIGN, text: `With support there: ${lowerFirst(SIGN.text)}` }],
  },
  {
    name: "HV_BUSY",
    number: 0xfae94002,
    what: "macOS's Hypervisor.framework is in use: another hypervisor, or a machine of this program, holds it",
    causes: [OTHER_HOLDS],
    steps: [{ text: "Stop the other hypervisor, and start the machine again." }],
  },
  {
    name: "HV_BAD_ARGUMENT",
    number: 0xfae94003,
    what: "macOS's Hypervisor.framework works, and the program asked it for something that it does not accept",
    causes: ["The program and this macOS or CPU do not fit each other."],
    steps: [UPDATE],
  },
  {
    name: "HV_ILLEGAL_GUEST_STATE",
    number: 0xfae94004,
    what: "macOS's Hypervisor.framework works; the state of the guest was not one that a VM entry accepts",
    causes: ["The program made an invalid guest state, or the guest did something that it does not emulate."],
    steps: [UPDATE],
  },
  {
    name: "HV_NO_RESOURCES",
    number: 0xfae94005,
    what: "macOS's Hypervisor.framework has no room for another machine or its memory",
    causes: ["Too many virtual machines run, or too little memory is free."],
    steps: [{ text: "Stop other machines, or give this one less memory." }],
  },
  {
    name: "HV_NO_DEVICE",
    number: 0xfae94006,
    what: "macOS has no virtualization to use here",
    causes: [IN_MACHINE, NO_EPT],
    steps: [ASK_MACOS],
  },
  {
    name: "HV_DENIED",
    number: 0xfae94007,
    what: "macOS denied the program its Hypervisor.framework: the program lacks the entitlement com.apple.security.hypervisor; VT-x is not the reason",
    causes: [ENTITLEMENT],
    steps: [SIGN],
  },
  {
    name: "HV_UNSUPPORTED",
    number: 0xfae9400f,
    what: "macOS's Hypervisor.framework does not support what was asked for on this machine, or has no virtualization to use here",
    causes: [IN_MACHINE, NO_EPT],
    steps: [ASK_MACOS],
  },
];

const NOT_BUILT: Pick<HvStatus, "what" | "causes" | "steps"> = {
  what: "This QEMU was built without Hypervisor.framework (hvf), or for another architecture than this Mac's: it asked macOS for nothing yet",
  causes: [
    "`invalid accelerator hvf`: this QEMU was built without it. QEMU has hvf for x86 guests on Intel Macs, and since 6.2 for ARM guests on Apple silicon.",
  ],
  steps: [
    {
      text: "See what it can use, and take a newer QEMU where hvf is not among it.",
      commands: ["qemu-system-x86_64 -accel help   # of ARM guests: qemu-system-aarch64"],
    },
  ],
};

/** A status of Hypervisor.framework, by name or by number (hexadecimal, or as a negative decimal). */
export function decodeHvStatus(matches: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const texts = matches.map(({ text }) => text);
  if (texts.some((text) => /invalid accelerator/i.test(text)))
    return { ...decoded(NOT_BUILT), outcome: "not built in" };
  const named = HV_STATUS.find(({ name, number }) =>
    matches.some(({ groups: { code, code2, code3 } }) =>
      [code, code2, code3].some(
        (one) => one?.toUpperCase() === name || (one !== undefined && Number(one) >>> 0 === number),
      ),
    ),
  );
  if (named === undefined) return {};
  const { name, number, what, ...rest } = named;
  return decoded({ ...rest, what: `${what} (${name}, 0x${number.toString(16)})` });
}

function decoded({ what, causes, steps }: Pick<HvStatus, "what" | "causes" | "steps">): Decoded {
  const certainty = causes.length === 1 ? "likely" : "possible";
  return {
    what: `${what}.`,
    causes: causes.map((text) => ({ text, certainty })),
    onlyCauses: true,
    steps,
    onlySteps: true,
  };
}
