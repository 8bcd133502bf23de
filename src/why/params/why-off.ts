import { upperFirst } from "../../bits/first-letter.js";
import { listText } from "../../bits/list-text.js";
import type { Tri } from "../../bits/tri.js";
import { belowOf } from "../../host/below.js";
import { type Host, msrOf } from "../../host/host.js";
import { knownValue } from "../../host/msr.js";
import { entryHost } from "../../input/atlas/atlas.js";
import type { ParamsGiven } from "../../kvm/load/params.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { paramsOf } from "../../kvm/programs.js";
import { replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { askedOnHost } from "../../situation/asked-on-host.js";
import { assume } from "../../situation/assume.js";
import { replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import { hasBrokenTimer, type NamedCpu } from "../cpus/named-cpu.js";
import { entriesOfModel, ofModel } from "../cpus/of-model.js";
import { FEATURE_LIST } from "../features.js";
import { layersUnder } from "../layers.js";
import type { NextStep } from "../questions/answer.js";
import { READ_FLAGS, readFeatures, SEE_WHO_SETS_IT } from "../questions/next-steps.js";
import { NEED } from "./needs.js";

/*
 * Why parameters of KVM are off. KVM writes into them what is left after its checks, so that N is what the CPU lacks, what was
 * asked for, or what another parameter takes with it: which of them, replays of the machine with and without each decide.
 */

/** Parameters whose N people ask about. */
export const ASKED_ABOUT = [
  "ept",
  "unrestricted_guest",
  "vpid",
  "flexpriority",
  "eptad",
  "enable_apicv",
  "pml",
  "enable_shadow_vmcs",
  "enable_ipiv",
  "preemption_timer",
  "ple_gap",
] as const;
type Name = (typeof ASKED_ABOUT)[number];

/** The parameters that are off, one sentence for each reason: first what can be changed. */
export interface WhyOff {
  readonly says: readonly string[];
  readonly steps: readonly NextStep[];
  /** No setting switches these on. */
  readonly lacking: readonly string[];
}

/** What is known of the machine besides its values. */
export interface Surroundings {
  /** The hypervisor that it runs in, in words. */
  readonly below: string | undefined;
  /** The one CPU that the prose names. */
  readonly cpu: NamedCpu | undefined;
}

type Reason =
  | "asked"
  | "set"
  | "set or hidden"
  | "set or unused"
  | "left off"
  | "enlightened VMCS"
  | "below"
  | "lacked"
  | "lacked by model"
  | "open";

/** One that is off for itself, and those that are off with it. */
interface Root {
  readonly name: Name;
  readonly reason: Reason;
}

export function whyOff(situation: Situation, around: Surroundings): WhyOff {
  const { host } = situation;
  const off = ASKED_ABOUT.filter((name) => isOff(host.params?.kvm_intel?.[name]));
  if (off.length === 0) return { says: [], steps: [], lacking: [] };
  const lacks = (name: Name) =>
    isLacked(situation, name) || NEED[name]?.some((one) => isLacked(situation, one)) === true;
  const under = (params: ParamsGiven) => shownUnder(situation, [host], params);
  const unasked = under({});
  const wanted = askedOnHost(host);
  const asked = under(wanted);
  const takenBy = (name: Name) => {
    const without = under({ kvm_intel: { [name]: "0" } });
    return off.filter((one) => one !== name && without(one) === "no" && unasked(one) !== "no" && !lacks(one));
  };
  const isAsked = (name: Name) => asked(name) === "no" && unasked(name) !== "no" && !lacks(name);
  const taken = new Map(off.filter((name) => !lacks(name)).map((name) => [name, takenBy(name)]));
  const followers = new Set([...taken.values()].flat());
  const roots = off
    .filter((name) => !followers.has(name))
    .map((name): Root => {
      const known = lacks(name) ? "lacked" : isAsked(name) ? "asked" : undefined;
      return { name, reason: known ?? reasonOf(name, situation, around, unasked) };
    });
  const says = ORDER.flatMap((reason) => {
    const names = roots.filter((root) => root.reason === reason).map(({ name }) => name);
    return names.length === 0 ? [] : [sentence(reason, names, taken, situation, around)];
  });
  const has = (...reasons: readonly Reason[]) => roots.some(({ reason }) => reasons.includes(reason));
  return {
    says,
    steps: [
      ...(has("asked") ? [takeOut(situation, roots)] : []),
      ...(has("set", "set or hidden", "set or unused") ? [SEE_WHO_SETS_IT] : []),
      ...(has("open") && showsCpu(host) && unread(host).length > 0 ? [readFeatures(unread(host))] : []),
      ...(has("open") && !showsCpu(host) ? [READ_FLAGS] : []),
    ],
    lacking: off.filter((name) => lacks(name) || roots.some((one) => one.name === name && NO_SETTING.has(one.reason))),
  };
}

const ORDER: readonly Reason[] = [
  "asked",
  "set",
  "set or hidden",
  "set or unused",
  "enlightened VMCS",
  "below",
  "left off",
  "lacked",
  "lacked by model",
  "open",
];
const NO_SETTING: ReadonlySet<Reason> = new Set(["left off", "enlightened VMCS", "lacked", "lacked by model"]);

const isOff = (value: string | undefined): boolean => value !== undefined && parseBool(value) === false;
const featureOf = (name: string) => FEATURE_LIST.find(({ param }) => param === name);
/** Registers that decide about the parameters. */
const DECIDING = [0x480, 0x481, 0x482, 0x48b, 0x48c, 0x492];
const unread = ({ cores: [boot] }: Host): readonly number[] =>
  DECIDING.filter((index) => knownValue(msrOf(boot, index)) === undefined);
const showsCpu = ({ observed, name, cores: [boot] }: Host): boolean =>
  observed?.cpuFlags !== undefined || name !== undefined || knownValue(msrOf(boot, 0x48b)) !== undefined;

type Shown = (name: string) => Tri;

/** Whether KVM leaves a parameter on, on all of these under all kernels that it can be. */
function shownUnder({ candidates }: Situation, hosts: readonly Host[], params: ParamsGiven): Shown {
  const each = candidates.flatMap(({ options: { params: _, ...options } }) =>
    hosts.map((host) => {
      const { cpu, release, config } = replay(host, { ...options, startFromOffered: false, params });
      return new Map(
        paramsOf(release, config)
          .filter(({ module }) => module === "kvm_intel")
          .map((row) => [row.name as string, paramText(cpu, row)]),
      );
    }),
  );
  return (name) => {
    const values = each.map((shown) => shown.get(name));
    if (values.length > 0 && values.every((value) => isOff(value))) return "no";
    return values.length === 0 || values.some((value) => value === undefined || value === "unknown" || isOff(value))
      ? "unknown"
      : "yes";
  };
}

/** Whether the registers that were read leave out what a parameter needs of the CPU. */
function isLacked(situation: Situation, name: string): boolean {
  const feature = featureOf(name);
  return feature !== undefined && layersUnder(replays(situation), feature).cells.silicon === "no";
}

/** Parameters whose controls the enlightened VMCS lacks: EVMCS1_SUPPORTED_* in arch/x86/kvm/vmx/hyperv_evmcs.h. */
const NO_FIELD: ReadonlySet<Name> = new Set([
  "flexpriority",
  "enable_apicv",
  "enable_ipiv",
  "pml",
  "enable_shadow_vmcs",
  "preemption_timer",
  "ple_gap",
]);

function reasonOf(name: Name, situation: Situation, { below, cpu }: Surroundings, unasked: Shown): Reason {
  const { host } = situation;
  if (parseBool(host.params?.kvm_intel?.enlightened_vmcs ?? "") === true && NO_FIELD.has(name))
    return "enlightened VMCS";
  if (unasked(name) === "yes") return "set";
  if (unasked(name) === "no") return "left off";
  const named = namedBy(situation, cpu);
  if (name === "preemption_timer" && named !== undefined && hasBrokenTimer(named)) return "left off";
  if (isShown(situation, [name])) return "set or unused";
  if (below !== undefined) return "below";
  const has = ofModel(situation, named)(({ param }) => param === name);
  if (has === "no") return "lacked by model";
  if (has === "unknown") return "open";
  const byDefault = shownUnder(situation, alike(situation, named), {})(name);
  if (byDefault === "no") return "left off";
  return host.cores[0].cpuid.features.hypervisor === false && byDefault === "yes" ? "set" : "set or hidden";
}

/** The CPU that the prose names, where the machine does not show its own. */
const namedBy = ({ host }: Situation, cpu: NamedCpu | undefined) =>
  host.cores[0].signature === undefined ? cpu : undefined;

/** CPUs of the atlas that are of its model, in a machine that is on. */
function alike({ host }: Situation, named: NamedCpu | undefined): readonly Host[] {
  const entries = named === undefined ? entriesOfModel(host) : named.entry === undefined ? named.kin : [named.entry];
  return entries.map((entry) => assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled").host);
}

function sentence(
  reason: Reason,
  names: readonly Name[],
  taken: ReadonlyMap<Name, readonly Name[]>,
  situation: Situation,
  { below, cpu }: Surroundings,
): string {
  const takenBy = (name: Name) => taken.get(name) ?? [];
  const all = [...new Set([...names, ...names.flatMap(takenBy)])];
  const list = names
    .map((name) => (takenBy(name).length === 0 ? name : `${name} (with it ${listText(takenBy(name))})`))
    .join(", ");
  const named = namedBy(situation, cpu);
  const ofModelText = (verb: readonly [one: string, many: string]) =>
    named === undefined ? `CPUs of this model ${verb[1]}` : `the ${named.name} ${verb[0]}`;
  const settings = listText(names.map((name) => `kvm_intel.${name}=0`));
  const was = names.length === 1 ? "was" : "were";
  // Another one that is not shown may have taken it.
  const shown = situation.host.params?.kvm_intel ?? {};
  const instead = [...new Set(names.flatMap((name) => NEED[name] ?? []).filter((name) => shown[name] === undefined))];
  const listed = (params: readonly string[]) =>
    params.length === 0 ? "" : `, or ${params.map((name) => `${name}=0`).join(" or ")}, which takes it along`;
  const orDefault = names.some((name) => mayBeDefault(name, situation))
    ? ", or it is the default of an old kernel"
    : "";
  switch (reason) {
    case "asked": {
      const causes = causesOf(situation, names);
      return `${listText(causes)} on the kernel command line or in modprobe.d ${causes.length === 1 ? "switches" : "switch"} off ${listText(all)}.`;
    }
    case "set":
      return `Off although ${isShown(situation, names) ? "the CPU has" : ofModelText(["has", "have"])} what it needs: ${list}. So ${settings} ${was} asked for when kvm_intel was loaded${listed(instead)}${isModelled(situation) ? "" : ", or it is that kernel's default"}.`;
    case "set or hidden":
      return `Off although ${ofModelText(["has", "have"])} what it needs: ${list}. So ${settings} ${was} asked for${listed(instead)}${orDefault}, or the machine is a virtual one and the hypervisor below does not pass it on.`;
    case "set or unused":
      return `Off although the CPU has what it needs: ${list}. So ${settings} ${was} asked for${listed(instead)}, or KVM does not use it on this model.`;
    case "left off":
      return `Off because KVM does not use it on this CPU: ${list}.`;
    case "enlightened VMCS":
      return `Off because Hyper-V's enlightened VMCS, which is in use (enlightened_vmcs), has no fields for them: ${list}.`;
    case "below": {
      const is = belowOf(situation.host).virtual === true ? "This is a virtual machine: " : "";
      const says = `${is}${below} does not pass what they need, or they were switched off`;
      return `Off: ${list}. ${upperFirst(says)}.`;
    }
    case "lacked":
      return below === undefined
        ? `Off because the CPU lacks what it needs: ${list}.`
        : `Off because the virtual CPU lacks what it needs, which ${below} does not pass on: ${list}.`;
    case "lacked by model":
      return `Off because ${ofModelText(["lacks", "lack"])} what it needs: ${list}.`;
    case "open":
      return `Off: ${list}. The CPU lacks what it needs, or it was switched off${orDefault}.`;
  }
}

/** The machine itself shows that its CPU has it. */
const isShown = (situation: Situation, names: readonly Name[]): boolean =>
  names.every((name) => {
    const feature = featureOf(name);
    return feature !== undefined && layersUnder(replays(situation), feature).cells.silicon === "yes";
  });

/** Its defaults are known. */
const isModelled = ({ kernel }: Situation): boolean => kernel.from !== "default" && kernel.basis !== "older";

/** Off unless asked for in kernels before those that are modelled, such as el7's: Red Hat's documents ask for both by name. */
const OFF_BY_DEFAULT: ReadonlySet<Name> = new Set(["enable_apicv", "enable_shadow_vmcs"]);
const mayBeDefault = (name: Name, situation: Situation): boolean => OFF_BY_DEFAULT.has(name) && !isModelled(situation);

function causesOf({ host }: Situation, names: readonly Name[], prefix = "kvm_intel."): readonly string[] {
  const asked = host.paramsAsked?.kvm_intel ?? {};
  const isAsked = (name: string): boolean => asked[name] !== undefined;
  // One that the host was not asked for is off with one that it needs.
  const causes = names.flatMap((name) =>
    isAsked(name) ? [name] : (NEED[name]?.filter(isAsked) ?? Object.keys(asked).filter((one) => isOff(asked[one]))),
  );
  return [...new Set(causes)].map((name) => `${prefix}${name}=${asked[name]}`);
}

function takeOut(situation: Situation, roots: readonly Root[]): NextStep {
  const names = roots.filter(({ reason }) => reason === "asked").map(({ name }) => name);
  return {
    text: `Take ${listText(causesOf(situation, names, ""))} out of the kernel command line and /etc/modprobe.d, and restart.`,
    commands: ["cat /proc/cmdline; grep -rs kvm_intel /etc/modprobe.d"],
  };
}
