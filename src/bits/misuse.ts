/*
 * Arguments that no caller can mean. TypeScript refuses nearly all of them; plain JavaScript gets a RangeError whose message
 * begins with the name of the argument and says what to give.
 */

/** A wrong argument: a mistake of the caller. */
export function wrong(argument: string, says: string): RangeError {
  return new RangeError(`${argument}: ${says}`);
}

/** What a wrong argument is, for the sentence that refuses it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" ? "an object" : typeof value === "function" ? "a function" : String(value);
}

export function checkText(value: unknown, argument: string, what = "text"): asserts value is string {
  if (typeof value !== "string") throw wrong(argument, `give ${what}, not ${kindOf(value)}`);
}

/** An integer that is not negative: an index, a bit, a width. */
export function checkNumber(value: unknown, argument: string, what: string): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 0) throw wrong(argument, `give ${what}, not ${kindOf(value)}`);
}

/** An object with a member that everything of its kind has. */
export function checkHas(value: unknown, member: string, argument: string, what: string): void {
  if (typeof value === "object" && value !== null && member in value) return;
  throw wrong(argument, `give ${what}, not ${kindOf(value)}`);
}

/** A list of objects with a member that everything of their kind has. */
export function checkList(value: unknown, member: string, argument: string, what: string): void {
  if (!Array.isArray(value)) throw wrong(argument, `give a list of ${what}, not ${kindOf(value)}`);
  const other = value.find((one) => typeof one !== "object" || one === null || !(member in one));
  if (other !== undefined) throw wrong(argument, `give a list of ${what}; ${kindOf(other)} is none of them`);
}

export function checkOptions(value: unknown, argument = "options"): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw wrong(argument, `give an object, not ${kindOf(value)}`);
}

/** Text or bytes in pieces, as a stream gives them. */
export function checkStream(value: unknown, argument: string): void {
  if (typeof value === "object" && value !== null && Symbol.asyncIterator in value) return;
  throw wrong(argument, `give a stream or another async iterable, not ${kindOf(value)}`);
}
