import type { Explanation } from "../answers/answer.js";
import type { Step } from "../answers/message.js";
import { hasSvm } from "../host/host.js";
import type { TextLine } from "../input/text/text-lines.js";
import type { OwnMachine } from "../situation/evidence/own-machine.js";
import type { KeptText } from "../vmcs/dumps/kept-text.js";
import { paramValues, readLine } from "./read-facts.js";

/*
 * Explanations of lines that hold no known message.
 */

/** Elements of a libvirt document: no messages, and what they name is known. */
export function explainElements(first: TextLine, elements: readonly TextLine[]): Explanation {
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

/** Beside messages the kernel that a line names is known already. */
export function explainUnknown(line: TextLine, isBeside: boolean): Explanation {
  const { values: all, bits } = readLine(line.text);
  const values = isBeside ? all.filter(({ name }) => !name.startsWith("kernel ")) : all;
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

const FEW_REGISTERS = 2;
const ASK_THE_MACHINE: Step = {
  text: "For more about this machine, save the text and ask.",
  commands: ["vmxlens layers FILE", "vmxlens why FEATURE FILE"],
};

export function nothingFound(text: KeptText, described: OwnMachine | undefined, lines: number): Explanation {
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
    // Of an AMD CPU there is no more to ask.
    steps: described === undefined || hasSvm(described.situation.host) ? [] : [ASK_THE_MACHINE],
    depends: [],
    sources: [],
  };
}

/** Lines besides the messages that describe the machine. */
export function explainDescription(first: TextLine, described: OwnMachine): Explanation {
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
    // A register or two are all that there is to know.
    steps: count <= FEW_REGISTERS && /^(?:msr|rdmsr)/.test(format) ? [] : [ASK_THE_MACHINE],
    depends: [],
    sources: [],
  };
}
