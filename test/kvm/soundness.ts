import type { Tri } from "../../src/bits/tri.js";
import type { Word } from "../../src/bits/word.js";
import type { CompatibilityCheck } from "../../src/kvm/guest/compatibility.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { type PhaseLog, paramsOf, paramText, type Replay } from "../../src/kvm/replay.js";
import { cpuFlags, vmxFlagsLine } from "../../src/linux/cpuinfo.js";
import type { MsrRead } from "../../src/rules/machine.js";
import { WORD_NAMES, type WordName } from "../../src/rules/words.js";

/*
 * The law of unknowns: what the replay of a partly hidden host claims to know is what the replay of every completion
 * gives, and what a completion does was possible. Boot holds without condition; what loading KVM gives holds for
 * completions that load.
 */

const BOOT_WORDS: readonly WordName[] = [
  ...(["feat_ctl.lo", "feat_ctl.hi", "want", "caps"] as const),
  ...([0, 1, 2, 3, 4] as const).map((n) => `vmx_capability[${n}]` as const),
];
const INPUT_WORDS: readonly WordName[] = ["cpu_has", "machine", "reached"];
const LOAD_WORDS = WORD_NAMES.filter(
  (name) => !BOOT_WORDS.includes(name) && !INPUT_WORDS.includes(name) && !/^IA32_/.test(name),
);

/** Everything that contradicts the law, as readable lines. */
export function contradictions(partial: Replay, full: Replay): string[] {
  const found: string[] = [];
  const same = (what: string, claimed: Tri | string, actual: Tri | string) => {
    if (claimed !== "unknown" && claimed !== actual) found.push(`${what}: claims ${claimed}, is ${actual}`);
  };
  const word = (name: string, claimed: Word, actual: Word) => {
    if (actual.unknown !== 0) found.push(`${name}: a completion has unknown bits`);
    const wrong = ((claimed.value ^ actual.value) & ~claimed.unknown) >>> 0;
    if (wrong !== 0) found.push(`${name}: bits ${wrong.toString(16)} are wrong`);
  };
  const a = partial.cpu;
  const b = full.cpu;
  for (const name of BOOT_WORDS) word(name, a.word(name), b.word(name));
  bootLines(partial, full, same);
  found.push(...logContradictions("boot", a.boot, b.boot));

  same("loads on the boot CPU", a.loads, b.loads);
  same("loads", partial.loads, full.loads);
  if (partial.error !== undefined) same("error", partial.error, full.error ?? "none");
  const refusal = b.refusals.at(-1);
  if (refusal !== undefined && !a.refusals.some(({ rule, fn }) => rule === refusal.rule && fn === refusal.fn)) {
    found.push(`refusal ${refusal.rule} was not possible`);
  }
  if (b.loads === "no") {
    if (a.loads === "no") found.push(...logContradictions("load", a.load, b.load));
    return found;
  }
  for (const name of LOAD_WORDS) word(name, a.word(name), b.word(name));
  for (const row of paramsOf(partial.release, partial.config)) {
    same(`parameter ${row.name}`, paramText(a, row), paramText(b, row));
  }
  const nested = nestedMsrs(b);
  for (const [index, value] of nestedMsrs(a)) {
    const actual = nested.get(index);
    if (actual === undefined) continue;
    word(`nested ${index.toString(16)}`, value.lo, actual.lo);
    word(`nested ${index.toString(16)} high`, value.hi, actual.hi);
  }
  found.push(...logContradictions("load", a.load, b.load));
  for (const [position, check] of partial.compatibility.entries()) {
    const actual = full.compatibility[position];
    if (actual !== undefined) found.push(...checkContradictions(check, actual));
  }
  return found;
}

function bootLines(partial: Replay, full: Replay, same: (what: string, claimed: Tri, actual: Tri) => void): void {
  const line = ({ release, cpu }: Replay) =>
    vmxFlagsLine(
      release,
      cpu.bit("caps", "VMX"),
      ([0, 1, 2, 3, 4] as const).map((n) => cpu.word(`vmx_capability[${n}]`)),
    );
  const claimed = line(partial);
  const actual = line(full);
  same("vmx flags line", claimed.printed, actual.printed);
  for (const [position, { flag, set }] of claimed.flags.entries()) {
    same(`vmx flag ${flag}`, set, actual.flags[position]?.set ?? "no");
  }
  const flags = ({ release, cpu }: Replay) => cpuFlags(release, (name) => cpu.bit("caps", name));
  const others = flags(full);
  for (const [position, { flag, set }] of flags(partial).entries()) {
    same(`flag ${flag}`, set, others[position]?.set ?? "no");
  }
}

