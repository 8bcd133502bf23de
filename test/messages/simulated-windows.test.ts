import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";
import { aloneAndInPairs, byText, joinedOutputs } from "./simulated.js";
import { WINDOWS_HOSTS, WINDOWS_OUTPUTS, type WindowsHost } from "./simulated-windows.js";

/*
 * What Windows hosts with a known truth show, two outputs at a time: an answer may say no more than what is true of all hosts that
 * show the text, must name what they share, and no step may be pointless on all of them.
 */

/** Programs that use VT-x themselves, and those that run on Windows' own hypervisor. */
const DIRECT = ["virtualBox", "vmware", "haxm"];
const OVER = ["wsl", "docker"];
const has = (names: readonly string[], those: readonly string[]) => names.some((name) => those.includes(name));
// Where programs of both kinds failed, it is not known which of them is asked about.
const SETS = aloneAndInPairs(Object.keys(WINDOWS_OUTPUTS)).filter((names) => !has(names, DIRECT) || !has(names, OVER));

interface Claim {
  readonly what: string;
  /** It is about texts that only such hosts show. */
  readonly where: (host: WindowsHost) => boolean;
  /** And of texts with one of these outputs alone. */
  readonly of?: readonly string[];
  readonly verdict?: RegExp;
  readonly never?: { readonly verdict?: RegExp; readonly steps?: RegExp };
}

/** What Windows says about itself. */
const STATE = ["systeminfo", "requirements", "msinfo", "computerInfo", "taskManager", "coreinfo"];
const IN_FIRMWARE = /Enable (?:VT-x|SVM)|firmware setup/;

const CLAIMS: readonly Claim[] = [
  {
    what: "no firmware setup is asked for where VT-x is on",
    where: ({ on, below }) => on && below === undefined,
    never: { steps: IN_FIRMWARE, verdict: /\bis off in the firmware|has it switched off\.|VT-x is off,/ },
  },
  {
    what: "no firmware setup is asked for in a virtual machine",
    where: ({ below }) => below !== undefined,
    of: ["systeminfo", "taskManager"],
    never: { steps: IN_FIRMWARE },
  },
  {
    what: "no firmware setup is asked for where the CPU has none",
    where: ({ direct }) => direct === "CPU",
    of: ["systeminfo", "requirements", "computerInfo"],
    never: { steps: IN_FIRMWARE },
  },
  {
    what: "Windows' own hypervisor is not kept from starting where it does not run",
    where: ({ runs, below }) => !runs && below === undefined,
    of: STATE,
    never: { steps: /hypervisorlaunchtype off/ },
  },
  {
    what: "Windows' own hypervisor is not kept from starting for a program that needs it",
    where: () => true,
    of: OVER,
    never: { steps: /hypervisorlaunchtype off/ },
  },
  {
    what: "nothing of Linux is typed on Windows",
    where: ({ below }) => below !== "KVM",
    of: STATE,
    never: { steps: /modprobe|rdmsr|dmesg|\/proc\/|\/sys\// },
  },
  {
    what: "the firmware is named where it has it off",
    where: ({ direct }) => direct === "firmware",
    of: STATE,
    verdict: /firmware/,
  },
  {
    what: "Windows' own hypervisor is named where it holds VT-x",
    where: ({ direct }) => direct === "held",
    of: STATE,
    verdict: /hypervisor|Hyper-V/,
  },
  {
    what: "the boot entry is named where it is off",
    where: ({ over }) => over === "launch off",
    of: OVER,
    verdict: /boot entry/,
  },
  {
    what: "a feature of Windows is named where it is missing",
    where: ({ over }) => over === "no feature",
    of: OVER,
    verdict: /feature/,
  },
  {
    what: "what Windows is a guest of is named where it passes nothing",
    where: ({ below, direct }) => below === "VirtualBox" && direct === "outer",
    of: ["systeminfo"],
    verdict: /VirtualBox/,
  },
  {
    what: "an AMD CPU that is shown is not answered for as Intel's",
    where: ({ vendor }) => vendor === "amd",
    of: ["systeminfo", "coreinfo"],
    never: { verdict: /^(?!.*(?:AMD|SVM)).*VT-x/ },
  },
];

describe("an answer holds on every Windows host that shows the text", () => {
  it.each(SETS.map((names) => [names.join(" and "), names] as const))("%s", async (_, names) => {
    for (const [text, hosts] of byText(WINDOWS_HOSTS, joinedOutputs(WINDOWS_OUTPUTS, names))) {
      const claims = CLAIMS.filter(({ where, of }) => hosts.every(where) && (of === undefined || has(names, of)));
      if (claims.length === 0) continue;
      const { lines } = await inShort(text);
      const [verdict = "", ...more] = lines(2000);
      const steps = more.flatMap((line) => /^\s*do\s+(.*)/.exec(line)?.[1] ?? []).join("\n");
      for (const { what, verdict: names, never } of claims) {
        if (names !== undefined) expect(verdict, `${what}\n${text}`).toMatch(names);
        if (never?.verdict !== undefined) expect(verdict, `${what}\n${text}`).not.toMatch(never.verdict);
        if (never?.steps !== undefined) expect(steps, `${what}\n${text}`).not.toMatch(never.steps);
      }
    }
  });

  it("covers hosts of every truth", () => {
    expect(new Set(WINDOWS_HOSTS.map(({ direct }) => direct)).size).toBe(5);
    expect(new Set(WINDOWS_HOSTS.map(({ over }) => over)).size).toBe(6);
  });
});
