import { withoutEnding } from "../../input/text/text.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { bitsNamed, findBits } from "../../registers/lookup.js";
import { registerOf } from "../../registers/registers.js";
import { releaseOf } from "../../rules/held.js";
import type { Cause, Decoded } from "../answer.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import type { Step } from "../message.js";
import { ALL_SAME, DROP_VMX, NESTED_ON, ONE_MODEL, PT_ON, withoutFeatures } from "../rows/shared-advice.js";
import { FOR_MAC, OLD_FOR_MAC } from "../verdict/guests/guest-kinds.js";
import { explainBit, listFirst, listText } from "./bits.js";
import {
  alwaysOffered,
  bitCauses,
  dependsOn,
  hostSteps,
  refusingRule,
  type Wanted,
  withReasons,
} from "./feature-why.js";

/** The registers that guests are given have the TRUE numbers; names are looked up in the plain ones. */
const NESTED_INDEX: { readonly [plain: number]: number } = { 0x481: 0x48d, 0x482: 0x48e, 0x483: 0x48f, 0x484: 0x490 };

// ---- QEMU: host doesn't support requested feature ----

export function decodeRequestedFeature(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
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
  const tcg = matches.some(({ groups }) => groups.who === "TCG");
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
    const asksVmx = vmx.length > 0 || wanted.some(({ name }) => name === "vmx");
    return {
      what: `QEMU runs without KVM (TCG)${asksVmx ? ", which emulates no VMX" : ""}: ${count} of the CPU model ${wanted.length === 1 ? "is" : "are"} left out, and QEMU starts without ${wanted.length === 1 ? "it" : "them"}.`,
      bits,
      layer: "user space",
      causes: [
        {
          text: "-enable-kvm (or -accel kvm) is missing, or KVM could not be used and TCG is the fallback.",
          certainty: "certain",
        },
      ],
      steps: [
        asksVmx
          ? {
              text: "Run with KVM, or take VMX out of the model.",
              commands: ["-accel kvm -cpu host", "-cpu MODEL,-vmx"],
            }
          : { text: "Run with KVM, where the host's CPU has them.", commands: ["-accel kvm -cpu host"] },
      ],
    };
  }
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const isVmx = wanted.some((row) => row.name === "vmx");
  const nothing = isVmx || vmx.some((row) => alwaysOffered(context, row));
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
    if (!context.signs.amd) steps.push(NESTED_ON);
  }
  if (!nothing) causes.push(...bitCauses(context, vmx));
  steps.push(...(nothing ? [] : hostSteps(context, vmx)));
  const whole = context.anywhere.has("cpu-host");
  causes.push(
    ...(lacksPcidAlone(others, context)
      ? [NO_INTEL_LACKS_PCID]
      : cpuidCauses(others, whole, context.signs.amd || context.circumstances.has("AMD"))),
  );
  if (others.includes("intel-pt")) steps.push(PT_ON);
  const off = [...bits.map((bit) => bit.qemu), ...others.filter((name) => /^[\w.-]+$/.test(name))].filter(
    (name) => name !== undefined,
  );
  if (others.some((name) => name !== "invtsc") && vmx.length === 0 && !isVmx && !whole) {
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
      : { commands: [`-cpu MODEL,${[...new Set(off)].map((name) => `${name}=off`).join(",")}`] }),
  });
  if (vmx.length > 0) steps.push(DROP_VMX);
  const pt =
    others.length === 1 && others[0] === "intel-pt"
      ? " KVM offers it only with kvm_intel.pt_mode=1, and QEMU only where leaf 0x14 has what an Ice Lake server has."
      : "";
  const svm = isVmx && context.signs.amd ? " This is an AMD CPU, which has svm instead: nothing is lost." : "";
  const none = isVmx && !context.signs.amd ? "This host gives guests no VMX at all: vmx itself is refused. " : "";
  return {
    what: `${none}The CPU model asks for ${count} that this host cannot give to guests. QEMU warns and ${isEnforced ? "does not start, as the text has `enforce`" : `starts without ${wanted.length === 1 ? "it" : "them"}`}${others.some((name) => name !== "svm" && name !== "vmx") ? "." : "; only guests that run a hypervisor of their own notice."}${pt}${svm}`,
    ...(others.some((name) => name !== "svm" && name !== "vmx") ? { gravity: "degrades" as const } : {}),
    bits: withReasons(context, bits),
    ...ruleFor(context, vmx),
    causes,
    steps,
    depends: dependsOn(context, nothing || vmx.length === 0),
  };
}

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
    names: /^monitor$/,
    text: "monitor (MONITOR, MWAIT) is offered with -overcommit cpu-pm=on alone.",
  },
];

