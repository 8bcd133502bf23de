import { outerStep } from "../../why/questions/next-steps.js";
import type { TextVerdict } from "../answer.js";
import type { Step } from "../message.js";
import type { OwnMachine } from "../own-machine.js";

/** Hypervisors that a text can name in passing, and how they pass VT-x. */
const NAMED_OUTER = [
  [/\bWSL ?2?\b|microsoft-standard/, "WSL"],
  [/\bHyper-?V\b/i, "Hyper-V"],
  [/\bVMware\b/i, "VMware"],
  [/\bVirtual ?Box\b/i, "VirtualBox"],
  [/\bAWS\b|\bEC2\b/, "Amazon EC2"],
  [/\bGCP\b|\bGoogle (?:Cloud|Compute Engine)\b/, "Google Compute Engine"],
] as const;

const ALWAYS_BELOW: readonly string[] = ["WSL", "Amazon EC2", "Google Compute Engine"];

const WSL_NESTED: Step = {
  text: "WSL2 passes VT-x on Windows 11 on an Intel CPU, unless nestedVirtualization is false in .wslconfig; on Windows 10 it does not.",
  commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=true", "wsl --shutdown"],
};

/** What the machine runs in, or, where nothing shows that, the one hypervisor that the text names. */
export function namedOuter(
  text: string,
  machine: OwnMachine | undefined,
): { readonly isBelow: boolean; readonly says: string; readonly step: Step } | undefined {
  const { observed, cores } = machine?.situation.host ?? {};
  const outer = observed?.outer;
  if (outer !== undefined) {
    const says = ` This is a virtual machine (${outer}): without nested virtualization it has no VT-x.`;
    return { isBelow: true, says, step: outerStep(outer) };
  }
  if (cores?.[0].cpuid.features.hypervisor === false) return undefined;
  const [first, ...more] = NAMED_OUTER.filter(([words]) => words.test(text)).map(([, name]) => name);
  // WSL runs in Hyper-V.
  if (first === undefined || more.some((name) => first !== "WSL" || name !== "Hyper-V")) return undefined;
  const inWsl = first === "WSL";
  return {
    isBelow: ALWAYS_BELOW.includes(first),
    says: ` The text names ${first}: in ${inWsl ? "it" : "a machine that runs in it"}, ${inWsl ? "Hyper-V of Windows" : first} has to pass VT-x.`,
    step: inWsl ? WSL_NESTED : outerStep(first),
  };
}

/** Where no vmx is shown, the hypervisor that the text names comes first. */
export function withNamedOuter(
  found: Omit<TextVerdict, "covers">,
  machine: OwnMachine,
  text: string | undefined,
): Omit<TextVerdict, "covers"> {
  const { observed } = machine.situation.host;
  if (observed?.vmx !== false || observed.outer !== undefined) return found;
  const named = text === undefined ? undefined : namedOuter(text, machine);
  return named === undefined
    ? found
    : { ...found, says: `${found.says}${named.says}`, steps: [named.step, ...found.steps] };
}
