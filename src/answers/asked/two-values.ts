import { listFirst } from "../../bits/list-text.js";
import { parseHexU64, type U64 } from "../../bits/u64.js";
import { isNumberOfMsr, isVmxMsr, msrByName } from "../../input/text/msr-names.js";
import { ALLOWED1, hexIndex, type RegisterRow, registerOf } from "../../registers/registers.js";
import type { FoundVerdict, Recognised } from "../answer.js";
import { bitsOf64, bitText, explainBit } from "../bits.js";

/*
 * One capability register with two values: a guest's beside its host's, or those of two hosts. The question is what they
 * differ in.
 */

const LONGEST = 2_000;
const ASKS =
  /\?|\b(?:which|what|why|who|where)\b[^.\n]{0,60}\b(?:bits?|differ\w{0,6}|missing|lost|gone|remov\w{1,3}|controls?|features?|chang\w{1,3})\b/i;
const ONE_BIT = /\bbit \d/i;
const REGISTER = /\b(?:MSR_)?(?<name>IA32_VMX_\w{2,40})|(?<![\w.])(?:0x0{0,5})?(?<index>4[89][0-9a-f])h?\b/gi;
/** rdmsr prints it without a prefix. */
const VALUE = /(?<![\w.])(?:0x(?<hex>[0-9a-f]{9,16})|(?<bare>(?=[a-f]{0,15}\d)(?=\d{0,15}[a-f])[0-9a-f]{9,16}))\b/gi;
const SIDE =
  /\b(?:(?<guest>guests?|L1|VM|inside|nested|inner|virtual machine)|(?<host>hosts?|L0|bare[- ]metal|outside|physical|hypervisor))\b/gi;
const MOST_NAMES = 24;

/** The differences between the two values of the one register in the text, where it asks about them. */
export function twoValues(text: string, recognised: readonly Recognised[]): FoundVerdict | undefined {
  if (recognised.length > 0 || text.length > LONGEST || !ASKS.test(text) || ONE_BIT.test(text)) return undefined;
  const indices = new Set(
    [...text.matchAll(REGISTER)].flatMap(({ groups = {} }) => {
      const { name, index = "" } = groups;
      const found = name === undefined ? Number.parseInt(index, 16) : msrByName(name);
      return found !== undefined && isVmxMsr(found) ? [found] : [];
    }),
  );
  const [index, ...others] = indices;
  const register = index === undefined ? undefined : registerOf(index);
  if (register === undefined || others.length > 0) return undefined;
  const values = [...text.matchAll(VALUE)].flatMap((hit) => {
    const value = parseHexU64((hit.groups?.hex ?? hit.groups?.bare) as string);
    return value === undefined || isNumberOfMsr(value, register.index) ? [] : [{ value, at: hit.index, text: hit[0] }];
  });
  const [first, second, ...more] = values;
  if (first === undefined || second === undefined || more.length > 0) return undefined;
  const before = sideOf(text.slice(0, first.at));
  const between = sideOf(text.slice(first.at, second.at));
  // `0x… on the host, 0x… in the guest` has each name behind its value.
  const sides =
    before !== undefined && between !== undefined && before !== between
      ? [before, between]
      : [between, sideOf(text.slice(second.at))];
  const known = sides[0] !== undefined && sides[1] !== undefined && sides[0] !== sides[1];
  const [a, b] = sides[0] === "host" && known ? [second, first] : [first, second];
  const [ofA, ofB] = known ? ["the guest", "the host"] : ["the first value", "the second"];
  const differences = differing(register, a.value, b.value, [ofA, ofB]);
  if (differences.length === 0) return undefined;
  const who = known
    ? " A guest has what KVM's nested virtualization offers, and of that what QEMU and the CPU model ask for."
    : "";
  return {
    says: `${register.sdm} (${hexIndex(register.index)}), ${ofA} (${a.text}) against ${ofB} (${b.text}): ${differences.join("; ")}.${who}`,
    steps: known
      ? [
          {
            text: "Save the registers of the host and see what its KVM offers guests: what is missing there, no CPU model brings back.",
            commands: ["vmxlens nested host.txt", "vmxlens why FEATURE host.txt"],
          },
        ]
      : [],
    evidence: [],
    covers: [],
    isWhole: true,
  };
}

/** The side that is named last. */
function sideOf(text: string): "guest" | "host" | undefined {
  const groups = [...text.matchAll(SIDE)].at(-1)?.groups;
  return groups === undefined ? undefined : groups.guest === undefined ? "host" : "guest";
}

/** What the values of two machines differ in, in words that name the machines. */
export function differing(
  { index, layout }: RegisterRow,
  a: U64,
  b: U64,
  [ofA, ofB]: readonly [string, string],
): string[] {
  const has = (value: U64) => new Set(bitsOf64(value));
  const [inA, inB] = [has(a), has(b)];
  const named = (bits: readonly number[]) =>
    listFirst(
      bits.map((bit) => bitText(explainBit(index, bit, "asked"))),
      MOST_NAMES,
    );
  const only = (of: ReadonlySet<number>, not: ReadonlySet<number>, half?: "high" | "low") =>
    [...of]
      .filter((bit) => !not.has(bit) && (half === undefined || bit >= ALLOWED1 === (half === "high")))
      .map((bit) => (half === "high" ? bit - ALLOWED1 : bit));
  const part = (bits: readonly number[], words: string) => (bits.length === 0 ? [] : [`${words} ${named(bits)}`]);
  if (layout !== "controls") return [...part(only(inB, inA), `${ofA} lacks`), ...part(only(inA, inB), `${ofB} lacks`)];
  return [
    ...part(only(inB, inA, "high"), `${ofA} lacks`),
    ...part(only(inA, inB, "high"), `${ofB} lacks`),
    ...part(only(inA, inB, "low"), `must be 1 in ${ofA} alone:`),
    ...part(only(inB, inA, "low"), `must be 1 in ${ofB} alone:`),
  ];
}
