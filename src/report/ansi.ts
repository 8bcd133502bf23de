import type { Line, Style } from "./text.js";

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

/** The lines as one text with a line end each; `color` adds terminal colours. */
export function renderLines(lines: readonly Line[], color: boolean): string {
  return lines
    .map((line) => {
      const text = line
        .map(({ text: piece, style }) =>
          color && style !== undefined ? `\u001b[${SGR[style]}m${piece}\u001b[0m` : piece,
        )
        .join("");
      return `${color ? text : text.trimEnd()}\n`;
    })
    .join("");
}
