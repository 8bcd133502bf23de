import type { Recognised, TextVerdict } from "../../answer.js";
import type { Step } from "../../message.js";
import { ENABLE_FIRMWARE, HYPERV_OFF, HYPERV_ON, WINDOWS_STATE } from "../../rows/shared-advice.js";
import { isSaidOn } from "./said-on.js";
import { BESIDE, CONSUMER_ALONE } from "./windows-words.js";

/*
 * A program's own words for no VT-x on Windows.
 */

export type Says = Pick<TextVerdict, "says" | "steps">;

export const WINDOWS = /\bWindows\b|\bHyper-?V\b|\bDocker Toolbox\b|\b[A-Z]:\\/i;
const LINUX = /\/dev\/kvm|\bmodprobe\b|\bdmesg\b|\/proc\/|\bsudo\b/;
/** Programs' own words for no VT-x, without a cause. */
const NAMES_NO_CAUSE: ReadonlySet<string> = new Set(["generic-no-vmx", "no-vtx-generic"]);

/** The first part of what a message means, as a sentence. */
export const sentence = (what: string): string => `${what.split(":", 1)[0]?.replace(/\.$/, "")}.`;

/** A program's own words for no VT-x, where all that is known is the system. */
export function onWindows(text: string, first: Recognised): Says | undefined {
  const consumer = NAMES_NO_CAUSE.has(first.message as string) ? CONSUMER_ALONE.exec(text)?.[0] : undefined;
  if (consumer !== undefined && !/minikube/i.test(consumer) && !BESIDE.test(text) && !LINUX.test(text))
    return {
      says: `${sentence(first.what)} ${consumer} runs on Windows' own hypervisor: ${isSaidOn(text) ? "VT-x (or AMD-V) is on, as the text says, so" : "with VT-x (or AMD-V) on,"} a feature of Windows is missing, or its boot entry keeps it from starting.`,
      steps: [WINDOWS_STATE, HYPERV_ON, ENABLE_FIRMWARE],
    };
  return NAMES_NO_CAUSE.has(first.message as string) && WINDOWS.test(text) && !LINUX.test(text)
    ? {
        says: `${sentence(first.what)} On Windows that is the firmware setup, or Windows' own hypervisor (Hyper-V, WSL2, memory integrity): while it runs, it holds VT-x and hides it from other programs.`,
        steps: [WINDOWS_STATE, HYPERV_OFF, ...(IS_MACHINE.test(first.matched) ? [SKIP_CHECK] : []), ENABLE_FIRMWARE],
      }
    : undefined;
}

/** docker-machine's own check. */
export const IS_MACHINE = /VT-X\/AMD/i;
export const SKIP_CHECK: Step = {
  text: "docker-machine's check is wrong on some machines (and always while Windows' own hypervisor runs): where VirtualBox itself works, leave it out.",
  commands: ["docker-machine create --driver virtualbox --virtualbox-no-vtx-check default"],
};
