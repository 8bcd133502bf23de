import { answer, type TextVerdict } from "../../../answers/answer.js";

/** Hyper-V as what is installed in a machine of VirtualBox. */
const INSIDE =
  /\bhyper-?v\b[^.\n]{0,30}\b(?:inside|in|within|under) (?:of )?(?:an? |the |my )?(?:(?:VM|virtual machine|guest)\b[^.\n]{0,8} )?virtual ?box\b|\binstall\w{0,3} hyper-?v\b[^.\n]{0,20}\b(?:inside|in|within) (?:an? |the |my )?(?:VM|virtual machine|guest)\b/i;
const VBOX = /\bVirtual ?Box\b/i;
const STOPS =
  /\b(?:re-?boots?|restarts?|crash\w{0,3}|hangs?|freez\w{1,3}|stuck|boot ?loop|blue ?screen|BSOD|(?:cannot|can['’]?t|not|n['’]t|fails? to) (?:\w{2,8} )?(?:start|boot)\w{0,3})\b/i;

/** Hyper-V inside a machine of VirtualBox, which stops with it: no hypervisor of the host's is meant. */
export function hyperVInside(text: string): Omit<TextVerdict, "covers"> | undefined {
  const found = STOPS.exec(text)?.[0];
  return found === undefined || text.length > 4_000 || !VBOX.test(text) || !INSIDE.test(text)
    ? undefined
    : answer(
        `Hyper-V is installed in a machine of VirtualBox there, and the machine stops ("${found}") when Windows starts its hypervisor: it fails over the VT-x (AMD-V) that VirtualBox emulates. Nothing is left to be switched on.`,
        [
          {
            text: "Keep the hypervisor from starting, in the recovery console of the machine.",
            commands: ["bcdedit /set {default} hypervisorlaunchtype off"],
          },
          { text: "For Hyper-V in a machine, use KVM, VMware or Hyper-V below it." },
        ],
      );
}
