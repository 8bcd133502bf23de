import type { Advice, Step } from "../answers/message.js";
import type { Circumstances } from "../situation/evidence/own-machine.js";
import {
  AFTER_SLEEP,
  DID_NOT_TAKE,
  DID_NOT_TAKE_READ,
  INSIDE,
  NO_SETUP,
  NO_SWITCH_OFF,
  SVM_DID_NOT_TAKE,
  SVM_MODE,
} from "./rows/shared-advice.js";

/*
 * Words about a machine by which a step of an answer is done already, or cannot be done.
 */

/** What there is to do in place of a step in the firmware setup. */
export function inWords({ text }: Advice, isInSetup: boolean, { has }: Circumstances): Step | undefined {
  if (text === SVM_MODE && has("said to be on")) return { text: SVM_DID_NOT_TAKE.text };
  const found = isInSetup ? [AFTER_SLEEP, NO_SETUP, NO_SWITCH_OFF, DID_NOT_TAKE].find(({ is }) => has(is)) : undefined;
  if (found === DID_NOT_TAKE && has("VMX locked off")) return DID_NOT_TAKE_READ;
  return found === undefined ? undefined : { text: found.text };
}

/** Who has it on in the setup of a computer under Windows sits before that computer. */
export const onComputer = ({ has }: Circumstances): boolean =>
  has("on Windows") && has("said to be on") && !INSIDE.some(has);
