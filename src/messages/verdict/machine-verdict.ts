import { belowOf, belowText } from "../../host/below.js";
import type { ParamsGiven } from "../../kvm/load/params.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { paramsOf } from "../../kvm/programs.js";
import { replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { releaseOf } from "../../rules/held.js";
import { askedOnHost } from "../../situation/asked-on-host.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import { replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import type { NamedCpu } from "../../why/cpus/named-cpu.js";
import { FEATURE_LIST } from "../../why/features.js";
import { layersUnder } from "../../why/layers.js";
import type { SaidOfMachine } from "../../why/questions/about.js";
import type { NextStep, Question } from "../../why/questions/answer.js";
import { SEE_WHO_SETS_IT, WHOSE_CPU } from "../../why/questions/next-steps.js";
import { FLAG_SINCE, statementWith, THERE_AND_ON, underOldest } from "../../why/questions/questions.js";
import type { FoundVerdict } from "../answer.js";
import { listText } from "../decoders/bits.js";
import type { OwnMachine } from "../own-machine.js";
import { askedVerdict, asksOnly } from "./asked/asked-only.js";
import { ofModel } from "./cpu-model.js";
import { NEED } from "./param-needs.js";

/** What the prose around the values says about the machine. */
export interface SaidInProse extends SaidOfMachine {
  /** The one CPU that it names. */
  readonly cpu?: () => NamedCpu | undefined;
  /** Whether it runs in a virtual machine of any hypervisor. */
  readonly isInside?: () => boolean;
  /** The product in which it says that Linux or KVM runs. */
  readonly inside?: () => string | undefined;
  /** The cloud that it names as the place of the machine. */
  readonly cloud?: () => string | undefined;
  /** Whether it speaks of guests with VMX, and not only shows the parameter among others. */
  readonly isOfNested?: () => boolean;
}

export interface MachineVerdict {
  /** Whether the question has an answer, rather than what would have to be known. */
  readonly isKnown: boolean;
  readonly verdict: Omit<FoundVerdict, "covers">;
}

/** The answer that the registers, flags and messages of a machine give; after a failure, only one that explains it. */
export function machineVerdict(
  { situation, countsEither }: OwnMachine,
  failed: boolean,
  said: SaidInProse = {},
): MachineVerdict | undefined {
  const { host } = situation;
  if (asksOnly(host)) {
    const verdict = askedVerdict(situation);
    return verdict === undefined ? undefined : { isKnown: false, verdict };
  }
  const { observed, params } = host;
  const question: Question =
    failed || params !== undefined || observed?.modules !== undefined || observed?.loadError !== undefined
      ? "kvm"
      : "vmx";
  const answer = statementWith(question, situation, said);
  if (!failed && question === "vmx" && answer.answer === "unknown" && countsEither()) return EITHER_COUNTED;
  const two = isHostAndGuest(situation.read) && answer.answer === "yes";
  if (failed && answer.answer !== "no" && !two) return undefined;
  const asked = failed ? undefined : switchedOff(situation);
  const { says: insights, lacking, having } = failed ? NO_INSIGHTS : paramInsights(situation, asked?.off ?? [], said);
  const nested =
    two || (!failed && params?.kvm_intel?.nested !== undefined) ? statementWith("nested", situation, said) : undefined;
  const isOfNested = two || asksNested(params?.kvm_intel ?? {}, said);
  // Of nested, its answer says so; what the CPU lacks, no setting brings.
  const applied = (situation.notApplied ?? []).filter(({ name }) => name !== "nested" && !lacking.includes(name));
  const different = failed ? [] : applied.map(({ text }) => `But ${text}.`);
  const again = having.length > 0 || applied.some(({ by }) => by !== "kvm") ? [SEE_WHO_SETS_IT] : [];
  const old = failed ? undefined : underOldest(question, answer, situation, said);
  const fromFlag = old !== undefined && answer.says === THERE_AND_ON;
  const says = [
    fromFlag
      ? FLAG_SINCE
      : old !== undefined && answer.answer === "unknown"
        ? notLoaded(situation)
        : sentenceOf(answer.says),
    ...(old === undefined || fromFlag ? [] : [FLAG_BEFORE]),
    ...(asked === undefined ? insights.slice(0, 1) : [asked.says]),
    ...(nested === undefined || answer.answer !== "yes" ? [] : [sentenceOf(nested.says)]),
    ...different,
    ...(failed || asked !== undefined || insights.length > 0 ? [] : paramsOn(situation)),
  ];
  return {
    isKnown: answer.answer !== "unknown",
    verdict: {
      question,
      ...(isHostAndGuest(situation.read) ? { settles: true } : {}),
      says: says.join(" "),
      steps: [
        ...(asked?.steps ?? []),
        ...answer.steps,
        ...again,
        // Where the module does not load, the two answers have the same steps.
        ...(isOfNested && (two || (nested?.answer === "no" && answer.answer !== "no")) ? (nested?.steps ?? []) : []),
      ],
      evidence: [
        // What follows under the one and not under the other.
        ...answer.evidence.filter((one) => old?.evidence.includes(one) !== false),
        ...insights.slice(asked === undefined ? 1 : 0),
      ],
    },
  };
}

export const EITHER_COUNTED: MachineVerdict = {
  isKnown: true,
  verdict: {
    says: `Linux shows \`vmx\` or \`svm\`: hardware virtualization is there (\`vmx\`: VT-x of Intel, \`svm\`: AMD-V), and from Linux ${releaseOf(FEAT_CTL_AT_BOOT)} on \`vmx\` is shown only where the firmware has it on.`,
    steps: [WHOSE_CPU],
    evidence: ["`vmx` and `svm` were counted together"],
  },
};

const FLAG_BEFORE = `Before Linux ${releaseOf(FEAT_CTL_AT_BOOT)} the flag \`vmx\` shows only that the CPU has it, whatever the firmware did.`;

/** KVM's module is not there, and its flag is shown. */
function notLoaded({ host }: Situation): string {
  return host.observed?.modules?.kvm_intel === false
    ? "Linux shows `vmx`, and kvm_intel is not loaded: it was not asked to, or it was refused."
    : "Linux shows `vmx`; whether kvm_intel loads was not read.";
}

/** With a capital, but for the name of a module. */
export function sentenceOf(says: string): string {
  return /^\w+_/.test(says) ? says : says.charAt(0).toUpperCase() + says.slice(1);
}

// ---- Parameters ----

/** Parameters whose N people ask about. */
const ASKED_ABOUT = [
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
];

/** The parameters that people ask about and that are on, where none of them is off. */
function paramsOn({ host }: Situation): string[] {
  const shown = host.params?.kvm_intel ?? {};
  const on = ASKED_ABOUT.filter((name) => shown[name] !== undefined && parseBool(shown[name] as string) === true);
  const names = on.length > 4 ? `${on.slice(0, 3).join(", ")} and ${on.length - 3} more` : on.join(", ");
  return on.length === 0 ? [] : [`On: ${names}; KVM shows what is left of a parameter after its checks.`];
}

/** Parameters that are off because the command line or modprobe.d asks for it, them or one that they need. */
function switchedOff({
  host,
  candidates,
}: Situation):
  | { readonly off: readonly string[]; readonly says: string; readonly steps: readonly NextStep[] }
  | undefined {
  const wanted = askedOnHost(host).kvm_intel ?? {};
  const causes = Object.entries(wanted).filter(([name, value]) => isOff(value) && ASKED_ABOUT.includes(name));
  const off = offShown(host);
  if (causes.length === 0 || off.length === 0) return undefined;
  const [{ options }] = candidates;
  const { params: _, ...others } = options;
  const offUnder = (params: ParamsGiven) => {
    const { cpu, release, config } = replay(host, { ...others, startFromOffered: false, params });
    const rows = paramsOf(release, config).filter((row) => row.module === "kvm_intel");
    return new Set<string>(rows.filter((row) => isOff(paramText(cpu, row))).map(({ name }) => name));
  };
  const [asked, unasked] = [offUnder({ kvm_intel: wanted }), offUnder({})];
  const by = off.filter((name) => asked.has(name) && !unasked.has(name));
  if (by.length === 0) return undefined;
  const names = causes.map(([name, value]) => `kvm_intel.${name}=${value}`);
  return {
    off: by,
    says: `${listText(names)} on the kernel command line or in modprobe.d ${names.length === 1 ? "switches" : "switch"} off ${listText(by)}.`,
    steps: [
      {
        text: `Take ${listText(causes.map(([name, value]) => `${name}=${value}`))} out of the kernel command line and /etc/modprobe.d, and restart.`,
        commands: ["cat /proc/cmdline; grep -rs kvm_intel /etc/modprobe.d"],
      },
    ],
  };
}

const isOff = (value: string): boolean => parseBool(value) === false;

function offShown({ params }: Situation["host"]): readonly string[] {
  const shown = params?.kvm_intel ?? {};
  return ASKED_ABOUT.filter((name) => shown[name] !== undefined && isOff(shown[name] as string));
}

/** So many parameters are a list of all, in which each is shown unasked. */
const ALL_SHOWN = 4;

/** Whether guests with VMX are asked for: nested is shown, and not as one of a list alone. */
function asksNested(shown: { readonly [name: string]: string | undefined }, said: SaidInProse): boolean {
  return Object.keys(shown).length < ALL_SHOWN || said.isOfNested?.() !== false;
}

/** Why parameters are off, and which the CPU lacks or has what they need. */
interface ParamInsights {
  readonly says: readonly string[];
  readonly lacking: readonly string[];
  readonly having: readonly string[];
}

const NO_INSIGHTS: ParamInsights = { says: [], lacking: [], having: [] };

/** Why parameters are off: because CPUs of this model (in the atlas) lack what they need, or for another reason. */
function paramInsights(situation: Situation, explained: readonly string[], said: SaidInProse): ParamInsights {
  const { host } = situation;
  const unexplained = offShown(host).filter((name) => !explained.includes(name));
  const own = unexplained.filter((name) => isLacked(situation, name));
  // What needs one of these is off with it.
  const lacked =
    own.length === 0
      ? own
      : unexplained.filter((name) => own.includes(name) || NEED[name]?.some((one) => own.includes(one)));
  const isOnHyperV = parseBool(host.params?.kvm_intel?.enlightened_vmcs ?? "") === true;
  const enlightened = isOnHyperV ? unexplained.filter((name) => NO_FIELD.has(name) && !lacked.includes(name)) : [];
  const off = unexplained.filter((name) => !lacked.includes(name) && !enlightened.includes(name));
  const reasons = [
    ...(lacked.length === 0 ? [] : [lackedText(lacked, hypervisorBelow(situation.host, said))]),
    ...(enlightened.length === 0
      ? []
      : [
          `Off because Hyper-V's enlightened VMCS, which is in use (enlightened_vmcs), has no fields for them: ${enlightened.join(", ")}.`,
        ]),
  ];
  if (off.length === 0) return { says: reasons, lacking: [...lacked, ...enlightened], having: [] };
  const { says, lacking, having } = unreadInsights(situation, off, said);
  return { says: [...reasons, ...says], lacking: [...lacked, ...enlightened, ...lacking], having };
}

const lackedText = (lacked: readonly string[], below: string | undefined): string =>
  below === undefined
    ? `Off because the CPU lacks what it needs: ${lacked.join(", ")}.`
    : `Off because the virtual CPU lacks what it needs, which ${below} does not pass on: ${lacked.join(", ")}.`;

/** What the machine runs in, by its values or by the prose around them; undefined where nothing says that it is a virtual one. */
export function hypervisorBelow(host: Situation["host"], said: SaidInProse): string | undefined {
  const { virtual, name } = belowOf(host);
  if (virtual === false) return undefined;
  if (virtual === true) return belowText(name);
  const cloud = said.cloud?.();
  const outer = cloud ?? said.inside?.();
  if (outer !== undefined) return `the hypervisor below (${outer}, by the text)`;
  // A machine whose guests get VMX is the one below them.
  if (parseBool(host.params?.kvm_intel?.nested ?? "") === true) return undefined;
  return said.isInside?.() === true ? "the hypervisor below (by the text)" : undefined;
}

/** Parameters whose controls the enlightened VMCS lacks: EVMCS1_SUPPORTED_* in arch/x86/kvm/vmx/hyperv_evmcs.h. */
const NO_FIELD: ReadonlySet<string> = new Set([
  "flexpriority",
  "enable_apicv",
  "enable_ipiv",
  "pml",
  "enable_shadow_vmcs",
  "preemption_timer",
  "ple_gap",
]);

/** Whether the registers that were read leave out what a parameter needs of the CPU. */
function isLacked(situation: Situation, name: string): boolean {
  const feature = FEATURE_LIST.find(({ param }) => param === name);
  return feature !== undefined && layersUnder(replays(situation), feature).cells.silicon === "no";
}

/** As `paramInsights`, where the registers do not say why. */
function unreadInsights(situation: Situation, off: readonly string[], said: SaidInProse): ParamInsights {
  const { host } = situation;
  const below = hypervisorBelow(host, said);
  if (below !== undefined) {
    const is = belowOf(host).virtual === true ? "This is a virtual machine: " : "";
    return {
      ...NO_INSIGHTS,
      says: [
        `Off: ${off.join(", ")}. ${sentenceOf(`${is}${below} does not pass what they need, or they were switched off`)}.`,
      ],
    };
  }
  const named = host.cores[0].signature === undefined ? said.cpu?.() : undefined;
  const has = ofModel(situation, named);
  const [model, lack, have] =
    named === undefined ? ["CPUs of this model", "lack", "have"] : [`the ${named.name}`, "lacks", "has"];
  const groups = { yes: [] as string[], no: [] as string[], unknown: [] as string[] };
  for (const name of off) groups[has(({ param }) => param === name)].push(name);
  const { no: lacking, yes: having, unknown: open } = groups;
  const says = [
    ...(lacking.length === 0 ? [] : [`Off because ${model} ${lack} what it needs: ${lacking.join(", ")}.`]),
    ...(having.length === 0
      ? []
      : [
          `Off although ${model} ${have} what it needs: ${having.join(", ")}; a parameter, the kernel's default, or another parameter that is off.`,
        ]),
    ...(open.length === 0
      ? []
      : [`Off: ${open.join(", ")}; \`vmxlens why ${open[0]} HOST\` with the registers says by what.`]),
  ];
  return { says, lacking, having };
}
