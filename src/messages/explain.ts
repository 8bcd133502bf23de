import { checkOptions, checkStream, checkText } from "../bits/misuse.js";
import { printersOf } from "../kvm/printers.js";
import { DEFAULT_RELEASE, kernelName, type Release } from "../rules/release.js";
import type { Cause, Decoded, Explanation, TextVerdict } from "./answer.js";
import { sinceText } from "./answer.js";
import { type ExplainContext, type ExplainOptions, explainContexts } from "./context.js";
import { decodeControlRequest, decodeEntryExitPair, decodeEvmcsWord, decodeVmcsConfig } from "./decoders/config.js";
import { decodeCreateVm, decodeDevice } from "./decoders/device.js";
import { decodeExitReason, decodeHardwareError, decodeInstructionError, decodeVmcsDump } from "./decoders/entry.js";
import { decodeFeatureList, decodeRequestedFeature } from "./decoders/feature.js";
import { decodeKernelMessage } from "./decoders/kernel.js";
import { decodeModuleError, decodeModuleParameter, decodeOtherModule } from "./decoders/module.js";
import { decodeGuestMsr, decodeMsrWrite, decodeUncheckedMsr, decodeVmxonFault } from "./decoders/msr.js";
import { decodeSetMsr } from "./decoders/set-msr.js";
import { decodeSuberror } from "./decoders/suberror.js";
import type { Decoder } from "./desktop-messages.js";
import { type KeptText, keptText } from "./kept-text.js";
import type { TextLine } from "./lines.js";
import { type Match, type Matches, type MatchGroup, messageMatcher } from "./match.js";
import type { DecoderName, DesktopDecoderName, MessageRow, Product, Step } from "./message.js";
import { type Circumstance, type OwnMachine, ownMachine, type TextRead } from "./own-machine.js";
import { paramValues, readLine } from "./read-facts.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HYPERV_OFF,
  NESTED_ON,
  OUTER_COMMANDS,
  READ_FEAT_CTL,
} from "./rows/shared-advice.js";
import { filledCommand } from "./shell-word.js";
import { verdictOf } from "./verdict.js";

const DECODERS: { readonly [D in DecoderName]: Decoder } = {
  "control-request": decodeControlRequest,
  "create-vm": decodeCreateVm,
  device: decodeDevice,
  "entry-exit-pair": decodeEntryExitPair,
  "evmcs-word": decodeEvmcsWord,
  "exit-reason": decodeExitReason,
  "feature-list": decodeFeatureList,
  "guest-msr": decodeGuestMsr,
  "hardware-error": decodeHardwareError,
  "instruction-error": decodeInstructionError,
  "kernel-message": decodeKernelMessage,
  "module-error": decodeModuleError,
  "module-parameter": decodeModuleParameter,
  "msr-write": decodeMsrWrite,
  "other-module": decodeOtherModule,
  "requested-feature": decodeRequestedFeature,
  "set-msr": decodeSetMsr,
  suberror: decodeSuberror,
  "unchecked-msr": decodeUncheckedMsr,
  "vmcs-config": decodeVmcsConfig,
  "vmcs-dump": decodeVmcsDump,
  "vmxon-fault": decodeVmxonFault,
};

type Decoders = { readonly [D in DecoderName | DesktopDecoderName]?: Decoder };

/**
 * Explains the messages in a pasted line, log or thread: what happened, the bits by name, what refused and since
 * when, and the smallest thing to change.
 *
 * @param text anything: mail quoting, time stamps, colours, wrapped lines and the escapes of JSON logs do not matter.
 * @param options the machine, its kernel and parameters: then the answers are exact as far as its registers are
 * known;
 * without them `depends` says what they depend on. A kernel release that the text names is used.
 * @returns what blocks first, then what costs something, then the rest, each in the order of the text; equal messages
 * once. Lines that speak of virtualization and are not recognised come last, without `message`, with what could be
 * read from them. Empty only when nothing in the text speaks of virtualization. Never throws on any text.
 *
 * @example
 * import { explain } from "vmxlens/messages";
 *
 * const [first] = explain("kvm: vmx: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0", { kernel: "6.12" });
 * first?.what; // "CPU 0 has VMX, and at boot Linux found it switched off in IA32_FEAT_CTL or could not read that register."
 * first?.rule?.fn; // "__kvm_is_vmx_supported"
 */
export function explain(text: string, options: ExplainOptions = {}): readonly Explanation[] {
  checkText(text, "text");
  checkOptions(options);
  const reading = openReading(options);
  reading.push(text);
  return reading.end().explanations;
}

