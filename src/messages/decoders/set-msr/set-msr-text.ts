import { type Cause, type Decoded, type NamedValue, sinceText } from "../../../answers/answer.js";
import { bitText, type ExplainedBit, explainBit } from "../../../answers/bits.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import { formatU64, type U64 } from "../../../bits/u64.js";
import { formatWord } from "../../../bits/word.js";
import type { MsrPair } from "../../../kvm/guest/msr-pair.js";
import { RESTORE_BASE } from "../../../kvm/guest/restore-rules.js";
import { FROM_CONFIG } from "../../../kvm/load/nested-setup.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { registerOf } from "../../../registers/registers.js";
import { holdsIn, mainlineRange, releaseOf, takenBy } from "../../../rules/held.js";
import { holdsInNamed } from "../../../rules/held-in-named.js";
import { comparesWithGuest, controlsByCpuid, HOST_DECIDES, isControls, type Refusal, restoreRule } from "../restore.js";
import { askedFor, evmcsCause, mustBeOne, type SetMsr, withheld } from "./set-msr-why.js";

/*
 * How a refused value is put: the bits, the values side by side, the rule and the steps.
 */

export function refusedText({ index }: SetMsr, refusal: Refusal, who: string): string {
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

export function bitsFor({ index, asked }: SetMsr, refusal: Refusal, open?: Refusal): ExplainedBit[] {
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

export function halves({ index, asked }: SetMsr): NamedValue[] {
  if (!isControls(index)) return [];
  return [
    { name: "may be 1 (bits 63:32)", value: `0x${asked.hi.toString(16)}` },
    { name: "must be 1 (bits 31:0)", value: `0x${asked.lo.toString(16)}` },
  ];
}

export function valuesFor(subject: SetMsr, { hi, lo }: MsrPair): NamedValue[] {
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

export function ruleFor({ index, context }: SetMsr): NonNullable<Decoded["rule"]> {
  const rule = restoreRule(index);
  const says = rule?.checks.map((check) => check.text).join(" ");
  const guest = comparesWithGuest(context);
  const against =
    guest === "no"
      ? "It is compared with what KVM offers on the host."
      : `It is compared with what KVM offers on the host; before ${HOST_DECIDES} with what the guest has, which follows its CPUID.`;
  return {
    fn: rule?.fn ?? "vmx_set_vmx_msr",
    file: "arch/x86/kvm/vmx/nested.c",
    says: `${says === undefined || says === "" ? "Any value is accepted, once the guest has VMX at all." : says} ${against}`,
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

export function stepsFor(subject: SetMsr, refused: Refusal["refused"], causes: readonly Cause[]): Step[] {
  const { index, context } = subject;
  const steps: Step[] = [];
  const evmcs = evmcsCause(subject);
  if (evmcs !== undefined && evmcs.certainty !== "possible" && causes.some(({ text }) => text === evmcs.text)) {
    steps.push({
      text: `Do without the enlightened VMCS (list the enlightenments instead of passing all). Where the kernel is older, Linux ${releaseOf(NOT_REPLAYED.evmcsRemovesControls.held.before)} or later helps, too.`,
      commands: [
        "-cpu host,hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-synic,hv-stimer,hv-time",
        "-cpu host,hv-passthrough=on,hv-evmcs=off",
      ],
    });
  }
  const extra = refused.filter((row) => row.kind === "not offered");
  const certain = extra.some((row) => row.certain);
  const first = certain ? [] : withheld(subject);
  if (first.length > 0) steps.push(...withoutStep(index, first, "KVM most likely refuses"));
  const rest = extra.map((row) => row.bit).filter((bit) => !first.includes(bit));
  steps.push(...withoutStep(index, rest, certain ? "KVM refuses" : "KVM may refuse"));
  const passesOn = context.release === undefined || holdsIn(context.release, FROM_CONFIG) !== true;
  if (passesOn && (mustBeOne(subject).length > 0 || refused.some((row) => row.kind === "must be 1"))) {
    steps.push({
      text: `Use Linux ${releaseOf(FROM_CONFIG.since)} or later in this virtual machine: its KVM does not pass the must-be-1 bits on.`,
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
      text: `Or use Linux ${releaseOf(RESTORE_BASE.held.before)} or later on the host (${takenBy(RESTORE_BASE.held.before).join(" or ")} in the stable series): the value is compared with what the host offers there, not with the guest's CPUID.`,
    });
  }
  if (index === 0x48e) {
    const { held } = NOT_REPLAYED.restoreDefects;
    if (context.release === undefined || holdsInNamed(context.kernel, { held })) {
      const { since, until } = mainlineRange(held);
      steps.push({
        text: `With a kernel from ${since} to ${until}, use Linux ${releaseOf(held.before)} or later on the host, and QEMU 5.0 or later.`,
        commands: ["uname -r; qemu-system-x86_64 --version"],
      });
    }
  }
  if (index === 0x480 && subject.asked.hi === 0 && subject.asked.lo === 0) {
    steps.push({
      text: `Use QEMU 5.0 or later, or Linux ${releaseOf(NOT_REPLAYED.reportsVmxMsrs.held.since)} or later on the host.`,
      commands: ["uname -r; qemu-system-x86_64 --version"],
    });
  }
  return steps;
}
