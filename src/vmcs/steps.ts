import { judge } from "./audit-judge.js";
import type { Check } from "./checks/check-row.js";
import { CHECKS } from "./checks/checks.js";
import { controlInForce } from "./checks/evaluate.js";
import { fieldsOf } from "./checks/inputs.js";
import { fieldValue, type Scene, sceneWith } from "./checks/scene.js";
import { controlBit, controlWordOf } from "./fields/control-bits.js";
import type { FieldRow } from "./fields/field-row.js";
import { type FieldKey, fieldOf } from "./fields/fields.js";
import { applyEdits, type Edit, type Repair, repairs } from "./repair.js";
import { format64, type Value64 } from "./value64.js";

const checksByField = new Map<number, readonly Check[]>();

/** The checks whose rule or condition looks at a field. */
export function checksOn(encoding: number): readonly Check[] {
  let found = checksByField.get(encoding);
  if (found === undefined) {
    found = CHECKS.filter((check) => fieldsOf(check.rule, fieldsOf(check.when)).has(encoding));
    checksByField.set(encoding, found);
  }
  return found;
}

/**
 * How close a field is to what the guest does: what a hypervisor derives (controls, blocking, pending traps, access
 * rights) is changed before registers that are the guest's or the host's own. Two small changes are more than one large.
 */
const DERIVED = 3;
const OWN = 4;

export function weightOf({ key }: FieldRow): number {
  // Which event to inject is a decision, how long its instruction is follows from it.
  if (key === "ctl.ev") return OWN;
  if (key.startsWith("ctl.") || /\.(?:ar|limit|base)$/.test(key)) return DERIVED;
  return /^guest\.(?:interruptibility|activity|pending_dbg|link|preemption_timer|smbase)$/.test(key) ? DERIVED : OWN;
}

/** A change of mode is one step, whatever fields it takes: IA-32e mode guest and the bits of IA32_EFER that go with it. */
const IA32E = controlBit("entry.IA32E_MODE");
const LOAD_EFER = controlBit("entry.LOAD_IA32_EFER");
const HOST_64 = 9;
const LME = 8;
const LMA = 10;
const PG = 31;

function isModeEdit({ row, mask }: Edit): boolean {
  return row.encoding === IA32E.word.encoding && ((mask.lo >>> IA32E.bit) & 1) === 1;
}

/** The change with what belongs to the same step. */
export function stepOf(way: Repair, scene: Scene): Repair {
  const mode = way.find(isModeEdit);
  if (mode === undefined || controlInForce(scene, LOAD_EFER) !== "yes") return way;
  const efer = fieldOf("guest.efer");
  if (way.some(({ row }) => row === efer) || !scene.fields.has(efer.encoding)) return way;
  const on = ((mode.value.lo >>> IA32E.bit) & 1) === 1;
  const mask = (1 << LMA) | (on || isPaging(scene) ? 1 << LME : 0);
  return [...way, { row: efer, mask: { lo: mask, hi: 0 }, value: { lo: on ? mask : 0, hi: 0 } }];
}

function isPaging(scene: Scene): boolean {
  const cr0 = fieldValue(scene.fields, fieldOf("guest.cr0")).lo;
  return ((cr0.value >>> PG) & 1) === 1;
}

/** What a change costs: the weights of its fields. A guest that left paging left the mode; that is one step. */
export function costOf(way: Repair, scene: Scene): number {
  const left = way.some(isModeEdit) && !isPaging(scene);
  let cost = 0;
  for (const row of new Set(way.map(({ row }) => row))) {
    if (left && row.key === "guest.efer") continue;
    cost += weightOf(row);
    // A register that is 0 where it may not be was most likely never written.
    if (!row.key.startsWith("ctl.") && isUnset(fieldValue(scene.fields, row))) cost--;
  }
  const leavesPaged = way.some(isModeEdit) && isPaging(scene);
  const doubted = way.some((edit) => agreesAlready(edit, scene)) ? DOUBT : 0;
  return cost + doubted + (isEvasion(way, scene) || leavesPaged ? EVASION : 0);
}

/** A field that is as it should be but for another one is the less likely of the two to be wrong. */
const DOUBT = 2;
const VM = 17;
const DPL = 5;

