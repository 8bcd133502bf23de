import { answer, type Recognised, type TextVerdict } from "../../../../answers/answer.js";
import type { Advice, Step } from "../../../../answers/message.js";
import { upperFirst } from "../../../../bits/first-letter.js";
import { forLast } from "../../../../bits/once.js";
import { CASES, type Direct, directOf, overOf, type WindowsCase } from "../../../../host/windows/windows-cases.js";
import { isYes, STATES } from "../../../../host/windows/windows-shows.js";
import { IN_A_MACHINE, saidOf } from "../../../../input/prose/in-words.js";
import { INTEL_CPU, SVM_CPU } from "../../../../input/text/svm-named.js";
import { outerStep } from "../../../../why/questions/next-steps.js";
import { checkedOnDesktop, LACKS_VTX } from "../../../rows/desktop/windows-check.js";
import {
  ENABLE_FIRMWARE,
  FIRMWARE_IS_OFF,
  HYPERV_OFF,
  HYPERV_OFF_FOR_RIVAL,
  HYPERV_ON,
  SEE_SECURITY,
  WHICH_RUNS,
  WINDOWS_STATE,
} from "../../../rows/shared-advice.js";
import { whileRunning } from "../on-windows.js";

/*
 * What Windows shows of itself, and what a program beside it needs. Of all hosts those are left that show what the text shows;
 * what they share is known. Where nothing is left, the text is about before and after, and its words decide.
 */

interface WindowsShown {
  readonly cases: readonly WindowsCase[];
  /** More than what one program said that failed. */
  readonly isState: boolean;
  /** Virtualization-based security runs. */
  readonly isSecurity: boolean;
  /** In the words of Windows, beside something else. */
  readonly isDetected: boolean;
  /** What Windows is a guest of, by its maker or model. */
  readonly model: string | undefined;
  /** The maker or model says whether it is one. */
  readonly isNamed: boolean;
}

/** Several circumstances ask about the same text. */
const windowsShown = forLast((text: string): WindowsShown => {
  const found = STATES.flatMap((state) => {
    const groups = state.pattern.exec(text)?.groups;
    return groups === undefined ? [] : [{ ...state, groups }];
  });
  const isNamed = found.some(({ groups }) => groups.guest !== undefined || groups.maker !== undefined);
  // Whether Windows is a guest is a question only where a hypervisor was found, or words speak of one.
  const isSaid = IN_A_MACHINE.test(saidOf(text));
  const isThere = found.some(({ groups }) => groups.detected !== undefined || isYes(groups.present));
  const mayBeGuest = isNamed || isSaid || isThere;
  const isGuest = isSaid && !isNamed && saidBelow(text) !== undefined;
  return {
    cases: CASES.filter(
      (one) => (one.below ? mayBeGuest : !isGuest) && found.every(({ leaves, groups }) => leaves(one, groups)),
    ),
    isNamed,
    isState:
      found.filter(({ isMessage }) => isMessage !== "words").length > 1 ||
      found.some(({ isMessage }) => isMessage === undefined),
    isSecurity: found.some(({ groups }) => groups.running !== undefined || /^running/i.test(groups.security ?? "")),
    isDetected: found.length > 1 && found.some(({ groups }) => groups.detected !== undefined),
    model: found.flatMap(({ groups }) => groups.guest ?? []).find((name) => name !== "Yes"),
  };
});

