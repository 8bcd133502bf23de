/*
 * How a set of capabilities that several hosts share follows from each of them, bit by bit. The same table serves the
 * CPUs themselves and what KVM offers nested hypervisors.
 */

/**
 * - `intersect`: 1 only where every host has 1;
 * - `accumulate`: 1 as soon as one host has 1 (what must be 1, and limits);
 * - `equal`: there is a common number only if the hosts agree on it;
 * - `minimum`, `maximum`: the smallest or largest number.
 */
export type Policy = "intersect" | "accumulate" | "equal" | "minimum" | "maximum";

export interface PolicySpan {
  /** Last and first bit in the 64-bit MSR. */
  readonly high: number;
  readonly low: number;
  readonly policy: Policy;
  /** Key of the field in `register-fields.ts`, for a number. */
  readonly field?: string;
  /** Why, where the layout of the register does not say so. */
  readonly why?: string;
  /** Hosts that do not agree on the number have no common set, if all of them have this control. */
  readonly equalWhile?: readonly [msr: number, bit: number];
  /** The number counts only for what moves from host to host: it has to be equal for what KVM offers. */
  readonly moves?: true;
}

const bits = (high: number, low: number, policy: "intersect" | "accumulate", why?: string): PolicySpan =>
  why === undefined ? { high, low, policy } : { high, low, policy, why };
const field = (high: number, low: number, key: string, policy: Policy, why: string): PolicySpan => ({
  high,
  low,
  policy,
  field: key,
  why,
});

const MUST_BE_1 = "A control that one host forces to 1 is 1 on a common set.";
const MAY_BE_1 = "A control may be 1 where every host lets it be 1.";
const CONTROLS: readonly PolicySpan[] = [bits(31, 0, "accumulate", MUST_BE_1), bits(63, 32, "intersect", MAY_BE_1)];
const MASK: readonly PolicySpan[] = [bits(63, 0, "intersect", MAY_BE_1)];

/** By MSR index; every register of 0x480 to 0x493, every bit once. */
export const BIT_POLICIES: { readonly [msr: number]: readonly PolicySpan[] } = {
  0x480: [
    {
      ...field(30, 0, "REVISION", "equal", "A VMCS belongs to its revision; KVM accepts only its own."),
      moves: true,
    },
    bits(31, 31, "intersect"),
    field(44, 32, "REGION_SIZE", "maximum", "A region that fits every host is as large as the largest."),
    bits(47, 45, "intersect"),
    bits(48, 48, "accumulate", "One host that limits VMX structures to 32-bit addresses limits the set."),
    bits(49, 49, "intersect"),
    field(53, 50, "MEMORY_TYPE", "equal", "Software maps VMX structures with this type."),
    bits(63, 54, "intersect"),
  ],
  0x481: CONTROLS,
  0x482: CONTROLS,
  0x483: CONTROLS,
  0x484: CONTROLS,
  0x485: [
    {
      ...field(4, 0, "TIMER_RATE", "minimum", "The finest rate; hosts with a timer have to agree on it."),
      // Timer values mean other times at another rate; KVM takes back only its own while there is a timer.
      equalWhile: [0x481, 32 + 6],
    },
    bits(15, 5, "intersect"),
    field(24, 16, "CR3_TARGETS", "minimum", "More targets than a host has make a VM entry fail there."),
    field(27, 25, "MAX_MSRS", "minimum", "Longer MSR lists than a host recommends may machine-check there."),
    bits(31, 28, "intersect"),
    { ...field(63, 32, "MSEG_REVISION", "equal", "The MSEG header carries this number."), moves: true },
  ],
  0x486: [bits(63, 0, "accumulate", "A bit that must be 1 on one host is 1 on a common set.")],
  0x487: [bits(63, 0, "intersect", "A bit may be 1 where every host lets it be 1.")],
  0x488: [bits(63, 0, "accumulate", "A bit that must be 1 on one host is 1 on a common set.")],
  0x489: [bits(63, 0, "intersect", "A bit may be 1 where every host lets it be 1.")],
  0x48a: [
    bits(0, 0, "intersect"),
    field(9, 1, "HIGHEST_INDEX", "minimum", "Fields above a host's highest index do not exist there."),
    bits(63, 10, "intersect"),
  ],
  0x48b: CONTROLS,
  0x48c: [
    bits(47, 0, "intersect"),
    field(53, 48, "HLAT_PREFIX_SIZE", "minimum", "A longer prefix than a host supports is refused there."),
    bits(63, 54, "intersect"),
  ],
  0x48d: CONTROLS,
  0x48e: CONTROLS,
  0x48f: CONTROLS,
  0x490: CONTROLS,
  0x491: MASK,
  0x492: MASK,
  0x493: MASK,
};
