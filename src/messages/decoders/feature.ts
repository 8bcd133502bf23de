import type { Cause, Decoded } from "../../answers/answer.js";
import { explainBit } from "../../answers/bits.js";
import type { Advice, Step } from "../../answers/message.js";
import { listFirst, listText } from "../../bits/list-text.js";
import { INTEL_CPU } from "../../input/text/svm-named.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { registerOf } from "../../registers/registers.js";
import { releaseOf } from "../../rules/held.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { DROP_VMX, NESTED_ON, PT_ON } from "../rows/shared-advice.js";
import { FOR_MAC, OLD_FOR_MAC } from "../verdict/guests/guest-kinds.js";
import {
  alwaysOffered,
  beforeTables,
  bitCauses,
  dependsOn,
  hostSteps,
  refusingRule,
  type Wanted,
  withReasons,
} from "./feature-why.js";

// ---- QEMU: host doesn't support requested feature ----

export function decodeRequestedFeature(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const isTcg = ({ groups }: Match) => groups.who === "TCG";
  const [withKvm, ...more] = matches.filter((match) => !isTcg(match));
  if (withKvm !== undefined && matches.some(isTcg)) {
    const found = decodeRequestedFeature([withKvm, ...more], context);
    return { ...found, what: `${found.what} ${IN_EMULATION}` };
  }
  const wanted: Wanted[] = [];
  for (const { groups } of matches) {
    const bit = groups.bit === undefined ? undefined : Number(groups.bit);
    const index = groups.msr === undefined || bit === undefined ? undefined : Number.parseInt(groups.msr, 16);
    const name = groups.name ?? `${groups.place}${bit === undefined ? "" : ` bit ${bit}`}`;
    if (wanted.some((other) => other.name === name && other.index === index)) continue;
    wanted.push({
      name,
      ...(index !== undefined && bit !== undefined && registerOf(index) !== undefined ? { index, bit } : {}),
    });
  }
  const tcg = matches.some(isTcg);
  const vmx = wanted.filter((row) => row.index !== undefined);
  const bits = vmx.map((row) => explainBit(row.index as number, row.bit as number, "refused"));
  const others = wanted.filter((row) => row.index === undefined).map((row) => row.name);
  const kind = vmx.length === 0 ? "feature" : "other feature";
  const count = listText(
    [
      vmx.length === 0 ? "" : `${vmx.length} VMX feature${vmx.length === 1 ? "" : "s"}`,
      others.length === 0
        ? ""
        : `${others.length} ${kind}${others.length === 1 ? "" : "s"} (${listFirst(others, MOST)})`,
    ].filter((text) => text !== ""),
  );
  if (tcg) {
    const isProgram = matches.every(({ groups }) => groups.user !== undefined);
    const asksVmx = vmx.length > 0 || wanted.some(({ name }) => name === "vmx");
    return {
      what: `${isProgram ? "QEMU emulates the CPU of one program here (user mode), which KVM has no part in" : "QEMU runs without KVM (TCG)"}${asksVmx ? ", which emulates no VMX" : ""}: ${count} of the CPU model ${wanted.length === 1 ? "is" : "are"} left out, and QEMU starts without ${wanted.length === 1 ? "it" : "them"}.`,
      bits,
      layer: "user space",
      ...(isProgram ? { onlyCauses: true as const, onlySteps: true as const } : {}),
      causes: isProgram
        ? []
        : [
            {
              text: "-enable-kvm (or -accel kvm) is missing, or KVM could not be used and TCG is the fallback.",
              certainty: "certain",
            },
          ],
      steps: isProgram
        ? []
        : [
            asksVmx && context.circumstances.has("macOS")
              ? {
                  text: "macOS has no KVM: use Linux on an Intel CPU, with KVM and nested on, or Bochs built with --enable-vmx, which emulates VMX on any machine.",
                }
              : asksVmx
                ? {
                    text: "Run with KVM, or take VMX out of the model.",
                    commands: ["-accel kvm -cpu host", "-cpu MODEL,-vmx"],
                  }
                : { text: "Run with KVM, where the host's CPU has them.", commands: ["-accel kvm -cpu host"] },
          ],
    };
  }
  const isVmx = wanted.some((row) => row.name === "vmx");
  if (matches[0].row.id === "qemu-feature-dependency")
    return {
      what: `QEMU leaves ${listFirst(
        wanted.map(({ name }) => name),
        MOST,
      )} out, because the same CPU line has off what ${wanted.length === 1 ? "it needs" : "they need"} (for anything of VMX the first condition is vmx itself). The host is not the reason, and the guest starts.`,
      bits: bits.map((bit) => ({ ...bit, role: "named" as const })),
      onlyCauses: true,
    };
  if ((isVmx || vmx.length > 0) && context.lines(1, 99).some((line) => /\baccel[= ]hvf\b/.test(line)))
    return {
      what: `QEMU runs with Hypervisor.framework (hvf), which shows guests no VMX, whatever the CPU of the Mac has: ${count} of the CPU model ${wanted.length === 1 ? "is" : "are"} left out, and QEMU starts without ${wanted.length === 1 ? "it" : "them"}.`,
      bits,
      onlyCauses: true,
      steps: [
        {
          text: "A guest that runs virtual machines itself needs Linux with KVM on an Intel CPU below it; on a Mac with an Intel CPU, VMware Fusion and Parallels Desktop Pro give their guests VT-x.",
        },
      ],
    };
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const nothing = isVmx || vmx.some((row) => alwaysOffered(context, row));
  const older = nothing || vmx.length === 0 ? [] : beforeTables(context);
  if (nothing) {
    causes.push({
      text:
        isVmx && context.signs.amd
          ? "The text shows an AMD CPU, which has SVM and no VMX, and the guest's CPU model asks for Intel's. Nothing is lost: nested virtualization goes by svm there."
          : isVmx
            ? "KVM does not offer VMX to guests at all: kvm_intel.nested is 0, kvm_intel is not the module in use, or this is not an Intel CPU."
            : `Among them are features that KVM offers on every CPU (it emulates them), so KVM offers no VMX here at all: kvm_intel.nested is 0, the CPU is AMD's, or the kernel is too old to report it (before ${releaseOf(NOT_REPLAYED.reportsVmxMsrs.held.since)}).`,
      certainty: context.signs.amd ? "certain" : "likely",
    });
    if (!context.signs.amd) steps.push(ofIntel(context) ? NESTED_ON : NESTED_ON_INTEL);
  }
  if (!nothing) causes.push(...bitCauses(context, vmx));
  steps.push(...(nothing ? [] : hostSteps(context, vmx)));
  const whole = context.anywhere.has("cpu-host");
  const ofArch = matches.every(({ groups: { msr = "" } }) => /^0?10a$/i.test(msr));
  causes.push(
    ...(lacksPcidAlone(others, context)
      ? [NO_INTEL_LACKS_PCID]
      : cpuidCauses(others, whole, context.signs.amd || context.circumstances.has("AMD"), ofArch)),
  );
  if (others.includes("intel-pt")) steps.push(PT_ON);
  const off = [...bits.map((bit) => bit.qemu), ...others.filter((name) => /^[\w.-]+$/.test(name))].filter(
    (name) => name !== undefined,
  );
  if (others.some((name) => !WITHHELD.some(({ names }) => names.test(name))) && vmx.length === 0 && !isVmx && !whole) {
    steps.push(
      context.circumstances.has("macOS as the guest")
        ? others.some((name) => /^sse4[._-]?1$/.test(name))
          ? OLD_FOR_MAC
          : FOR_MAC
        : { text: "Ask for what this host has instead of a model.", commands: ["-cpu host"] },
    );
  }
  const isEnforced = context.circumstances.has("enforced");
  steps.push({
    text: `${isEnforced ? "L" : "If the machine does not start, these warnings are not the reason: look for the next line that is not a warning. To silence them, l"}eave the features out of the model.`,
    ...(off.length === 0
      ? {}
      : { commands: [`-cpu ${whole ? "host" : "MODEL"},${[...new Set(off)].map((name) => `${name}=off`).join(",")}`] }),
  });
  if (vmx.length > 0) steps.push(DROP_VMX);
  const pt =
    others.length === 1 && others[0] === "intel-pt"
      ? " KVM offers it only with kvm_intel.pt_mode=1, and QEMU only where leaf 0x14 has what an Ice Lake server has."
      : "";
  const [withheld] = WITHHELD.filter(({ names }) => vmx.length === 0 && others.every((name) => names.test(name)));
  const why = withheld === undefined ? "" : ` ${withheld.text}`;
  const svm = isVmx && context.signs.amd ? " This is an AMD CPU, which has svm instead: nothing is lost." : "";
  const ofOther = wanted.every(({ name }) => name === "svm") && !context.signs.amd;
  const none = isVmx && !context.signs.amd ? "This host gives guests no VMX at all: vmx itself is refused. " : "";
  return {
    what: `${none}The CPU model asks for ${count} that this host cannot give to guests. QEMU warns and ${isEnforced ? "does not start, as `enforce` is asked for" : `starts without ${wanted.length === 1 ? "it" : "them"}`}${others.some((name) => name !== "svm" && name !== "vmx") ? "." : ofOther ? OTHERS_SVM : "; only guests that run a hypervisor of their own notice."}${older.map((says) => ` ${says}`).join("")}${pt}${why}${svm}`,
    ...(others.some((name) => name !== "svm" && name !== "vmx") ? { gravity: "degrades" as const } : {}),
    bits: withReasons(context, bits),
    ...ruleFor(context, vmx),
    causes: causes.filter(({ text }) => text !== withheld?.text),
    steps,
    depends: dependsOn(context, nothing || vmx.length === 0),
  };
}

