import { BOOT_RULES } from "../linux/boot-rules.js";
import { functionOf } from "../rules/effect.js";
import { heldIn, valueIn } from "../rules/held.js";
import { KERNELS, type Release } from "../rules/kernels.js";
import { wordingsOf } from "../rules/printing.js";
import type { Errno, Rule } from "../rules/rule.js";
import { COMPATIBILITY_MESSAGES } from "./guest/compatibility.js";
import { loadParts } from "./load/load-order.js";

/** A place of the kernel that prints a text. */
export interface Printer {
  /** The function, by its name in each kernel of `releases`. */
  readonly fn: (release: Release) => string;
  readonly file: string;
  readonly says?: string;
  /** The modelled kernels that print it, or may. */
  readonly releases: readonly Release[];
  /** The text as the tables have it, `%x` and `%d` for numbers. */
  readonly template: string;
  /** The error with which the module is refused together with the text. */
  readonly refuses?: Errno;
  /** The rule that prints it. */
  readonly rule?: string;
  /** A fact of the machine without which it is not printed. */
  readonly machine?: readonly string[];
}

/** With what finds it in a line: a word that every such line has, and the pattern, made when a line has the word. */
interface Sought extends Printer {
  readonly word: string;
  pattern?: RegExp;
}

let printers: readonly Sought[] | undefined;

/** Every text that the rules of boot and of loading KVM print. */
export function kernelPrinters(): readonly Printer[] {
  return allPrinters();
}

/** The function of the per-CPU check, whose texts name the CPU. */
export const PER_CPU_FUNCTION = "vmx_check_processor_compat";

function allPrinters(): readonly Sought[] {
  printers ??= [...rulePrinters(), ...compatibilityPrinters()]
    .sort((a, b) => firstKernel(a) - firstKernel(b))
    .map((printer) => ({ ...printer, word: longestWord(printer.template) }));
  return printers;
}

function firstKernel({ releases: [first] }: Printer): number {
  return KERNELS.findIndex(({ id }) => id === first);
}

function rulePrinters(): readonly Printer[] {
  const orders = KERNELS.map(({ id }) => loadParts(id));
  const rules = new Set([...BOOT_RULES, ...[...new Set(orders.flat())].flat()].filter(prints));
  const boot: ReadonlySet<Rule> = new Set(BOOT_RULES);
  // A rule whose step moved is in the tables twice, and prints the same.
  const found = new Map<string, Printer & { readonly releases: Release[] }>();
  for (const rule of rules) {
    for (const [at, row] of KERNELS.entries()) {
      if (!boot.has(rule) && orders[at]?.some((part) => part.includes(rule)) !== true) continue;
      if (heldIn(rule.held, row) === false) continue;
      for (const template of textsOf(rule, row.id)) {
        const key = `${rule.id} ${template}`;
        const known = found.get(key);
        if (known !== undefined) known.releases.push(row.id);
        else {
          const file = valueIn(rule.file, row.id) ?? "";
          const fn = (release: Release) => functionOf(rule, release);
          const refuses = rule.does.find((effect) => "refuse" in effect)?.refuse;
          found.set(key, {
            fn,
            file,
            says: rule.says,
            template,
            releases: [row.id],
            rule: rule.id,
            ...(refuses === undefined ? {} : { refuses }),
            machine: machineBits(rule.when),
          });
        }
      }
    }
  }
  return [...found.values()];
}

/** Facts of the machine that have to be so for a condition to hold. */
function machineBits(when: Rule["when"]): readonly string[] {
  if (when === undefined) return [];
  if ("all" in when) return when.all.flatMap(machineBits);
  return "bit" in when && when.bit[0] === "machine" ? [String(when.bit[1])] : [];
}

function compatibilityPrinters(): readonly Printer[] {
  return COMPATIBILITY_MESSAGES.map(({ text, held }) => ({
    fn: () => PER_CPU_FUNCTION,
    file: "arch/x86/kvm/vmx/vmx.c",
    template: text,
    refuses: "EIO",
    releases: KERNELS.filter((row) => heldIn(held, row) !== false).map(({ id }) => id),
  }));
}

function prints(rule: Rule): boolean {
  return rule.does.some((effect) => "say" in effect || ("warn" in effect && effect.text !== undefined));
}

/** Behind the prefix, which may be missing; without numbers, which may be others. */
function longestWord(template: string): string {
  const words = template
    .replace(/^(?:x86\/cpu|kvm_intel|kvm|KVM): /, "")
    .replace(/%[xd]/g, " ")
    .toLowerCase()
    .match(/[a-z]+/g);
  return (words ?? []).reduce((longest, word) => (word.length > longest.length ? word : longest), "");
}

function textsOf(rule: Rule, release: Release): string[] {
  return rule.does.flatMap((effect) => {
    if ("say" in effect) return wordingsOf(effect, release).map(({ text }) => text);
    if (!("warn" in effect) || effect.text === undefined) return [];
    return valueIn(effect.text, release) ?? [];
  });
}

/** Numbers may be any; the prefix of the module may be missing, and people leave out the full stop. */
export function templatePattern(template: string): RegExp {
  const [, prefix = "", body = template] = /^((?:x86\/cpu|kvm_intel|kvm|KVM): )?(.*)$/s.exec(template) ?? [];
  const escaped = body
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/%x/g, "[0-9a-f]{1,16}")
    .replace(/%d|(?<=CPU )0/g, "\\d{1,5}")
    .replace(/ {2,}/g, " +")
    .replace(/\\\.$/, "\\.?");
  return new RegExp(`(${prefix})?${escaped}`, "i");
}

/** The places that print what a line says; those with the same prefix if the line has one. */
export function printersOf(line: string): readonly Printer[] {
  const matching = looselyPrinting(line);
  const exact = matching.filter((row) => row.exact);
  const good = exact.length > 0 ? exact : matching;
  // One text can be the beginning of another.
  const longest = Math.max(0, ...good.map((row) => row.length));
  return good.filter((row) => row.length === longest).map((row) => row.printer);
}

/** The places that print a line as it is, from its first to its last character. */
export function printersOfWhole(line: string): readonly Printer[] {
  const text = line.trim();
  return looselyPrinting(text).flatMap(({ exact, length, printer }) =>
    exact && length === text.length ? printer : [],
  );
}

export interface Printing {
  readonly printer: Printer;
  /** The prefix is there, or missing, as the kernel prints it. */
  readonly exact: boolean;
  readonly length: number;
}

/** Texts that differ in the prefix only as well: people leave it out. */
export function looselyPrinting(line: string): readonly Printing[] {
  const lower = line.toLowerCase();
  return allPrinters().flatMap((printer) => {
    if (!lower.includes(printer.word)) return [];
    printer.pattern ??= templatePattern(printer.template);
    const hit = printer.pattern.exec(line);
    if (hit === null) return [];
    const has = hit[1] !== undefined && hit[1] !== "";
    const bare = !has && !PREFIX.test(line.slice(0, hit.index));
    return [{ printer, exact: PREFIX.test(printer.template) ? has : bare, length: hit[0].length }];
  });
}

const PREFIX = /(?:x86\/cpu|kvm_intel|kvm|KVM): ?/;
