/*
 * How the kernel reads the text of a module parameter (kernel/params.c: param_set_bool, param_set_uint, param_set_int;
 * lib/kstrtox.c).
 */

/** kstrtobool: y, t and 1, n, f and 0 (first character decides), on and off. Undefined when refused. */
export function parseBool(text: string): boolean | undefined {
  const first = text[0]?.toLowerCase();
  if (first === "y" || first === "t" || first === "1") return true;
  if (first === "n" || first === "f" || first === "0") return false;
  if (first === "o") {
    const second = text[1]?.toLowerCase();
    if (second === "n") return true;
    if (second === "f") return false;
  }
  return undefined;
}

/** kstrtouint and kstrtoint with base 0: decimal, 0x hex or leading-0 octal. Undefined when refused. */
export function parseInteger(text: string, signed: boolean): number | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)\n?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, digits] = match as unknown as [string, string, string];
  if (sign === "-" && !signed) return undefined;
  const octal = /^0[0-7]+$/.test(digits);
  if (/^0[0-9]+$/.test(digits) && !octal) return undefined;
  const magnitude = octal ? Number.parseInt(digits, 8) : Number(digits);
  const value = sign === "-" ? -magnitude : magnitude;
  if (signed ? value < -0x8000_0000 || value > 0x7fff_ffff : value > 0xffff_ffff) return undefined;
  return value;
}

/** As /sys/module/MODULE/parameters prints it. */
export function formatBool(value: boolean): string {
  return value ? "Y" : "N";
}
