import { formatU64, parseHexU64, type U64 } from "../bits/u64.js";
import { formatWord } from "../bits/word.js";
import type { MsrPair } from "../kvm/restore.js";
import { DEFAULT_RELEASE, RELEASES, type Release } from "../rules/release.js";
import { registerOf } from "../spec/registers.js";
import { type Cause, type Decoded, type NamedValue, sinceText } from "./explain-answer.js";
import { bitText, type ExplainedBit, explainBit, listText, msrText } from "./explain-bits.js";
import type { ExplainContext } from "./explain-context.js";
import type { Match } from "./explain-match.js";
import { atlasOffers, type Offered, offeredBy, offeredByAny } from "./explain-offered.js";
import {
  comparesWithGuest,
  controlsByCpuid,
  isControls,
  type Refusal,
  refusalOf,
  restoreRule,
} from "./explain-restore.js";
import { askedFor, circumstances, mustBeOne, type SetMsr, withheld } from "./explain-set-msr-why.js";
import type { Step } from "./messages/message.js";
import { NESTED_ON } from "./messages/steps.js";
import { rangesOf } from "./why.js";

/** MSRs of other features that QEMU sets as well. */
const OTHER_MSRS: { readonly [msr: number]: { readonly name: string; readonly about: string; readonly step: Step } } = {
  0x3a: {
    name: "IA32_FEAT_CTL",
    about: "KVM takes only bits whose feature the guest has: VMX bits need vmx in the guest's CPUID and nested=1.",
    step: NESTED_ON,
  },
  0x48: {
    name: "IA32_SPEC_CTRL",
    about: "The guest has a speculation control that the host does not.",
    step: off("spec-ctrl"),
  },
  0xe1: {
    name: "IA32_UMWAIT_CONTROL",
    about: "The guest has WAITPKG and KVM does not offer it.",
    step: off("waitpkg"),
  },
  0x10a: {
    name: "IA32_ARCH_CAPABILITIES",
    about: "QEMU wants to show mitigations that KVM of this kernel does not let it show.",
    step: off("arch-capabilities"),
  },
  0x122: { name: "IA32_TSX_CTRL", about: "The host has no TSX control.", step: off("tsx-ctrl") },
  0x345: {
    name: "IA32_PERF_CAPABILITIES",
    about: "KVM offers other performance capabilities than the guest is to have.",
    step: off("pdcm"),
  },
  0x38d: {
    name: "IA32_FIXED_CTR_CTRL",
    about:
      "The guest has a PMU and KVM offers none: the host is a virtual machine without virtual performance counters, usually.",
    step: off("pmu"),
  },
  0x38f: { name: "IA32_PERF_GLOBAL_CTRL", about: "The guest has a PMU and KVM offers none.", step: off("pmu") },
  0xda0: {
    name: "IA32_XSS",
    about: "The guest has XSAVES state components that KVM does not offer.",
    step: off("xsaves"),
  },
};

function off(feature: string): Step {
  return {
    text: `Turn ${feature} off in the CPU model.`,
    commands: [`-cpu host,${feature}=off`, `<feature policy='disable' name='${feature}'/>`],
  };
}

