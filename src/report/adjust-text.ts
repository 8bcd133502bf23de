import { formatWord, type Word } from "../bits/word.js";
import { adjustSpecs, GROUP_WORDS } from "../kvm/load/wanted-controls.js";
import type { ControlGroup, Rule } from "../rules/rule.js";
import { bitName, type WordName } from "../rules/words.js";
import type { TracedReplay } from "../why/traced-replay.js";
import { type Inline, styled } from "./text.js";

/** What `adjust_vmx_controls` works with, by its names in the source. */
interface Operands {
  readonly fn: string;
  readonly into: WordName;
  readonly words: readonly (readonly [name: string, word: Word])[];
}

/** The operands with which a rule adjusts a group of controls; undefined for a rule that adjusts none. */
function operandsOf({ replayed }: TracedReplay, rule: Rule): Operands | undefined {
  const group = rule.does.flatMap((effect): ControlGroup[] => ("adjust" in effect ? [effect.adjust] : []))[0];
  const spec = group === undefined ? undefined : adjustSpecs(replayed.release, replayed.config)[group];
  if (group === undefined || spec === undefined) return undefined;
  const { cpu } = replayed;
  const { word: into, msr } = GROUP_WORDS[group];
  let { opt, unsure = 0 } = spec;
  for (const { when, bits } of spec.optional ?? []) {
    const holds = cpu.holds(when);
    if (holds === "yes") opt |= bits;
    else if (holds === "unknown") unsure |= bits;
  }
  const low = cpu.word(`${msr}.lo` as WordName);
  const asked: readonly (readonly [string, Word])[] = [
    ["ctl_min", { value: spec.min >>> 0, unknown: 0 }],
    ["ctl_opt", { value: opt >>> 0, unknown: unsure >>> 0 }],
  ];
  if (spec.wide === true) return { fn: "adjust_vmx_controls64", into, words: [...asked.slice(1), ["allowed", low]] };
  const high = cpu.word(`${msr}.hi` as WordName);
  return { fn: "adjust_vmx_controls", into, words: [...asked, ["vmx_msr_low", low], ["vmx_msr_high", high]] };
}

/**
 * `adjust_vmx_controls: ctl_min 0x9, ctl_opt 0xe0, vmx_msr_low 0x16, vmx_msr_high 0xff`, and for each of `bits` of the
 * group the same of that bit alone. Nothing for a rule that adjusts no group.
 */
export function adjustTexts(
  traced: TracedReplay,
  rule: Rule,
  bits: readonly (readonly [WordName, number])[],
): Inline[] {
  const operands = operandsOf(traced, rule);
  if (operands === undefined) return [];
  const { fn, into, words } = operands;
  const all = words.map(([name, word]) => `${name} ${formatWord(word)}`).join(", ");
  const single = bits.flatMap(([word, bit]): Inline[] => {
    if (word !== into) return [];
    const at = ({ value, unknown }: Word) => ((unknown >>> bit) & 1 ? "?" : String((value >>> bit) & 1));
    const own = words.map(([name, operand]) => `${name} ${at(operand)}`).join(", ");
    return [[styled("dim", "its bit "), `${bit}, ${bitName(word, bit) ?? "without a name"}: ${own}`]];
  });
  return [[styled("dim", `${fn} `), all], ...single];
}
