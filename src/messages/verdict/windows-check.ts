import type { TextVerdict } from "../answer.js";
import type { Step } from "../message.js";
import { ENABLE_FIRMWARE } from "../rows/shared-advice.js";

/*
 * systeminfo and Get-ComputerInfo: what Windows found when it looked whether Hyper-V can run.
 */

/** What each requirement is called by systeminfo and by Get-ComputerInfo. */
const REQUIREMENTS = {
  monitor: /(?:VM Monitor Mode Extensions|HyperVRequirementVMMonitorModeExtensions)\s{0,60}: ?(Yes|No|True|False)\b/i,
  firmware:
    /(?:Virtualization Enabled In Firmware|HyperVRequirementVirtualizationFirmwareEnabled)\s{0,60}: ?(Yes|No|True|False)\b/i,
  slat: /(?:Second Level Address Translation|HyperVRequirementSecondLevelAddressTranslation)\s{0,60}: ?(Yes|No|True|False)\b/i,
} as const;

const BARE: Step = {
  text: "Inside a virtual machine the hypervisor below has to pass it; on hardware the CPU decides.",
  commands: ["systeminfo"],
};

/** What the list of requirements comes to; undefined where the text has none. */
export function windowsVerdict(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined) return undefined;
  const is = (name: keyof typeof REQUIREMENTS): boolean | undefined => {
    const said = REQUIREMENTS[name].exec(text)?.[1];
    return said === undefined ? undefined : /^(?:yes|true)$/i.test(said);
  };
  const [monitor, firmware, slat] = [is("monitor"), is("firmware"), is("slat")];
  if (monitor === undefined && firmware === undefined) return undefined;
  const answer = (says: string, steps: readonly Step[]) => ({ says, steps, evidence: [] });
  if (monitor === false)
    return answer("Windows finds no VT-x (or AMD-V) in CPUID: the CPU does not have it, or a hypervisor hides it.", [
      BARE,
    ]);
  if (firmware === false)
    return answer(
      monitor === true
        ? "The CPU has VT-x (or AMD-V), and the firmware has it switched off."
        : "The firmware has VT-x (or AMD-V) switched off.",
      [ENABLE_FIRMWARE],
    );
  if (slat === false) return answer("VT-x is there and on, without EPT (SLAT), which Hyper-V requires.", [BARE]);
  return firmware === true
    ? answer("VT-x (or AMD-V) is there and on: Windows finds everything that Hyper-V requires of the CPU.", [])
    : undefined;
}