/** Whether what is known besides speaks for the value that a change would replace. */
function agreesAlready({ row }: Edit, scene: Scene): boolean {
  const segment = /^guest\.([c-gs]s)\.(?:base|ar)$/.exec(row.key)?.[1];
  if (segment === undefined) return false;
  const { lo, hi } = fieldValue(scene.fields, row);
  if (row.key.endsWith(".base")) {
    // In virtual-8086 mode a base is sixteen times a selector. One that can be was computed; the selector is at fault.
    const flags = fieldValue(scene.fields, fieldOf("guest.rflags")).lo;
    return ((flags.value >>> VM) & 1) === 1 && hi.value === 0 && (lo.value & 0xf) === 0 && lo.value <= 0xf_fff0;
  }
  // A data segment whose DPL allows the current privilege level, under a selector that asks for less privilege.
  if (segment === "cs" || segment === "ss") return false;
  const selector = fieldValue(scene.fields, fieldOf(`guest.${segment}.sel` as FieldKey)).lo;
  const level = (fieldValue(scene.fields, fieldOf("guest.ss.ar")).lo.value >>> DPL) & 3;
  return ((lo.value >>> DPL) & 3) >= level && (selector.value & 3) > level;
}

function isUnset({ lo, hi }: Value64): boolean {
  return (lo.value | lo.unknown | hi.value | hi.unknown) === 0;
}

/** A bad value that is not loaded, or that a control or a count makes meaningless, stays bad. */
const EVASION = 2;

/** The most MSRs in a list that IA32_VMX_MISC bits 27:25 can advise. */
const ADVISED_MOST = 512 * 8;

/** Whether a change only keeps the CPU from looking: it switches a control off or on, or drops an event or a list. */
export function isEvasion(way: Repair, scene: Scene): boolean {
  return way.some(({ row, mask, value }) => {
    const word = controlWordOf(row.encoding);
    const old = fieldValue(scene.fields, row).lo.value;
    const turned = ((old ^ value.lo) & mask.lo) >>> 0;
    if (word === undefined)
      // A count that no CPU advises is wrong itself, whatever the address beside it is.
      return /_count$/.test(row.key)
        ? value.lo === 0 && old <= ADVISED_MOST
        : row.key === "ctl.ev" && turned >>> 31 === 1;
    if (isModeEdit({ row, mask, value })) return false;
    return word.bits.some(({ bit }) => ((turned >>> bit) & 1) === 1);
  });
}

/**
 * Whether a way to take a condition away drops something: an event, blocking, a control, a mode. No segment is mended by
 * entering virtual-8086 mode, and no host by asking for another size of it.
 */
function leavesMode(way: Repair): boolean {
  return way.every(({ row, mask, value }) => {
    if (row.key === "ctl.exit") return ((mask.lo >>> HOST_64) & 1) === 0;
    if (row.key.startsWith("ctl.")) return true;
    // No VMCS under the link pointer.
    if (row.key === "guest.link") return value.lo === 0xffff_ffff && value.hi === 0xffff_ffff;
    if (row.key === "guest.interruptibility" || row.key === "guest.activity") return true;
    return row.key === "guest.rflags" && value.lo === 0;
  });
}

/** An event of another type is another event. */
export function isRetyped({ row, mask, value }: Edit, scene: Scene): boolean {
  return row.key === "ctl.ev" && ((fieldValue(scene.fields, row).lo.value ^ value.lo) & mask.lo & 0x700) !== 0;
}

/** Ways to mend one check, each a whole step, without those that change nothing. */
export function stepsFor(check: Check, scene: Scene): readonly Repair[] {
  const ways = [...repairs(check.rule, true, scene), ...repairs(check.when, false, scene).filter(leavesMode)];
  const seen = new Set<string>();
  const steps: Repair[] = [];
  for (const way of ways) {
    if (way.length === 0 || way.some((edit) => isRetyped(edit, scene))) continue;
    const step = stepOf(way, scene);
    const after = applyEdits(scene.fields, step);
    const key = [...new Set(step.map(({ row }) => row))]
      .map((row) => `${row.encoding}${format64(fieldValue(after, row))}`)
      .sort()
      .join();
    if (seen.has(key)) continue;
    seen.add(key);
    steps.push(step);
  }
  return steps;
}

/** Whether a check that holds now would fail after the change. */
export function breaksAnother(way: Repair, scene: Scene): boolean {
  const after = sceneWith(scene, applyEdits(scene.fields, way));
  const looked = new Set<Check>();
  for (const { row } of way) {
    for (const check of checksOn(row.encoding)) {
      if (looked.has(check) || check.failure.kind === "undefined") continue;
      looked.add(check);
      if (judge(check, after).result === "fails" && judge(check, scene).result !== "fails") return true;
    }
  }
  return false;
}
