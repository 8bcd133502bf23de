import { describe, expect, it } from "vitest";
import { formatU64, fromBigInt } from "../../../src/bits/u64.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { replay } from "../../../src/kvm/replay.js";
import type { Release } from "../../../src/rules/release.js";
import { assume } from "../../../src/situation/assume.js";
import { oneIn } from "../../deep.js";
import { explain } from "../explain-on.js";

/*
 * What explain says of a value against the checks of vmx_set_vmx_msr, written here a second time and in another way: on
 * whole numbers, with the masks of the kernel's functions instead of ranges of bits.
 */

const bit = (number: number) => 1n << BigInt(number);
const span = (high: number, low: number) => ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
const field = (value: bigint, high: number, low: number) => (value & span(high, low)) >> BigInt(low);
/** Bits of `value` under the mask that `of` does not have. */
const beyond = (value: bigint, of: bigint, mask: bigint) => value & mask & ~of;

interface Outcome {
  readonly accepted: boolean;
  /** Bits of the MSR that are the reason. */
  readonly bits: bigint;
}

function kernel(index: number, asked: bigint, own: bigint, pinbased: bigint): Outcome {
  const refuse = (bits: bigint): Outcome => ({ accepted: bits === 0n, bits });
  switch (index) {
    case 0x480: {
      const wrong = beyond(asked, own, bit(31) | span(47, 45) | bit(49) | bit(54) | bit(55) | span(63, 56));
      const number = field(asked, 30, 0) !== field(own, 30, 0) || field(asked, 44, 32) < field(own, 44, 32);
      return { accepted: wrong === 0n && !number && (asked & bit(48)) === 0n, bits: wrong | (asked & bit(48)) };
    }
    case 0x485: {
      const wrong = beyond(asked, own, span(8, 5) | span(13, 9) | bit(14) | bit(15) | span(30, 28) | bit(31));
      const rate = (pinbased & bit(38)) !== 0n && field(asked, 4, 0) !== field(own, 4, 0);
      const counts = field(asked, 24, 16) > field(own, 24, 16) || field(asked, 27, 25) > field(own, 27, 25);
      return { accepted: wrong === 0n && !rate && !counts && field(asked, 63, 32) === field(own, 63, 32), bits: wrong };
    }
    case 0x486:
    case 0x488:
      return refuse(beyond(own, asked, span(63, 0)));
    case 0x48a:
      return refuse(0n);
    case 0x48c:
    case 0x491:
      return refuse(beyond(asked, own, span(63, 0)));
    case 0x48b:
    case 0x48d:
    case 0x48e:
    case 0x48f:
    case 0x490:
      return refuse(beyond(own, asked, span(31, 0)) | beyond(asked, own, span(63, 32)));
    default:
      return { accepted: false, bits: 0n };
  }
}

const CONTROLS = new Set([0x48b, 0x48d, 0x48e, 0x48f, 0x490]);

/** Bit numbers as explanations have them: within the word for controls, within the MSR for the rest. */
function numbers(index: number, bits: bigint): number[] {
  const found: number[] = [];
  for (let at = 0; at < 64; at++) if ((bits & bit(at)) !== 0n) found.push(CONTROLS.has(index) ? at & 31 : at);
  return [...new Set(found)].sort((a, b) => a - b);
}

/** A value with one thing changed, for every kind of check. */
function variations(own: bigint): bigint[] {
  return [
    own,
    own | bit(63),
    own | bit(56),
    own | bit(48),
    own | bit(45),
    own ^ bit(0),
    own & ~bit(1),
    own & ~bit(2),
    own & ~bit(4),
    own & ~bit(31),
    own | bit(9),
    own | bit(31),
    own | bit(14),
    own ^ bit(38),
    own & ~bit(44),
    own | bit(43),
    own | bit(57),
    own + bit(16),
    own + bit(25),
    own ^ bit(32),
    0n,
    span(63, 0),
  ].map((value) => value & span(63, 0));
}

const MACHINES = [
  "intel-50654-skylakex-2",
  "intel-306c3-haswell",
  "intel-10676-yorkfield",
  "intel-206d5-sandybridgeep",
];
const RELEASES = ["5.15", "6.1", "6.12", "6.18", "7.3"] as const satisfies readonly Release[];

let turn = 0;

describe.each(MACHINES)("a value that KVM of %s refuses", (id) => {
  const { host } = assume(atlasHost(id), "firmware=enabled");

  it.each(RELEASES)("is explained by the bits that Linux %s checks", (release) => {
    turn++;
    const { cpu } = replay(host, { release });
    const offered = nestedMsrs(cpu);
    const whole = (index: number) => {
      const pair = offered.get(index);
      expect([index, pair?.hi.unknown, pair?.lo.unknown]).toEqual([index, 0, 0]);
      return (BigInt((pair?.hi.value ?? 0) >>> 0) << 32n) | BigInt((pair?.lo.value ?? 0) >>> 0);
    };
    for (const index of [0x480, 0x485, 0x486, 0x488, 0x48a, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491]) {
      const own = whole(index);
      // In a short run a fifth of the changes; the next register and the next kernel have others.
      for (const asked of new Set(oneIn(5, variations(own), turn++))) {
        const value = formatU64(fromBigInt(asked));
        const [answer] = explain(`failed to set MSR 0x${index.toString(16)} to ${value}`, { host, release });
        const expected = kernel(index, asked, own, whole(0x48d));
        const where = [release, index.toString(16), value];
        const [first] = answer?.causes ?? [];
        expect([...where, first?.certainty]).toEqual([...where, "certain"]);
        expect([...where, first?.text.includes("the bits are no reason")]).toEqual([...where, expected.accepted]);
        const refused = (answer?.bits ?? []).filter(({ role }) => role === "refused" || role === "must be 1");
        const shown = [...new Set(refused.map((row) => row.bit))].sort((a, b) => a - b);
        expect([...where, shown]).toEqual([...where, numbers(index, expected.bits)]);
      }
    }
  });
});
