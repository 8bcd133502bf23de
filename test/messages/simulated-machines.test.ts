import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";
import { aloneAndInPairs, byText, joinedOutputs } from "./simulated.js";
import { MACHINES, type Machine, OUTPUTS, type Truth } from "./simulated-machines.js";

/*
 * Outputs of machines with a known truth, two at a time. Several machines can print the same; an answer may say no more than what
 * is true of all of them.
 */

const PAIRS = aloneAndInPairs(Object.keys(OUTPUTS));

const HARDWARE_WORKS: ReadonlySet<string> = new Set(["works", "rights", "module", "no module"]);

interface Claim {
  readonly what: string;
  /** It applies to these machines alone. */
  readonly where: (machines: readonly Machine[]) => boolean;
  readonly never: { readonly verdict?: RegExp; readonly steps?: RegExp };
}

const CLAIMS: readonly Claim[] = [
  {
    what: "no firmware setting is asked for where the hardware is on",
    where: (machines) =>
      machines.every(
        ({ truth, kernel, outer }) => HARDWARE_WORKS.has(truth) && (kernel !== "5.4.0-150-generic" || outer !== "none"),
      ),
    never: { verdict: /firmware (?:has it off|locked VT-x off)/, steps: /firmware setup|BIOS/ },
  },
  {
    what: "no firmware setting is asked for in a virtual machine",
    where: (machines) => machines.every(({ outer }) => outer !== "none"),
    never: { steps: /^(?!If it is not a virtual machine).*firmware setup/m },
  },
  {
    what: "no hypervisor below is named on bare metal where the text says so",
    where: (machines) => machines.every(({ outer, truth }) => outer === "none" && HARDWARE_WORKS.has(truth)),
    never: { verdict: /hypervisor below/ },
  },
  {
    what: "an AMD CPU is not answered for as Intel's",
    where: (machines) => machines.every(({ vendor }) => vendor === "amd"),
    never: { verdict: /^(?!.*(?:AMD|SVM|svm|kvm_amd)).*(?:VT-x|kvm_intel|IA32_FEAT_CTL)/ },
  },
  {
    what: "no CPU without VT-x is made up",
    where: (machines) => machines.every(({ has }) => has),
    never: { verdict: /has no VT-x|The CPU has none\b/ },
  },
  {
    what: "no CPU is said to differ from another one",
    where: () => true,
    never: { verdict: /CPUs differ/ },
  },
];

/** What an answer names where every machine that prints the text has the same truth. Of a CPU without, a text seldom shows that. */
const NAMED: { readonly [T in Exclude<Truth, "CPU">]: RegExp } = {
  works: /works|is loaded|is there|is on\b|SVM|no reason/,
  rights: /may not|not allowed|right|permission|group/i,
  module: /not loaded|no such|load/,
  "no module": /no such module|no file|not built|left out|not loaded/,
  firmware: /firmware|BIOS/,
  outer: /does not pass|has to pass|hides|hypervisor below/,
};

describe("an answer holds on every machine that prints the text", () => {
  it.each(PAIRS.map((names) => [names.join(" and "), names] as const))("%s", async (_, names) => {
    for (const [text, machines] of byText(MACHINES, joinedOutputs(OUTPUTS, names))) {
      const { lines } = await inShort(text);
      const all = lines(400);
      const [verdict = ""] = all;
      const steps = all
        .filter((line) => /^\s*do\s/.test(line))
        .map((line) => line.replace(/^\s*do\s+/, ""))
        .join("\n");
      const truths = new Set(machines.map(({ truth }) => truth));
      const [truth = "CPU"] = truths;
      if (truths.size === 1 && truth !== "CPU") expect(verdict, `it is ${truth}\n${text}`).toMatch(NAMED[truth]);
      for (const { what, where, never } of CLAIMS) {
        if (!where(machines)) continue;
        if (never.verdict !== undefined) expect(verdict, `${what}\n${text}`).not.toMatch(never.verdict);
        if (never.steps !== undefined) expect(steps, `${what}\n${text}`).not.toMatch(never.steps);
      }
    }
  });

  it("covers machines of every truth", () => {
    expect(new Set(MACHINES.map(({ truth }) => truth)).size).toBe(7);
  });
});