/** Features of CPUID that the host lacks: not VMX, but in the same warning. */
function cpuidCauses(all: readonly string[], whole: boolean, amd: boolean): Cause[] {
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
  const reasons = WITHHELD.filter((row) => names.some((name) => row.names.test(name)));
  causes.push(...reasons.map(({ text }) => ({ text, certainty: "likely" as const })));
  const rest = names.filter((name) => name !== "svm" && name !== "vmx" && !reasons.some((row) => row.names.test(name)));
  if (rest.length > 0) {
    causes.push({
      text: `${listFirst(rest, MOST)} ${rest.length === 1 ? "is a CPUID feature" : "are CPUID features"}, not VMX: ${whole ? "-cpu host gives what KVM offers, and KVM, or an outer hypervisor," : amd ? "the model is one of Intel's and the CPU AMD's, or KVM or an outer hypervisor" : "the CPU is older than the model, or its KVM or an outer hypervisor"} hides ${rest.length === 1 ? "it" : "them"}.`,
      certainty: "likely",
    });
  }
  return causes;
}

// ---- libvirt: missing features; QEMU: no such property ----

export function decodeFeatureList([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const names = splitNames(match.groups.missing ?? match.groups.missing2 ?? match.groups.name ?? "");
  const extra = splitNames(match.groups.extra ?? match.groups.extra2 ?? "");
  const wanted = names.map(wantedByName);
  const vmx = wanted.filter((row) => row.index !== undefined);
  const bits = [
    ...vmx.map((row) => explainBit(row.index as number, row.bit as number, "refused")),
    ...extra
      .map(wantedByName)
      .filter((row) => row.index !== undefined)
      .map((row) => explainBit(row.index as number, row.bit as number, "added")),
  ];
  if (match.row.id === "qemu-no-property" || match.row.id === "libvirt-unknown-vmx-feature") {
    const near = names
      .slice(0, 4)
      .flatMap((name) => findBits(name).near)
      .slice(0, 4);
    return {
      bits: bits.map((bit) => ({ ...bit, role: "named" as const })),
      ...(near.length === 0
        ? {}
        : { causes: [{ text: `Names like it: ${listText(near, "or")}.`, certainty: "possible" as const }] }),
    };
  }
  const others = wanted.filter((row) => row.index === undefined && row.name !== "vmx").map((row) => row.name);
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const noVmx = wanted.some((row) => row.name === "vmx") || vmx.some((row) => alwaysOffered(context, row));
  if (noVmx) {
    causes.push({
      text: "KVM of the host does not offer VMX to guests at all: kvm_intel.nested is 0 there, or the outer hypervisor hides VMX.",
      certainty: "likely",
    });
    steps.push(NESTED_ON);
  } else {
    causes.push(...bitCauses(context, vmx));
    steps.push(...hostSteps(context, vmx));
  }
  if (others.includes("svm")) {
    causes.push({
      text: "svm is AMD's virtualization, and an Intel host has none: the XML was made on an AMD machine, or its named model brings svm along.",
      certainty: "likely",
    });
  }
  const plain = others.filter((name) => name !== "svm");
  if (plain.length > 0) {
    causes.push({
      text: `${listText(plain)} ${plain.length === 1 ? "is a CPUID feature" : "are CPUID features"}, not VMX: the CPU of the host is older than the one the guest was started on, or its microcode, its KVM or QEMU hides ${plain.length === 1 ? "it" : "them"}.`,
      certainty: vmx.length === 0 ? "likely" : "possible",
    });
  }
  const libvirt = bits
    .filter((bit) => bit.role === "refused")
    .map((bit) => bit.libvirt ?? bit.qemu)
    .filter((name) => name !== undefined);
  const disable = [...new Set([...libvirt, ...others])].filter((name) => !context.signs.disabled.has(name));
  if (disable.length > 0) {
    steps.push({
      text: "Take the features out of the guest's CPU (shut it down, change it, start it; a running guest keeps what it was given).",
      commands: disable.map((name) => `<feature policy='disable' name='${name}'/>`),
    });
  }
  if (vmx.length > 0) steps.push({ ...DROP_VMX, commands: ["<feature policy='disable' name='vmx'/>"] });
  const isFleet =
    context.anywhere.has("fleet") ||
    (match.row.id === "libvirt-missing-features" && !context.anywhere.has("domain-start"));
  if (match.row.id === "libvirt-host-lacks" && others.length > 0 && !context.anywhere.has("cpu-host")) {
    steps.push({
      text: "Or give the guest what this host has, instead of a named model.",
      commands: ["<cpu mode='host-model'/>", "<cpu mode='host-passthrough'/>"],
    });
  }
  // There no XML is written by hand.
  const kubevirt = isFleet && context.circumstances.has("in KubeVirt");
  if (kubevirt) steps.splice(0, steps.length, ONE_MODEL, withoutFeatures(disable));
  const added = addedByQemu(extra);
  causes.push(...added.causes);
  steps.push(...added.steps);
  const about = [...names, ...extra].some((name) => name.startsWith("vmx")) ? "vmx-[a-z0-9-]*" : "[a-z0-9._-]*";
  if (isFleet && !kubevirt)
    steps.push({
      text: "For a fleet: use a named model that every host has in full, and compare what the hosts offer.",
      commands: [`virsh domcapabilities --virttype kvm | grep -o "name='${about}'" | sort`],
    });
  const parts = [
    names.length === 0
      ? ""
      : kubevirt
        ? `The machine was started with ${listText(names)}, and the node it should move to cannot give ${names.length === 1 ? "it" : "them"} to guests`
        : `The CPU of the XML has ${listText(names)}, and this host cannot give ${names.length === 1 ? "it" : "them"} to the guest`,
    extra.length === 0 ? "" : `QEMU added ${listText(extra)}, which the XML does not have`,
  ].filter((text) => text !== "");
  return {
    ...(parts.length === 0
      ? {}
      : {
          what: `${parts.join("; ")}.${kubevirt ? ALL_SAME : isFleet ? " For a migration the host is the target." : ""}`,
        }),
    ...(vmx.length === 0 && others.length > 0 ? { layer: "silicon" as const } : {}),
    ...(names.length === 0 && extra.length > 0 ? { layer: "user space" as const } : {}),
    bits: withReasons(context, bits),
    ...ruleFor(context, vmx),
    causes,
    steps,
    depends: dependsOn(context, noVmx || vmx.length === 0),
  };
}

/** Features that the guest got and the XML does not ask for: no host lacks anything, two versions disagree. */
function addedByQemu(extra: readonly string[]): { readonly causes: Cause[]; readonly steps: Step[] } {
  const names = extra.filter((name) => /[a-z0-9]/i.test(name));
  if (names.length === 0) return { causes: [], steps: [] };
  const causes: Cause[] = [];
  const steps: Step[] = [];
  if (names.includes("ht")) {
    causes.push({
      text: "QEMU 10.0 and later report ht of a guest with several CPUs otherwise than before, and libvirt up to 11.9 treats it as a feature that was not asked for: a guest started under an older QEMU cannot migrate in.",
      certainty: "likely",
    });
    steps.push({
      text: "Use a libvirt on the target whose news have `Fix incoming migration to QEMU 10.0.0 and newer`.",
      commands: ["virsh version"],
    });
  }
  if (names.some((name) => name !== "ht")) {
    causes.push({
      text: "QEMU, its machine type or libvirt's CPU map is of another version than where the guest was started: one has the feature in the model, the other does not.",
      certainty: "possible",
    });
  }
  steps.push({
    text: "Or shut the guest down and start it again on this host: only a migration or a restored image must keep the CPU as it was.",
    commands: ["virsh shutdown GUEST", "virsh start GUEST"],
  });
  return { causes, steps };
}

function ruleFor(context: ExplainContext, vmx: readonly Wanted[]): Pick<Decoded, "rule"> {
  const rule = refusingRule(context, vmx);
  return rule === undefined ? {} : { rule };
}

function splitNames(text: string): string[] {
  return text
    .split(/[,\s]+/)
    .map((name) => withoutEnding(name, ".;:"))
    .filter((name) => /\w$/.test(name));
}

function wantedByName(name: string): Wanted {
  if (!name.startsWith("vmx-")) return { name };
  const [match] = bitsNamed(name);
  if (match === undefined) return { name };
  const { index } = match.register;
  return { name, index: NESTED_INDEX[index] ?? index, bit: match.row.bit };
}
