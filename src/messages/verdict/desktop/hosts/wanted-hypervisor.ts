import { answer, type TextVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { isSaidOn } from "../../../../input/prose/said-on.js";
import { BESIDE, PLAYER } from "../../../../input/prose/windows-words.js";
import { HYPERV_ON, WINDOWS_STATE } from "../../../rows/shared-advice.js";

/*
 * Texts in which Windows' own hypervisor, or what rests on it, shall run and does not. The advice to switch it off is wrong there.
 * Facts: Microsoft, memory integrity and VBS, Hyper-V event log; Dasharo/dasharo-issues#1674.
 */

type Answer = Omit<TextVerdict, "covers">;

const SECURITY =
  /\b(?:memory integrity|core isolation|kern\w{0,2} isolation|VBS|virtuali[sz]ation[- ]based security|(?:credential|device) guard|HVCI)\b/i;
/** The author tries to have it on, or asks how. */
const WANTED =
  /\b(?:cannot|can['’]?t|could ?n['’o]t|unable to|(?:not|no longer) able to|fails? to|impossible to|won['’]?t let me|how (?:to|do I|can I)|try(?:ing)? to|tried to|want(?:ed)? to|attempt\w{0,3} to|error|crash\w{0,3}|BSOD|hangs?)(?: \w{2,10}){0,2} (?:re-?)?(?:enabl|turn(?:ing|ed)? on|activat|switch(?:ing|ed)? on)\w{0,3}\b[^.\n]{0,40}\b(?:memory integrity|core isolation|kern\w{0,2} isolation|VBS|virtuali[sz]ation[- ]based security|(?:credential|device) guard|HVCI)\b|\b(?:memory integrity|core isolation|VBS|credential guard)\b[^.\n]{0,40}\bcannot be (?:enabled|turned on|activated)\b/i;
/** What happens once it is switched on. */
const ONCE_ON =
  /\b(?:after|when|once|by) (?:\w{2,10} ){0,2}(?:enabl|turn(?:ing|ed)? on|activat|switch(?:ing|ed)? on)\w{0,3}\b[^.\n]{0,40}\b(?:memory integrity|core isolation|VBS|virtuali[sz]ation[- ]based security|(?:credential|device) guard|HVCI)\b[^.\n]{0,80}\b(?:stays? off|off again|incompatible|BSOD|crash\w{0,3}|boot\w{0,3}|fails?|errors?)\b/i;
/** It shall go. */
const UNWANTED =
  /\b(?:turn|switch)\w{0,3} (?:it|that|them|this|memory integrity|core isolation|VBS|HVCI) off\b|\b(?:disabl|remov|turn(?:ing)? off|switch(?:ing)? off)\w{0,3} (?:it|memory integrity|core isolation|VBS|virtuali[sz]ation[- ]based security|(?:credential|device) guard|HVCI)\b/i;
/** It stays off against the author's wish. */
const NOT_ON =
  /\b(?:memory integrity|core isolation|VBS|virtuali[sz]ation[- ]based security\)?|(?:credential|device) guard|HVCI)\b[^.\n]{0,40}\b(?:not (?:be )?(?:enabled|running|active|available)|(?:stays?|remains?|keeps?|shows?|appears?|gets?)(?: \w{2,8}){0,2} (?:disabled|off|turned off)|gr[ea]yed out|missing|unavailable)\b/i;
const LOCKED = /\block(?:s|ed|ing)? (?:\w{2,8} )?virtuali[sz]ation\b/i;
const LAUNCH_ON =
  /\b(?:bcdedit|BCD)\b[^\n]{0,60}\bhypervisorlaunchtype\W{1,4}auto\b[^\0]{0,600}\b(?:not (?:valid|work\w{0,3}|help\w{0,3}|found|recogni[sz]ed|start\w{0,3})|n['’]t (?:work|help|start|run)|error|incorrect|denied|invalid|still|wrong|no (?:effect|change|difference))\b/i;
/** Hyper-V was added to Windows there, and that was not all. */
const FEATURE_ON =
  /\b(?:Enable-WindowsOptionalFeature|\/enable-feature)\b[^\0]{0,200}\bHyper-V\b[^\0]{0,3000}\bState\s{0,20}: ?Enabled\b/i;
const OTHERS = /\bHAXM\b|\bAEHD\b|\bDBVM\b|\bCheat Engine\b|\bemulators?\b|\bVGK\b|\bthrottlestop\b|\bXTU\b/i;
const OFF_WANTED =
  /\b(?:disabl\w{1,3}|turn\w{0,3} off|switch\w{0,3} off|hypervisorlaunchtype\W{1,4}off)\b[^.\n]{0,60}\b(?:VirtualBox|VMware|BlueStacks|emulator|HAXM)\b/i;

const wantsSecurity = (text: string): boolean =>
  SECURITY.test(text) && !UNWANTED.test(text) && (WANTED.test(text) || ONCE_ON.test(text) || NOT_ON.test(text));

/** The boot entry was set back, and what needs the hypervisor does not start. */
const NEEDS_IT =
  /\b(?:won['’]?t|not|n['’]t|cannot|fails? to|unable to)\b[^.\n]{0,24}\b(?:run|start|open|launch|use|work)\w{0,3}\b[^.\n]{0,16}\b(?:WSL|Docker|Sandbox|Hyper-?V)|\b(?:WSL ?2?|Docker|Sandbox)\b[^.\n]{0,40}\b(?:breaks?|broken|n['’]t|not|fails?|cannot|won['’]t|stopped)\b/i;
const setBack = (text: string): boolean => {
  const lower = text.toLowerCase();
  const auto = Math.max(
    lower.lastIndexOf("hypervisorlaunchtype auto"),
    lower.lastIndexOf("hypervisorlaunchtype to auto"),
  );
  return auto > lower.lastIndexOf("hypervisorlaunchtype off") && auto >= 0 && NEEDS_IT.test(text);
};

/** Whether Windows' own hypervisor shall run there, and no program is named that wants VT-x for itself. */
export function wantsHypervisor(text: string): boolean {
  if (setBack(text)) return true;
  if (BESIDE.test(text) || PLAYER.test(text) || OTHERS.test(text) || OFF_WANTED.test(text) || LOCKED.test(text))
    return false;
  return FOUND_NONE.test(text) || wantsSecurity(text) || LAUNCH_ON.test(text) || FEATURE_ON.test(text);
}
/** WSL's and Docker's own words for a hypervisor that does not run. */
const FOUND_NONE =
  /\b0x80370102\b|\bHardware assisted virtuali[sz]ation and data execution protection must be enabled\b/i;

const BRACES = /\{(?:current|default)\}/i;
const SET_REFUSED = /\bset command specified is not valid\b|\bParameter is incorrect\b/i;
const LOG: Step = {
  text: "Read why the hypervisor, or what keeps it off, says no: events of Hyper-V-Hypervisor and DeviceGuard, and `Available Security Properties`.",
  commands: [
    "Get-WinEvent -LogName System | ? ProviderName -match 'Hyper-V-Hypervisor' | select -First 5 TimeCreated,Id,Message",
    "Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard Win32_DeviceGuard",
  ],
};

/** What keeps it from running, where that is asked. */
export function hypervisorWanted(text: string): Answer | undefined {
  if (BRACES.test(text) && SET_REFUSED.test(text) && /\bbcdedit\b/i.test(text))
    return answer(
      "PowerShell takes the braces of {current} for a block of its own, so bcdedit got something else and refused. The boot entry is as it was; VT-x is not the reason.",
      [
        {
          text: "Write it without them, or in quotes, as administrator; then restart.",
          commands: ["bcdedit /set hypervisorlaunchtype auto", "bcdedit /set '{current}' hypervisorlaunchtype auto"],
        },
      ],
    );
  if (!wantsHypervisor(text) || FOUND_NONE.test(text)) return undefined;
  if (FEATURE_ON.test(text) && !wantsSecurity(text))
    return answer(
      "Hyper-V's features are enabled in the text, which counts after a restart. Where its machines do not start then, Windows' hypervisor does not run: VT-x is off in the firmware setup, the boot entry (hypervisorlaunchtype) is off, or the CPU lacks EPT.",
      [WINDOWS_STATE, LOG],
    );
  if (LAUNCH_ON.test(text) || setBack(text))
    return answer(
      "The boot entry lets Windows start its hypervisor (hypervisorlaunchtype auto), which counts after a restart. Where it does not run then, VT-x is off in the firmware setup, the feature (Virtual Machine Platform, Hyper-V) is not installed, or the hypervisor refused the machine.",
      [WINDOWS_STATE, LOG],
    );
  const bsod = /\bINACCESSIBLE_BOOT_DEVICE\b|\bBSOD\b|\bblue ?screen\b|\bboot ?loop\b|0xc0000\d{3}\b/i.exec(text)?.[0];
  return answer(
    bsod === undefined
      ? `Memory integrity and its like (VBS) run on Windows' own hypervisor: they stay off where that does not start (${isSaidOn(text) ? "" : "VT-x off in the firmware setup, "}TXT, that is SMX, on in a way that it refuses), or where a driver is not compatible.`
      : `Memory integrity and its like (VBS) run on Windows' own hypervisor. A start that ends in ${bsod} with it on is a driver that is not compatible, or a firmware whose VT-x, VT-d or ACPI tables it cannot use.`,
    [WINDOWS_STATE, LOG, HYPERV_ON],
  );
}
