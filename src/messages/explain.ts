import {
  type AnsweringVerdict,
  type Explanation,
  plainStep,
  type Recognised,
  type TextVerdict,
} from "../answers/answer.js";
import { checkOptions, checkStream, checkText } from "../bits/misuse.js";
import { hasSvm } from "../host/host.js";
import type { TextLine } from "../input/text/text-lines.js";
import { type OwnMachine, ownMachine, type TextRead } from "../situation/evidence/own-machine.js";
import { ofOneSide } from "../situation/evidence/sides.js";
import { type KeptText, keptText } from "../vmcs/dumps/kept-text.js";
import type { Question } from "../why/questions/answer.js";
import { type ExplainContext, type ExplainOptions, explainContexts } from "./context.js";
import { explainUnder } from "./explain-group.js";
import { type Matches, type MatchGroup, messageMatcher } from "./matcher.js";
import { explainDescription, explainElements, explainUnknown, nothingFound } from "./other-lines.js";
import { dumpVerdict } from "./verdict/dump-verdict.js";
import { isWritten } from "./verdict/guests/guest-verdict.js";
import { placed } from "./verdict/rented-cloud.js";
import { verdictOf } from "./verdict/text/text-verdict.js";

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

/** The explanation of a whole text. */
export interface ExplainedText {
  readonly explanations: readonly Explanation[];
  /** Missing where nothing is recognised and no machine described. */
  readonly verdict?: TextVerdict;
  /** The question about the machine that the verdict answers. */
  readonly question?: Question;
  /** The text is so long that it has tried or ruled out much of what its messages alone leave open. */
  readonly isStory?: true;
}

/** As `explainStream`, with the verdict on the whole text. `read`: the machines in it, if they were read already. */
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
  const ofOne = ofOneSide(
    text.whole(),
    groups.flatMap(({ matches }) => matches.map(({ first }) => first)),
  );
  const own = ofOne === undefined ? ownMachine(text.whole(), options.kernel, read) : ownMachine(ofOne, options.kernel);
  const machine = options.situation ?? (own?.hasRegisters === true ? own.situation : undefined);
  const contexts = explainContexts(text, machine === undefined ? options : { ...options, situation: machine }, own);
  const [context] = contexts;
  const explanations = withoutDump(groups)
    .filter(({ matches: [{ row }] }) => row.unless?.some((name) => context.circumstances.has(name)) !== true)
    .flatMap((group) => explainUnder(group, contexts, options.desktop))
    .filter(isFirst);
  explanations.sort((a, b) => rank(a) - rank(b) || a.lines[0] - b.lines[0]);
  const outside = unknown.filter((line) => !isInDump(line, context, groups));
  const rest = outside.filter(({ number }) => own?.lines.has(number) !== true);
  const elements = rest.filter((line) => FEATURE_ELEMENT.test(line.text));
  const unread = rest
    .filter((line) => !elements.includes(line))
    .map((line) => explainUnknown(line, explanations.length > 0));
  const isEmpty = ({ values, bits }: Explanation) => values.length + bits.length === 0;
  // In a sentence there is nothing to recognise.
  const printed = unread.filter((one) => !isEmpty(one) || !isWritten(one.matched));
  const isProse = explanations.length === 0 && printed.length < unread.length && printed.every(isEmpty);
  const unrecognised = isProse ? [] : printed;
  const [element] = elements;
  if (element !== undefined) unrecognised.push(explainElements(element, elements));
  const describes = rest.length < outside.length;
  const hasNone = explanations.length === 0 && unrecognised.length === 0 && text.hasWords();
  // What vmxlens could say about the machine of an AMD CPU is that it is one.
  const isToDescribe = describes && own !== undefined && !hasSvm(own.situation.host);
  if (hasNone && (rest.length === 0 || !isToDescribe))
    unrecognised.push(nothingFound(text, rest.length === 0 ? own : undefined, lines));
  else if (isToDescribe) {
    const [first] = outside.filter((line) => !rest.includes(line)) as [TextLine, ...TextLine[]];
    unrecognised.push(explainDescription(first, own));
  }
  const given = options.situation;
  const about =
    given === undefined
      ? own
      : {
          ...own,
          situation: given,
          lines: own?.lines ?? new Set(),
          countsEither: () => own?.countsEither() === true,
        };
  // A list of fields says more than what the words around it are about.
  const saysLess = groups.every(({ matches: [{ row }] }) => LESS_THAN_A_LIST.has(row.id));
  const listed = about === undefined && saysLess ? dumpVerdict(text.whole(), context) : undefined;
  const answering: AnsweringVerdict | undefined =
    listed ??
    verdictOf(explanations, about as OwnMachine | undefined, text.whole(), context.circumstances, options.desktop) ??
    dumpVerdict(text.whole(), context);
  const question = answering?.question;
  const verdict = answering === undefined ? undefined : withoutQuestion(answering);
  // A text this long has ruled out many causes of generic words already: the steps of the verdict are those that are left.
  const isStory = isLong(text.whole());
  const isAnswered = isStory && (verdict?.steps.length ?? 0) > 0;
  // What a sentence names is what the answer is about.
  const left = unrecognised.filter(
    (one) =>
      verdict === undefined ||
      one.steps.length > 0 ||
      ((HAS_VALUE.test(one.matched) || !isWritten(one.matched)) && !namesRegisters(one)),
  );
  if (explanations.length + left.length === 0 && unrecognised.length > 0)
    left.push(nothingFound(text, undefined, lines));
  return {
    explanations: [
      ...explanations.map((one) =>
        withoutOutcome({
          ...one,
          steps: isAnswered && one.generic ? [] : placed(one.steps, text.whole(), context.circumstances),
        }),
      ),
      ...left,
    ],
    ...(verdict === undefined ? {} : { verdict }),
    ...(question === undefined ? {} : { question }),
    ...(isStory ? { isStory } : {}),
  };
}

