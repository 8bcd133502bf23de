import { wrap } from "./layout.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

/** What a machine lacks that cannot be read, and the command that makes it readable. */
interface Missing {
  readonly what: string;
  readonly why: string;
  readonly type?: string;
}

/**
 * What a report on an example begins and ends with, on a machine that cannot be read; `alike`: one of its own model. The reader has to
 * know at once that this is not the machine, and can learn why after the answer.
 */
export function exampleReport(
  missing: readonly Missing[],
  alike: boolean,
  width: number,
): { readonly head: Line[]; readonly end: Line[] } {
  const [only, ...more] = missing;
  const single = only !== undefined && more.length === 0;
  const which = alike ? "the atlas' CPU with its signature" : "a CPU of the atlas";
  const why: Inline = !single
    ? " (see the end)."
    : [`: ${only.why}`, ...(only.type === undefined ? ["."] : [" (", styled("command", only.type), ")."])];
  const head = wrap(
    [styled("warning", "VT-x of this machine cannot be read"), why, ` This is an example, ${which}.`],
    width,
  );
  const end: Line[] = [BLANK, ...(single ? [] : [[styled("heading", "This machine")]])];
  for (const { what, why: reason, type } of single ? [] : missing) {
    end.push(...wrap([styled("strong", what), `: ${reason}`], width, "  ", 4));
    if (type !== undefined) end.push(...wrap(styled("command", type), width, "    "));
  }
  const others = ["Other examples: ", styled("command", "vmxlens cpus"), ". A file with MSR values is a HOST, too."];
  return { head: [...head, BLANK], end: [...end, ...wrap(others, width, single ? "" : "  ")] };
}
