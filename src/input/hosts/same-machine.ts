import type { Tri } from "../../bits/tri.js";
import { compatibleWords } from "../../bits/word.js";
import { isAbsent, type Msr } from "../../host/msr.js";
import { sameBrand } from "../text/brand.js";
import type { MachineMarks } from "./evidence.js";
import { addMsr, addNested, type MachineFactsRead, type Stated, state } from "./evidence-notes.js";
import type { CpuScope } from "./host-builder.js";

/*
 * Whether two pieces of a text are about one machine. A name is a weak mark: the kernel's log puts the vendor before the
 * brand string, and a tool writes it as it likes. So a name in another format makes another machine only together with a
 * signature or a register that contradicts.
 */

/** `unknown`: the names differ, were given by different readers, and nothing else has been said that decides. */
export function sameMachine({ marks, namedBy }: MachineFactsRead, said: MachineMarks, format: string): Tri {
  if (differ(marks.hypervisor, said.hypervisor)) return "no";
  if (differ(marks.vendor?.trim(), said.vendor?.trim())) return "no";
  if (marks.name === undefined || said.name === undefined || sameBrand(marks.name, said.name)) return "yes";
  if (namedBy === format || differ(marks.signature, said.signature)) return "no";
  return "unknown";
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Of two spellings of one name, the one without a word added before it. */
export function shorterName(a: MachineMarks, b: MachineMarks): Pick<MachineMarks, "name"> {
  if (a.name === undefined || b.name === undefined) return {};
  return { name: b.name.length < a.name.length ? b.name : a.name };
}

/** A signature, a register or a whole `vmx flags` line of the one that the other cannot have. */
export function contradicts(a: MachineFactsRead, b: MachineFactsRead): boolean {
  if (differ(a.marks.vendor?.trim(), b.marks.vendor?.trim())) return true;
  if (differ(a.marks.hypervisor, b.marks.hypervisor)) return true;
  if (differ(a.marks.signature, b.marks.signature)) return true;
  const [mine, theirs] = [registersOf(a), registersOf(b)];
  for (const [index, msr] of mine) {
    const other = theirs.get(index);
    if (other !== undefined && !compatible(msr, other)) return true;
  }
  return false;
}

/** One sighting of each register: that of the CPU without a number, or of the lowest number. */
function registersOf({ msrs }: MachineFactsRead): ReadonlyMap<number, Msr> {
  const found = new Map<number, Msr>();
  const rank = (scope: CpuScope) => (typeof scope === "number" ? scope + 1 : 0);
  for (const [, list] of [...msrs].sort(([x], [y]) => rank(x) - rank(y))) {
    for (const [index, { msr }] of list) if (!found.has(index)) found.set(index, msr);
  }
  return found;
}

function compatible(a: Msr, b: Msr): boolean {
  if (a.state === "unknown" || b.state === "unknown") return true;
  if (a.state === "absent" || b.state === "absent") return isAbsent(a) !== "no" && isAbsent(b) !== "no";
  return compatibleWords(a.hi, b.hi) && compatibleWords(a.lo, b.lo);
}

/** Adds all facts of one machine to another: they are the same machine. */
export function fold(from: MachineFactsRead, into: MachineFactsRead): void {
  into.marks = { ...from.marks, ...into.marks };
  into.since = Math.min(into.since, from.since);
  into.facts += from.facts;
  into.contradictions.push(...from.contradictions);
  const add = <K, T>(to: Map<K, Stated<T>>, list: ReadonlyMap<K, Stated<T>>, name: (key: K) => string): void => {
    for (const [key, said] of list) {
      state(to, key, said.value, said.at, into, () => name(key));
      if (said.disputed) to.set(key, said);
    }
  };
  add(into.system, from.system, (what) => (what === "kernel" ? "the kernel release" : what));
  add(into.params, from.params, (key) => `parameter ${key}`);
  for (const [key, said] of from.paramsAsked) into.paramsAsked.set(key, said);
  add(into.vmxFlags, from.vmxFlags, () => "the vmx flags line");
  add(into.cpuFlags, from.cpuFlags, () => "what the flags line says about VMX");
  for (const [scope, facts] of from.cpus) {
    const notes = into.cpus.get(scope) ?? new Map();
    into.cpus.set(scope, notes);
    add(notes, facts, (fact) => `${fact} of ${scope === "unnamed" ? "the CPU" : `CPU ${scope}`}`);
  }
  for (const [scope, list] of from.msrs) {
    for (const [index, { msr, at }] of list) addMsr(into, scope, index, msr, at);
  }
  for (const [index, { msr, at }] of from.nested) addNested(into, index, msr, at);
  for (const feature of from.xen) into.xen.add(feature);
  for (const text of from.messages) into.messages.add(text);
  for (const [id, row] of from.evidence) {
    const before = into.evidence.get(id);
    if (before === undefined) into.evidence.set(id, row);
    else before.times += row.times;
  }
}
