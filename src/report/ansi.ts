import { kindOf, wrong } from "../bits/misuse.js";
import type { Line, Style } from "./text.js";
import { codePointText, HIDDEN_IN_LINES, visible } from "./visible.js";

/** SGR parameters; the eight basic colours only, which every theme makes readable. */
const SGR: { readonly [S in Style]: string } = {
  title: "1",
  heading: "1;4",
  label: "2",
  yes: "32",
  no: "31",
  unknown: "33",
  dim: "2",
  strong: "1",
  command: "36",
  error: "1;31",
  warning: "1;33",
  note: "1;34",
};

function checkLines(lines: unknown): void {
  if (Array.isArray(lines) && lines.every((line) => Array.isArray(line))) return;
  throw wrong("lines", `give a list of lines, as a report returns, not ${kindOf(lines)}`);
}

/** The lines as one text with a line end each; `color` adds terminal colours. */
export function renderLines(lines: readonly Line[], color: boolean): string {
  checkLines(lines);
  if (typeof color !== "boolean") throw wrong("color", `give true or false, not ${kindOf(color)}`);
  return lines
    .map((line) => {
      const text = line
        .map(({ text, style }) => {
          const piece = visible(text);
          return color && style !== undefined ? `\u001b[${SGR[style]}m${piece}\u001b[0m` : piece;
        })
        .join("");
      return `${color ? text : text.trimEnd()}\n`;
    })
    .join("");
}

const HIDDEN = new RegExp(HIDDEN_IN_LINES, "g");
/** The colours of `renderLines` and nothing else, or a character that is not to be seen. */
const OWN_OR_HIDDEN = new RegExp(
  `\u001b\\[(?:0|${[...new Set(Object.values(SGR))].join("|")})m|${HIDDEN_IN_LINES}`,
  "g",
);
const PLAIN = /^[\n -~]*$/;

/**
 * The last guard, for text that is about to leave: only line ends and, where colours are wanted, our own colours are
 * left of what a terminal acts on.
 */
export function guarded(text: string, color: boolean): string {
  if (PLAIN.test(text)) return text;
  if (!color) return text.replace(HIDDEN, codePointText);
  return text.replace(OWN_OR_HIDDEN, (found) => (found.length > 2 ? found : codePointText(found)));
}
