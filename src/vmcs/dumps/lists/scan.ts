/*
 * Steps over a line from left to right. Each looks at a character once and never goes back, so that a form made of them
 * takes linear time, which a pattern with several optional blanks in a row does not.
 */

/** A set of ASCII characters. */
export type Run = Uint8Array;

/** The set that a character class of a regular expression without escapes means: `A-Za-z0-9_`. */
export function runOf(characters: string): Run {
  const run = new Uint8Array(128);
  const inClass = new RegExp(`[${characters.replace("[", "\\[")}]`);
  for (let code = 0; code < run.length; code++) if (inClass.test(String.fromCharCode(code))) run[code] = 1;
  return run;
}

export const HEX = runOf("0-9a-fA-F");
export const LETTER = runOf("A-Za-z");

/** The end of the run of characters of the set that begins at `at`; `at` itself if there is none. */
export function runEnd(text: string, at: number, run: Run): number {
  let end = at;
  while (end < text.length && run[text.charCodeAt(end)] === 1) end++;
  return end;
}

/** Where the white space at `at` ends: the characters that `\s` means. */
export function blanksEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && isBlank(text.charCodeAt(end))) end++;
  return end;
}

function isBlank(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 9 && code <= 13);
  return code >= 0x80 && /\s/.test(String.fromCharCode(code));
}

/** Where the text between two places ends without the blanks at its end. */
export function trimmedEnd(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && isBlank(text.charCodeAt(end - 1))) end--;
  return end;
}

/** Whether a value may end at `at`: the line does, or a comma or semicolon, or a comment to its end, follows. */
export function isLineTail(text: string, at: number): boolean {
  const mark = blanksEnd(text, at);
  const end = text[mark] === "," ? blanksEnd(text, mark + 1) : mark;
  return end >= text.length || "#/;(".includes(text[end] as string);
}