/** Programs that use VT-x themselves, and those that run on Windows' own hypervisor. */
const DIRECT = /^(?:vbox|vmware|haxm|emulator|hax)-/;
const OVER = /^(?:wsl|docker|hcs|hyperv|sandbox|whpx)-|^windows-(?:requirements|cpu-lacks)$/;
/** Words of many programs, beside their own. */
const GENERIC: ReadonlySet<string> = new Set(["no-vtx-generic", "generic-no-vmx", "generic-vmx-off"]);
/** What runs on Windows' own hypervisor, and does not. */
const WANTS_OVER =
  /\b(?:Docker(?: Desktop)?|WSL ?2?|Podman|Rancher Desktop|Windows Sandbox)\b[^.\n]{0,60}(?:\b(?:not|cannot|requires?|fail\w{0,4}|errors?|refuses|complains|says)\b|n['’]t\b|startet nicht|ne démarre|no (?:inicia|arranca)|не запуск|失败|无法|报错)/i;
/** Nothing failed with these alone. */
const SHOWS_STATE: ReadonlySet<string> = new Set([
  "windows-requirements",
  "hyperv-launch-type",
  "windows-hypervisor-detected",
  "coreinfo-missing",
]);

/** What a text with a state of Windows comes to; undefined where it shows none, or leaves more than one cause. */
export function windowsVerdict(
  text: string,
  recognised: readonly Recognised[],
): (Omit<TextVerdict, "covers"> & { readonly steps: readonly Advice[] }) | undefined {
  const { cases, isState, isSecurity, isDetected, model } = windowsShown(text);
  // VirtualBox calls a failure so everywhere but on Windows: it runs in a guest there.
  if (!isState || cases.length === 0 || /\bNS_ERROR_FAILURE\b/.test(text)) return undefined;
  const blocking = recognised.filter(({ gravity, message = "" }) => gravity !== "informs" && !SHOWS_STATE.has(message));
  const named = blocking.filter(({ message = "" }) => !GENERIC.has(message));
  if (!named.every(({ message = "" }) => DIRECT.test(message) || OVER.test(message))) return undefined;
  const [first = blocking[0]] = named;
  const shown: Shown = {
    direct: new Set(cases.map(directOf)),
    cases,
    vtx: nameOf(text),
    runs: `Windows' own hypervisor runs there${isSecurity ? " (virtualization-based security is running)" : ""}`,
    below: ownName(model) ?? saidBelow(text),
  };
  const found =
    everyVerdict(shown) ??
    (first === undefined
      ? (stateVerdict(shown, isDetected || recognised.length === 0) ??
        (isOnly(shown.direct, "free") && WANTS_OVER.test(text) ? overVerdict(shown) : undefined) ??
        checkedOnDesktop(text) ??
        freeVerdict(shown))
      : OVER.test(first.message as string)
        ? overVerdict(shown)
        : directVerdict(shown, named.length === 0 ? "the program" : (first.product ?? "the program")));
  return found === undefined || first === undefined ? found : { ...found, line: first.lines[0] };
}

type Answer = Omit<TextVerdict, "covers"> | undefined;
interface Shown {
  readonly direct: ReadonlySet<Direct>;
  readonly cases: readonly WindowsCase[];
  readonly vtx: string;
  /** That Windows' own hypervisor runs. */
  readonly runs: string;
  /** What Windows is a guest of. */
  readonly below: string | undefined;
}
const isOnly = <T>(found: ReadonlySet<T>, ...those: readonly T[]): boolean =>
  [...found].every((one) => those.includes(one));
/** What the text says that Windows runs in. */
const SAID_IN =
  /\b(?:in|on|under|inside|within|via) (?:an? |my |the |our )?(?<name>Parallels|VMware|ESXi|vSphere|VirtualBox|Proxmox|KVM|QEMU|Xen|XCP-ng|AWS|EC2|Azure|Hyper-V(?= (?:virtual machine|VM|guest)))\b/i;
const SAID_NAMES: readonly (readonly [said: RegExp, name: string])[] = [
  [/^(?:VMware|ESXi|vSphere)$/i, "VMware"],
  [/^X/i, "Xen"],
  [/^(?:AWS|EC2)$/i, "Amazon EC2"],
];
function saidBelow(text: string): string | undefined {
  const said = saidOf(text);
  const name = IN_A_MACHINE.test(said) ? SAID_IN.exec(said)?.groups?.name : undefined;
  return name && (SAID_NAMES.find(([words]) => words.test(name))?.[1] ?? name);
}
const guestOf = (below: string | undefined): string => (below === undefined ? "a guest" : `a guest of ${below}`);

/** Why there is nothing to use, whatever wants it. */
function everyVerdict({ direct, vtx, below }: Shown): Answer {
  if (isOnly(direct, "firmware"))
    return answer(`The CPU has ${vtx}, and the firmware has it switched off.`, [FIRMWARE_IS_OFF]);
  if (isOnly(direct, "CPU"))
    return answer(`Windows finds no ${vtx} in CPUID: the CPU does not have it, or a hypervisor hides it.`, [LACKS_VTX]);
  if (isOnly(direct, "outer"))
    return answer(
      `Windows is ${guestOf(below)} there, which passes no ${vtx} to it: the firmware setup has no part in that.`,
      [stepBelow(below)],
    );
  return undefined;
}

/** Of a text in which nothing failed. */
function stateVerdict({ direct, cases, vtx, runs, below }: Shown, isDetected: boolean): Answer {
  if (isOnly(direct, "held"))
    return answer(`${runs}, so ${vtx} is there and on; no other program can use it beside that.`, [
      HYPERV_OFF_FOR_RIVAL,
    ]);
  if (isOnly(direct, "firmware", "held") && direct.size === 2)
    return answer(
      `The CPU has ${vtx}, and Windows shows it as not enabled: the firmware has it switched off, or Windows' own hypervisor runs, beside which this value is always False.`,
      [WINDOWS_STATE],
    );
  if (!cases.every((one) => one.below))
    return isDetected && cases.every((one) => one.below || one.runs)
      ? answer(
          `A hypervisor runs already: Windows' own (then ${vtx} is there and on, and no other program can use it), or the one that Windows is a guest of.`,
          [WHICH_RUNS, HYPERV_OFF_FOR_RIVAL],
        )
      : undefined;
  return isOnly(direct, "free")
    ? answer(`Windows is ${guestOf(below)} there, which passes ${vtx} to it.`, [])
    : answer(
        `Windows is ${guestOf(below)} there: it has ${vtx} only where the hypervisor below passes it, which is not shown.`,
        [PASSED, stepBelow(below)],
      );
}

/** No hypervisor runs, and nothing failed. */
function freeVerdict({ direct, vtx }: Shown): Answer {
  if (isOnly(direct, "free")) return answer(`${vtx} is there and on, and Windows' own hypervisor does not run.`, []);
  return isOnly(direct, "free", "firmware")
    ? answer(`The CPU has ${vtx}, and no hypervisor runs there; whether the firmware has it on is not shown.`, [
        WINDOWS_STATE,
      ])
    : undefined;
}

/** Of a program that uses VT-x itself. */
function directVerdict({ direct, cases, vtx, runs, below }: Shown, program: string): Answer {
  if (isOnly(direct, "held"))
    return answer(`${runs} and holds ${vtx}: ${program} cannot have it.`, [HYPERV_OFF, SEE_SECURITY]);
  if (isOnly(direct, "firmware", "held"))
    return answer(
      `The CPU has ${vtx}, and ${program} cannot use it: the firmware has it switched off, or Windows' own hypervisor runs and holds it.`,
      [WINDOWS_STATE, HYPERV_OFF, FIRMWARE_IS_OFF],
    );
  if (isOnly(direct, "CPU", "held"))
    return answer(
      `${upperFirst(program)} finds no ${vtx} in CPUID: Windows' own hypervisor runs and hides it, or the CPU has none.`,
      [WINDOWS_STATE, HYPERV_OFF],
    );
  if (!isOnly(direct, "held", "outer")) return undefined;
  return cases.every((one) => one.below)
    ? answer(
        `No ${vtx} for ${program}: Windows is ${guestOf(below)} there, which has to pass it, and Windows' own hypervisor must not hold it.`,
        [stepBelow(below), HYPERV_OFF],
      )
    : answer(
        `No ${vtx} for ${program}: Windows' own hypervisor runs there and holds it, or Windows is a guest and gets none from the hypervisor below.`,
        [WHICH_RUNS, HYPERV_OFF],
      );
}

/** Of a program that runs on Windows' own hypervisor. */
function overVerdict({ direct, cases, vtx, below }: Shown): Answer {
  const over = new Set(cases.map(overOf));
  if (isOnly(over, "runs")) return { evidence: [], ...whileRunning() };
  const isOn = `${vtx} is there and on, as the text shows it`;
  if (isOnly(over, "launch off"))
    return answer(`${isOn}. The boot entry keeps Windows' own hypervisor from starting (hypervisorlaunchtype).`, [
      LAUNCH,
    ]);
  if (isOnly(over, "no feature")) return answer(`${isOn}. What is missing is a feature of Windows.`, [FEATURE]);
  if (!over.has("firmware") && !over.has("CPU") && !over.has("outer"))
    return answer(
      `${isOn}. What is missing is a feature of Windows, or its boot entry keeps the hypervisor from starting.`,
      [HYPERV_ON, WINDOWS_STATE],
    );
  if (isOnly(direct, "free", "firmware"))
    return answer(
      `The CPU has ${vtx}; the firmware has it switched off, a feature of Windows is missing, or its boot entry keeps the hypervisor from starting.`,
      [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    );
  if (isOnly(direct, "held", "outer") && direct.size === 2)
    return answer(
      `A hypervisor runs already: Windows' own (then a feature of Windows is missing or damaged), or the one that Windows is a guest of, which has to pass ${vtx} to it.`,
      [WHICH_RUNS, HYPERV_ON],
    );
  return cases.every((one) => one.below)
    ? answer(
        `Windows is ${guestOf(below)} there: its own hypervisor starts only where the one below passes ${vtx} to it, and a feature of Windows and the boot entry let it.`,
        [stepBelow(below), HYPERV_ON],
      )
    : undefined;
}

/** What Windows itself shows about its machine, in the words of people who looked. */
export const windowsShows = {
  isOn: shows(({ has, on }) => has && on),
  isGuest: shows(({ below }) => below),
  isPhysical: shows(({ below }) => !below, true),
  runsNone: shows(({ below, runs }) => !below && !runs),
  runs: shows(({ below, runs }) => !below && runs),
};
function shows(holds: (one: WindowsCase) => boolean, byModel = false): (text: string) => boolean {
  return (text) => {
    if (!STATE_WORDS.test(text)) return false;
    const { cases, isState, isNamed } = windowsShown(text);
    return isState && cases.length > 0 && (isNamed || !byModel) && cases.every(holds);
  };
}
/** Without one of these no state is shown. */
const STATE_WORDS =
  /virtuali|виртуализац|虚拟化|仮想化|wirtualizac|sanallaştırma|hypervisor|VtForX|SVMMode|turtle|NEMR3|snail|\bVirtual machine: |hardware-assisted|\bVM Monitor Mode\b|\bSystem M|\bFeatureName\b/i;

/** What it has to be made to pass, or which one it is. */
const stepBelow = (below: string | undefined): Step => (below === undefined ? WHICH_BELOW : outerStep(below));
const WHICH_BELOW: Step = {
  text: "Let the hypervisor below pass it (nested virtualization), with the machine off. Its name is in the maker or the model of the machine.",
  commands: WHICH_RUNS.commands ?? [],
};

const PASSED: Step = { text: "See whether VMX (or SVM) has a star there.", commands: ["coreinfo -v"] };
const LAUNCH: Step = {
  text: "Let Windows start its hypervisor, then restart.",
  commands: ["bcdedit /set hypervisorlaunchtype auto"],
};
const FEATURE: Step = {
  text: "Switch the feature on (for Hyper-V machines Hyper-V itself), then restart.",
  commands: ["dism /online /enable-feature /featurename:VirtualMachinePlatform /all"],
};

function nameOf(text: string): string {
  const [amd, intel] = [SVM_CPU.test(text), INTEL_CPU.test(text)];
  return amd === intel ? "VT-x (or AMD-V)" : amd ? "AMD-V" : "VT-x";
}

const NAMES: readonly (readonly [shown: RegExp, name: string])[] = [
  [/VMware/, "VMware"],
  [/innotek|VirtualBox/, "VirtualBox"],
  [/QEMU|Standard PC/, "KVM"],
  [/Virtual Machine/, "Hyper-V"],
  [/Xen|HVM domU/, "Xen"],
];
const ownName = (model: string | undefined): string | undefined =>
  model === undefined ? undefined : (NAMES.find(([shown]) => shown.test(model))?.[1] ?? model);
