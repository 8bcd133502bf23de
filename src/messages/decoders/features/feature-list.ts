import type { Cause, Decoded } from "../../../answers/answer.js";
import { explainBit } from "../../../answers/bits.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import { withoutEnding } from "../../../input/text/text.js";
import { bitsNamed, findBits } from "../../../registers/lookup.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { ALL_SAME, DROP_VMX, NESTED_ON, NODES_MODEL, ONE_MODEL, withoutFeatures } from "../../rows/shared-advice.js";
import { ruleFor, withheldOf } from "../feature.js";
import { alwaysOffered, bitCauses, dependsOn, hostSteps, type Wanted, withReasons } from "../feature-why.js";
import { inNova } from "./of-nova.js";

/** The registers that guests are given have the TRUE numbers; names are looked up in the plain ones. */
const NESTED_INDEX: { readonly [plain: number]: number } = { 0x481: 0x48d, 0x482: 0x48e, 0x483: 0x48f, 0x484: 0x490 };

// ---- libvirt: missing features; QEMU: no such property ----

export function decodeFeatureList([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const names = splitNames(
    match.groups.missing ??
      match.groups.missing2 ??
      match.groups.name ??
      match.groups.name2 ??
      match.groups.name3 ??
      "",
  );
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
  const other = UNKNOWN_NAME.test(match.row.id) ? calledOtherwise(names[0] ?? "", match.row.product) : undefined;
  if (other !== undefined || match.row.id === "qemu-unknown-feature" || match.row.id === "libvirt-unknown-feature")
    return other ?? {};
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
      text: "svm is AMD's virtualization, and an Intel host has none; an AMD host gives it while nested of kvm_amd is on. The XML was made on an AMD machine, or its named model brings svm along.",
      certainty: "likely",
    });
  }
  const plain = others.filter((name) => name !== "svm");
  const { reasons, rest } = withheldOf(plain);
  causes.push(...reasons.map((text) => ({ text, certainty: "likely" as const })));
  if (rest.length > 0) {
    causes.push({
      text:
        rest.every((name) => OF_INTEL_MODELS.has(name)) && context.signs.amd
          ? `${listText(rest)} ${rest.length === 1 ? "is what a model of Intel's CPUs asks" : "are what models of Intel's CPUs ask"} for, and the host has an AMD CPU, which has its own bits for that: give the guest a model of AMD's.`
          : rest.every((name) => BY_MICROCODE.has(name))
            ? `${listText(rest)} ${rest.length === 1 ? "is a CPUID feature" : "are CPUID features"}, not VMX: microcode brings ${rest.length === 1 ? "it" : "them"}, and kernels that know ${rest.length === 1 ? "it" : "them"} give ${rest.length === 1 ? "it" : "them"} to guests. The microcode or the kernel of this host is another than where the guest's CPU was put together.`
            : `${listText(rest)} ${rest.length === 1 ? "is a CPUID feature" : "are CPUID features"}, not VMX: the CPU of the host is older than the one the guest was started on, or its microcode, its KVM or QEMU hides ${rest.length === 1 ? "it" : "them"}.`,
      certainty: vmx.length === 0 ? "likely" : "possible",
    });
  }
  const libvirt = bits
    .filter((bit) => bit.role === "refused")
    .map((bit) => bit.libvirt ?? bit.qemu)
    .filter((name) => name !== undefined);
  const disable = [...new Set([...libvirt, ...others])].filter((name) => !context.signs.disabled.has(name));
  const { anywhere } = context;
  const moves = anywhere.has("moves");
  const isStart = anywhere.has("domain-start") && !moves;
  const isRestore = anywhere.has("restored") && !moves;
  const isFleet = !isStart && !isRestore && anywhere.has("fleet");
  const isMany = disable.length > MOST_BY_NAME && !isRestore && !moves && !anywhere.has("cpu-host");
  if (isMany) {
    steps.push({
      text: "Give the guest what this host has, instead of the CPU of another host (shut it down, change it, start it).",
      commands: ["<cpu mode='host-model'/>"],
    });
  }
  if (disable.length > 0) {
    steps.push({
      text: `${isMany ? "Or t" : "T"}ake the features out of the guest's CPU (shut it down, change it, start it; a running guest keeps what it was given).`,
      commands: [
        ...disable.slice(0, MOST_SHOWN).map((name) => `<feature policy='disable' name='${name}'/>`),
        ...(disable.length > MOST_SHOWN
          ? [`# and ${disable.length - MOST_SHOWN} more, as the message lists them`]
          : []),
      ],
    });
  }
  if (vmx.length > 0) steps.push({ ...DROP_VMX, commands: ["<feature policy='disable' name='vmx'/>"] });
  if (!isMany && match.row.id === "libvirt-host-lacks" && others.length > 0 && !anywhere.has("cpu-host")) {
    steps.push({
      text: `${steps.length === 0 ? "Give" : "Or give"} the guest what this host has, instead of a named model.`,
      commands: ["<cpu mode='host-model'/>", "<cpu mode='host-passthrough'/>"],
    });
  }
  // There no XML is written by hand.
  const kubevirt = !isRestore && context.circumstances.has("in KubeVirt");
  if (kubevirt && names.length > 0)
    steps.splice(0, steps.length, moves ? ONE_MODEL : NODES_MODEL, withoutFeatures(disable));
  if (!kubevirt && disable.length > 0) inNova(steps, disable, context);
  const added = addedByQemu(extra);
  causes.push(...added.causes);
  if (kubevirt && names.length === 0)
    steps.push(withoutFeatures(extra, false), ...added.steps.filter(({ text }) => text !== START_ANEW));
  else steps.push(...added.steps);
  if (vmx.length === 0 && plain.length > 0 && !kubevirt && (anywhere.has("same-hosts") || anywhere.has("two-qemus")))
    return otherVersions(names, plain, context);
  if (vmx.length === 0 && plain.length > 0 && !kubevirt && !anywhere.has("moves") && anywhere.has("kernel-change"))
    return otherKernel(plain, steps);
  if (match.row.id === "libvirt-host-lacks" && isOnlyEmulated(names, context)) return emulatedOnly(names);
  const about = [...names, ...extra].some((name) => name.startsWith("vmx")) ? "vmx-[a-z0-9-]*" : "[a-z0-9._-]*";
  if (isFleet && moves && !kubevirt && names.length > 0)
    steps.push({
      text: "For a fleet: use a named model that every host has in full, and compare what the hosts offer.",
      commands: [`virsh domcapabilities --virttype kvm | grep -o "name='${about}'" | sort`],
    });
  if (names.length === 0 && extra.length === 0)
    steps.push({
      text: "The line names no feature; QEMU's warnings in the log of the guest do.",
      commands: ["sudo grep feature /var/log/libvirt/qemu/NAME.log | tail"],
    });
  const onlySvm = names.join() === "svm" && !context.signs.amd;
  const parts = [
    names.length === 0
      ? ""
      : kubevirt
        ? `${moves ? `The machine was started with ${listText(names)}, and the node it should move to` : `The machine's CPU has ${listText(names)}, and the node`} cannot give ${names.length === 1 ? "it" : "them"} to guests`
        : `The CPU of the XML has ${listText(names)}, and this host cannot give ${names.length === 1 ? "it" : "them"} to the guest`,
    extra.length === 0
      ? ""
      : `QEMU added ${listText(extra)}, which the XML does not have${extra.includes("ht") ? " (QEMU 10.0 and later report ht otherwise than before, and libvirt up to 11.9 counts it as a feature that was not asked for)" : ""}`,
  ].filter((text) => text !== "");
  return {
    ...(parts.length === 0
      ? {}
      : {
          what: `${parts.join("; ")}.${names.length === 0 ? "" : kubevirt && !moves ? (onlySvm ? OF_AMD : "") : kubevirt ? ALL_SAME : onlySvm ? ONLY_AMDS : isFleet && moves ? " For a migration the host is the target." : ""}`,
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

/** QEMU, docs/system/cpu-models-x86 (important CPU features): they came with updates of microcode. */
const BY_MICROCODE: ReadonlySet<string> = new Set([
  "amd-ssbd",
  "amd-stibp",
  "arch-capabilities",
  "ibpb",
  "ibrs",
  "md-clear",
  "spec-ctrl",
  "ssbd",
  "stibp",
  "virt-ssbd",
]);

/** KVM gives some of them on AMD CPUs as well, but not on all: Linux, arch/x86/kvm/cpuid.c (kvm_set_cpu_caps). */
const OF_INTEL_MODELS: ReadonlySet<string> = new Set(["md-clear", "spec-ctrl", "ssbd", "stibp"]);

/** More than these are seldom taken out one by one. */
const MOST_BY_NAME = 8;
/** So many are written out; the message has the others. */
const MOST_SHOWN = 10;
const ONLY_AMDS =
  " svm is AMD's virtualization: an Intel host has none, and an AMD host gives it while nested of kvm_amd is on.";
const OF_AMD =
  " svm is AMD's virtualization, and the model asked for is one of AMD's CPUs: an Intel node has no svm, and an AMD node gives it while nested of kvm_amd is on.";

const START_ANEW =
  "Or shut the guest down and start it again on this host: only a migration or a restored image must keep the CPU as it was.";

/** The same machine gave them to guests under another kernel. */
function otherKernel(plain: readonly string[], steps: readonly Step[]): Decoded {
  return {
    what: `The CPU of the XML has ${listText(plain)}, and the kernel that runs now does not let KVM give ${plain.length === 1 ? "it" : "them"} to guests; by the text another one did. The kernel changed, and neither the CPU nor the XML.`,
    layer: "KVM at run time",
    steps: [
      { text: "Start the kernel that did, or a later one that does again." },
      ...steps.map((step, at) => (at === 0 ? { ...step, text: `Or t${step.text.slice(1)}` } : step)),
    ],
  };
}

/** KVM gives them to guests wherever the CPU has them, and QEMU's emulator did not have them for long. */
const OF_EVERY_KVM: ReadonlySet<string> = new Set([
  "avx",
  "avx2",
  "f16c",
  "rdrand",
  "tsc-deadline",
  "vme",
  "x2apic",
  "xsave",
]);
/** The flags of the text have them all: the host's, as vmx is one of them. */
function isOnlyEmulated(names: readonly string[], { lines }: ExplainContext): boolean {
  if (names.filter((name) => OF_EVERY_KVM.has(name)).length < 2) return false;
  const flags = lines(1, 5_000).find((line) => /\bflags\s{0,16}:/i.test(line));
  const found = new Set(flags?.split(/\s+/));
  const isFound = (name: string) =>
    found.has(name === "tsc-deadline" ? "tsc_deadline_timer" : name.replace(/[-.]/g, "_"));
  return found.has("vmx") && names.every(isFound);
}
const emulatedOnly = (names: readonly string[]): Decoded => ({
  what: `The CPU in the text has ${listText(names)}, and KVM gives such features to guests. libvirt means what QEMU alone emulates: this guest is one without KVM (domain type qemu), or libvirt found no KVM.`,
  layer: "user space",
  steps: [
    {
      text: "Make it a guest of KVM, where libvirt has it.",
      commands: ["virsh capabilities | grep \"domain type='kvm'\"; ls -l /dev/kvm", "<domain type='kvm'>"],
    },
  ],
});

/** No CPU lacks them: what the guest was started with was put together by another QEMU or libvirt. */
function otherVersions(names: readonly string[], plain: readonly string[], context: ExplainContext): Decoded {
  const one = names.length === 1;
  return {
    what: `The guest was started with ${listText(names)}, and the QEMU here does not give ${one ? "it" : "them"}. By the text the CPU is not the reason: two versions of QEMU or libvirt (or their machine types and models) disagree about ${one ? "this feature" : "these features"}.${plain.includes("pdcm") ? ` ${PDCM}` : ""}`,
    layer: "user space",
    steps: [
      {
        text: "Shut the guest down and start it anew: then it gets the CPU of the versions here. A running or saved guest keeps the one that it was given.",
        commands: ["virsh shutdown GUEST; virsh start GUEST", "openstack server reboot --hard SERVER"],
      },
      {
        text: "Or have the same versions on both sides.",
        commands: ["virsh version"],
      },
      ...(plain.includes("pdcm") ? [{ text: "For pdcm, give the guest a PMU.", commands: ["<pmu state='on'/>"] }] : []),
    ],
    depends: dependsOn(context, true),
  };
}
/** QEMU's e68ec2980901. */
const PDCM = "From QEMU 10.1 on, pdcm is off where the guest has no virtual PMU.";

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
    text: START_ANEW,
    commands: ["virsh shutdown GUEST", "virsh start GUEST"],
  });
  return { causes, steps };
}

