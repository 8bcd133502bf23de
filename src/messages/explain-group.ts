import {
  type Cause,
  chosenStep,
  type Decoded,
  type Explanation,
  type Recognised,
  sinceText,
  uniqueSteps,
} from "../answers/answer.js";
import type { Advice, DecoderName, DesktopDecoderName, MessageRow, Product, RowCause } from "../answers/message.js";
import { NOT_REPLAYED } from "../kvm/not-replayed.js";
import { printersOf } from "../kvm/printers.js";
import { surelyNotIn } from "../rules/held-in-named.js";
import { DEFAULT_RELEASE, kernelName, type Release } from "../rules/release.js";
import type { Circumstance } from "../situation/evidence/own-machine.js";
import { outerStep } from "../why/questions/next-steps.js";
import type { ExplainContext } from "./context.js";
import { decodeControlRequest, decodeEntryExitPair, decodeEvmcsWord, decodeVmcsConfig } from "./decoders/config.js";
import { decodeCreateVm, decodeDevice } from "./decoders/device.js";
import { decodeHardwareError, decodeInstructionError, decodeVmcsDump } from "./decoders/entry.js";
import { decodeEptExit, decodeExitReason } from "./decoders/exit.js";
import { decodeRequestedFeature } from "./decoders/feature.js";
import { decodeFeatureList } from "./decoders/features/feature-list.js";
import { decodeMonitorKvm, decodeTraceMsr } from "./decoders/features/shown-values.js";
import { decodeFieldAccess, decodeGuestInstruction } from "./decoders/guest-instruction.js";
import { decodeFailedInstruction, decodeInstructionFault } from "./decoders/instruction.js";
import { decodeRunFailed } from "./decoders/internal-error/run-failed.js";
import { decodeKernelMessage } from "./decoders/kernel.js";
import { decodeKvmIoctl } from "./decoders/kvm-ioctl.js";
import { decodeModuleError, decodeModuleParameter } from "./decoders/module.js";
import { decodeOtherModule } from "./decoders/modules/amd.js";
import { decodeModuleNotFound } from "./decoders/modules/not-found.js";
import { decodeGuestMsr, decodeMsrWrite, decodeVmxonFault } from "./decoders/msr.js";
import { decodeNamedFeature } from "./decoders/named-feature.js";
import { decodeMsrAssertion } from "./decoders/set-msr/msr-assertion.js";
import { decodeSetMsr } from "./decoders/set-msr/set-msr.js";
import { decodeUncheckedMsr } from "./decoders/set-msr/unchecked-msr.js";
import { decodeVcpuRefused } from "./decoders/set-msr/vcpu-refused.js";
import { decodeSuberror } from "./decoders/suberror.js";
import type { Decoder, DesktopMessages } from "./desktop-messages.js";
import type { Match } from "./match.js";
import type { MatchGroup } from "./matcher.js";
import { atNestedHost } from "./nested-steps.js";
import { openCauses, openSteps } from "./open-steps.js";
import { DUMP_VMCS, GIVE_TEXT, OUTER_COMMANDS } from "./rows/shared-advice.js";
import { filledCommand } from "./shell-word.js";
import { vendorWords } from "./vendor-words.js";

const DECODERS: { readonly [D in DecoderName]: Decoder } = {
  "control-request": decodeControlRequest,
  "create-vm": decodeCreateVm,
  device: decodeDevice,
  "entry-exit-pair": decodeEntryExitPair,
  "ept-exit": decodeEptExit,
  "evmcs-word": decodeEvmcsWord,
  "exit-reason": decodeExitReason,
  "failed-instruction": decodeFailedInstruction,
  "feature-list": decodeFeatureList,
  "field-access": decodeFieldAccess,
  "guest-instruction": decodeGuestInstruction,
  "guest-msr": decodeGuestMsr,
  "hardware-error": decodeHardwareError,
  "instruction-error": decodeInstructionError,
  "instruction-fault": decodeInstructionFault,
  "kernel-message": decodeKernelMessage,
  "kvm-ioctl": decodeKvmIoctl,
  "kvm-run-failed": decodeRunFailed,
  "module-error": decodeModuleError,
  "module-not-found": decodeModuleNotFound,
  "monitor-kvm": decodeMonitorKvm,
  "module-parameter": decodeModuleParameter,
  "msr-assertion": decodeMsrAssertion,
  "msr-write": decodeMsrWrite,
  "named-feature": decodeNamedFeature,
  "other-module": decodeOtherModule,
  "requested-feature": decodeRequestedFeature,
  "set-msr": decodeSetMsr,
  suberror: decodeSuberror,
  "trace-msr": decodeTraceMsr,
  "unchecked-msr": decodeUncheckedMsr,
  "vcpu-refused": decodeVcpuRefused,
  "vmcs-config": decodeVmcsConfig,
  "vmcs-dump": decodeVmcsDump,
  "vmxon-fault": decodeVmxonFault,
};

type Decoders = { readonly [D in DecoderName | DesktopDecoderName]?: Decoder };

