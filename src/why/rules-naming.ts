import { type Atom, atomsOf } from "../rules/condition.js";
import { valuesOf } from "../rules/held.js";
import type { Bits, Effect, Rule } from "../rules/rule.js";
import { knownRules } from "./known-rules.js";

/*
 * Names and expressions of the source that only rules hold: `supported >> 16`, `X86_FEATURE_VMX`, `CONFIG_KVM_INTEL`, `tboot_enabled()`.
 */

/** `WARN_ON_ONCE(cond);` without the call around the condition, and a condition without outer brackets. */
const AROUND = /^(?:WARN(?:_ON)?(?:_ONCE)?|if|BUG_ON)\s?(\(.*\))\s?;?$/s;

/** The rules that a piece of the source is about: the condition of a warning, a CPU feature, a build option, a call that asks the machine. */
export function rulesNaming(text: string): readonly Rule[] {
  const wanted = bare(text);
  if (wanted === "") return [];
  return knownRules().filter((rule) => namesIn(rule).some((name) => bare(name) === wanted));
}

function bare(text: string): string {
  const trimmed = text.trim();
  const inner = (AROUND.exec(trimmed)?.[1] ?? trimmed).replaceAll(/\s/g, "").replace(/;$/, "").replace(/\(\)$/, "");
  return inner.startsWith("(") && inner.endsWith(")") && inner.indexOf("(", 1) < 0 ? inner.slice(1, -1) : inner;
}

function namesIn(rule: Rule): readonly string[] {
  return [
    ...(rule.when === undefined ? [] : atomsOf(rule.when).flatMap(namesInAtom)),
    ...rule.does.flatMap(namesInEffect),
  ];
}

function namesInAtom(atom: Atom): readonly string[] {
  if ("bit" in atom) return bitNames(atom.bit);
  return "config" in atom ? [atom.config] : [];
}

function namesInEffect(effect: Effect): readonly string[] {
  if ("warn" in effect) return [effect.warn, ...valuesOf(effect.cond)];
  if ("set" in effect) return bitNames(effect.set);
  return "clear" in effect ? bitNames(effect.clear) : [];
}

/** How the source asks for a bit of a word that it does not have: a CPU feature, or a fact of the machine. */
const ASKS: { readonly [word: string]: (bit: string) => readonly string[] } = {
  caps: (bit) => [`X86_FEATURE_${bit}`],
  kvm_caps: (bit) => [bit, `kvm_caps.${bit}`],
  machine: (bit) => (bit === "tboot" ? ["tboot_enabled"] : []),
};

function bitNames([word, ...bits]: Bits): readonly string[] {
  const ask = ASKS[word];
  return ask === undefined ? [] : bits.flatMap((bit) => ask(String(bit)));
}
