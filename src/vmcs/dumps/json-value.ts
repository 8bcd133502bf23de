import type { U64 } from "../../bits/u64.js";
import type { JsonNode } from "../../input/text/json-parse.js";
import { writtenValue } from "./lists/base.js";
import type { Base } from "./lists/number.js";

/** The digits of a scalar, as they are written. */
export function digitsOf(
  node: JsonNode | undefined,
  text: string,
): { readonly digits: string; readonly base: Base } | undefined {
  if (node?.kind !== "scalar") return undefined;
  if (typeof node.value === "number") {
    const digits = /^\d{1,40}(?![\d.eE])/.exec(text.slice(node.at, node.at + 41))?.[0];
    return digits === undefined ? undefined : { digits, base: "decimal" };
  }
  if (typeof node.value !== "string") return undefined;
  const marked = /^(?:0x([0-9a-f_]{1,24})|([0-9a-f]{1,16})h)$/i.exec(node.value.trim());
  if (marked !== null) return { digits: (marked[1] ?? (marked[2] as string)).replace(/_/g, ""), base: "hex" };
  return /^[0-9a-f]{1,20}$/i.test(node.value) ? { digits: node.value, base: "bare" } : undefined;
}

/** A value outside the fields: a string without 0x is hexadecimal there. */
export function readValue(node: JsonNode | undefined, text: string): U64 | "unknown" | undefined {
  if (node?.kind === "scalar" && node.value === null) return "unknown";
  const digits = digitsOf(node, text);
  const value = digits === undefined ? undefined : writtenValue(digits.digits, digits.base, "hex");
  return typeof value === "string" ? undefined : value;
}
