import type { Cause, Decoded } from "../../answers/answer.js";
import type { Host } from "../../host/host.js";
import { looselyPrinting, type Printer, printersOf, templatePattern } from "../../kvm/printers.js";
import { replay } from "../../kvm/replay.js";
import type { Certainty } from "../../rules/machine.js";
import { DEFAULT_RELEASE, formatKernels, kernelName, RELEASES, type Release } from "../../rules/release.js";
import { PASS_SVM } from "../../why/questions/next-steps.js";
import { type ExplainContext, replayOptions } from "../context.js";
import type { Match } from "../match.js";
import { INSIDE, SVM_DID_NOT_TAKE } from "../rows/shared-advice.js";

// ---- Messages of boot and of loading KVM ----

/** kvm_amd names what it found: no SVM in CPUID, or SVM switched off in VM_CR. */
function refusedSvm(id: string, { circumstances }: ExplainContext): Decoded {
  const inside = INSIDE.some(circumstances.has);
  const isOff = id === "kvm-disabled-by-bios";
  const bare = circumstances.has("bare metal") ? "." : ", or a hypervisor below hides it.";
  return {
    what: `kvm_amd found ${isOff ? "AMD-V (SVM) switched off by the firmware." : inside ? "no SVM, and this is a virtual machine: the hypervisor below does not pass AMD-V to it." : `no AMD-V (SVM): the firmware has it off, the CPU has none${bare}`} Intel's VT-x and kvm_intel are not involved.`,
    outcome: "AMD",
    bits: [],
    onlyCauses: true,
    steps: [
      {
        text: "On an AMD machine, enable SVM mode in the firmware setup.",
        unless: INSIDE,
        changes: "firmware",
        instead: SVM_DID_NOT_TAKE,
      },
      ...(isOff ? [] : [{ ...PASS_SVM, unless: ["bare metal"] as const }]),
    ],
    onlySteps: true,
  };
}

