import { checkList, checkOptions } from "../../bits/misuse.js";
import { allOf, and, not, type Tri } from "../../bits/tri.js";
import { joinWords } from "../../bits/word.js";
import type { CoreGroup } from "../../host/host.js";
import { isThere } from "../../host/msr.js";
import { controlMayBe1, evaluate } from "../../vmcs/checks/evaluate.js";
import type { Bool } from "../../vmcs/checks/expr.js";
import { bitOf, type Scene, sceneOf } from "../../vmcs/checks/scene.js";
import { type CpuView, cpuView } from "../../vmcs/cpu.js";
import { activatorOf, type ControlBit, type ControlName, controlBit } from "../../vmcs/fields/control-bits.js";
import { and64, not64, UNKNOWN64, type Value64, ZERO64 } from "../../vmcs/value64.js";
import { baseline } from "../baseline.js";
import { CAPABILITY_MSRS, type CapabilitySet } from "../capability-set.js";
import { ADVICE, type Advice, CHOICE_CHECKS, controlsOf } from "./control-checks.js";
import type { WantedControl, Wish } from "./control-names.js";
import { type ChosenWord, chooseWord, type Wishes, WORDS, wishesOf } from "./control-words.js";

/** What is known of the hypervisor besides the controls that it wants. */
export interface ControlOptions {
  /** The hypervisor runs in IA-32e mode. Default: true. */
  readonly longMode?: boolean;
}

/** A wish that the CPU does not fulfil, or may not. */
export interface Unmet {
  readonly control: ControlBit;
  readonly asked: string;
  readonly wish: Exclude<Wish, "optional">;
  readonly certain: boolean;
  readonly text: string;
}

/** An optional control that is left out although the CPU has it. */
export interface Dropped {
  readonly control: ControlBit;
  readonly asked: string;
  readonly text: string;
}

/** A check of VM entry that fails, or advice. */
export interface ControlFinding {
  readonly id: string;
  readonly text: string;
  readonly kind: "error" | Advice["kind"];
  /** False when it takes an unknown control to be so. */
  readonly certain: boolean;
  /** SDM volume 3, for a check. */
  readonly sdm?: string;
  /** Controls that the CPU has and that satisfy the check when they are wanted, too. */
  readonly add?: readonly ControlName[];
}

/** Bits of a control register that VMX operation fixes. */
export interface FixedBits {
  readonly name: "CR0" | "CR4";
  /** In root operation, and for the host state. */
  readonly hostMust1: Value64;
  /** For a guest: with unrestricted guest CR0.PE and CR0.PG are free. */
  readonly guestMust1: Value64;
  /** For both. */
  readonly must0: Value64;
}

/** The control words that come out, and everything that did not come out as wanted. */
export interface ChosenControls {
  /** Every required control is there, nothing that is to be off is forced, and VM entry accepts the choice. */
  readonly verdict: Tri;
  readonly words: readonly ChosenWord[];
  readonly unmet: readonly Unmet[];
  /** Optional controls that the CPU does not have, or is not known to have. */
  readonly without: readonly { readonly control: ControlBit; readonly asked: string; readonly certain: boolean }[];
  readonly dropped: readonly Dropped[];
  readonly findings: readonly ControlFinding[];
  readonly fixed: readonly FixedBits[];
}

/**
 * The control words for a hypervisor: what is wanted, what the CPU demands, and nothing that it does not allow, by
 * the TRUE registers where there are any; with the checks that VM entry makes of the choice. Given several sets
 * (kinds of cores, hosts of a fleet) the words suit all of them.
 *
 * Throws `RangeError` without a set.
 *
 * @example
 * import { capabilities, chooseControls, readWanted } from "vmxlens/compare";
 * import { atlasHost } from "vmxlens/input";
 *
 * const skylake = capabilities(atlasHost("intel-50654-skylakex"), "silicon");
 * const { wants } = readWanted([
 *   { text: "EPT, unrestricted guest, ?PML" },
 *   { text: "exit/HOST_ADDR_SPACE_SIZE, EXTERNAL_INTERRUPT_EXITING, NMI_EXITING" },
 * ]);
 * const { verdict, words } = chooseControls([skylake], wants);
 * verdict; // "yes"
 * words.slice(0, 3).map(({ word, value }) => `${word.name} = 0x${value.lo.value.toString(16)}`); // ["pin = 0x1f","proc = 0x84006172","proc2 = 0x82"]
 */
export function chooseControls(
  sets: readonly CapabilitySet[],
  wanted: readonly WantedControl[],
  options: ControlOptions = {},
): ChosenControls {
  checkList(sets, "registers", "sets", "capability sets, as capabilities(situation) gives them");
  checkList(wanted, "wish", "wanted", "wanted controls, as readWanted(texts).wants gives them");
  checkOptions(options);
  const { longMode = true } = options;
  const cpu = viewOf(sets, longMode);
  const dropped: Dropped[] = [];
  for (;;) {
    const wishes = wishesOf(wanted, new Set(dropped.map(({ control }) => control.name)));
    const words = WORDS.map((word) => chooseWord(word, wishes, cpu));
    const scene = sceneOf({ fields: new Map(words.map(({ word, value }) => [word.encoding, value])) }, cpu);
    const next = toDrop(wishes, scene);
    if (next.length > 0) {
      dropped.push(...next);
      continue;
    }
    const unmet = unmetIn(wishes, scene);
    const findings = [
      ...CHOICE_CHECKS.flatMap((check) => failed(check, scene)),
      ...ADVICE.flatMap((row) => heed(row, scene)),
    ];
    const errors = findings.filter(({ kind }) => kind === "error");
    return {
      verdict: allOf([...unmet, ...errors].map(({ certain }) => (certain ? "no" : "unknown"))),
      words,
      unmet,
      without: withoutIn(wanted, cpu),
      dropped,
      findings,
      fixed: fixedBits(cpu, scene),
    };
  }
}

