import type { Tri } from "../../src/bits/tri.js";
import { formatWord, type Word } from "../../src/bits/word.js";

export type Language = "en" | "zh";

/** One marked block of the document: its text in a language. */
export type Block = (language: Language) => string;

/** Picks the text of a language. */
export function pick(language: Language, en: string, zh: string): string {
  return language === "en" ? en : zh;
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  for (const row of rows) if (row.length !== header.length) throw new Error(`a row of ${row.length} cells: ${row}`);
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

export function fence(lines: readonly string[]): string {
  return ["```text", ...lines, "```"].join("\n");
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function hex(word: Word): string {
  return code(formatWord(word));
}

/** `0x…` of both halves, `0x0` when both are zero. */
export function hexPair({ hi, lo }: { readonly hi: Word; readonly lo: Word }): string {
  if (hi.value === 0 && hi.unknown === 0) return hex(lo);
  return code(formatWord(hi) + formatWord(lo, 8).slice(2));
}

export function msrNumber(index: number): string {
  return code(`0x${index.toString(16)}`);
}

export function yesNo(language: Language, value: Tri): string {
  if (value === "unknown") return pick(language, "unknown", "未知");
  return value === "yes" ? pick(language, "yes", "是") : pick(language, "no", "否");
}

/** 1, 0 or ?. */
export function digit(value: Tri): string {
  return value === "unknown" ? "?" : value === "yes" ? "1" : "0";
}

export function list(language: Language, items: readonly string[]): string {
  if (items.length === 0) return pick(language, "none", "无");
  return items.join(pick(language, ", ", "、"));
}
