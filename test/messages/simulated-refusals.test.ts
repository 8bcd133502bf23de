import { describe, expect, it } from "vitest";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { REGISTERS } from "../../src/registers/registers.js";
import { tries } from "../deep.js";
import { inShort } from "./in-short.js";
import { joinedOutputs } from "./simulated.js";
import { FEATURE_OUTPUTS, type FeatureMachine, machineOf, type Random, randomOf } from "./simulated-features.js";

/*
 * Hosts whose registers are all known, with KVM and nested on, and what QEMU prints there where a guest is to have more than KVM
 * offers: the value of a register that is refused, or features that are left out. What the same replay offers is the truth.
 */

const INDEXES = [0x480, 0x485, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490] as const;
const OUTPUT_SETS: readonly (readonly string[])[] = [
  ["uname", "registers"],
  ["uname", "vmxcap"],
  ["uname", "cpuinfo"],
  ["uname", "vmx flags"],
  ["uname", "model"],
  ["uname", "parameters", "cpuinfo"],
  ["registers"],
];
const EACH = tries(15);

interface Pair {
  readonly hi: number;
  readonly lo: number;
}

/** What KVM of the machine offers of a register, where all of it is known. */
function offered({ runs }: FeatureMachine, index: number): Pair | undefined {
  const words = nestedMsrs(runs.cpu).get(index);
  return words === undefined || words.hi.unknown !== 0 || words.lo.unknown !== 0
    ? undefined
    : { hi: words.hi.value >>> 0, lo: words.lo.value >>> 0 };
}

const isControls = (index: number): boolean =>
  REGISTERS.some((row) => row.index === index && row.layout === "controls");
const bitOf = ({ hi, lo }: Pair, bit: number): boolean => (((bit < 32 ? lo : hi) >>> (bit & 31)) & 1) === 1;
const hexOf = ({ hi, lo }: Pair): string => `0x${((BigInt(hi) << 32n) | BigInt(lo)).toString(16)}`;

/** A host that gives guests VMX, and another one from which the guest comes. */
function hostsOf(random: Random): readonly [FeatureMachine, FeatureMachine] | undefined {
  const [host, other] = [machineOf(random), machineOf(random)];
  const gives = ({ runs }: FeatureMachine) => runs.loads === "yes" && runs.cpu.bit("params", "nested") === "yes";
  return gives(host) && gives(other) ? [host, other] : undefined;
}

interface Refusing {
  readonly host: FeatureMachine;
  /** From which the guest comes. */
  readonly other: FeatureMachine;
  readonly random: Random;
  /** What the host prints beside the refusal. */
  readonly shown: string;
  readonly label: string;
}

function* refusing(outputs: readonly string[], firstSeed: number): Generator<Refusing> {
  for (let seed = firstSeed; ; seed++) {
    const random = randomOf(seed);
    const [host, other] = hostsOf(random) ?? [];
    if (host === undefined || other === undefined) continue;
    const shown = joinedOutputs<readonly [FeatureMachine, Random]>(FEATURE_OUTPUTS, outputs)(host, random);
    const label = `${seed}: ${host.name}, ${host.kernel}, in ${host.outer}, ${JSON.stringify(host.asked)}`;
    if (shown !== undefined) yield { host, other, random, shown, label };
  }
}

async function answerTo(text: string): Promise<string> {
  const { lines } = await inShort(text);
  return lines(4000).join("\n");
}

/** The bits that a step or a cause names as refused for certain. */
const surelyRefused = (all: string): readonly number[] =>
  [...all.matchAll(/Do without what KVM refuses: ([^\n]+?)\.(?: -cpu|:|$)/gm)].flatMap(([, list = ""]) =>
    [...list.matchAll(/\(bit (\d{1,2})\)/g)].map(([, bit]) => Number(bit)),
  );

describe("an explanation of a refused register or feature holds on the host that refused it", () => {
  it.each(OUTPUT_SETS.map((outputs) => [outputs.join(", "), outputs] as const))(
    "a register beside %s",
    async (_, outputs) => {
      let found = 0;
      for (const { host, other, random, shown, label: hostLabel } of refusing(outputs, outputs.join().length * 1000)) {
        if (found === EACH) break;
        const index = random.pick(INDEXES);
        const [mine, theirs] = [offered(host, index), offered(other, index)];
        if (mine === undefined || theirs === undefined) continue;
        const excess = { hi: (theirs.hi & ~mine.hi) >>> 0, lo: isControls(index) ? 0 : (theirs.lo & ~mine.lo) >>> 0 };
        // The registers of a machine in KVM can have more than its KVM offers, and fields are compared otherwise.
        if ((excess.hi === 0 && excess.lo === 0) || index === 0x480 || index === 0x485) continue;
        found++;
        const text = `qemu-system-x86_64: error: failed to set MSR 0x${index.toString(16)} to ${hexOf(theirs)}\n${shown}`;
        const all = await answerTo(text);
        const label = `${hostLabel}\n${text}\noffers ${hexOf(mine)}\n=> ${all}`;
        const wrong = surelyRefused(all).filter((bit) => !bitOf(excess, isControls(index) ? bit + 32 : bit));
        expect(wrong, `bits that KVM offers are said to be refused\n${label}`).toEqual([]);
        expect(all, `nested is on\n${label}`).not.toMatch(/kvm_intel nested=1|nested is 0 on this machine/);
        expect(all, `nothing contradicts itself\n${label}`).not.toMatch(/cannot both be true/);
      }
    },
  );

  it.each(OUTPUT_SETS.map((outputs) => [outputs.join(", "), outputs] as const))(
    "features beside %s",
    async (_, outputs) => {
      let found = 0;
      for (const { host, random, shown, label: hostLabel } of refusing(outputs, outputs.join().length * 2000)) {
        if (found === EACH) break;
        const lacking = REGISTERS.flatMap((row) => {
          const words = row.index >= 0x48b && row.index <= 0x490 ? offered(host, row.index) : undefined;
          return words === undefined
            ? []
            : row.bits.flatMap(({ bit, qemu, sdm }) =>
                qemu === undefined || bitOf(words, isControls(row.index) ? bit + 32 : bit)
                  ? []
                  : [{ index: row.index, bit, qemu, sdm }],
              );
        });
        if (lacking.length === 0) continue;
        found++;
        const some = [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(lacking)))];
        const warnings = some.map(
          ({ index, bit, qemu }) =>
            `qemu-system-x86_64: warning: host doesn't support requested feature: MSR(${index.toString(16).toUpperCase()}H).${qemu} [bit ${bit}]`,
        );
        const text = `${warnings.join("\n")}\n${shown}`;
        const all = await answerTo(text);
        const label = `${hostLabel}\n${text}\n=> ${all}`;
        expect(all, `nested is on\n${label}`).not.toMatch(/kvm_intel nested=1|KVM offers no VMX here/);
        expect(all, `nothing contradicts itself\n${label}`).not.toMatch(/cannot both be true/);
        // A parameter that takes it need not be shown.
        if (Object.keys(host.asked).length === 0)
          expect(all, `it is not offered\n${label}`).not.toMatch(/offers it on this machine/);
      }
    },
  );
});