const ofIntel = ({ lines }: ExplainContext): boolean =>
  lines(1, 200).some((line) => INTEL_CPU.test(line) || /\bkvm[_-]intel\b/.test(line));
/** QEMU prints the same on an AMD host, which has no VMX. */
const NESTED_ON_INTEL: Advice = {
  ...NESTED_ON,
  text: "If the host has an Intel CPU, turn nested VMX on in its kvm_intel (no virtual machine may run while it is reloaded).",
};

/** Warnings of two runs. */
const IN_EMULATION =
  "The warnings with TCG in them are another run's, without KVM: QEMU's emulator has few of the features of real CPUs.";

/** QEMU, target/i386/cpu.c: its default model has svm. */
const OTHERS_SVM =
  ". svm is AMD's virtualization, for which QEMU's default model asks on every CPU: on an Intel CPU nothing is lost; on an AMD CPU, nested of kvm_amd is off.";

/** A model from Haswell on asks for avx2 and pcid, and only pcid is missing. */
const lacksPcidAlone = (names: readonly string[], { circumstances }: ExplainContext): boolean =>
  circumstances.has("model with AVX2") && names.includes("pcid") && !names.includes("avx2") && !names.includes("svm");
const NO_INTEL_LACKS_PCID: Cause = {
  text: "pcid is missing and avx2, for which the model asks too, is not: an Intel CPU with AVX2 has both. This is an AMD CPU (before Zen 3, which brought pcid, invpcid and erms), or KVM or an outer hypervisor hides them.",
  certainty: "likely",
};