/** One explanation where all kernels that it can be give the same, else one for each that differs, with its kernels. */
export function explainUnder(
  group: MatchGroup,
  contexts: readonly ExplainContext[],
  desktop: DesktopMessages | undefined,
): Recognised[] {
  const decoders: Decoders = { ...DECODERS, ...desktop?.decoders };
  const found = new Map<string, { readonly one: Recognised; readonly kernels: Release[] }>();
  for (const context of printing(group, contexts)) {
    const one = explainGroup(group, context, decoders);
    const kernel = context.options.release ?? DEFAULT_RELEASE;
    // The kernel's own name does not count as a difference, nor do the kernels that a rule holds in.
    const { rule, ...rest } = one;
    const key = JSON.stringify([rest, rule?.fn]).replaceAll(kernelName(kernel), "it");
    const before = found.get(key);
    if (before === undefined) found.set(key, { one, kernels: [kernel] });
    else before.kernels.push(kernel);
  }
  const all = [...found.values()];
  return all.length === 1 ? all.map(({ one }) => one) : all.map(({ one, kernels }) => ({ ...one, kernels }));
}

/** Of kernels that the machine can run those that print the message, where some do: the message rules out the others. */
function printing({ matches: [first] }: MatchGroup, contexts: readonly ExplainContext[]): readonly ExplainContext[] {
  if (contexts.length === 1) return contexts;
  const printers = printersOf(first.line);
  const left = contexts.filter(({ options: { release = DEFAULT_RELEASE } }) =>
    printers.some(({ releases }) => releases.includes(release)),
  );
  return left.length === 0 ? contexts : left;
}

function explainGroup({ matches, count }: MatchGroup, context: ExplainContext, decoders: Decoders): Recognised {
  const [first] = matches;
  const { row } = first;
  const decoded: Decoded = (row.decoder === undefined ? undefined : decoders[row.decoder]?.(matches, context)) ?? {};
  const offered = openCauses(
    (row.causes ?? []).flatMap((cause): RowCause[] =>
      typeof cause === "string" ? [{ text: cause }] : cause.fits?.test(first.text) === false ? [] : [cause],
    ),
    knownOf(row, context),
  );
  const isDoubted = context.circumstances.has("said to be on");
  const rowCauses: Cause[] = doubtedLast(offered, ({ layer }) => layer === "firmware", context).map(
    ({ text, layer }) => ({
      text: filled(text, first),
      certainty: offered.length === 1 && !(isDoubted && layer === "firmware") ? "likely" : "possible",
    }),
  );
  const rowSteps = row.steps.map((step) => filledStep(step, first));
  const shown = row.where?.find(({ is }) => context.circumstances.has(is));
  const rule = decoded.rule ?? ruleOf(row);
  const worded = vendorWords(context.circumstances);
  if (shown !== undefined) {
    const { layer, product } = row;
    return {
      lines: [first.first, first.last],
      count,
      matched: first.text,
      message: row.id,
      product,
      layer,
      gravity: shown.gravity ?? row.gravity,
      ...(shown.outcome === undefined ? {} : { outcome: shown.outcome }),
      what: worded(filled(shown.what, first)),
      values: [],
      bits: [],
      ...(rule === undefined ? {} : { rule }),
      causes: [],
      steps: openSteps(shown.steps, context.circumstances).map((step) =>
        chosenStep(forOuter(filledStep(step, first), row, context)),
      ),
      depends: [],
      ...kernelNotes(context, decoded),
      sources: sourcesOf(row),
    };
  }
  const said = saidOf(decoded, first);
  const causes = [...(decoded.causes ?? []), ...(decoded.onlyCauses ? [] : rowCauses)];
  const { layer, gravity } = { layer: decoded.layer ?? row.layer, gravity: decoded.gravity ?? row.gravity };
  return {
    lines: [first.first, first.last],
    count,
    matched: first.text,
    message: row.id,
    product: decoded.product ?? row.product,
    layer,
    gravity,
    ...said,
    what: worded(said.what),
    values: decoded.values ?? [],
    bits: decoded.bits ?? [],
    ...(rule === undefined ? {} : { rule }),
    causes: causes.map((one) => ({ ...one, text: worded(one.text) })),
    steps: stillOpen(
      uniqueSteps([...(decoded.steps ?? []), ...(decoded.onlySteps ? [] : rowSteps)]),
      row,
      context,
      decoded.isOfInstruction === true,
    ).map((step) => chosenStep(forOuter(step, row, context))),
    depends: [...(row.depends ?? []), ...(decoded.depends ?? [])],
    ...kernelNotes(context, decoded),
    sources: sourcesOf(row, decoded.sources),
  };
}

/** What happened: the decoder's sentence where it has one. */
function saidOf(decoded: Decoded, match: Match): Pick<Recognised, "what" | "outcome" | "generic"> {
  const { what = "", outcome } = decoded.what ? decoded : match.row;
  return {
    what: decoded.what ? what : filled(what, match),
    ...(outcome === undefined ? {} : { outcome }),
    ...(match.row.generic === true ? { generic: true } : {}),
  };
}

