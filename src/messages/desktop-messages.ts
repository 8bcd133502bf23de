import type { Decoded, FoundVerdict, Recognised, TextVerdict } from "../answers/answer.js";
import type { DesktopDecoderName, MessageRow } from "../answers/message.js";
import type { Circumstance, OwnMachine } from "../situation/evidence/own-machine.js";
import type { ExplainContext } from "./context.js";
import type { Match } from "./match.js";

/** Reads the numbers and names of matches further than the sentences of their row. */
export type Decoder = (matches: readonly [Match, ...Match[]], context: ExplainContext) => Decoded;

/** Words that a text holds or not: a pattern, or what reads more than one. */
export interface Words {
  readonly test: (text: string) => boolean;
}

/** What a text shows in words: those, and some that rule it out. */
export type Shown = readonly [name: Circumstance, is: Words, not?: Words];

/** The messages of desktop products; `desktopMessages` loads them. */
export interface DesktopMessages {
  readonly rows: readonly MessageRow[];
  /** Believed only where no row of another program matches the same words. */
  readonly lastRows: readonly MessageRow[];
  /** The answer of the messages together with other evidence in the text, such as a check of virtualization by Windows. */
  readonly joined: (
    text: string,
    recognised: readonly Recognised[],
    machine: OwnMachine | undefined,
  ) => Omit<TextVerdict, "covers"> | undefined;
  /** What a text is about that holds no known message. */
  readonly subject: (text: string, machine: OwnMachine | undefined) => Omit<TextVerdict, "covers"> | undefined;
  /** An answer, extended by the prose around the messages. */
  readonly withWords: (
    found: FoundVerdict,
    text: string,
    recognised: readonly Recognised[],
    machine: OwnMachine | undefined,
  ) => FoundVerdict;
  readonly shown: readonly Shown[];
  readonly decoders: { readonly [D in DesktopDecoderName]: Decoder };
}

/**
 * Loads the messages of VirtualBox, VMware, Windows, the Android emulator and other desktop products: a third of all,
 * in a chunk of their own, so that a program that never shows them does not ship them.
 *
 * @example
 * import { desktopMessages, explain } from "vmxlens/messages";
 *
 * const [first] = explain("VERR_VMX_MSR_ALL_VMX_DISABLED", { desktop: await desktopMessages() });
 * first?.product; // "VirtualBox"
 */
export async function desktopMessages(): Promise<DesktopMessages> {
  return (await import("./rows/desktop/table.js")).DESKTOP;
}
