import { and } from "../../bits/tri.js";
import type { Host } from "../../host/host.js";
import { fieldNumber, formatMsr, isThere, type Msr, msrBit } from "../../host/msr.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { NESTED_WORDS } from "../../kvm/nested-words.js";
import type { Replay } from "../../kvm/replay.js";
import { bitLabel, labelText } from "../../registers/bit-label.js";
import type { FieldRow } from "../../registers/bit-row.js";
import { type RegisterRow, registerOf } from "../../registers/registers.js";
import { bitIndex } from "../../rules/words.js";
import { type Verdict, type VerifyItem, verdictOf } from "./item.js";

/** What KVM offers a nested hypervisor, bit by bit, against the replay's result. */
export function nestedItems({ observed }: Host, { cpu, loads }: Replay): VerifyItem[] {
  const all = observed?.nestedMsrs;
  if (all === undefined || all.size === 0) return [];
  const offers = and(loads, cpu.bit("params", "nested"));
  const offered: VerifyItem = {
    id: "nested",
    kind: "nested",
    layer: "nested",
    what: "KVM offers VMX to guests",
    reported: "yes",
    replayed: offers,
    verdict: verdictOf("yes", offers),
    at: { word: "params", bit: bitIndex("params", "nested") },
  };
  if (offers === "no") return [offered];
  const ours = nestedMsrs(cpu);
  return [
    offered,
    ...[...all].flatMap(([index, reported]) => {
      const replayed = ours.get(index);
      const plan = planOf(index);
      if (replayed === undefined || plan === undefined || reported.state === "unknown") return [];
      return rememberedItems(plan, reported, { state: "value", ...replayed });
    }),
  ];
}

const remembered = new WeakMap<Msr, Map<string, readonly VerifyItem[]>>();

/** A machine is held against hundreds of replays, under which its registers have a few values each. */
function rememberedItems(plan: Plan, reported: Msr, ours: Extract<Msr, { state: "value" }>): readonly VerifyItem[] {
  const { hi, lo } = ours;
  const key = `${plan.hex} ${hi.value} ${hi.unknown} ${lo.value} ${lo.unknown}`;
  const ofReported = remembered.get(reported) ?? new Map<string, readonly VerifyItem[]>();
  remembered.set(reported, ofReported);
  const items = ofReported.get(key) ?? registerItems(plan, reported, ours);
  ofReported.set(key, items);
  return items;
}

/** How the items of one register are worded; the same for every host. */
interface Plan {
  readonly register: RegisterRow;
  readonly hex: string;
  readonly fields: readonly { readonly field: FieldRow; readonly id: string; readonly what: string }[];
  readonly bits: readonly (Pick<VerifyItem, "id" | "what" | "at"> & {
    readonly bit: number;
    readonly named: boolean;
  })[];
}

const plans = new Map<number, Plan | undefined>();

function planOf(index: number): Plan | undefined {
  if (!plans.has(index)) plans.set(index, makePlan(index));
  return plans.get(index);
}

function makePlan(index: number): Plan | undefined {
  const register = registerOf(index);
  if (register === undefined) return undefined;
  const hex = `0x${index.toString(16)}`;
  const words = NESTED_WORDS[index];
  const isField = (bit: number) => register.fields.some(({ high, low }) => bit <= high && bit >= low);
  return {
    register,
    hex,
    fields: register.fields.map((field) => ({
      field,
      id: `nested ${hex} ${field.high}:${field.low}`,
      what: `nested ${hex} bits ${field.high}:${field.low}: ${field.sdm}`,
    })),
    bits: Array.from({ length: 64 }, (_, bit) => bit).flatMap((bit) => {
      if (isField(bit)) return [];
      const label = bitLabel(index, bit);
      const word = bit < 32 ? words?.lo : words?.hi;
      return [
        {
          bit,
          named: label.row !== undefined,
          id: `nested ${hex} bit ${bit}`,
          what: `nested ${hex} bit ${bit}: ${labelText(label)} ${label.says}`,
          ...(word === undefined ? {} : { at: { word, bit: bit & 31 } }),
        },
      ];
    }),
  };
}

const NESTED = { kind: "nested", layer: "nested" } as const;

/** Every field, every bit with a name, and what is left of the register together, unless a bit of it differs. */
function registerItems({ register, hex, fields, bits }: Plan, reported: Msr, ours: Msr): VerifyItem[] {
  if (reported.state === "absent") {
    const what = `${register.sdm} (${hex}) for guests`;
    return [{ ...NESTED, id: `nested ${hex}`, what, reported: "absent", replayed: formatMsr(ours), verdict: "differ" }];
  }
  // Zeros that may be a register that is not there agree with zeros, or differ as a whole.
  const sure = (verdict: Verdict) => (verdict === "agree" && !isThere(reported) ? "unknown" : verdict);
  const items: VerifyItem[] = fields.map(({ field, id, what }) => {
    const verdicts = new Set<Verdict>();
    for (let bit = field.low; bit <= field.high; bit++)
      verdicts.add(verdictOf(msrBit(reported, bit), msrBit(ours, bit)));
    const [a, b] = [fieldNumber(reported, field), fieldNumber(ours, field)];
    return {
      ...NESTED,
      id,
      what,
      reported: String(a ?? "unknown"),
      replayed: String(b ?? "unknown"),
      verdict: sure(verdicts.has("differ") ? "differ" : verdicts.has("unknown") ? "unknown" : "agree"),
    };
  });
  let [others, unknown] = [0, 0];
  for (const { bit, named, ...worded } of bits) {
    const [a, b] = [msrBit(reported, bit), msrBit(ours, bit)];
    const verdict = sure(verdictOf(a, b));
    if (named || verdict === "differ") items.push({ ...NESTED, ...worded, reported: a, replayed: b, verdict });
    else {
      others++;
      if (verdict === "unknown") unknown++;
    }
  }
  if (others === 0) return items;
  const what = `nested ${hex}: ${others} ${others === 1 ? "bit" : "bits"} without a name`;
  const rest = { reported: formatMsr(reported), replayed: formatMsr(ours) };
  return [...items, { ...NESTED, id: `nested ${hex} rest`, what, ...rest, verdict: unknown > 0 ? "unknown" : "agree" }];
}