const MOST = 8;

/** Features that KVM or the host withhold for a reason of their own, and no model of a CPU. */
const WITHHELD: readonly { readonly names: RegExp; readonly text: string }[] = [
  {
    names: /^invtsc$/,
    text: "invtsc (invariant TSC) is offered where the host's own TSC is invariant: in a virtual machine, where the hypervisor below passes it. No CPU model has it; a program or the machine asks for it by name, and leaving it out costs nothing.",
  },
  {
    names: /^(?:hle|rtm)$/,
    text: "hle and rtm (TSX) are switched off by microcode and by Linux (tsx=off, the default in many builds) on most CPUs that had them; models with noTSX in the name do without.",
  },
  {
    // Linux, kvm_get_arch_capabilities.
    names: /^taa-no$/,
    text: "taa-no (bit 8 of IA32_ARCH_CAPABILITIES) is offered only where the host has TSX (rtm): without TSX there is nothing that it would say. Models without TSX ask for it all the same; leaving it out costs nothing.",
  },
  {
    // Linux, Documentation/admin-guide/hw-vuln/tsx_async_abort.rst.
    names: /^tsx-ctrl$/,
    text: "tsx-ctrl (bit 7 of IA32_ARCH_CAPABILITIES) says that IA32_TSX_CTRL (0x122) exists: microcode brings it to CPUs with TSX that MDS does not concern, and older ones have none.",
  },
  {
    names: /^monitor$/,
    text: "monitor (MONITOR, MWAIT) is offered with -overcommit cpu-pm=on alone.",
  },
];

/** Which of them are withheld for a reason of their own, with the reasons, and which are not. */
export function withheldOf(names: readonly string[]): {
  readonly reasons: readonly string[];
  readonly rest: readonly string[];
} {
  const rows = WITHHELD.filter((row) => names.some((name) => row.names.test(name)));
  return {
    reasons: rows.map(({ text }) => text),
    rest: names.filter((name) => !rows.some((row) => row.names.test(name))),
  };
}

/** Features of CPUID that the host lacks: not VMX, but in the same warning. */
function cpuidCauses(all: readonly string[], whole: boolean, amd: boolean, ofArch: boolean): Cause[] {
  const causes: Cause[] = [];
  const names = all.filter((name) => name !== "intel-pt");
  if (names.length < all.length) {
    causes.push({
      text: "intel-pt (Intel Processor Trace): KVM offers it to guests only with kvm_intel.pt_mode=1, which is off by default, and QEMU only where leaf 0x14 of the CPU has what an Ice Lake server has.",
      certainty: "certain",
    });
  }
  if (names.includes("svm")) {
    causes.push({
      text: "svm is AMD's virtualization: QEMU's default model qemu64 asks for it, and an Intel host has none.",
      certainty: "likely",
    });
  }
  const { reasons, rest: others } = withheldOf(names);
  causes.push(...reasons.map((text) => ({ text, certainty: "likely" as const })));
  const rest = others.filter((name) => name !== "svm" && name !== "vmx");
  if (rest.length > 0) {
    causes.push({
      text: `${listFirst(rest, MOST)} ${rest.length === 1 ? "is" : "are"} ${ofArch ? "of IA32_ARCH_CAPABILITIES (0x10a)" : rest.length === 1 ? "a CPUID feature" : "CPUID features"}, not VMX: ${whole ? "-cpu host gives what KVM offers, and KVM, or an outer hypervisor," : amd ? "the model is one of Intel's and the CPU AMD's, or KVM or an outer hypervisor" : "the CPU is older than the model, or its KVM or an outer hypervisor"} hides ${rest.length === 1 ? "it" : "them"}.`,
      certainty: "likely",
    });
  }
  return causes;
}

export function ruleFor(context: ExplainContext, vmx: readonly Wanted[]): Pick<Decoded, "rule"> {
  const rule = refusingRule(context, vmx);
  return rule === undefined ? {} : { rule };
}
