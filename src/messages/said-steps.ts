import type { Advice, Step } from "../answers/message.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";
import {
  AFTER_SLEEP,
  DID_NOT_TAKE,
  DID_NOT_TAKE_READ,
  INSIDE,
  LOCKED_SETUP,
  NO_SETUP,
  NO_SWITCH_OFF,
  SVM_DID_NOT_TAKE,
  SVM_MODE,
} from "./rows/shared-advice.js";

/*
 * Words about a machine by which a step of an answer is done already, or cannot be done.
 */

/** Things that a sentence lists to be done, with what shows each as done. */
const TRIED: readonly (readonly [thing: RegExp, by: Circumstance])[] = [
  [/^save it once more/, "firmware defaults loaded"],
  [/^take the power away/, "power taken away"],
  [/^switch Intel TXT off/, "TXT said to be off"],
  [/^(?:U|u)pdate the firmware$/, "newest firmware"],
  [/^load its defaults$/, "firmware defaults loaded"],
];
const LIST =
  /^(?<before>The text says that the setting is on[^:]{0,60}: (?:where the system finds SVM off all the same, )?)(?<things>[^.]{1,300})(?<after>\..{0,60})$/;
const ALL_TRIED =
  "The text has tried what helps where a setting that is on does not arrive: this firmware does not apply it. Its maker has to mend that; where an update brought it, go back to the firmware before.";

/** Of several things that help, those that the text has not tried. */
export function withoutTried(step: Advice, { has }: Circumstances): Advice {
  const { before = "", things, after = "" } = LIST.exec(step.text)?.groups ?? {};
  const all = things?.split(/, (?:and )?/) ?? [];
  const left = all.filter((thing) => !TRIED.some(([is, by]) => is.test(thing) && has(by)));
  if (left.length === all.length) return step;
  if (left.length === 0) return { ...step, text: ALL_TRIED };
  const [last = "", ...others] = left.toReversed();
  const list =
    others.length === 0 ? last : `${others.toReversed().join(", ")}${others.length > 1 ? "," : ""} and ${last}`;
  return { ...step, text: `${before}${list}${after}` };
}

/** What there is to do in place of a step in the firmware setup. */
export function inWords({ text }: Advice, isInSetup: boolean, { has }: Circumstances): Step | undefined {
  if (text === SVM_MODE && has("said to be on")) return { text: SVM_DID_NOT_TAKE.text };
  const found = isInSetup
    ? [AFTER_SLEEP, NO_SETUP, LOCKED_SETUP, NO_SWITCH_OFF, DID_NOT_TAKE].find(({ is }) => has(is))
    : undefined;
  if (found === DID_NOT_TAKE && has("VMX locked off")) return DID_NOT_TAKE_READ;
  return found === undefined ? undefined : { text: found.text };
}

/** Who has it on in the setup of a computer under Windows sits before that computer. */
export const onComputer = ({ has }: Circumstances): boolean =>
  has("on Windows") && has("said to be on") && !INSIDE.some(has);