function logContradictions(phase: string, claimed: PhaseLog, actual: PhaseLog): string[] {
  const found: string[] = [];
  const check = <A, B>(what: string, list: readonly A[], seen: readonly B[], rules: Matching<A, B>) => {
    if (!matches(list, seen, rules)) {
      found.push(`${phase} ${what}: ${JSON.stringify(list)} does not fit ${JSON.stringify(seen)}`);
    }
  };
  check("messages", claimed.messages, actual.messages, {
    same: (a, b) => a.level === b.level && sameText(a.text, b.text),
    certain: (a) => a.certain,
  });
  check("warnings", claimed.warnings, actual.warnings, {
    same: (a, b) => a.cond === b.cond && a.func === b.func && a.kind === b.kind && a.text === b.text,
    certain: (a) => a.certain,
  });
  check("reads", claimed.rdmsr, actual.rdmsr, {
    same: (a, b) => a.msr === b.msr && a.how === b.how && a.fn === b.fn && agree(a, b),
    certain: (a) => a.happens === "yes",
  });
  for (const { msr, certain } of claimed.unchecked) {
    if (certain && !actual.unchecked.some((entry) => entry.msr === msr)) found.push(`${phase} fault of ${msr} missing`);
  }
  for (const { msr } of actual.unchecked) {
    if (!claimed.unchecked.some((entry) => entry.msr === msr)) found.push(`${phase} fault of ${msr} was not possible`);
  }
  return found;
}

function agree(a: MsrRead, b: MsrRead): boolean {
  return a.faults === "unknown" || a.faults === b.faults;
}

/** A digit that is not known is printed as `?`; it stands for the digits of any number. */
function sameText(claimed: string, actual: string): boolean {
  if (!claimed.includes("?")) return claimed === actual;
  const pattern = claimed.replace(/[.*+^${}()|[\]\\]/g, "\\$&").replace(/\?+/g, "[0-9a-f]+");
  return new RegExp(`^${pattern}$`).test(actual);
}

function checkContradictions(claimed: CompatibilityCheck, actual: CompatibilityCheck): string[] {
  const found: string[] = [];
  if (claimed.agrees !== "unknown" && claimed.agrees !== actual.agrees) {
    found.push(`further CPU: claims ${claimed.agrees}, is ${actual.agrees}`);
  }
  const seen = new Set(actual.differences.map((row) => row.offset));
  const possible = new Set(claimed.differences.map((row) => row.offset));
  // Fields beyond a refusal are not computed, so they compare nothing.
  if (actual.refusals.length === 0) {
    for (const { offset, certain } of claimed.differences) {
      if (certain && !seen.has(offset)) found.push(`further CPU: offset ${offset} does not differ`);
    }
    for (const offset of seen) if (!possible.has(offset)) found.push(`further CPU: offset ${offset} was not possible`);
  }
  const fits = matches(claimed.messages, actual.messages, {
    same: (a, b) => sameText(a.text, b.text),
    certain: (a) => a.certain,
  });
  if (!fits) found.push(`further CPU: ${JSON.stringify(claimed.messages)} / ${JSON.stringify(actual.messages)}`);
  return found;
}

interface Matching<A, B> {
  readonly same: (a: A, b: B) => boolean;
  readonly certain: (a: A) => boolean;
}

/** Is there a way to strike possible entries from `claimed` so that the rest is `actual`, in order. */
function matches<A, B>(claimed: readonly A[], actual: readonly B[], { same, certain }: Matching<A, B>): boolean {
  // reachable[j]: the entries so far can give exactly the first j of `actual`.
  let reachable = actual.map(() => false);
  reachable = [true, ...reachable];
  for (const a of claimed) {
    const next = reachable.map((reached) => reached && !certain(a));
    for (const [j, b] of actual.entries()) if (reachable[j] && same(a, b)) next[j + 1] = true;
    reachable = next;
  }
  return reachable[actual.length] === true;
}
