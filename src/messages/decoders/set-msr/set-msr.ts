import { type Cause, type Decoded, sinceText } from "../../../answers/answer.js";
import { bitText, explainBit } from "../../../answers/bits.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import { formatU64, parseHexU64 } from "../../../bits/u64.js";
import { describeMsr } from "../../../input/text/msr-names.js";
import type { MsrPair } from "../../../kvm/guest/msr-pair.js";
import { registerOf } from "../../../registers/registers.js";
import { DEFAULT_RELEASE, formatKernels, kernelName, RELEASES, type Release } from "../../../rules/release.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { DROP_VMX, NESTED_ON } from "../../rows/shared-advice.js";
import { atlasOffers, type Offered, offeredBy, offeredByAny } from "../offered.js";
import { comparesWithGuest, controlsByCpuid, type Refusal, refusalOf, restoreRule } from "../restore.js";
import { knownDefect } from "./known-defects.js";
import { decodeOther } from "./other-msrs.js";
import { bitsFor, halves, refusedText, ruleFor, stepsFor, valuesFor } from "./set-msr-text.js";
import { askedFor, circumstances, type SetMsr, vcpuCauses } from "./set-msr-why.js";

/** Which bit it is, the value alone does not say. */
const EXACT: Step = {
  text: "To learn which bit it is, read the registers of the host and ask again with them.",
  commands: [
    "vmxlens collect > collect.sh && ssh HOST sudo sh -s < collect.sh > host.txt",
    "vmxlens explain --host host.txt LOG",
  ],
};