/**
 * As `explain`, for a text that comes in pieces, which may end anywhere: memory stays bounded however long it is.
 * Beyond eight million characters only the surroundings of a VMCS dump are searched for one.
 */
export async function explainStream(
  pieces: AsyncIterable<string>,
  options: ExplainOptions = {},
): Promise<readonly Explanation[]> {
  checkStream(pieces, "pieces");
  checkOptions(options);
  return (await explainPieces(pieces, options)).explanations;
}

/** What a whole text comes to. */
export interface ExplainedText {
  readonly explanations: readonly Explanation[];
  /** Missing where nothing is recognised and no machine described. */
  readonly verdict?: TextVerdict;
}

/** As `explainStream`, with the verdict on the whole text; who has read the text for machines hands in what came of it. */
export async function explainPieces(
  pieces: AsyncIterable<string>,
  options: ExplainOptions = {},
  read?: TextRead,
): Promise<ExplainedText> {
  const reading = openReading(options, read);
  for await (const piece of pieces) reading.push(piece);
  return reading.end();
}

/** The text is taken in parts of about this length, that is, as a file is read. */
const PART = 65_536;

function openReading(
  options: ExplainOptions,
  read?: TextRead,
): {
  readonly push: (piece: string) => void;
  readonly end: () => ExplainedText;
} {
  const text = keptText();
  const matcher = messageMatcher(options.desktop);
  let open = "";
  const take = (part: string): void => {
    const before = matcher.line();
    matcher.push(part);
    text.push(part, matcher.line() - before);
  };
  return {
    push(piece) {
      open += piece;
      let start = 0;
      while (open.length - start >= PART) {
        const part = open.slice(start, start + PART);
        // A line without an end is cut anywhere.
        const length = part.lastIndexOf("\n") + 1 || PART;
        take(part.slice(0, length));
        start += length;
      }
      open = open.slice(start);
    },
    end() {
      take(open);
      return explanationsOf(text, matcher.end(), options, read);
    },
  };
}

function explanationsOf(
  text: KeptText,
  { groups, unknown, lines }: Matches,
  options: ExplainOptions,
  read: TextRead | undefined,
): ExplainedText {
  const own = ownMachine(text.whole(), options.kernel, read);
  const machine = options.situation ?? (own?.hasRegisters === true ? own.situation : undefined);
  const contexts = explainContexts(text, machine === undefined ? options : { ...options, situation: machine }, own);
  const decoders: Decoders = { ...DECODERS, ...options.desktop?.decoders };
  const [context] = contexts;
  const explanations = withoutDump(groups)
    .flatMap((group) => explainUnder(group, contexts, decoders))
    .filter(isFirst);
  explanations.sort((a, b) => rank(a) - rank(b) || a.lines[0] - b.lines[0]);
  const outside = unknown.filter((line) => !isInDump(line, context, groups));
  const rest = outside.filter(({ number }) => own?.lines.has(number) !== true);
  const elements = rest.filter((line) => FEATURE_ELEMENT.test(line.text));
  const unrecognised = rest.filter((line) => !elements.includes(line)).map((line) => explainUnknown(line));
  const [element] = elements;
  if (element !== undefined) unrecognised.push(explainElements(element, elements));
  if (groups.length === 0 && rest.length === 0 && text.hasWords()) unrecognised.push(nothingFound(text, own, lines));
  else if (rest.length < outside.length && own !== undefined) {
    const [first] = outside.filter((line) => !rest.includes(line)) as [TextLine, ...TextLine[]];
    unrecognised.push(explainDescription(first, own));
  }
  const given = options.situation;
  const about = given === undefined ? own : { ...own, situation: given, lines: own?.lines ?? new Set() };
  const verdict = verdictOf(explanations, about as OwnMachine | undefined, text.whole());
  return { explanations: [...explanations, ...unrecognised], ...(verdict === undefined ? {} : { verdict }) };
}

/** One line can word the same failure twice. */
function isFirst(one: Explanation, position: number, all: readonly Explanation[]): boolean {
  const key = ({ what, lines, kernels }: Explanation) => `${lines[0]} ${kernels?.join() ?? ""} ${what}`;
  return all.findIndex((other) => key(other) === key(one)) === position;
}

const GRAVITY = { blocks: 0, degrades: 1, harmless: 2, informs: 3 } as const;

function rank({ gravity }: Explanation): number {
  return gravity === undefined ? 4 : GRAVITY[gravity];
}

/** A dump is explained with the failure that it belongs to. */
function withoutDump(groups: readonly MatchGroup[]): readonly MatchGroup[] {
  const failure = groups.some(
    ({ matches: [{ row }] }) => row.decoder === "hardware-error" || row.decoder === "exit-reason",
  );
  return failure ? groups.filter(({ matches: [{ row }] }) => row.id !== "vmcs-dump") : groups;
}