/** Each once. The page leaves both members of a source out. */
function sourcesOf({ source }: MessageRow, further: readonly string[] = []): string[] {
  return [...new Set([source.message, source.meaning, ...further])].filter((one) => (one ?? "") !== "");
}

/** Where the kernel was named in the text, whose kernel that is cannot be known. */
function kernelNotes(context: ExplainContext, decoded: Decoded): Pick<Explanation, "kernelNotes"> {
  const notes = [...(decoded.kernelNotes ?? [])];
  const ofLinux = decoded.rule?.file?.startsWith("arch/") === true;
  if (ofLinux && context.releaseFrom === "text" && context.kernel !== undefined) {
    notes.push(`the kernel: ${context.kernel.text}, named in the text, is assumed to be the one that refused`);
  }
  if (ofLinux && context.releaseNote !== undefined) notes.push(context.releaseNote);
  return notes.length === 0 ? {} : { kernelNotes: notes };
}

function ruleOf({ rule }: MessageRow): Explanation["rule"] {
  if (rule === undefined) return undefined;
  const since = rule.since ?? sinceText(rule.held);
  return { fn: rule.fn, since, ...(rule.file === undefined ? {} : { file: rule.file }) };
}

/** `{name}` becomes what the group of the pattern caught. */
function filled(text: string, { groups }: Match): string {
  return text.replace(
    /\{([a-zA-Z0-9]+)\}/g,
    (whole, name: string) => groups[name] ?? groups[`${name}2`] ?? (whole === "{cpu}" ? "?" : "…"),
  );
}

function filledStep(step: Advice, match: Match): Advice {
  const text = filled(step.text, match);
  const commands = step.commands?.map((command) => filledCommand(command, match.groups));
  return { ...step, text, ...(commands === undefined ? {} : { commands }) };
}

const DUMP_IN_LOG: Advice = {
  text: "This kernel prints the VMCS unasked: give the lines from `*** Guest State ***` on.",
  commands: ["sudo dmesg | grep -A60 'Guest State'"],
};

/** Of a desktop product, what runs in a machine is the guest. */
function knownOf({ product }: MessageRow, { circumstances, signs }: ExplainContext): (name: Circumstance) => boolean {
  return (name) =>
    (circumstances.has(name) && !(name === "said to be virtual" && OWN_OUTER.has(product))) ||
    (name === "AMD" && signs.amd);
}

/** The steps that are left to do. */
function stillOpen(
  steps: readonly Advice[],
  row: MessageRow,
  context: ExplainContext,
  isOfInstruction: boolean,
): readonly Advice[] {
  const open = openSteps(steps, context.circumstances, knownOf(row, context));
  const unasked = surelyNotIn(context.kernel, NOT_REPLAYED.vmcsDumpAsked);
  // In vmx_handle_exit of Linux 4.19 the branch for a failed instruction prints nothing.
  // A line of a dump is in the text.
  const isDumped = context.anywhere.has("blocking");
  const never = surelyNotIn(context.kernel, NOT_REPLAYED.vmcsDumped) || (isOfInstruction && unasked) || isDumped;
  const left = open.flatMap((step) =>
    step.text !== DUMP_VMCS.text ? [step] : never ? [] : unasked ? [DUMP_IN_LOG] : [step],
  );
  return doubtedLast(left, ({ changes }) => changes === "firmware", context);
}

/** People who say that VT-x is on can be wrong: what blames the firmware all the same comes last. */
function doubtedLast<T>(all: readonly T[], isFirmware: (one: T) => boolean, { circumstances }: ExplainContext): T[] {
  if (!circumstances.has("said to be on")) return [...all];
  return [...all.filter((one) => !isFirmware(one)), ...all.filter(isFirmware)];
}

/** Where the text names the outer hypervisor, only its own commands are shown. */
function forOuter(step: Advice, { product }: MessageRow, { circumstances, signs, outer }: ExplainContext): Advice {
  if (step.changes !== "outer hypervisor") return step;
  const named = (
    [
      ["VMware", signs.vmware],
      ["Hyper-V", signs.hyperV],
      ["VirtualBox", signs.virtualBox],
    ] as const
  ).filter(([name, there]) => there && name !== product && !(name === "Hyper-V" && product === "WSL"));
  const [first] = named;
  if (outer !== undefined && first === undefined && !OWN_OUTER.has(product)) return outerStep(outer);
  const asked: Advice = { text: GIVE_TEXT };
  const given = atNestedHost(asked, circumstances.has);
  if (first === undefined && given !== asked) return given;
  return first === undefined || named.length > 1 || OWN_OUTER.has(product)
    ? step
    : { ...step, commands: OUTER_COMMANDS[first[0]] };
}

/** Products of desktops: another one that the text names is shown beside them, not below. */
const OWN_OUTER: ReadonlySet<Product> = new Set(["VirtualBox", "VMware", "Hyper-V", "WSL", "HAXM"]);
