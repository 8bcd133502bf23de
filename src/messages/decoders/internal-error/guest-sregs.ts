import type { Decoded } from "../../../answers/answer.js";
import type { ExplainContext } from "../../context.js";

/*
 * Control registers that a program gives a guest by KVM_SET_SREGS, as its source or its author writes them: SDM volume 3C, checks on
 * guest control registers.
 */

const VALUE =
  /\b(?:sregs?(?:\.|->))?(?<name>cr0|cr4|efer) ?[=:] ?(?:0x(?<hex>[0-9a-f]{1,8})|(?<decimal>\d{1,9}))(?![\w.])/gi;

/** A failed entry with the rule that they break, where a program of the poster's own sets them. */
export function withSregs(decoded: Decoded, { circumstances, lines }: ExplainContext): Decoded {
  const broken = circumstances.has("a program of its own on KVM") ? brokenRule(lines(1, MOST_LINES)) : undefined;
  return broken === undefined ? decoded : { ...decoded, what: `${broken}. ${decoded.what ?? ""}` };
}
const MOST_LINES = 300;

/** Undefined where they break none, or are not all there. */
function brokenRule(lines: readonly string[]): string | undefined {
  const found = new Map<string, number>();
  for (const { groups = {} } of lines.join("\n").matchAll(VALUE)) {
    const { name = "", hex, decimal } = groups;
    found.set(name.toLowerCase(), hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  }
  const bit = (name: string, number: number) => {
    const value = found.get(name);
    return value === undefined ? undefined : ((value >>> number) & 1) === 1;
  };
  const [pe, pg, pae] = [bit("cr0", 0), bit("cr0", 31), bit("cr4", 5)];
  const [lme, lma] = [bit("efer", 8), bit("efer", 10)];
  if (pg === true && pe === false) return "CR0 has PG (bit 31) without PE (bit 0)";
  if (lma === true && pae === false) return "EFER has LMA (64-bit mode), and CR4 lacks PAE (bit 5), which it needs";
  if (lma === true && pg === false) return "EFER has LMA, and CR0 lacks PG (bit 31)";
  if (lma === false && lme === true && pg === true) return "EFER has LME with paging on, and lacks LMA (bit 10)";
  return undefined;
}
