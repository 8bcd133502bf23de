import { FEATURE_LIST } from "../../src/why/features.js";
import { layersOf } from "../../src/why/layers.js";
import { joinedOutputs } from "./simulated.js";
import {
  FEATURE_OUTPUTS,
  type FeatureMachine,
  machineOf,
  paramsShown,
  type Random,
  randomOf,
  SETTABLE,
} from "./simulated-features.js";

/*
 * What an answer says about parameters that are off, held against the machine that printed the text.
 */

export interface Case {
  readonly label: string;
  readonly machine: FeatureMachine;
  readonly text: string;
  readonly has: (output: string) => boolean;
}

export function caseOf(seed: number, outputs: readonly string[]): Case | undefined {
  const random = randomOf(seed);
  const machine = machineOf(random);
  const text = joinedOutputs<readonly [FeatureMachine, Random]>(FEATURE_OUTPUTS, outputs)(machine, random);
  const { name, kernel, outer, asked, where } = machine;
  const label = `${seed}: ${name}, ${kernel}, in ${outer}, ${JSON.stringify(asked)} by ${where}`;
  return text === undefined ? undefined : { label, machine, text, has: (output) => outputs.includes(output) };
}

/** The reason that a sentence gives, and the parameters that it gives it for. */
const SENTENCES = {
  lacks:
    /Off because (?:the (?:virtual )?CPU|CPUs of this model|the [\w -]{2,20}) lacks? what it needs[^:]*: ([^.]+)\./g,
  has: /Off although [^:]+ ha(?:s|ve) what it needs: ([^.]+)\./g,
  asked:
    /((?:kvm_intel\.\w+=\w+(?:, | and )?)+) on the kernel command line or in modprobe\.d switch(?:es)? off ([^.]+)\./g,
  set: /So ((?:kvm_intel\.\w+=0(?:, | and )?)+) w(?:as|ere) asked for when kvm_intel was loaded\./g,
} as const;

const named = (says: string, of: keyof typeof SENTENCES): readonly string[] =>
  [...says.matchAll(SENTENCES[of])].flatMap(([, first = "", second = first]) =>
    (of === "asked" ? second : first.replace(/ \([^)]*\)/g, ""))
      .split(/, | and /)
      .map((one) => one.replace(/^kvm_intel\.|=0$/g, "")),
  );

const isOff = (value: string | undefined) => value !== undefined && /^[N0]/.test(value);

function cellOf(machine: FeatureMachine, name: string) {
  const { id } = FEATURE_LIST.find(({ param }) => param === name) ?? {};
  return layersOf(machine.runs).find(({ feature }) => feature.id === id)?.cells.silicon;
}

export interface Answer {
  readonly says: string;
  readonly all: string;
  readonly steps: string;
}

export const CLAIMS: readonly {
  readonly what: string;
  /** What contradicts it. */
  readonly broken: (one: Case, answer: Answer) => readonly string[];
}[] = [
  {
    what: "what the CPU is said to lack, it lacks",
    broken: ({ machine }, { all }) => named(all, "lacks").filter((name) => cellOf(machine, name) === "yes"),
  },
  {
    what: "what the CPU is said to have, it has, or a hypervisor below is named as well",
    broken: ({ machine }, { all }) =>
      /hypervisor below does not pass/.test(all)
        ? []
        : named(all, "has").filter((name) => cellOf(machine, name) === "no"),
  },
  {
    what: "what is said to have been asked for was asked for",
    broken: ({ machine }, { all }) =>
      named(all, "set").filter((name) => machine.asked[name] === undefined || !isOff(machine.asked[name])),
  },
  {
    what: "what is said to be switched off by a parameter is on without it",
    broken: ({ machine }, { all }) =>
      named(all, "asked").filter(
        (name) => isOff(paramsShown(machine.unasked)[name]) && cellOf(machine, name) === "yes",
      ),
  },
  {
    what: "a parameter that the text asks to be off is named first as the cause",
    broken: ({ machine, has }, { says }) => {
      const shown = paramsShown(machine.runs);
      const on = paramsShown(machine.unasked);
      if (!has("parameters") || !has(machine.where)) return [];
      const causes = Object.keys(machine.asked).filter(
        (name) => name !== "nested" && isOff(shown[name]) && !isOff(on[name]) && isOff(machine.asked[name]),
      );
      return causes.filter((name) => !named(says, "asked").includes(name));
    },
  },
  {
    what: "a parameter that somebody must have set is named, where the registers show that the CPU has it",
    broken: ({ machine, has }, { says }) => {
      if (!has("parameters") || !has("registers") || !has("uname") || has(machine.where)) return [];
      const [shown, on] = [paramsShown(machine.runs), paramsShown(machine.unasked)];
      const set = SETTABLE.filter(
        (name) => name !== "nested" && isOff(machine.asked[name]) && isOff(shown[name]) && !isOff(on[name]),
      );
      // Of two, one may take the other with it.
      return set.length === 1 ? set.filter((name) => !named(says, "has").includes(name)) : [];
    },
  },
  {
    what: "nothing is said to be unknown that the registers decide",
    broken: ({ has }, { all }) =>
      has("parameters") &&
      has("registers") &&
      has("uname") &&
      /or it was switched off|with the registers says by what/.test(all)
        ? ["not known"]
        : [],
  },
  {
    what: "nobody looks for who sets a parameter where the CPU lacks all that is off",
    broken: ({ machine, has }, { steps }) => {
      const [shown, on] = [paramsShown(machine.runs), paramsShown(machine.unasked)];
      const same = Object.keys(shown).every((name) => shown[name] === on[name]);
      return has("registers") && has("uname") && same && /options kvm/.test(steps) ? ["who sets it"] : [];
    },
  },
  {
    what: "no firmware setting is asked for",
    broken: ({ has }, { steps }) =>
      has("parameters") && /^(?!.*\b(?:enclaves|SGX)\b).*(?:firmware setup|rdmsr (?:-a )?0x3a)/m.test(steps)
        ? ["firmware"]
        : [],
  },
  {
    what: "no two of its outputs contradict each other",
    broken: (_, { all }) => (/cannot both be true/.test(all) ? ["contradiction"] : []),
  },
];