export function decodeKernelMessage([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { groups, row } = match;
  if (groups.module === "kvm_amd") return refusedSvm(row.id, context);
  const unnamed = row.id === "kvm-no-hardware-support" && groups.module === undefined;
  if (unnamed && context.signs.unsupported === "kvm_amd") {
    return {
      gravity: "harmless",
      what: "kvm_amd was tried, and the CPU is not AMD's: the line before says so. It says nothing about VMX; kvm_intel prints lines of its own.",
      outcome: "AMD",
      onlyCauses: true,
      steps: [
        {
          text: "Look at what kvm_intel said.",
          commands: ["sudo modprobe kvm_intel; sudo dmesg | grep -iE 'kvm|vmx' | tail"],
          unless: ["kvm_intel loaded", "kvm_intel left out"],
        },
      ],
      onlySteps: true,
    };
  }
  if (context.signs.amd && row.id === "kvm-disabled-by-bios" && groups.module === undefined) {
    return {
      what: "The text shows an AMD CPU: the firmware switched AMD-V (SVM) off, in VM_CR. IA32_FEAT_CTL, VT-x and kvm_intel are not involved.",
      outcome: "AMD",
      onlyCauses: true,
      steps: [{ text: "Enable SVM mode in the firmware setup.", instead: SVM_DID_NOT_TAKE }],
      onlySteps: true,
    };
  }
  const intel = groups.module === "kvm_intel" || context.host?.vendor === "GenuineIntel";
  const amd = context.signs.amd && (row.id === "kvm-no-hardware-support" || row.id === "kvm-vmx-not-supported");
  const { release } = context;
  const all = printersOf(match.line);
  const ofNamed = all.filter(({ releases }) => release !== undefined && releases.includes(release));
  const found = ofNamed.length > 0 ? ofNamed : all;
  const [first] = found;
  const causes: Cause[] = [];
  if (amd) {
    causes.push({
      text: "The text shows an AMD CPU: kvm_intel was tried on it and is not the module; kvm_amd is, and loads.",
      certainty: "certain",
    });
  }
  const depends: string[] = [];
  const { host } = context;
  if (host !== undefined && first !== undefined) {
    const prediction = predicted(host, context, found);
    causes.push(prediction.cause);
    if (context.release === undefined) depends.push("the kernel (--kernel)");
  } else if (host === undefined && !amd) {
    depends.push(
      row.layer === "firmware"
        ? "IA32_FEAT_CTL of the machine (--host), and whether this is a virtual machine"
        : "the machine (--host), and whether it is a virtual machine",
    );
  }
  const printing = found.flatMap(({ releases }) => releases);
  if (
    release !== undefined &&
    first !== undefined &&
    !looselyPrinting(match.line).some(({ printer }) => printer.releases.includes(release))
  ) {
    depends.push(`the kernel: ${kernelName(release)} does not print this text, ${formatKernels(printing)} does`);
  }
  if (unnamed && context.signs.unsupported === "both") {
    causes.push({
      text: "Both modules were tried: one of these lines is kvm_amd's, behind its own that the CPU is not AMD's, and the other one kvm_intel's.",
      certainty: "likely",
    });
  }
  const says = [...new Set(found.map((p) => p.says).filter((text) => text !== undefined))].slice(0, 2).join(" ");
  return {
    ...(intel && row.id === "kvm-disabled-by-bios" ? { what: VMX_OFF } : {}),
    ...(amd ? { gravity: "harmless" as const, onlyCauses: true as const } : {}),
    causes,
    depends,
    ...(first === undefined
      ? {}
      : {
          rule: {
            fn: functionAt(found.find((p) => p.releases.includes(release ?? DEFAULT_RELEASE)) ?? first, release),
            file: first.file,
            ...(says === "" ? {} : { says }),
            since: formatKernels(printing),
          },
        }),
    ...(amd
      ? { steps: [{ text: "Nothing to do.", commands: ["lsmod | grep kvm_amd"] }], onlySteps: true as const }
      : {}),
  };
}

const VMX_OFF =
  "The CPU has VMX, and at boot Linux found it switched off in IA32_FEAT_CTL (or could not read that register).";

/** The function that prints it in a kernel, or in the newest one that does. */
function functionAt({ fn, releases }: Printer, release: Release | undefined): string {
  const asked = release ?? DEFAULT_RELEASE;
  const newest = RELEASES.filter((one) => releases.includes(one)).at(-1);
  return fn(releases.includes(asked) ? asked : (newest ?? (releases[0] as Release)));
}

const PREDICTIONS = {
  true: "prints exactly this.",
  "if it loads": "prints exactly this if kvm_intel loads, which depends on what was not read.",
  false: "may print this, depending on what was not read.",
} as const satisfies { readonly [C in `${Certainty}`]: string };

function predicted(host: Host, context: ExplainContext, found: readonly Printer[]): { readonly cause: Cause } {
  const replayed = replay(host, replayOptions(context));
  const log = [...replayed.cpu.boot.messages, ...replayed.cpu.load.messages];
  const hit = log.find((message) => found.some((printer) => templatePattern(printer.template).test(message.text)));
  const feat = replayed.cpu.word("IA32_FEAT_CTL.lo");
  const register =
    feat.unknown === 0 ? ` IA32_FEAT_CTL reads 0x${feat.value.toString(16)}.` : " IA32_FEAT_CTL was not read.";
  const where = `On the machine that was given, ${kernelName(replayed.release)}`;
  if (hit === undefined) {
    return {
      cause: {
        text: `${where} does not print this: the message is from another machine, kernel or firmware setting.${register}`,
        certainty: "likely",
      },
    };
  }
  return {
    cause: {
      text: `${where} ${PREDICTIONS[`${hit.certain}`]}${register}`,
      certainty: hit.certain === true ? "certain" : "possible",
    },
  };
}
