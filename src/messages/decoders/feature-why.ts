import { type Cause, type ExplainedRule, rangesText, sinceText } from "../../answers/answer.js";
import { bitText, type ExplainedBit, explainBit } from "../../answers/bits.js";
import type { Step } from "../../answers/message.js";
import { listText } from "../../bits/list-text.js";
import type { Tri } from "../../bits/tri.js";
import { bitAt } from "../../bits/word.js";
import type { Host } from "../../host/host.js";
import { registerOf } from "../../registers/registers.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import { DEFAULT_RELEASE, kernelName, RELEASES, type Release, rangesOf } from "../../rules/release.js";
import type { Rule } from "../../rules/rule.js";
import { findFeature } from "../../why/find-feature.js";
import { type Why, whyUnder } from "../../why/why.js";
import { type ExplainContext, replayOptions } from "../context.js";
import { atlasCodenames, atlasOffers, eachAtlasOffer, type Offered, offeredBy, offeredByAny } from "./offered.js";
import { explainRemedies } from "./remedy.js";

/*
 * Why KVM does not offer a feature to guests: by the machine where it is known, else by release and by the CPUs of the
 * atlas.
 */

/** A VMX feature that was asked for, by its bit; or another feature of the CPU by its name. */
export interface Wanted {
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

/** KVM emulates it, or always passes it: a CPU cannot be the reason that it is missing. */
export function alwaysOffered(context: ExplainContext, { index, bit }: Wanted): boolean {
  if (index === undefined || bit === undefined || isBeforeTables(context)) return false;
  const releases = context.release === undefined ? RELEASES : [context.release];
  return releases.every((release) => offers(offeredByAny(context, release), index, bit) === "yes");
}

/** A kernel is named, and older than the oldest whose rules are known. */
const isBeforeTables = ({ kernel, release }: ExplainContext): boolean => kernel !== undefined && release === undefined;

/** What such a kernel means for what guests get; nothing where it is none. */
export const beforeTables = (context: ExplainContext): readonly string[] =>
  isBeforeTables(context)
    ? [
        `Linux ${context.kernel?.text}, which the text names, is older than the kernels whose KVM is known here (${RELEASES[0]} and later): its KVM need not offer guests what later ones do, whatever the CPU has and KVM itself uses.`,
      ]
    : [];

/** KVM gives it to its guests in no release. */
export const neverOffered = (context: ExplainContext, index: number, bit: number): boolean =>
  byRelease(context, index, bit).no.length === RELEASES.length;

/** In which releases KVM offers the bit on every CPU, on some, on none. */
function byRelease(context: ExplainContext, index: number, bit: number): { readonly [A in Tri]: readonly Release[] } {
  const sorted: { [A in Tri]: Release[] } = { yes: [], no: [], unknown: [] };
  for (const release of RELEASES) sorted[offers(offeredByAny(context, release), index, bit)].push(release);
  return sorted;
}

/** Every bit on its own, and the CPUs that lack all of them. */
export function bitCauses(context: ExplainContext, vmx: readonly Wanted[]): Cause[] {
  const [older] = vmx.length === 0 ? [] : beforeTables(context);
  if (older !== undefined) return [{ text: older, certainty: "likely" }];
  const causes = vmx.map((row) => bitCause(context, row)).filter((cause) => cause !== undefined);
  if (vmx.length < 2 || context.host !== undefined) return causes;
  // Which kernel it is was not said: what none of them does is as much as can be said.
  const releases = context.release === undefined ? RELEASES : [context.release];
  const lacking = new Map<string, Release[]>();
  const codenames = atlasCodenames();
  let known = false;
  for (const release of releases) {
    const without = new Set<string>();
    for (const [at, offerOf] of eachAtlasOffer(release).entries()) {
      // One CPU of a kind is enough.
      if (without.has(codenames[at] as string)) continue;
      const offer = offerOf();
      if (offer.loads === "no") continue;
      known = true;
      const lacks = vmx.every(
        ({ index, bit }) => index !== undefined && bit !== undefined && offers(offer, index, bit) === "no",
      );
      if (lacks) without.add(offer.codename);
    }
    for (const name of without) lacking.set(name, [...(lacking.get(name) ?? []), release]);
  }
  if (!known) return causes;
  return [{ text: togetherText(vmx.length, lacking, releases), certainty: "possible" }, ...causes];
}

function togetherText(
  count: number,
  lacking: ReadonlyMap<string, readonly Release[]>,
  releases: readonly Release[],
): string {
  const under =
    releases.length === RELEASES.length
      ? `any release from ${RELEASES[0]} to ${RELEASES.at(-1)}`
      : rangesText(rangesOf(releases));
  if (lacking.size === 0) {
    return `No Intel CPU of the atlas lacks all ${count} under ${under}: an outer hypervisor, another kernel or a parameter removes some of them.`;
  }
  const [first = []] = lacking.values();
  const alike = [...lacking.values()].every((some) => some.join() === first.join());
  const names = [...lacking].map(([name, some]) => (alike ? name : `${name} (${rangesText(rangesOf(some))})`));
  const where = !alike
    ? ""
    : first.length === RELEASES.length
      ? " under every release"
      : ` under ${rangesText(rangesOf(first))}`;
  return `All ${count} together are missing on Intel CPUs of the atlas${where}: ${listText(names.slice(0, 8))}${names.length > 8 ? " and others" : ""}; otherwise an outer hypervisor, another kernel or a parameter removes them.`;
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
        ? `every Intel CPU of the atlas has it under ${kernelName(release)} with default parameters`
        : `${lacking.length} of the ${known.length} Intel CPUs of the atlas lack it under ${kernelName(release)}: ${listText(names.slice(0, 5))}${names.length > 5 ? " and others" : ""}`,
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
      text:
        host.params === undefined && host.paramsAsked === undefined
          ? `${name}: with its default parameters KVM of ${kernelName(release)} offers it on this machine. A parameter that is set takes it, or the message is from another machine or kernel.`
          : `${name}: KVM of ${kernelName(release)} offers it on this machine; the message is not from this machine, kernel or set of parameters.`,
      certainty: "likely",
    };
  }
  const found = findFeature(nameFor(index, bit));
  if (found.kind !== "one")
    return {
      text: `${name}: not offered on this machine under ${kernelName(release)}.`,
      certainty: answer === "no" ? "certain" : "possible",
    };
  const answers = whyUnder(host, found.feature, replayOptions(context, release), "nested");
  const { lostAt, unknownAt } = answers;
  const where = lostAt ?? unknownAt;
  const because = lostAt === undefined ? "" : becauseText(decidedBy(answers));
  const layers: { readonly [layer: string]: string } = {
    silicon: "the CPU does not have it",
    firmware: "the firmware does not allow it",
    boot: "Linux drops it at boot",
    kvm: "KVM does not use it",
    param: "a parameter of KVM switches it off",
    nested: "KVM does not pass it on to guests",
  };
  return {
    text: `${name}: on this machine under ${kernelName(release)} ${where === undefined ? "it is not offered" : layers[where]}${lostAt === undefined ? ", as far as the registers are known" : ""}${because}.`,
    certainty: answer === "no" ? "certain" : "possible",
  };
}

