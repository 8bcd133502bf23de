import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";
import { aloneAndInPairs, byText, joinedOutputs } from "./simulated.js";
import { PLACE_OUTPUTS, PLACES, type Place } from "./simulated-places.js";

/*
 * Outputs of places with a known truth, two at a time: an answer may say no more than what is true of all places that print the
 * text, and no step may be pointless in all of them.
 */

const SETS = aloneAndInPairs(Object.keys(PLACE_OUTPUTS));

const all = (where: (place: Place) => boolean) => (places: readonly Place[]) => places.every(where);

interface Claim {
  readonly what: string;
  /** It applies to these places alone. */
  readonly where: (places: readonly Place[]) => boolean;
  /** And to texts with this alone. */
  readonly shown?: RegExp;
  readonly never: { readonly verdict?: RegExp; readonly steps?: RegExp };
}

const CLAIMS: readonly Claim[] = [
  {
    what: "nothing of x86 is done on ARM",
    where: all(({ vendor }) => vendor === "arm"),
    shown: /aarch64|rpi|Vendor ID: {1,20}ARM|HYP mode|VHE mode/,
    never: {
      steps: /kvm_intel|kvm_amd|rdmsr|firmware setup|BIOS|\bvmx\b|VT-x/,
      verdict: /^(?!.*\bARM\b).*(?:VT-x|IA32_)/,
    },
  },
  {
    what: "no firmware setup is asked for in a virtual machine",
    where: all(({ below }) => below !== undefined),
    never: { steps: /^(?!(?:On the container's host: )?[Ii]f it is not a virtual machine).*firmware setup/m },
  },
  {
    what: "what a container cannot do is done on its host",
    where: all(({ container }) => container === "docker"),
    never: { steps: /^(?!.*\bhost\b).*\b(?:modprobe|rdmsr|dmesg)\b/m },
  },
  {
    what: "no step of Windows is taken on Linux",
    where: () => true,
    never: { steps: /\bbcdedit\b|\bdism\b|msinfo32|systeminfo/ },
  },
  {
    what: "an AMD CPU that is shown is not answered for as Intel's",
    where: all(({ vendor }) => vendor === "amd"),
    shown: /AMD|svm$|kvm_amd/m,
    never: { verdict: /^(?!.*(?:AMD|SVM|svm|kvm_amd)).*(?:VT-x|kvm_intel|IA32_FEAT_CTL)/ },
  },
  {
    what: "nothing is said to be missing where KVM works",
    where: all(({ truth }) => truth === "works"),
    never: { verdict: /[Tt]here is no \/dev\/kvm|not loaded|cannot be used/, steps: /modprobe kvm|firmware setup/ },
  },
  {
    what: "no module is loaded where only a right is missing",
    where: all(({ truth }) => truth === "rights"),
    never: { steps: /modprobe kvm|firmware setup/ },
  },
  {
    what: "a container that was not given the device is told so",
    where: all(({ truth, container, vendor }) => truth === "not passed" && container === "docker" && vendor !== "arm"),
    shown: /No such file|does not exist|is not found/,
    never: { verdict: /^(?!.*(?:container|passed in|sandbox|WSL)).*$/ },
  },
];

describe("an answer holds in every place that prints the text", () => {
  it.each(SETS.map((names) => [names.join(" and "), names] as const))("%s", async (_, names) => {
    for (const [text, places] of byText(PLACES, joinedOutputs(PLACE_OUTPUTS, names))) {
      const claims = CLAIMS.filter(({ where, shown }) => where(places) && shown?.test(text) !== false);
      if (claims.length === 1) continue;
      const { lines } = await inShort(text);
      const [verdict = "", ...more] = lines(400);
      const steps = more.flatMap((line) => /^\s*do\s+(.*)/.exec(line)?.[1] ?? []).join("\n");
      for (const { what, never } of claims) {
        if (never.verdict !== undefined) expect(verdict, `${what}\n${text}`).not.toMatch(never.verdict);
        if (never.steps !== undefined) expect(steps, `${what}\n${text}`).not.toMatch(never.steps);
      }
    }
  });

  it("covers places of every truth", () => {
    expect(new Set(PLACES.map(({ truth }) => truth)).size).toBe(9);
  });
});
