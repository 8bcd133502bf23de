import { BOOT_RULES } from "../linux/boot-rules.js";
import { RELEASES, type ReleaseRange } from "../rules/release.js";
import type { Rule } from "../rules/rule.js";
import { COMPATIBILITY_MESSAGES } from "./guest/compatibility.js";
import { loadRules } from "./load/load-order.js";

/** A place of the kernel that prints a text. */
export interface Printer {
  readonly fn: string;
  readonly file: string;
  readonly says?: string;
  readonly releases?: ReleaseRange;
  /** The text as the tables have it, `%x` and `%d` for numbers. */
  readonly template: string;
}

let printers: readonly (Printer & { readonly pattern: RegExp })[] | undefined;

/** Every text that the rules of boot and of loading KVM print. */
export function kernelPrinters(): readonly Printer[] {
  return allPrinters();
}

function allPrinters(): readonly (Printer & { readonly pattern: RegExp })[] {
  if (printers !== undefined) return printers;
  const rules = new Set<Rule>(BOOT_RULES as readonly Rule[]);
  for (const release of RELEASES) for (const rule of loadRules(release)) rules.add(rule);
  const found: (Printer & { readonly pattern: RegExp })[] = [];
  for (const rule of rules) {
    for (const effect of rule.does) {
      const template = "say" in effect ? effect.say : "warn" in effect ? effect.text : undefined;
      if (template === undefined) continue;
      found.push({
        fn: rule.fn,
        file: rule.source,
        says: rule.says,
        ...(rule.releases === undefined ? {} : { releases: rule.releases }),
        template,
        pattern: templatePattern(template),
      });
    }
  }
  for (const row of COMPATIBILITY_MESSAGES) {
    found.push({
      fn: "vmx_check_processor_compat",
      file: "arch/x86/kvm/vmx/vmx.c",
      releases: row.releases,
      template: row.text,
      pattern: templatePattern(row.text),
    });
  }
  printers = found;
  return found;
}

/** Numbers may be any; the prefix of the module may be missing. */
export function templatePattern(template: string): RegExp {
  const [, prefix = "", body = template] = /^((?:x86\/cpu|kvm_intel|kvm|KVM): )?(.*)$/s.exec(template) ?? [];
  const escaped = body
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/%x/g, "[0-9a-f]{1,16}")
    .replace(/%d|(?<=CPU )0/g, "\\d{1,5}")
    .replace(/ {2,}/g, " +");
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

export interface Printing {
  readonly printer: Printer;
  /** The prefix is there, or missing, as the kernel prints it. */
  readonly exact: boolean;
  readonly length: number;
}

/** Texts that differ in the prefix only as well: people leave it out. */
export function looselyPrinting(line: string): readonly Printing[] {
  return allPrinters().flatMap((printer) => {
    const hit = printer.pattern.exec(line);
    if (hit === null) return [];
    const has = hit[1] !== undefined && hit[1] !== "";
    const bare = !has && !PREFIX.test(line.slice(0, hit.index));
    return [{ printer, exact: PREFIX.test(printer.template) ? has : bare, length: hit[0].length }];
  });
}

const PREFIX = /(?:x86\/cpu|kvm_intel|kvm|KVM): ?/;
