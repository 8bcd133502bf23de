import type { Decoded, TextVerdict } from "./answer.js";
import type { ExplainContext } from "./context.js";
import type { Match } from "./match.js";
import type { DesktopDecoderName, MessageRow } from "./message.js";

/** Reads the numbers and names of matches further than the sentences of their row. */
export type Decoder = (matches: readonly [Match, ...Match[]], context: ExplainContext) => Decoded;

/** The messages of desktop products; `desktopMessages` loads them. */
export interface DesktopMessages {
  readonly rows: readonly MessageRow[];
  /** Believed only where no row of another program matches the same words. */
  readonly lastRows: readonly MessageRow[];
  /** What a check of virtualization comes to that Windows or the Android emulator made. */
  readonly checked: (text: string) => Omit<TextVerdict, "covers"> | undefined;
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