function splitNames(text: string): string[] {
  return text
    .split(/[,\s]+/)
    .map((name) => withoutEnding(name, ".;:"))
    .filter((name) => /\w$/.test(name));
}

const UNKNOWN_NAME = /^(?:qemu-no-property|(?:qemu|libvirt)-unknown-(?:vmx-)?feature)$/;

/** A VMX feature under the name that Linux or the manual has for it, which QEMU and libvirt do not take. */
function calledOtherwise(name: string, product: string): Decoded | undefined {
  const bare = name.replace(/^vmx[-_]/, "");
  const own = product === "libvirt" ? "libvirt" : "qemu";
  const called = [bare, `vmx-${bare.replaceAll("_", "-")}`].flatMap((one) =>
    bitsNamed(one).flatMap(({ row }) => row[own] ?? []),
  )[0];
  if (called === undefined || called === name) return undefined;
  const since = own === "qemu" ? "QEMU 4.2" : "libvirt 10.1";
  return {
    what: `${product} has no CPU feature ${name}: it calls that one ${called} (since ${since}). It says what a guest that runs virtual machines itself gets; the host's own ${bare} is not in question, and KVM uses it without being asked.`,
    onlyCauses: true,
    steps: [
      {
        text: `Leave ${name} out: a guest that runs no hypervisor needs none of these. For one that does, write the name as ${product} has it.`,
        commands:
          own === "qemu"
            ? [`-cpu host,${called}=on`, `-cpu host,${called}=off`]
            : [`<feature policy='require' name='${called}'/>`, `<feature policy='disable' name='${called}'/>`],
      },
    ],
    onlySteps: true,
  };
}

function wantedByName(name: string): Wanted {
  if (!name.startsWith("vmx-")) return { name };
  const [match] = bitsNamed(name);
  if (match === undefined) return { name };
  const { index } = match.register;
  return { name, index: NESTED_INDEX[index] ?? index, bit: match.row.bit };
}
