import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

/* The options that decide how an answer is printed, and not what it is. */

/** How an answer is printed. */
export interface OutputSettings {
  readonly json: boolean;
  readonly color: boolean;
  /** In which reports are made. */
  readonly width: number;
  /** The width of a report that is shown in Chinese; `width` is that of one that is going to be translated then. */
  readonly chinese?: number;
}

/** Columns when the output goes to no terminal. */
const DEFAULT_WIDTH = 100;
/** A width in which nothing is wrapped: a report that is translated is laid out afterwards. */
const UNWRAPPED = 100_000;
/** Columns of a terminal that reports none: a serial line, a pty that has no size. */
const UNKNOWN_WIDTH = 80;

/** `problems` holds one sentence for each option that is wrong. */
export function readOutput(
  raw: RawOptions,
  world: World,
): { readonly output: OutputSettings; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const width = widthOption(raw.width, world, problems);
  const output = {
    json: raw.json === true,
    color: wantsColor(raw.color, world),
    ...(raw.lang === "zh" ? { width: UNWRAPPED, chinese: width } : { width }),
  };
  return { output, problems };
}

/** --color and --no-color, then NO_COLOR (no-color.org), then FORCE_COLOR, then whether a terminal is there. */
export function wantsColor(option: boolean | undefined, { env, columns }: World): boolean {
  if (option !== undefined) return option;
  if ((env.NO_COLOR ?? "") !== "") return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return columns !== undefined && env.TERM !== "dumb";
}

/** The language of reports: what was asked for, or Chinese in a locale with simplified characters, or English. */
export function languageOf(asked: string | undefined, { LC_ALL, LC_MESSAGES, LANG }: World["env"]): string {
  const locale = [LC_ALL, LC_MESSAGES, LANG].find((one) => one !== undefined && one !== "") ?? "";
  return asked ?? (/^zh(?:_(?:CN|SG))?(?:[.@]|$)/.test(locale) ? "zh" : "en");
}

/** Bytes as a number, with K, M or G for powers of 1024; a sentence for anything else. */
export function bytesOption(text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d{1,15})([KMG])?(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(number) * 1024 ** ("kmg".indexOf(unit?.toLowerCase() ?? "") + (unit === undefined ? 0 : 1));
  if (number !== undefined && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  return `--max-bytes ${text}: a number of bytes, or of KiB, MiB or GiB as 500M`;
}

/** The columns of the terminal, or COLUMNS; undefined where neither is known. */
export function terminalWidth({ columns, env }: Pick<World, "columns" | "env">): number | undefined {
  if (columns !== undefined && columns > 0) return columns;
  const own = Number(env.COLUMNS ?? "");
  return Number.isInteger(own) && own > 0 ? own : undefined;
}

/** --width, then the terminal's columns; where there is no terminal, or it does not know them, COLUMNS. */
function widthOption(text: string | undefined, { columns, env }: World, problems: string[]): number {
  if (text === undefined)
    return terminalWidth({ columns, env }) ?? (columns === undefined ? DEFAULT_WIDTH : UNKNOWN_WIDTH);
  const width = Number(text);
  if (Number.isInteger(width) && width >= 20 && width <= 10_000) return width;
  problems.push(`--width ${text}: a number of columns from 20 to 10000`);
  return DEFAULT_WIDTH;
}
