import type { Tri } from "../bits/tri.js";
import { bitAt } from "../bits/word.js";
import type { Host } from "../model/host.js";
import { DEFAULT_RELEASE, RELEASES, type Release } from "../rules/release.js";
import { findBits } from "../spec/lookup.js";
import { registerOf } from "../spec/registers.js";
import { type Cause, type Decoded, rangesText } from "./explain-answer.js";
import { bitText, type ExplainedBit, explainBit, listText } from "./explain-bits.js";
import { type ExplainContext, replayOptions } from "./explain-context.js";
import type { Match } from "./explain-match.js";
import { atlasOffers, type Offered, offeredBy, offeredByAny } from "./explain-offered.js";
import { explainRemedies } from "./explain-remedy.js";
import { findFeature } from "./find-feature.js";
import type { Step } from "./messages/message.js";
import { DROP_VMX, NESTED_ON } from "./messages/steps.js";
import { rangesOf, why } from "./why.js";

/** A VMX feature that somebody asked for, by its bit; or another feature of the CPU by its name. */
interface Wanted {
  readonly name: string;
  readonly index?: number;
  readonly bit?: number;
}

/** Does KVM offer a control or capability bit to guests. */
function offers({ msrs }: Offered, index: number, bit: number): Tri {
  const words = msrs.get(index);
  if (words === undefined) return "no";
  if (registerOf(index)?.layout === "controls") return bitAt(words.hi, bit);
  return bit < 32 ? bitAt(words.lo, bit) : bitAt(words.hi, bit - 32);
}

/** The registers that guests are given have the TRUE numbers; names are looked up in the plain ones. */
const NESTED_INDEX: { readonly [plain: number]: number } = { 0x481: 0x48d, 0x482: 0x48e, 0x483: 0x48f, 0x484: 0x490 };

// ---- QEMU: host doesn't support requested feature ----

export function decodeRequestedFeature(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const wanted: Wanted[] = [];
  for (const { groups } of matches) {
    const bit = Number(groups.bit);
    const index = groups.msr === undefined ? undefined : Number.parseInt(groups.msr, 16);
    const name = groups.name ?? `${groups.place} bit ${bit}`;
    if (wanted.some((other) => other.name === name && other.index === index)) continue;
    wanted.push({ name, ...(index !== undefined && registerOf(index) !== undefined ? { index, bit } : {}) });
  }
  const tcg = matches.some(({ groups }) => groups.who === "TCG");
  const vmx = wanted.filter((row) => row.index !== undefined);
  const bits = vmx.map((row) => explainBit(row.index as number, row.bit as number, "refused"));
  const others = wanted.filter((row) => row.index === undefined).map((row) => row.name);
  const count = listText(
    [
      vmx.length === 0 ? "" : `${vmx.length} VMX feature${vmx.length === 1 ? "" : "s"}`,
      others.length === 0
        ? ""
        : `${others.length} other feature${others.length === 1 ? "" : "s"} (${listText(others.slice(0, 8))})`,
    ].filter((text) => text !== ""),
  );
  if (tcg) {
    return {
      what: `QEMU runs without KVM (TCG), which emulates no VMX: ${count} of the CPU model ${wanted.length === 1 ? "is" : "are"} left out, and QEMU starts without ${wanted.length === 1 ? "it" : "them"}.`,
      bits,
      layer: "user space",
      causes: [
        {
          text: "-enable-kvm (or -accel kvm) is missing, or KVM could not be used and TCG is the fallback.",
          certainty: "certain",
        },
      ],
      steps: [
        { text: "Run with KVM, or take VMX out of the model.", commands: ["-accel kvm -cpu host", "-cpu MODEL,-vmx"] },
      ],
    };
  }
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const isVmx = wanted.some((row) => row.name === "vmx");
  const nothing = isVmx || vmx.some((row) => alwaysOffered(context, row));
  if (nothing) {
    causes.push({
      text: isVmx
        ? "KVM does not offer VMX to guests at all: kvm_intel.nested is 0, kvm_intel is not the module in use, or this is no Intel CPU."
        : "Among them are features that KVM offers on every CPU (it emulates them), so KVM offers no VMX here at all: kvm_intel.nested is 0, the CPU is AMD's, or the kernel is too old to tell (before 4.17).",
      certainty: context.signs.amd ? "certain" : "likely",
    });
    steps.push(NESTED_ON);
  }
  if (!nothing) causes.push(...bitCauses(context, vmx));
  steps.push(...(nothing ? [] : hostSteps(context, vmx)));
  const off = bits.map((bit) => bit.qemu).filter((name) => name !== undefined);
  steps.push({
    text: "If the machine does not start, these warnings are not the reason: look for the next line that is no warning. To silence them, leave the features out of the model.",
    ...(off.length === 0
      ? {}
      : { commands: [`-cpu MODEL,${[...new Set(off)].map((name) => `${name}=off`).join(",")}`] }),
  });
  if (vmx.length > 0) steps.push(DROP_VMX);
  return {
    what: `The CPU model asks for ${count} that this host cannot give to guests. QEMU warns and starts without ${wanted.length === 1 ? "it" : "them"}; only guests that run a hypervisor of their own notice.`,
    bits: withReasons(context, bits),
    causes,
    steps,
    depends: dependsOn(context, nothing || vmx.length === 0),
  };
}