/** The one CPU that has what all of them have. */
function viewOf(sets: readonly CapabilitySet[], longMode: boolean): CpuView {
  const msrs = new Map(baseline(sets).registers.map(({ msr, value }) => [msr, value]));
  for (const msr of CAPABILITY_MSRS) if (!msrs.has(msr)) msrs.set(msr, { state: "absent" });
  const core: CoreGroup = { coreTypes: [], msrs, cpuid: { features: {} } };
  return cpuView({ fields: new Map() }, core, { state: { longMode, inSmm: false, inSeam: false } });
}

// ---- What does not come out as wanted ----

function unmetIn(wishes: Wishes, { cpu }: Scene): Unmet[] {
  const unmet: Unmet[] = [];
  for (const [name, { wish, asked, activates }] of wishes) {
    const control = controlBit(name);
    const { row, word } = control;
    if (wish === "off") {
      const forced = bitOf(cpu.allowed(word.name, "must1"), control.bit);
      if (forced === "no") continue;
      const certain = forced === "yes";
      unmet.push({ control, asked, wish, certain, text: `${row.sdm} ${certain ? "has" : "may have"} to be 1` });
    } else if (wish === "required" && activates === undefined) {
      // An activation that cannot be had shows in the controls that it is for.
      const may = controlMayBe1(cpu, control);
      const off = isOff(activatorOf(word), wishes);
      if (may === "yes" && !off) continue;
      const certain = may === "no" || off;
      const why = off ? "needs a control that is to be off" : certain ? "cannot be 1" : "is not known to be allowed";
      unmet.push({ control, asked, wish, certain, text: `${row.sdm} ${why}` });
    }
  }
  return unmet;
}

function withoutIn(wanted: readonly WantedControl[], cpu: CpuView): ChosenControls["without"] {
  return wanted.flatMap(({ name, wish, asked }) => {
    const control = controlBit(name);
    const may = controlMayBe1(cpu, control);
    return wish !== "optional" || may === "yes" ? [] : [{ control, asked, certain: may === "no" }];
  });
}

function isOff(activator: ControlName | undefined, wishes: Wishes): boolean {
  return activator !== undefined && wishes.get(activator)?.wish === "off";
}

/** Optional controls whose check fails for want of a control that this CPU does not have. */
function toDrop(wishes: Wishes, scene: Scene): Dropped[] {
  const dropped: Dropped[] = [];
  for (const { when, rule, text } of CHOICE_CHECKS) {
    if (evaluate(when, scene) !== "yes" || !impossible(rule, scene)) continue;
    const name = controlsOf(when).find((one) => {
      const wished = wishes.get(one);
      return wished?.wish === "optional" && wished.activates === undefined;
    });
    if (name === undefined || dropped.some(({ control }) => control.name === name)) continue;
    dropped.push({ control: controlBit(name), asked: wishes.get(name)?.asked ?? name, text });
  }
  return dropped;
}

/** No choice of controls on this CPU makes the condition hold. */
function impossible(rule: Bool, scene: Scene): boolean {
  if (rule.op === "control") return controlMayBe1(scene.cpu, rule.bit) === "no";
  if (rule.op === "all") return rule.of.some((item) => impossible(item, scene));
  return rule.op === "any" && rule.of.every((item) => impossible(item, scene));
}

function failed({ id, when, rule, text, sdm }: (typeof CHOICE_CHECKS)[number], scene: Scene): ControlFinding[] {
  const fails = and(evaluate(when, scene), not(evaluate(rule, scene)));
  if (fails === "no") return [];
  const add = missingIn(rule, scene);
  return [{ id, text, kind: "error", certain: fails === "yes", sdm, ...(add.length === 0 ? {} : { add }) }];
}

/** The controls that have to be 1 besides for the condition to hold; none where another choice could do it as well. */
function missingIn(rule: Bool, scene: Scene): readonly ControlName[] {
  if (rule.op === "all") return rule.of.flatMap((item) => missingIn(item, scene));
  if (rule.op !== "control" || evaluate(rule, scene) !== "no") return [];
  return controlMayBe1(scene.cpu, rule.bit) === "yes" ? [rule.bit.name] : [];
}

function heed({ id, when, text, kind }: Advice, scene: Scene): ControlFinding[] {
  const holds = evaluate(when, scene);
  return holds === "no" ? [] : [{ id, text, kind, certain: holds === "yes" }];
}

// ---- CR0 and CR4 ----

const PE_AND_PG: Value64 = { lo: { value: 0x8000_0001, unknown: 0 }, hi: ZERO64.hi };
const UNRESTRICTED: Bool = { op: "control", bit: controlBit("proc2.UNRESTRICTED_GUEST") };

function fixedBits(cpu: CpuView, scene: Scene): readonly FixedBits[] {
  const of = (index: number) => {
    const msr = cpu.msr(index);
    return isThere(msr) ? msr : UNKNOWN64;
  };
  const cr0 = of(0x486);
  const unrestricted = evaluate(UNRESTRICTED, scene);
  const free = and64(cr0, not64(PE_AND_PG));
  const either = { lo: joinWords(cr0.lo, free.lo), hi: joinWords(cr0.hi, free.hi) };
  const guest = unrestricted === "yes" ? free : unrestricted === "no" ? cr0 : either;
  return [
    { name: "CR0", hostMust1: cr0, guestMust1: guest, must0: not64(of(0x487)) },
    { name: "CR4", hostMust1: of(0x488), guestMust1: of(0x488), must0: not64(of(0x489)) },
  ];
}