/** What a register is called says nothing more beside an answer. */
const namesRegisters = ({ message, bits, values }: Explanation): boolean =>
  message === undefined &&
  bits.length === 0 &&
  values.length > 0 &&
  values.every(({ name, value }) => /^0x[0-9a-f]{2,3}$/.test(name) || /^0x[0-9a-f]{2,3} \(/.test(value));

/** A register's. */
const HAS_VALUE = /\b0x[0-9a-f]{5,16}\b/i;

/** Messages that only say that something ended. */
const LESS_THAN_A_LIST: ReadonlySet<string> = new Set(["xen-domain-crash", "haxm-panicked"]);

const FEW_LINES = 6;
const FEW_CHARACTERS = 400;
const FEW_OWN_WORDS = 200;
const IN_FIRST_PERSON = /\b(?:I|I['’]m|I['’]ve|my) [a-z]/;
const isLong = (text: string | undefined): boolean =>
  text !== undefined &&
  ((text.length > FEW_CHARACTERS && text.split("\n", FEW_LINES + 1).length > FEW_LINES) ||
    (text.length > FEW_OWN_WORDS && IN_FIRST_PERSON.test(text) && text.split("\n", 5).length > 4));

function withoutQuestion({ question: _, ...verdict }: AnsweringVerdict): TextVerdict {
  return verdict;
}

function withoutOutcome({ outcome: _, generic: __, ...explanation }: Recognised): Explanation {
  return { ...explanation, steps: explanation.steps.map(plainStep) };
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

/** A dump is explained with the failure that it belongs to, and so is what a failed entry leads to. */
function withoutDump(groups: readonly MatchGroup[]): readonly MatchGroup[] {
  const failure = groups.some(
    ({ matches: [{ row }] }) => row.decoder === "hardware-error" || row.decoder === "exit-reason",
  );
  const hasReason = groups.some(({ matches: [{ row }] }) => row.id === "qemu-kvm-lacks");
  return groups.filter(({ matches: [{ row, groups: found }] }) => {
    if (hasReason && row.id === "qemu-no-accelerator") return false;
    // QEMU before 1.0 said after every failed entry that KVM_RUN failed, too.
    return !failure || (row.id !== "vmcs-dump" && !(row.id === "kvm-run-failed" && found.reason === "-22"));
  });
}

/** Lines of a VMCS dump or of a register list are read by the audit and need no message. */
function isInDump(line: TextLine, context: ExplainContext, groups: readonly MatchGroup[]): boolean {
  const dumped = groups.some(({ matches: [{ row }] }) => row.id === "vmcs-dump" || row.layer === "VM entry");
  return dumped && context.dumps().places.some(([first, last]) => line.number >= first - 1 && line.number <= last);
}

const FEATURE_ELEMENT = /^\s*<feature\s[^<>]{0,200}\bname=['"]vmx[\w-]{0,60}['"][^<>]{0,200}>/;