/** `failed to set MSR 0x48d to 0x5600000016` */
export function decodeSetMsr([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const index = Number.parseInt(match.groups.msr ?? "", 16);
  const asked = parseHexU64(match.groups.value ?? "");
  if (asked === undefined) return {};
  if (registerOf(index) === undefined || index === 0x3a) return decodeOther(index);
  const rule = restoreRule(index);
  const values = [{ name: "asked", value: formatU64(asked) }];
  if (rule === undefined || rule.never !== undefined) {
    return {
      what: `QEMU tried to set ${msrText(index)}, which nobody may: ${rule?.never ?? "KVM gives guests no such register."}`,
      rule: { fn: rule?.fn ?? "vmx_set_msr", file: "arch/x86/kvm/vmx/nested.c", since: sinceText({}) },
      causes: [
        { text: "A QEMU that was changed, or a migration stream from another hypervisor.", certainty: "possible" },
      ],
      values,
    };
  }
  const subject: SetMsr = { index, asked, context };
  const { host } = context;
  if (host === undefined) return withoutHost(subject);
  return withHost(subject, offeredBy(host, context, context.release ?? DEFAULT_RELEASE));
}

function decodeOther(index: number): Decoded {
  const other = OTHER_MSRS[index];
  const name = other === undefined ? `MSR 0x${index.toString(16)}` : `${other.name} (0x${index.toString(16)})`;
  return {
    what: `QEMU could not set ${name} of the guest. It is not a VMX capability register: nested virtualization is not the reason.`,
    layer: "KVM at run time",
    onlySteps: true,
    causes: other === undefined ? [] : [{ text: other.about, certainty: "likely" }],
    steps: [
      ...(other === undefined ? [] : [other.step]),
      { text: "Or use a newer kernel, or an older QEMU: QEMU sets what it believes KVM to have." },
    ],
    sources: ["Linux, arch/x86/kvm/x86.c (kvm_set_msr_common)"],
  };
}

// ---- With the machine known ----

function withHost(subject: SetMsr, offered: Offered): Decoded {
  const { index, asked, context } = subject;
  const words = offered.msrs.get(index) as MsrPair;
  const refusal = refusalOf(offered.release, offered.msrs, index, asked);
  const certain = refusal.refused.some((row) => row.certain) || refusal.fields.length > 0;
  const kvm = `KVM of Linux ${offered.release} on this machine`;
  const causes: Cause[] = [];
  if (offered.nested === "no") {
    causes.push({
      text: "kvm_intel.nested is 0 on this machine: KVM refuses every VMX register of a guest then.",
      certainty: "certain",
    });
  }
  if (certain) causes.push({ text: refusedText(subject, onlyCertain(refusal), kvm), certainty: "certain" });
  else if (refusal.refused.length > 0) {
    causes.push({
      text: `${refusedText(subject, refusal, kvm)} This hangs on registers of the machine that were not read.`,
      certainty: "possible",
    });
  } else {
    causes.push({
      text: `What ${kvm} offers covers the value: it was refused for another reason than the bits.`,
      certainty: "certain",
    });
  }
  if (!certain) causes.push(...circumstances(subject, refusal));
  return {
    bits: bitsFor(subject, refusal),
    values: valuesFor(subject, words),
    rule: ruleFor(subject),
    causes,
    steps: stepsFor(subject, refusal.refused, causes),
    depends:
      context.release === undefined ? [`the kernel: Linux ${offered.release} was taken because none was given`] : [],
  };
}

// ---- Without ----

function withoutHost(subject: SetMsr): Decoded {
  const { index, asked, context } = subject;
  const releases: readonly Release[] = context.release === undefined ? RELEASES : [context.release];
  const verdicts = releases.map((release) => {
    const any = offeredByAny(context, release);
    return { release, refusal: withoutCpuid(subject, refusalOf(release, any.msrs, index, asked)) };
  });
  const never = verdicts.filter(({ refusal }) => isCertain(refusal));
  const causes: Cause[] = [];
  const [first] = never;
  if (first !== undefined) {
    const everywhere = never.length === releases.length;
    const where =
      everywhere && context.release === undefined
        ? "in every release"
        : rangesOf(never.map(({ release }) => release))
            .map(sinceText)
            .join(" and ");
    causes.push({
      text: `${refusedText(subject, onlyCertain(first.refusal), "KVM")} This is so on every CPU ${everywhere && context.release === undefined ? "and " : "with "}${where}.`,
      certainty: everywhere ? "certain" : "possible",
    });
  }
  const open = verdicts.at(-1)?.refusal ?? { refused: [], fields: [] };
  causes.push(...circumstances(subject, open));
  const atlas = atlasCause(subject, context.release ?? DEFAULT_RELEASE);
  if (atlas !== undefined && !(first !== undefined && never.length === releases.length)) causes.push(atlas);
  const agreed = never.length === releases.length && first !== undefined ? onlyCertain(first.refusal) : undefined;
  return {
    bits: bitsFor(subject, agreed ?? { refused: [], fields: [] }, open),
    values: [{ name: "asked", value: formatU64(asked) }, ...halves(subject)],
    rule: ruleFor(subject),
    causes: ranked(causes),
    steps: stepsFor(subject, agreed?.refused ?? suspects(subject, open), causes),
    depends: [
      ...(context.release === undefined ? ["the kernel of the host (--kernel)"] : []),
      "the VMX registers of the host (--host)",
    ],
  };
}

/** Controls that follow the guest's CPUID are compared per guest in old releases, whatever the host's values are. */
function withoutCpuid({ index, context }: SetMsr, refusal: Refusal): Refusal {
  if (comparesWithGuest(context) === "no") return refusal;
  const free = controlsByCpuid().filter((row) => row.msr === index);
  return {
    fields: refusal.fields,
    refused: refusal.refused.map((row) =>
      free.some((control) => control.bit === row.bit && row.kind === "not offered") ? { ...row, certain: false } : row,
    ),
  };
}

function isCertain({ refused, fields }: Refusal): boolean {
  return fields.length > 0 || refused.some((row) => row.certain);
}

function onlyCertain({ refused, fields }: Refusal): Refusal {
  return { refused: refused.filter((row) => row.certain), fields };
}

const ORDER = { certain: 0, likely: 1, possible: 2 } as const;
function ranked(causes: readonly Cause[]): Cause[] {
  return [...causes].sort((a, b) => ORDER[a.certainty] - ORDER[b.certainty]);
}

/** The bits to turn off first when none is refused for certain: those that a circumstance points to. */
function suspects(subject: SetMsr, open: Refusal): Refusal["refused"] {
  const { index, context } = subject;
  const guest = comparesWithGuest(context) !== "no";
  const pointed = new Set<number>();
  for (const row of controlsByCpuid()) {
    if (guest && row.msr === index && askedFor(subject, row.bit)) pointed.add(row.bit);
  }
  const off = controlsByCpuid().filter((row) => row.msr === index && context.signs.disabled.has(row.feature));
  if (off.length > 0) {
    pointed.clear();
    for (const row of off) pointed.add(row.bit);
  }
  return [...pointed].map(
    (bit) =>
      open.refused.find((row) => row.bit === bit && row.kind === "not offered") ?? {
        bit,
        kind: "not offered" as const,
        certain: false,
      },
  );
}

/** Which CPUs of the atlas would refuse the value, and for which bits. */
function atlasCause({ index, asked }: SetMsr, release: Release): Cause | undefined {
  const groups = new Map<string, { readonly bits: readonly number[]; readonly names: string[] }>();
  const known = atlasOffers(release).filter((offer) => offer.loads !== "no");
  let accepting = 0;
  for (const offer of known) {
    const { refused, fields } = onlyCertain(refusalOf(release, offer.msrs, index, asked));
    if (refused.length === 0 && fields.length === 0) {
      accepting++;
      continue;
    }
    const bits = refused.map((row) => row.bit);
    const group = groups.get(bits.join(",")) ?? { bits, names: [] };
    if (!group.names.includes(offer.codename)) group.names.push(offer.codename);
    groups.set(bits.join(","), group);
  }
  if (known.length === 0) return undefined;
  if (accepting === known.length) {
    return {
      text: `Every one of the ${known.length} Intel CPUs of the atlas would accept the value under Linux ${release} with default parameters: the CPU itself is hardly the reason; an outer hypervisor, a parameter or the guest's CPUID is.`,
      certainty: "likely",
    };
  }
  const [nearest] = [...groups.values()].sort(
    (a, b) => a.bits.length - b.bits.length || b.names.length - a.names.length,
  );
  if (nearest === undefined) return undefined;
  const names = listText(nearest.bits.map((bit) => bitText(explainBit(index, bit, "refused"))));
  return {
    text: `Under Linux ${release}, ${accepting} of the ${known.length} Intel CPUs of the atlas would accept it, ${known.length - accepting} would not; the fewest bits are missing on ${listText(nearest.names.slice(0, 4))}${names === "" ? "" : `: ${names}`}.`,
    certainty: "possible",
  };
}

// ---- Wording ----

function refusedText({ index }: SetMsr, refusal: Refusal, who: string): string {
  const parts: string[] = [...refusal.fields];
  const names = (kind: "not offered" | "must be 1") =>
    listText(
      refusal.refused.filter((row) => row.kind === kind).map((row) => bitText(explainBit(index, row.bit, "refused"))),
    );
  const extra = names("not offered");
  if (extra !== "") parts.push(`The value has ${extra}, which ${who} does not offer`);
  const dropped = names("must be 1");
  if (dropped !== "") parts.push(`The value lets ${dropped} be 0, which must be 1 with ${who}`);
  const text = parts.join("; ");
  return text === "" ? "" : `${text}.`;
}

function bitsFor({ index, asked }: SetMsr, refusal: Refusal, open?: Refusal): ExplainedBit[] {
  const bits: ExplainedBit[] = [];
  const controls = isControls(index);
  const row = registerOf(index);
  const unsure = new Set((open?.refused ?? []).filter((one) => !one.certain).map((one) => one.bit));
  for (let bit = 0; bit < (controls ? 32 : 64); bit++) {
    const found = refusal.refused.find((one) => one.bit === bit);
    const half = controls || bit >= 32 ? asked.hi : asked.lo;
    const named = row?.bits.some((known) => known.bit === bit) === true;
    if (found !== undefined) {
      const role = found.kind === "must be 1" ? "must be 1" : "refused";
      bits.push(explainBit(index, bit, role, found.certain ? undefined : "depends on registers that were not read"));
    } else if (((half >>> (bit & 31)) & 1) === 1 && named) {
      const reason =
        "offered only where the CPU and KVM's parameters (in old releases also the guest's CPUID) allow it";
      bits.push(explainBit(index, bit, "asked", unsure.has(bit) ? reason : undefined));
    }
  }
  return bits;
}

function halves({ index, asked }: SetMsr): NamedValue[] {
  if (!isControls(index)) return [];
  return [
    { name: "may be 1 (bits 63:32)", value: `0x${asked.hi.toString(16)}` },
    { name: "must be 1 (bits 31:0)", value: `0x${asked.lo.toString(16)}` },
  ];
}

function valuesFor(subject: SetMsr, { hi, lo }: MsrPair): NamedValue[] {
  const { asked } = subject;
  const short = hi.value === 0 && hi.unknown === 0;
  const offered = short ? formatWord(lo) : formatWord(hi) + formatWord(lo, 8).slice(2);
  const xor: U64 = { hi: (asked.hi ^ hi.value) >>> 0, lo: (asked.lo ^ lo.value) >>> 0 };
  return [
    { name: "asked", value: formatU64(asked) },
    { name: "KVM offers", value: offered },
    ...(hi.unknown === 0 && lo.unknown === 0 ? [{ name: "difference", value: formatU64(xor) }] : []),
    ...halves(subject),
  ];
}

function ruleFor({ index, context }: SetMsr): NonNullable<Decoded["rule"]> {
  const rule = restoreRule(index);
  const says = rule?.checks.map((check) => check.text).join(" ");
  const guest = comparesWithGuest(context);
  const against =
    guest === "no"
      ? "It is compared with what KVM offers on the host."
      : "It is compared with what KVM offers on the host; before 6.0 (and before 5.15.61 and 5.10.137) with what the guest has, which follows its CPUID.";
  return {
    fn: rule?.fn ?? "vmx_set_vmx_msr",
    file: "arch/x86/kvm/vmx/nested.c",
    says: `${says === undefined || says === "" ? "Any value is taken, once the guest has VMX at all." : says} ${against}`,
    since: sinceText({}),
  };
}

/** Turning a feature off drops its bit from the high half of the value. */
function withoutStep(index: number, numbers: readonly number[], who: string): Step[] {
  const bits = numbers.map((bit) => explainBit(index, bit, "refused"));
  const names = [...new Set(bits.map((bit) => bit.qemu ?? bit.libvirt).filter((name) => name !== undefined))];
  if (names.length === 0) return [];
  return [
    {
      text: `Do without what ${who}: ${listText(bits.map(bitText))}.`,
      commands: [
        `-cpu host,${names.map((name) => `${name}=off`).join(",")}`,
        ...names.map((name) => `<feature policy='disable' name='${name}'/>`),
      ],
    },
  ];
}

function stepsFor(subject: SetMsr, refused: Refusal["refused"], causes: readonly Cause[]): Step[] {
  const { index, context } = subject;
  const steps: Step[] = [];
  if (causes.some((cause) => cause.certainty !== "possible" && cause.text.includes("enlightened VMCS"))) {
    steps.push({
      text: "Do without the enlightened VMCS, or use Linux 5.6 or later.",
      commands: ["-cpu host,hv-passthrough=on,hv-evmcs=off"],
    });
  }
  const extra = refused.filter((row) => row.kind === "not offered");
  const certain = extra.some((row) => row.certain);
  const first = certain ? [] : withheld(subject);
  if (first.length > 0) steps.push(...withoutStep(index, first, "KVM most likely refuses"));
  const rest = extra.map((row) => row.bit).filter((bit) => !first.includes(bit));
  steps.push(...withoutStep(index, rest, certain ? "KVM refuses" : "KVM may refuse"));
  if (mustBeOne(subject).length > 0 || refused.some((row) => row.kind === "must be 1")) {
    steps.push({
      text: "Use Linux 6.1 or later in this virtual machine: its KVM does not pass the must-be-1 bits on.",
    });
    steps.push({
      text: "Or, on VMware, give the machine virtual performance counters.",
      commands: ['vpmc.enable = "TRUE"'],
    });
  }
  const guest = comparesWithGuest(context);
  const follows = controlsByCpuid().filter((row) => row.msr === index && askedFor(subject, row.bit));
  const disabled = follows.filter((row) => context.signs.disabled.has(row.feature));
  if (guest !== "no" && disabled.length > 0) {
    steps.push({ text: `Or leave ${listText(disabled.map((row) => row.feature))} on in the guest's CPU.` });
  }
  if (guest !== "no" && follows.length > 0) {
    steps.push({
      text: "Or use Linux 6.0 or later on the host (5.15.61 or 5.10.137 in the stable series): the value is compared with what the host offers there, not with the guest's CPUID.",
    });
  }
  if (index === 0x48e) steps.push(NESTED_ON);
  return steps;
}
