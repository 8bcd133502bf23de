import { bitName, type WordName } from "../rules/words.js";
import type { Situation } from "../situation/situation.js";
import type { BitAt } from "../why/run-part.js";
import { type Compared, compareRun } from "./compare-run.js";
import type { Decision } from "./decide.js";
import type { Proof, Prover } from "./prover.js";

/** A bit that the kernel's code computes, and the instruction that made it what it is. */
export interface DecidedBit {
  /** Of the tables, for their rule. */
  readonly at: BitAt;
  /** `vmcs_config.cpu_based_2nd_exec_ctrl` */
  readonly name: string;
  /** In the field. */
  readonly bit: number;
  readonly label?: string;
  readonly value: 0 | 1 | "unknown";
  /** Missing where the way of the bit could not be followed to its beginning. */
  readonly decision?: Decision;
}

/** Those of some bits that the modules keep in a structure, with what decided each. Every one takes a run of its own. */
export function decidedBits(
  { host, candidates }: Situation,
  prover: Prover,
  { modules, boot, replayed }: Proof,
  bits: readonly BitAt[],
): readonly DecidedBit[] {
  const { items } = compareRun(replayed, modules, boot);
  return bits.flatMap(([word, bit]): DecidedBit[] => {
    const low = word.replace(/\.hi$/, ".lo") as WordName;
    const item = items.find((one) => one.place !== undefined && one.word === low);
    if (item?.place === undefined) return [];
    const at = low === word ? bit : bit + 32;
    const decision = prover.decide(host, item.place, at, candidates[0].options);
    const label = bitName(word, bit);
    return [
      {
        at: [word, bit],
        name: item.name,
        bit: at,
        ...(label === undefined ? {} : { label }),
        value: bitOfText(item, at),
        ...(decision === undefined ? {} : { decision }),
      },
    ];
  });
}

/** A bit of what the module has: its text is hexadecimal, with `?` for digits that hold unknown bits. */
function bitOfText({ module }: Compared, bit: number): DecidedBit["value"] {
  const digit = module.slice(2).at(-1 - (bit >> 2)) ?? "0";
  if (digit === "?") return "unknown";
  return ((Number.parseInt(digit, 16) >> (bit & 3)) & 1) as 0 | 1;
}
