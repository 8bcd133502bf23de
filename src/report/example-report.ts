import { wrap } from "./layout.js";
import { BLANK, type Line, styled } from "./text.js";

/** What precedes the report on an example, on a machine that cannot be read; `alike`: one of its own model. */
export function exampleReport(
  missing: readonly { readonly what: string; readonly why: string; readonly type?: string }[],
  alike: boolean,
  width: number,
): Line[] {
  const lines: Line[] = [[styled("warning", "VT-x of this machine cannot be read:")]];
  for (const { what, why, type } of missing) {
    lines.push(...wrap([styled("strong", what), `: ${why}`], width, "  ", 4));
    if (type !== undefined) lines.push(...wrap(styled("command", type), width, "    "));
  }
  const which = alike ? "the atlas' CPU with the signature of this one" : "a CPU of the atlas";
  const text = [
    `What follows is an example, ${which}. `,
    styled("command", "vmxlens cpus"),
    " lists others; a file with MSR values can be given too.",
  ];
  return [...lines, ...wrap(text, width), BLANK];
}