/** `failed to set MSR 0x48d to 0x5600000016` */
export function decodeSetMsr([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const index = Number.parseInt(match.groups.msr ?? "", 16);
  const asked = parseHexU64(match.groups.value ?? "");
  if (asked === undefined) return {};
  if (registerOf(index) === undefined || index === 0x3a) return decodeOther(index, formatU64(asked), context);
  const rule = restoreRule(index);
  const values = [{ name: "asked", value: formatU64(asked) }];
  if (rule === undefined || rule.never !== undefined) {
    return {
      what: `QEMU tried to set ${describeMsr(index)}, which is never allowed: ${rule?.never ?? "KVM gives guests no such register."}`,
      rule: { fn: rule?.fn ?? "vmx_set_msr", file: "arch/x86/kvm/vmx/nested.c", since: sinceText({}) },
      causes: [
        { text: "A QEMU that was changed, or a migration stream from another hypervisor.", certainty: "possible" },
      ],
      values,
    };
  }
  const subject: SetMsr = { index, asked, context };
  const { host } = context;
  if (host === undefined) return knownDefect(subject) ?? withoutHost(subject);
  return withHost(subject, offeredBy(host, context, context.release ?? DEFAULT_RELEASE));
}

const MOST_SUSPECTS = 3;

// ---- With the machine known ----

function withHost(subject: SetMsr, offered: Offered): Decoded {
  const { index, asked, context } = subject;
  const words = offered.msrs.get(index) as MsrPair;
  const refusal = refusalOf(offered.release, offered.msrs, index, asked);
  const certain = refusal.refused.some((row) => row.certain) || refusal.fields.length > 0;
  const kvm = `KVM of ${kernelName(offered.release)} on this machine`;
  const causes: Cause[] = [];
  const kernelNotes =
    context.release === undefined
      ? [`the kernel: ${kernelName(offered.release)} was assumed because none was given`]
      : [];
  if (offered.nested === "no") {
    return {
      layer: "KVM parameter",
      bits: bitsFor(subject, { refused: [], fields: [] }),
      values: [{ name: "asked", value: formatU64(asked) }, ...halves(subject)],
      rule: ruleFor(subject),
      causes: [
        {
          text: "kvm_intel.nested is 0 on this machine: KVM refuses every VMX register of a guest then, whatever its value.",
          certainty: "certain",
        },
      ],
      steps: [NESTED_ON],
      kernelNotes,
    };
  }
  const byVcpu = vcpuCauses(subject);
  if (context.vcpu !== undefined) causes.push(...byVcpu);
  if (certain) causes.push({ text: refusedText(subject, onlyCertain(refusal), kvm), certainty: "certain" });
  else if (refusal.refused.length > 0) {
    causes.push({
      text: `${refusedText(subject, refusal, kvm)} This depends on registers of the machine that were not read.`,
      certainty: "possible",
    });
  } else if (!byVcpu.some(({ certainty }) => certainty === "certain")) {
    causes.push({
      text: `What ${kvm} offers covers the value: the bits are no reason to refuse it. The message is from another machine, kernel or parameter than those that were given, or the reason lies with the guest.`,
      certainty: "certain",
    });
  }
  if (!certain) causes.push(...circumstances(subject, refusal), ...(context.vcpu === undefined ? byVcpu : []));
  // To leave out all that was not read would leave out most of VMX.
  const isOpen = !certain && refusal.refused.length > MOST_SUSPECTS;
  return {
    bits: bitsFor(subject, refusal),
    values: valuesFor(subject, words),
    rule: ruleFor(subject),
    causes,
    steps: isOpen ? [...stepsFor(subject, [], causes), EXACT, DROP_VMX] : stepsFor(subject, refusal.refused, causes),
    kernelNotes,
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
        : formatKernels(never.map(({ release }) => release));
    causes.push({
      text: `${refusedText(subject, onlyCertain(first.refusal), "KVM")} This is so on every CPU ${everywhere && context.release === undefined ? "and " : "with "}${where}.`,
      certainty: everywhere ? "certain" : "possible",
    });
  }
  const open = verdicts.at(-1)?.refusal ?? { refused: [], fields: [] };
  causes.push(...circumstances(subject, open));
  if (context.vcpu !== undefined || never.length < releases.length) causes.push(...vcpuCauses(subject));
  const atlas = atlasCause(subject, context.release ?? DEFAULT_RELEASE);
  if (atlas !== undefined && !(first !== undefined && never.length === releases.length)) causes.push(atlas);
  const certainEverywhere = never.length === releases.length;
  const agreed = certainEverywhere && first !== undefined ? onlyCertain(first.refusal) : undefined;
  return {
    what: `QEMU asked KVM to set ${describeMsr(index)} for the guest, KVM refused ${formatU64(asked)}, and QEMU gives up.`,
    bits: bitsFor(subject, agreed ?? { refused: [], fields: [] }, open),
    values: [{ name: "asked", value: formatU64(asked) }, ...halves(subject)],
    rule: ruleFor(subject),
    causes: ranked(causes),
    steps: [
      ...stepsFor(subject, agreed?.refused ?? suspects(subject, open), causes),
      ...(certainEverywhere ? [] : [DROP_VMX]),
      // It has one bit.
      ...(certainEverywhere || index === 0x491 ? [] : [EXACT]),
    ],
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

/** The bits to turn off first if none is certainly refused: those that a circumstance points to. */
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
      text: `Every one of the ${known.length} Intel CPUs of the atlas would accept the value under ${kernelName(release)} with default parameters: the CPU itself is hardly the reason; an outer hypervisor, a parameter or the guest's CPUID is.`,
      certainty: "likely",
    };
  }
  const [nearest] = [...groups.values()].sort(
    (a, b) => a.bits.length - b.bits.length || b.names.length - a.names.length,
  );
  if (nearest === undefined) return undefined;
  const names = listText(nearest.bits.map((bit) => bitText(explainBit(index, bit, "refused"))));
  return {
    text: `Under ${kernelName(release)}, ${accepting} of the ${known.length} Intel CPUs of the atlas would accept it, ${known.length - accepting} would not; the fewest bits are missing on ${listText(nearest.names.slice(0, 4))}${names === "" ? "" : `: ${names}`}.`,
    certainty: "possible",
  };
}