// ---- libvirt: missing features; QEMU: no such property ----

export function decodeFeatureList([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const names = splitNames(match.groups.missing ?? match.groups.name ?? "");
  const extra = splitNames(match.groups.extra ?? "");
  const wanted = names.map(wantedByName);
  const vmx = wanted.filter((row) => row.index !== undefined);
  const bits = [
    ...vmx.map((row) => explainBit(row.index as number, row.bit as number, "refused")),
    ...extra
      .map(wantedByName)
      .filter((row) => row.index !== undefined)
      .map((row) => explainBit(row.index as number, row.bit as number, "added")),
  ];
  if (match.row.id === "qemu-no-property" || match.row.id === "libvirt-unknown-feature") {
    const near = names.flatMap((name) => findBits(name).near).slice(0, 4);
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
  if (others.length > 0) {
    causes.push({
      text: `${listText(others)} ${others.length === 1 ? "is a CPUID feature" : "are CPUID features"}, not VMX: the CPU of the host is older than the one the guest was started on, or its microcode, its KVM or QEMU hides ${others.length === 1 ? "it" : "them"}.`,
      certainty: vmx.length === 0 ? "likely" : "possible",
    });
  }
  const libvirt = bits
    .filter((bit) => bit.role === "refused")
    .map((bit) => bit.libvirt ?? bit.qemu)
    .filter((name) => name !== undefined);
  const disable = [...new Set([...libvirt, ...others])];
  if (disable.length > 0) {
    steps.push({
      text: "Take the features out of the guest's CPU (shut it down, change it, start it; a running guest keeps what it was given).",
      commands: disable.map((name) => `<feature policy='disable' name='${name}'/>`),
    });
  }
  if (vmx.length > 0) steps.push({ ...DROP_VMX, commands: ["<feature policy='disable' name='vmx'/>"] });
  steps.push({
    text: "For a fleet: use a named model that every host has instead of host-model or host-passthrough, and compare what the hosts offer.",
    commands: ["virsh domcapabilities --virttype kvm | grep -o \"name='vmx-[a-z0-9-]*'\" | sort"],
  });
  const parts = [
    names.length === 0
      ? ""
      : `The CPU of the XML has ${listText(names)}, and this host cannot give ${names.length === 1 ? "it" : "them"} to the guest`,
    extra.length === 0 ? "" : `QEMU added ${listText(extra)}, which the XML does not have`,
  ].filter((text) => text !== "");
  return {
    ...(parts.length === 0 ? {} : { what: `${parts.join("; ")}. For a migration the host is the target.` }),
    ...(vmx.length === 0 && others.length > 0 ? { layer: "silicon" as const } : {}),
    bits: withReasons(context, bits),
    causes,
    steps,
    depends: dependsOn(context, noVmx || vmx.length === 0),
  };
}

function splitNames(text: string): string[] {
  return text
    .split(/[,\s]+/)
    .map((name) => name.replace(/[.;:]+$/, ""))
    .filter((name) => name !== "");
}

function wantedByName(name: string): Wanted {
  if (!name.startsWith("vmx-")) return { name };
  const [match] = findBits(name).matches;
  if (match === undefined) return { name };
  const { index } = match.register;
  return { name, index: NESTED_INDEX[index] ?? index, bit: match.row.bit };
}

// ---- Why a bit is not offered ----

/** KVM emulates it, or always passes it: a CPU cannot be the reason that it is missing. */
function alwaysOffered(context: ExplainContext, { index, bit }: Wanted): boolean {
  if (index === undefined || bit === undefined) return false;
  const releases = context.release === undefined ? RELEASES : [context.release];
  return releases.every((release) => offers(offeredByAny(context, release), index, bit) === "yes");
}

/** In which releases KVM offers the bit on every CPU, on some, on none. */
function byRelease(context: ExplainContext, index: number, bit: number): { readonly [A in Tri]: readonly Release[] } {
  const sorted: { [A in Tri]: Release[] } = { yes: [], no: [], unknown: [] };
  for (const release of RELEASES) sorted[offers(offeredByAny(context, release), index, bit)].push(release);
  return sorted;
}

/** Every bit on its own, and the CPUs that lack all of them. */
function bitCauses(context: ExplainContext, vmx: readonly Wanted[]): Cause[] {
  const causes = vmx.map((row) => bitCause(context, row)).filter((cause) => cause !== undefined);
  if (vmx.length < 2 || context.host !== undefined) return causes;
  const release = context.release ?? DEFAULT_RELEASE;
  const known = atlasOffers(release).filter((offer) => offer.loads !== "no");
  const lacking = known.filter((offer) =>
    vmx.every(({ index, bit }) => index !== undefined && bit !== undefined && offers(offer, index, bit) === "no"),
  );
  if (known.length === 0) return causes;
  const names = [...new Set(lacking.map((offer) => offer.codename))];
  const text =
    lacking.length === 0
      ? `No Intel CPU of the atlas lacks all ${vmx.length} under Linux ${release}: an outer hypervisor, another kernel or a parameter takes some of them.`
      : `All ${vmx.length} together are missing on ${lacking.length} of the ${known.length} Intel CPUs of the atlas under Linux ${release}: ${listText(names.slice(0, 8))}${names.length > 8 ? " and others" : ""}; else an outer hypervisor, another kernel or a parameter takes them.`;
  return [{ text, certainty: "possible" }, ...causes];
}

function bitCause(context: ExplainContext, { index, bit }: Wanted): Cause | undefined {
  if (index === undefined || bit === undefined) return undefined;
  const named = explainBit(index, bit, "refused");
  const name = bitText(named);
  const { host } = context;
  if (host !== undefined) return hostCause(context, host, index, bit, name);
  const sorted = byRelease(context, index, bit);
  const release = context.release ?? DEFAULT_RELEASE;
  const inText = context.release === undefined ? [] : [context.release];
  if (sorted.no.length === RELEASES.length || (inText.length > 0 && inText.every((one) => sorted.no.includes(one)))) {
    const later = [...sorted.unknown, ...sorted.yes];
    return {
      text: `KVM of ${inText.length === 0 ? "no release" : `Linux ${inText[0]}`} ${inText.length === 0 ? "offers" : "does not offer"} ${name} to guests, whatever the CPU${later.length === 0 ? "" : `; ${rangesText(rangesOf(later))} may`}.`,
      certainty: "certain",
    };
  }
  const notes: string[] = [];
  if (sorted.no.length > 0) notes.push(`${rangesText(rangesOf(sorted.no))} never offers it`);
  if (sorted.yes.length > 0) notes.push(`${rangesText(rangesOf(sorted.yes))} always does`);
  const known = atlasOffers(release).filter((offer) => offer.loads !== "no");
  const lacking = known.filter((offer) => offers(offer, index, bit) === "no");
  const names = [...new Set(lacking.map((offer) => offer.codename))];
  if (known.length > 0) {
    notes.push(
      lacking.length === 0
        ? `every Intel CPU of the atlas has it under Linux ${release} with default parameters`
        : `${lacking.length} of the ${known.length} Intel CPUs of the atlas lack it under Linux ${release}: ${listText(names.slice(0, 5))}${names.length > 5 ? " and others" : ""}`,
    );
  }
  return { text: `${name}: ${notes.join("; ")}.`, certainty: "possible" };
}

function hostCause(context: ExplainContext, host: Host, index: number, bit: number, name: string): Cause {
  const release = context.release ?? DEFAULT_RELEASE;
  const offered = offeredBy(host, context, release);
  const answer = offered.nested === "no" ? "no" : offers(offered, index, bit);
  if (answer === "yes") {
    return {
      text: `${name}: KVM of Linux ${release} offers it on this machine; the message is not from this machine, kernel or set of parameters.`,
      certainty: "likely",
    };
  }
  const found = findFeature(nameFor(index, bit));
  if (found.kind !== "one")
    return {
      text: `${name}: not offered on this machine under Linux ${release}.`,
      certainty: answer === "no" ? "certain" : "possible",
    };
  const { lostAt, unknownAt } = why(host, found.feature, replayOptions(context, release), "nested");
  const where = lostAt ?? unknownAt;
  const layers: { readonly [layer: string]: string } = {
    silicon: "the CPU does not have it",
    firmware: "the firmware does not allow it",
    boot: "Linux drops it at boot",
    kvm: "KVM does not use it",
    param: "a parameter of KVM switches it off",
    nested: "KVM does not pass it on to guests",
  };
  return {
    text: `${name}: on this machine under Linux ${release} ${where === undefined ? "it is not offered" : layers[where]}${lostAt === undefined ? ", as far as the registers are known" : ""}.`,
    certainty: answer === "no" ? "certain" : "possible",
  };
}

/** A name that only this bit bears. */
function nameFor(index: number, bit: number): string {
  const named = explainBit(index, bit, "named");
  return named.libvirt ?? named.qemu ?? named.linux ?? named.sdm ?? "";
}

function hostSteps(context: ExplainContext, vmx: readonly Wanted[]): Step[] {
  const { host } = context;
  if (host === undefined) return [];
  const steps: Step[] = [];
  for (const { index, bit } of vmx) {
    if (index === undefined || bit === undefined) continue;
    const found = findFeature(nameFor(index, bit));
    if (found.kind !== "one") continue;
    for (const step of explainRemedies(host, found.feature, context)) {
      if (!steps.some((other) => other.text === step.text)) steps.push(step);
    }
  }
  return steps;
}

function withReasons(context: ExplainContext, bits: readonly ExplainedBit[]): ExplainedBit[] {
  return bits.map((bit) => {
    if (bit.msr === undefined || bit.role !== "refused" || context.host !== undefined) return bit;
    const sorted = byRelease(context, bit.msr, bit.bit);
    if (sorted.no.length === RELEASES.length) return { ...bit, reason: "KVM offers it to guests in no release" };
    if (sorted.yes.length > 0) return { ...bit, reason: `offered on every CPU by ${rangesText(rangesOf(sorted.yes))}` };
    return { ...bit, reason: "offered where the CPU and KVM's parameters allow it" };
  });
}

function dependsOn(context: ExplainContext, exact: boolean): string[] {
  if (exact) return [];
  const depends: string[] = [];
  if (context.host === undefined) depends.push("the CPU of the host (--host)");
  if (context.release === undefined) depends.push("the kernel of the host (--kernel)");
  return depends;
}