interface Decision {
  readonly rule: Rule;
  /** It took the feature away; else it would have given it and did not run. */
  readonly ran: boolean;
}

function becauseText(decision: Decision | undefined): string {
  if (decision === undefined) return "";
  const says = decision.rule.says.replace(/\.$/, "");
  return decision.ran ? `: ${says}` : `; this does not apply: ${says}`;
}

/** The rule that took a feature away, if it was a rule and not a register or a parameter. */
function decidedBy({ steps, lostAt }: Why): Decision | undefined {
  const reasons = steps.find(({ layer }) => layer === lostAt)?.bits ?? [];
  for (const { value, reason } of reasons) {
    if (value === "no" && (reason.kind === "changed" || reason.kind === "not reached"))
      return { rule: reason.rule, ran: reason.kind === "changed" };
  }
  return undefined;
}

/** The function of the kernel that takes the first of the features away on a machine. */
export function refusingRule(context: ExplainContext, vmx: readonly Wanted[]): ExplainedRule | undefined {
  const { host } = context;
  if (host === undefined) return undefined;
  for (const { index, bit } of vmx) {
    if (index === undefined || bit === undefined) continue;
    const found = findFeature(nameFor(index, bit));
    if (found.kind !== "one") continue;
    const rule = decidedBy(whyUnder(host, found.feature, replayOptions(context), "nested"))?.rule;
    if (rule !== undefined) {
      const release = context.release ?? DEFAULT_RELEASE;
      return {
        fn: functionOf(rule, release),
        file: fileOf(rule, release),
        says: rule.says,
        since: sinceText(rule.held),
      };
    }
  }
  return undefined;
}

/** A name that only this bit bears. */
function nameFor(index: number, bit: number): string {
  const named = explainBit(index, bit, "named");
  return named.libvirt ?? named.qemu ?? named.linux ?? named.sdm ?? "";
}

export function hostSteps(context: ExplainContext, vmx: readonly Wanted[]): Step[] {
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

export function withReasons(context: ExplainContext, bits: readonly ExplainedBit[]): ExplainedBit[] {
  return bits.map((bit) => {
    if (bit.msr === undefined || bit.role !== "refused" || context.host !== undefined) return bit;
    if (neverOffered(context, bit.msr, bit.bit)) return { ...bit, reason: "KVM offers it to guests in no release" };
    const sorted = byRelease(context, bit.msr, bit.bit);
    const before = isBeforeTables(context) ? `; Linux ${context.kernel?.text} is older than these` : "";
    return { ...bit, reason: `offered ${whereOffered(sorted)}${before}` };
  });
}

/** Some releases offer a bit on every CPU, some where the CPU allows it, and the others never. */
function whereOffered({ yes, unknown, no }: ReturnType<typeof byRelease>): string {
  const every = `on every CPU by ${rangesText(rangesOf(yes))}`;
  if (unknown.length === 0) return every;
  const by = yes.length + no.length === 0 ? "" : `by ${rangesText(rangesOf(unknown))} `;
  return `${by}where the CPU and KVM's parameters allow it${yes.length === 0 ? "" : `; ${every}`}`;
}

export function dependsOn(context: ExplainContext, exact: boolean): string[] {
  if (exact) return [];
  const depends: string[] = [];
  if (context.host === undefined) depends.push("the CPU of the host (--host)");
  if (context.release === undefined) depends.push("the kernel of the host (--kernel)");
  return depends;
}
