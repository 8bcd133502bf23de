import type { Tri } from "../../src/bits/tri.js";
import type { Word } from "../../src/bits/word.js";
import type { CompatibilityCheck } from "../../src/kvm/guest/compatibility.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import type { PhaseLog } from "../../src/kvm/phase-log.js";
import { paramsOf } from "../../src/kvm/programs.js";
import type { Replay } from "../../src/kvm/replay.js";
import { paramText } from "../../src/kvm/replay-params.js";
import { cpuFlags, vmxFlagsLine } from "../../src/linux/cpuinfo.js";
import type { Certainty, MsrRead, Refusal } from "../../src/rules/machine.js";
import { WORD_NAMES, type WordName } from "../../src/rules/words.js";
import { kernelFindings } from "../../src/why/kernels/kernel-findings.js";

/*
 * The law of unknowns: what the replay of a partly hidden host claims to know is what the replay of every completion
 * gives, and what a completion does was possible. Every field of the result is held to it. Words that loading KVM fills
 * hold for completions that load, and so do records that say `if it loads`; all other records hold for every completion.
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
  found.push(...logContradictions("boot", a.boot, b.boot, full.loads));

  same("loads on the boot CPU", a.loads, b.loads);
  same("loads", partial.loads, full.loads);
  if (partial.error !== undefined) same("error", partial.error, full.error ?? "none");
  const refusal = b.refusals.at(-1);
  if (refusal !== undefined && !a.refusals.some(({ rule, fn }) => rule === refusal.rule && fn === refusal.fn)) {
    found.push(`refusal ${refusal.rule} was not possible`);
  }
  for (const claimed of a.refusals) {
    if (claimed.certain && !b.refusals.some((actual) => sameRefusal(claimed, actual))) {
      found.push(`refusal ${claimed.rule} is certain and does not happen`);
    }
  }
  if (a.loads === "no" && a.refusals.length === 0) found.push("does not load, and nothing refuses");
  found.push(...logContradictions("load", a.load, b.load, full.loads));
  found.push(...findingContradictions(partial, full));
  for (const [position, check] of partial.compatibility.entries()) {
    found.push(...checkContradictions(check, full.compatibility[position], full.loads));
  }
  if (partial.unknownParams.join() !== full.unknownParams.join()) found.push("unknown parameters differ");
  if (b.loads === "no") return found;
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
  return found;
}

function sameRefusal(claimed: Refusal, actual: Refusal): boolean {
  if (claimed.rule !== actual.rule || claimed.fn !== actual.fn || claimed.errno !== actual.errno) return false;
  const [some, all] = [claimed.missing, actual.missing];
  return some === undefined ? all === undefined : some.word === all?.word && (some.bits & ~all.bits) === 0;
}

/** Does a claim bind a completion: what holds if it loads says nothing of one that does not. */
function binds(certain: Certainty, loads: Tri): boolean {
  return certain === "if it loads" ? loads === "yes" : certain;
}

/** What is remarkable: a certain finding is one of the completion, and what a completion finds was possible. */
function findingContradictions(partial: Replay, full: Replay): string[] {
  const [claimed, actual] = [kernelFindings(partial), kernelFindings(full)];
  const found: string[] = [];
  for (const one of claimed) {
    if (!binds(one.certain, full.loads)) continue;
    const text = one.text.replace(", if kvm_intel loads", "");
    // What is missing or differs for certain is named; a completion may add to that.
    const loose = one.id === "kvm-refuses" || one.id === "core-refused" || text.startsWith("At least ");
    const fits = actual.some((other) => other.id === one.id && (loose || other.text === text));
    if (!fits) found.push(`finding: claims ${one.text}; has ${actual.map((other) => other.text).join(" / ")}`);
  }
  for (const other of actual) {
    if (other.certain !== true) found.push(`finding: a completion is not certain of ${other.text}`);
    const known = ["eptp-switching-hidden", "vpid-follows-vnmi", "true-not-read"].includes(other.id);
    if (!known && !claimed.some((one) => one.id === other.id)) found.push(`finding: ${other.text} was not possible`);
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

function logContradictions(phase: string, claimed: PhaseLog, actual: PhaseLog, loads: Tri): string[] {
  const found: string[] = [];
  const check = <A, B>(what: string, list: readonly A[], seen: readonly B[], rules: Matching<A, B>) => {
    if (!matches(list, seen, rules)) {
      found.push(`${phase} ${what}: ${JSON.stringify(list)} does not fit ${JSON.stringify(seen)}`);
    }
  };
  check("messages", claimed.messages, actual.messages, {
    same: (a, b) => a.level === b.level && sameText(a.text, b.text),
    certain: (a) => binds(a.certain, loads),
  });
  check("warnings", claimed.warnings, actual.warnings, {
    same: (a, b) => a.cond === b.cond && a.func === b.func && a.kind === b.kind && a.text === b.text,
    certain: (a) => binds(a.certain, loads),
  });
  check("reads", claimed.rdmsr, actual.rdmsr, {
    same: (a, b) => a.msr === b.msr && a.how === b.how && a.fn === b.fn && agree(a, b),
    certain: ({ happens }) => binds(happens === "if it loads" ? happens : happens === "yes", loads),
  });
  for (const { msr, certain } of claimed.unchecked) {
    if (binds(certain, loads) && !actual.unchecked.some((entry) => entry.msr === msr))
      found.push(`${phase} fault of ${msr} missing`);
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

/** `actual` is missing when the boot CPU is refused: no other is looked at then. */
function checkContradictions(
  claimed: CompatibilityCheck,
  actual: CompatibilityCheck | undefined,
  loads: Tri,
): string[] {
  const found: string[] = [];
  const sure = claimed.messages.filter(({ certain }) => binds(certain, loads));
  if (actual === undefined) {
    const refused = claimed.refusals.filter(({ certain }) => certain);
    return [...sure, ...refused].map((record) => `further CPU: claims ${JSON.stringify(record)}, is not looked at`);
  }
  for (const one of claimed.refusals) {
    if (one.certain && !actual.refusals.some((other) => sameRefusal(one, other)))
      found.push(`further CPU: refusal ${one.rule} is certain and does not happen`);
  }
  const last = actual.refusals.at(-1);
  if (last !== undefined && !claimed.refusals.some(({ rule }) => rule === last.rule))
    found.push(`further CPU: refusal ${last.rule} was not possible`);
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
    certain: (a) => binds(a.certain, loads),
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