/** One explanation where all kernels that it can be give the same, else one for each that differs, with its kernels. */
function explainUnder(group: MatchGroup, contexts: readonly ExplainContext[], decoders: Decoders): Explanation[] {
  const found = new Map<string, { readonly one: Explanation; readonly kernels: Release[] }>();
  for (const context of printing(group, contexts)) {
    const one = explainGroup(group, context, decoders);
    const kernel = context.options.release ?? DEFAULT_RELEASE;
    // The kernel's own name does not count as a difference.
    const key = JSON.stringify(one).replaceAll(kernelName(kernel), "it");
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

function explainGroup({ matches, count }: MatchGroup, context: ExplainContext, decoders: Decoders): Explanation {
  const [first] = matches;
  const { row } = first;
  const decoded: Decoded = (row.decoder === undefined ? undefined : decoders[row.decoder]?.(matches, context)) ?? {};
  const offered = (row.causes ?? []).flatMap((cause) => {
    if (typeof cause === "string") return cause;
    return cause.unless.some((name) => context.circumstances.has(name)) ? [] : cause.text;
  });
  const rowCauses: Cause[] = offered.map((text) => ({
    text: filled(text, first),
    certainty: offered.length === 1 ? "likely" : "possible",
  }));
  const rowSteps = row.steps.map((step) => filledStep(step, first));
  const shown = row.where?.find(({ is }) => context.circumstances.has(is));
  const rule = decoded.rule ?? ruleOf(row);
  if (shown !== undefined) {
    const { layer, product, source } = row;
    return {
      lines: [first.first, first.last],
      count,
      matched: first.text,
      message: row.id,
      product,
      layer,
      gravity: shown.gravity ?? row.gravity,
      what: filled(shown.what, first),
      values: [],
      bits: [],
      ...(rule === undefined ? {} : { rule }),
      causes: [],
      steps: shown.steps.map((step) => filledStep(step, first)),
      depends: [],
      sources: [source.message, source.meaning],
    };
  }
  const { layer, gravity } = { layer: decoded.layer ?? row.layer, gravity: decoded.gravity ?? row.gravity };
  return {
    lines: [first.first, first.last],
    count,
    matched: first.text,
    message: row.id,
    product: decoded.product ?? row.product,
    layer,
    gravity,
    what: decoded.what === undefined || decoded.what === "" ? filled(row.what, first) : decoded.what,
    values: decoded.values ?? [],
    bits: decoded.bits ?? [],
    ...(rule === undefined ? {} : { rule }),
    causes: [...(decoded.causes ?? []), ...(decoded.onlyCauses ? [] : rowCauses)],
    steps: stillOpen(uniqueSteps([...(decoded.steps ?? []), ...(decoded.onlySteps ? [] : rowSteps)]), context).map(
      (step) => forOuter(step, row, context),
    ),
    depends: [...(row.depends ?? []), ...(decoded.depends ?? []), ...releaseNotes(context, decoded)],
    sources: [row.source.message, row.source.meaning, ...(decoded.sources ?? [])].filter(
      (source, position, all) => all.indexOf(source) === position,
    ),
  };
}

/** The kernel was taken from the text: whose kernel that is cannot be known. */
function releaseNotes(context: ExplainContext, { rule }: Decoded): string[] {
  const notes: string[] = [];
  if (rule?.file?.startsWith("arch/") !== true) return notes;
  if (context.releaseFrom === "text" && context.kernel !== undefined) {
    notes.push(`the kernel: ${context.kernel.text}, named in the text, is assumed to be the one that refused`);
  }
  if (context.releaseNote !== undefined) notes.push(context.releaseNote);
  return notes;
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

function filledStep(step: Step, match: Match): Step {
  const text = filled(step.text, match);
  const commands = step.commands?.map((command) => filledCommand(command, match.groups));
  return { text, ...(commands === undefined ? {} : { commands }) };
}

/** Steps that the text itself makes needless, by their text. */
const NEEDLESS: readonly (readonly [text: string, unless: Circumstance])[] = [
  [READ_FEAT_CTL.text, "IA32_FEAT_CTL read"],
  [ENABLE_OUTER.text, "bare metal"],
  [ENABLE_FIRMWARE.text, "virtual"],
  [NESTED_ON.text, "AMD"],
  [HYPERV_OFF.text, "on Linux"],
];

/** The steps that are left to do; all of them where none would be. */
function stillOpen(steps: readonly Step[], { circumstances, signs }: ExplainContext): readonly Step[] {
  const known = (name: Circumstance) => circumstances.has(name) || (name === "AMD" && signs.amd);
  const left = steps.filter(({ text }) => !NEEDLESS.some(([needless, unless]) => text === needless && known(unless)));
  return left.length === 0 ? steps : left;
}

/** Where the text names the outer hypervisor, only its own commands are shown. */
function forOuter(step: Step, { product }: MessageRow, { signs }: ExplainContext): Step {
  if (step.text !== ENABLE_OUTER.text) return step;
  const named = (
    [
      ["VMware", signs.vmware],
      ["Hyper-V", signs.hyperV],
      ["VirtualBox", signs.virtualBox],
    ] as const
  ).filter(([name, there]) => there && name !== product && !(name === "Hyper-V" && product === "WSL"));
  const [first] = named;
  return first === undefined || named.length > 1 || OWN_OUTER.has(product)
    ? step
    : { ...step, commands: OUTER_COMMANDS[first[0]] };
}

/** Products of desktops: another one that the text names is shown beside them, not below. */
const OWN_OUTER: ReadonlySet<Product> = new Set(["VirtualBox", "VMware", "Hyper-V", "WSL", "HAXM"]);

function uniqueSteps(steps: readonly Step[]): Step[] {
  return steps.filter((step, position) => steps.findIndex((other) => other.text === step.text) === position);
}

/** Lines of a VMCS dump or of a register list are read by the audit and need no message. */
function isInDump(line: TextLine, context: ExplainContext, groups: readonly MatchGroup[]): boolean {
  const dumped = groups.some(({ matches: [{ row }] }) => row.id === "vmcs-dump" || row.layer === "VM entry");
  return dumped && context.dumps().places.some(([first, last]) => line.number >= first - 1 && line.number <= last);
}

const FEATURE_ELEMENT = /^\s*<feature\s[^<>]{0,200}\bname=['"]vmx[\w-]{0,60}['"][^<>]{0,200}>/;

/** Elements of a libvirt document: no messages, and what they name is known. */
function explainElements(first: TextLine, elements: readonly TextLine[]): Explanation {
  const read = elements.map(({ text }) => readLine(text));
  return {
    lines: [first.number, first.number],
    count: elements.length,
    matched: first.text.trim().slice(0, 400),
    what: `${elements.length === 1 ? "This element of a libvirt document names a VMX feature" : `These ${elements.length} elements of a libvirt document name VMX features`} of a guest's CPU.`,
    values: read.flatMap(({ values }) => values),
    bits: read.flatMap(({ bits }) => bits),
    causes: [],
    steps: [],
    depends: [],
    sources: [],
  };
}

function explainUnknown(line: TextLine): Explanation {
  const { values, bits } = readLine(line.text);
  const read = values.length + bits.length;
  return {
    lines: [line.number, line.number],
    count: 1,
    matched: line.text.trim().slice(0, 400),
    what: `This line is not recognised.${read === 0 ? " Nothing could be read from it." : " What could be read from it is listed."}`,
    values,
    bits,
    causes: [],
    steps: [],
    depends: [],
    sources: [],
  };
}

const ASK_THE_MACHINE: Step = {
  text: "For more about this machine, save the text and ask.",
  commands: ["vmxlens layers FILE", "vmxlens why FEATURE FILE"],
};

function nothingFound(text: KeptText, described: OwnMachine | undefined, lines: number): Explanation {
  return {
    lines: [1, Math.max(1, lines)],
    count: 1,
    matched: (text.head().trim().split("\n", 1)[0] ?? "").slice(0, 200),
    what:
      described === undefined
        ? "Nothing in this text is recognised as a message about virtualization."
        : `This text holds no message; it describes a machine (format ${described.format}).`,
    values: described === undefined ? [] : paramValues(described),
    bits: [],
    causes: [],
    steps: described === undefined ? [] : [ASK_THE_MACHINE],
    depends: [],
    sources: [],
  };
}

/** Lines besides the messages that describe the machine. */
function explainDescription(first: TextLine, described: OwnMachine): Explanation {
  const { format, lines } = described;
  const values = paramValues(described);
  const count = lines.size;
  return {
    lines: [first.number, first.number],
    count,
    matched: first.text.trim().slice(0, 400),
    what:
      count === 1
        ? `This line describes a machine (format ${format}).`
        : `This line and ${count - 1} others describe a machine (format ${format}).`,
    values,
    bits: [],
    causes: [],
    steps: [ASK_THE_MACHINE],
    depends: [],
    sources: [],
  };
}
