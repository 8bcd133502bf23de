import type { Cause, Decoded } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { listText } from "../../bits/list-text.js";
import { atlas } from "../../input/atlas/atlas.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { ENABLE_FIRMWARE, ENABLE_OUTER, FIRMWARE_IS_OFF, HYPERV_OFF } from "../rows/shared-advice.js";

/** The list that HAXM's checktool prints: only several lines together show the cause. */
export function decodeHaxmChecktool(matches: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const answers = new Map<string, string>();
  for (const { groups } of matches) answers.set((groups.item ?? "").toLowerCase(), (groups.answer ?? "").trim());
  const no = (item: string) => answers.get(item) === "No";
  const yes = (item: string) => answers.get(item) === "Yes";
  const noes = [...answers].filter(([, answer]) => answer === "No").map(([item]) => item);
  const values = [...answers].map(([name, value]) => ({ name, value }));
  if (answers.get("cpu vendor") === "AuthenticAMD") {
    return {
      what: "This is an AMD CPU: HAXM works on Intel only.",
      gravity: "blocks",
      layer: "silicon",
      values,
      causes: [{ text: "HAXM needs VT-x; AMD has SVM.", certainty: "certain" }],
      steps: [
        {
          text: "Use the emulator's hypervisor driver (AEHD) or Windows' hypervisor.",
          commands: ["emulator -accel-check"],
        },
      ],
    };
  }
  if (noes.length === 0) {
    return { what: "Every requirement of HAXM is met.", gravity: "harmless", values, steps: [] };
  }
  const what = `HAXM does not install: ${listText(noes)} ${noes.length === 1 ? "is" : "are"} answered No.`;
  const decoded = { what, gravity: "blocks" as const, values };
  if (no("hyper-v disabled")) return { ...decoded, layer: "another hypervisor", ...hyperV(no("vmx supported")) };
  if (no("vmx supported")) {
    return {
      ...decoded,
      layer: "silicon",
      causes: [
        {
          text: "CPUID shows no VMX and Hyper-V does not run: the CPU has no VT-x, or this is a virtual machine whose hypervisor does not pass it.",
          certainty: "certain",
        },
      ],
      steps: [ENABLE_OUTER, ENABLE_FIRMWARE],
    };
  }
  if (no("vmx enabled")) {
    return {
      ...decoded,
      layer: "firmware",
      causes: [
        {
          text: "The CPU has VT-x and IA32_FEATURE_CONTROL is not locked with it on: it is off in the firmware setup. (VT-d is another switch and does not matter.)",
          certainty: "certain",
        },
      ],
      steps: [FIRMWARE_IS_OFF],
    };
  }
  if (no("ept supported")) {
    const without = withoutEpt();
    return {
      ...decoded,
      layer: "silicon",
      causes: [
        {
          text: `VT-x is there and on, and the secondary controls do not allow EPT: the CPU does not have it, and no setting brings it. Intel CPUs without EPT are those before Nehalem and the first Atoms; in the atlas: ${listText(without.slice(0, 6))}.`,
          certainty: yes("vmx supported") && yes("vmx enabled") ? "certain" : "likely",
        },
        { text: "In a virtual machine, the outer hypervisor hides it.", certainty: "possible" },
      ],
      steps: [{ text: "Use an emulator image without acceleration, or a CPU with EPT (SLAT)." }, ENABLE_OUTER],
    };
  }
  if (no("nx supported") || no("nx enabled")) {
    return {
      ...decoded,
      layer: "firmware",
      causes: [
        {
          text: "Execute Disable (XD, NX) is off in the firmware setup, or Windows runs with DEP off.",
          certainty: "certain",
        },
      ],
      steps: [
        { text: "Enable Execute Disable in the firmware setup; in Windows:", commands: ["bcdedit /set nx OptIn"] },
      ],
    };
  }
  return decoded;
}

function hyperV(hidden: boolean): { readonly causes: readonly Cause[]; readonly steps: readonly Step[] } {
  return {
    causes: [
      {
        text: hidden
          ? "Hyper-V runs below Windows and hides VMX (and with it EPT) from everything else: the other answers say nothing about the CPU or its firmware."
          : "Hyper-V runs, and HAXM cannot share VT-x with it.",
        certainty: "certain",
      },
    ],
    steps: [
      HYPERV_OFF,
      {
        text: "Or keep Hyper-V and let the emulator use it (Windows Hypervisor Platform).",
        commands: ["dism /online /enable-feature /featurename:HypervisorPlatform /all"],
      },
    ],
  };
}

/** Code names of Intel CPUs of the atlas whose secondary controls do not allow EPT. */
function withoutEpt(): string[] {
  const names = new Set<string>();
  for (const entry of atlas()) {
    if (entry.vendor !== "GenuineIntel") continue;
    const secondary = entry.cores[0]?.msrs.get(0x48b);
    if (secondary === undefined || ((secondary.hi >>> 1) & 1) === 0) names.add(entry.codename);
  }
  return [...names];
}
