import type { Recognised, TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { hasPlatform } from "../../../input/prose/done-on-windows.js";
import { IN_A_MACHINE, saidOf } from "../../../input/prose/in-words.js";
import { isSaidOn } from "../../../input/prose/said-on.js";
import { BESIDE, CONSUMER_ALONE } from "../../../input/prose/windows-words.js";
import { insideOf } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { ENABLE_FIRMWARE, HYPERV_OFF, HYPERV_ON, WHICH_RUNS, WINDOWS_STATE } from "../../rows/shared-advice.js";

/*
 * A program's own words for no VT-x on Windows.
 */

export type Says = Pick<TextVerdict, "says" | "steps">;

export const WINDOWS = /\bWindows\b|\bWin ?(?:7|8|10|11)\b|\bbcdedit\b|\bHyper-?V\b|\bDocker Toolbox\b|\b[A-Z]:\\/i;
/** Linux, and machines of Linux that are handed out whole. */
const LINUX = /\b(?:EVE-NG|GNS3 VM|PNETLab)\b|\/dev\/kvm|\bmodprobe\b|\bdmesg\b|\/proc\/|\bsudo\b/;
const INSIDE =
  /\b(?:inside|within) (?:of )?(?:an? |my |the )?(?:VM_?ware|ESXi|Virtual ?Box|Hyper-?V|Proxmox|Parallels)\b/i;
/** Programs' own words for no VT-x, without a cause. */
const NAMES_NO_CAUSE: ReadonlySet<string> = new Set(["generic-no-vmx", "no-vtx-generic"]);

/** The first part of what a message means, as a sentence. */
export const sentence = (what: string): string => `${what.split(":", 1)[0]?.replace(/\.$/, "")}.`;

/** A program's own words for no VT-x, where all that is known is the system. */
export function onWindows(text: string, first: Recognised): Says | undefined {
  const inside = IN_A_MACHINE.test(saidOf(text)) || INSIDE.test(text);
  const below = NAMES_NO_CAUSE.has(first.message as string) && inside ? insideOf(text) : undefined;
  if (below !== undefined && !LINUX.test(text))
    return {
      says: `${sentence(first.what)} The text says that it runs in a machine of ${below}, which has to pass VT-x to it. No firmware setup and no feature of Windows brings it there.`,
      steps: [outerStep(below)],
    };
  const consumer = NAMES_NO_CAUSE.has(first.message as string) ? CONSUMER_ALONE.exec(text)?.[0] : undefined;
  if (consumer !== undefined && !/minikube/i.test(consumer) && !BESIDE.test(text) && !LINUX.test(text))
    return {
      says: `${sentence(first.what)} ${consumer} runs on Windows' own hypervisor: ${isSaidOn(text) ? "VT-x (or AMD-V) is on, as the text says, so" : "with VT-x (or AMD-V) on,"} a feature of Windows is missing, or its boot entry keeps it from starting.`,
      steps: [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    };
  return NAMES_NO_CAUSE.has(first.message as string) && WINDOWS.test(text) && !LINUX.test(text)
    ? {
        says: `${sentence(first.what)} On Windows that is the firmware setup, or Windows' own hypervisor (Hyper-V, WSL2, memory integrity): while it runs, it holds VT-x and hides it from other programs.`,
        steps: [
          WINDOWS_STATE,
          HYPERV_OFF,
          ...(IS_MACHINE.test(first.matched) ? [skipCheck(text)] : []),
          ENABLE_FIRMWARE,
        ],
      }
    : undefined;
}

/** docker-machine's own check. */
export const IS_MACHINE = /VT-X\/AMD/i;
export const skipCheck = (text: string): Step => (/\bminikube\b/i.test(text) ? SKIP_OF_MINIKUBE : SKIP_CHECK);
const SKIP_OF_MINIKUBE: Step = {
  text: "This check is wrong on some machines (and always while Windows' own hypervisor runs): where VirtualBox itself works, leave it out; or let minikube use Docker or Hyper-V.",
  commands: ["minikube start --driver=virtualbox --no-vtx-check", "minikube start --driver=docker"],
};
const SKIP_CHECK: Step = {
  text: "docker-machine's check is wrong on some machines (and always while Windows' own hypervisor runs): where VirtualBox itself works, leave it out.",
  commands: ["docker-machine create --driver virtualbox --virtualbox-no-vtx-check default"],
};

/** The boot entry of Windows leaves the hypervisor off. */
const LAUNCH_OFF =
  /\b(?:disabl\w{1,3}|turn\w{0,3} off|switch\w{0,3} off) hypervisorlaunchtype\b|\bhypervisorlaunchtype (?:is |to |= ?)?"?off\b/i;

export const isLaunchOff = (text: string): boolean => LAUNCH_OFF.test(text);

export function launchOff(first: Recognised): Says {
  return {
    says: `${first.what} The text says that its boot entry switches it off (hypervisorlaunchtype).`,
    steps: [HYPERV_ON, WINDOWS_STATE],
  };
}

/** Where people say that VT-x is on, what is left is Windows. */
export function saidOn(text: string, first: Recognised): Says | undefined {
  if (!isSaidOn(text)) return undefined;
  if (!DAMAGED.test(text) && hasPlatform(text))
    return {
      says: `${sentence(first.what)} The text says that VT-x (or AMD-V) and the feature are on: then the boot entry keeps the hypervisor from starting, or the feature is damaged.`,
      steps: [HYPERV_ON, WINDOWS_STATE, REPAIR],
    };
  return DAMAGED.test(text)
    ? {
        says: `${sentence(first.what)} The text says that VT-x (or AMD-V) is on, and shows the boot entry or the features as they should be, or twice: then a feature of Windows is damaged, or a device of Hyper-V is disabled.`,
        steps: [REPAIR, WINDOWS_STATE],
      }
    : {
        says: `${sentence(first.what)} The text says that VT-x (or AMD-V) is on: then a feature of Windows is missing, or the boot entry keeps its hypervisor from starting.`,
        steps: [HYPERV_ON, WINDOWS_STATE],
      };
}

const REPAIR: Step = {
  text: "Switch the features (Virtual Machine Platform, Hyper-V) off, restart, and on again; in the Device Manager, enable `Microsoft Hyper-V Virtualization Infrastructure Driver`.",
  commands: ["dism /online /cleanup-image /restorehealth", "sfc /scannow"],
};

/** Windows says that it runs on its own hypervisor. */
const PRESENT = /\bHypervisorPresent\W{1,60}True\b|\bA hypervisor has been detected\b/i;

export const isRunning = (text: string): boolean => PRESENT.test(text);

/** The one that was found can be that of a host below. */
export const whileDetected = (): Says => ({
  says: "The program found no hypervisor that it can use, and the text shows that one runs: Windows' own (then VT-x, or AMD-V, is on, and a feature of Windows is damaged or a device of Hyper-V disabled), or the one that this Windows is a guest of, which has to pass VT-x to it.",
  steps: [WHICH_RUNS, REPAIR],
});

/** What a program that finds no hypervisor comes to there. */
export const whileRunning = (): Says => ({
  says: "The program found no hypervisor. The text shows that Windows' own hypervisor runs, so VT-x (or AMD-V) is on: then a feature of Windows is damaged, or a device of Hyper-V is disabled.",
  steps: [REPAIR, WINDOWS_STATE],
});

/** Features that are there twice, or a boot entry that is as it should be. */
const DAMAGED =
  /\b(?:2|two) (?:versions|copies|entries) of\b[^.\n]{0,40}\b(?:Windows|WSL|Subsystem|Platform)\b|\bfeatures\b[^.\n]{0,40}\b(?:appear|listed|shown|are there) (?:twice|double|duplicated)\b|\bhypervisorlaunchtype\W{1,8}(?:is |to |set to )?\W?auto\b/i;
