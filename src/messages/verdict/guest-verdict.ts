import { startsOn } from "../../compare/guest-start.js";
import { guestText, startText } from "../../compare/guest-text.js";
import { readGuests } from "../../input/guests/guest-cpu.js";
import type { TextVerdict } from "../answer.js";
import type { OwnMachine } from "../own-machine.js";

/** The guest whose configuration the text holds, and whether it may start on the machine that the text describes, too. */
export function guestVerdict(machine: OwnMachine | undefined, text: string | undefined): TextVerdict | undefined {
  if (text === undefined) return undefined;
  const [guest, ...others] = readGuests(text);
  if (guest === undefined) return undefined;
  if (machine?.hasRegisters === true) {
    const start = startsOn({ ...machine.situation, guest });
    return {
      says: startText(start, "the machine of this text"),
      steps: [],
      evidence: [],
      line: guest.line,
      covers: [],
    };
  }
  const asksVmx =
    guest.features.get("vmx") === "on" || [...guest.features.keys()].some((name) => name.startsWith("vmx-"));
  const who = guestText(guest, asksVmx);
  const more =
    others.length === 0 ? "" : ` There ${others.length === 1 ? "is 1 other" : `are ${others.length} others`}.`;
  return {
    says: `This is what a guest is configured with, and says nothing about a host: ${who}.${more}`,
    steps: [
      {
        text: "Save the text and ask whether the guest may start on a host.",
        commands: ["vmxlens migrate FILE HOST", "vmxlens runs HOST FILE"],
      },
    ],
    evidence: [],
    line: guest.line,
    covers: [],
  };
}
