import { kindOf, wrong } from "../../bits/misuse.js";
import { type Fact, holdsIn } from "../../rules/held.js";
import { NEWEST_RELEASE, type Release } from "../../rules/release.js";

/*
 * How the kernel reads the text of a module parameter (kernel/params.c: param_set_bool, param_set_uint, param_set_int;
 * lib/kstrtox.c).
 */

/** First letters that decide, in either case. `o` needs a second one: on or off. */
export const BOOL_LETTERS: readonly (Fact & { readonly on: string; readonly off: string })[] = [
  { on: "y1", off: "n0" },
  // true and false; enabled and disabled.
  { on: "t", off: "f", held: { since: "5.19" } },
  { on: "e", off: "d", held: { since: "6.14" } },
];

/** kstrtobool: the first character decides, of `o` the second. Undefined when refused. */
export function parseBool(text: string, release: Release = NEWEST_RELEASE): boolean | undefined {
  const [first = "", second = ""] = text.toLowerCase();
  for (const { on, off, held } of BOOL_LETTERS) {
    if (first === "" || holdsIn(release, held) === false) continue;
    if (on.includes(first)) return true;
    if (off.includes(first)) return false;
  }
  if (first === "o" && second === "n") return true;
  return first === "o" && second === "f" ? false : undefined;
}

/** kstrtouint and kstrtoint with base 0: decimal, 0x hex or leading-0 octal. Text that is not a number or does not fit is refused. */
export function parseInteger(text: string, signed: boolean): number | "invalid" | "too large" {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)\n?$/.exec(text);
  if (match === null) return "invalid";
  const [, sign, digits] = match as unknown as [string, string, string];
  if (sign === "-" && !signed) return "invalid";
  const octal = /^0[0-7]+$/.test(digits);
  if (/^0[0-9]+$/.test(digits) && !octal) return "invalid";
  const magnitude = octal ? Number.parseInt(digits, 8) : Number(digits);
  const value = sign === "-" ? -magnitude : magnitude;
  if (signed ? value < -0x8000_0000 || value > 0x7fff_ffff : value > 0xffff_ffff) return "too large";
  return value;
}

/** As /sys/module/MODULE/parameters prints it. */
export function formatBool(value: boolean, shown: "Y/N" | "1/0" = "Y/N"): string {
  if (shown === "1/0") return value ? "1" : "0";
  return value ? "Y" : "N";
}

/**
 * A given parameter value as the text that the kernel parses: a number in decimal, a truth value as 1 or 0.
 * Throws `RangeError` that names the argument for anything else.
 */
export function valueText(value: unknown, argument: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw wrong(argument, `give the value as text, a number or a boolean, not ${kindOf(value)}`);
}
