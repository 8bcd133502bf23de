import { checkHas } from "../../bits/misuse.js";
import { allOf, and, anyOf, not, type Tri, tri } from "../../bits/tri.js";
import type { Word } from "../../bits/word.js";
import { effectiveMsr } from "../../host/existence.js";
import { type CoreGroup, type Host, msrOf } from "../../host/host.js";
import { isThere, type Msr, msrBit } from "../../host/msr.js";
import type { CpuState } from "../../kvm/replay.js";
import { PRIMARY_CONTROLS } from "../../registers/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../../registers/exit-entry-controls.js";
import { withCore } from "../../situation/changed.js";
import { type Replays, replays } from "../../situation/replays.js";
import { asSituation, type Situation } from "../../situation/situation.js";
import { FIRMWARE_ENABLES_VMX } from "../../why/layers.js";
import type { CanBe0, CoreNeed, Need, Pack, Requirement } from "../pack.js";

/** One requirement of a pack, judged on a host. */
export interface Judged {
  readonly requirement: Requirement;
  readonly met: Tri;
  /** Cores, by their index in the host, that do not meet it or may not; empty on a host with one kind of core. */
  readonly cores: readonly number[];
}

/** What a product requires, held against one host. */
export interface PackResult {
  readonly pack: Pack;
  readonly host: Host;
  /** Does the product run: every required one is met, and they are all that it asks for. */
  readonly verdict: Tri;
  /** Every required one is met. */
  readonly met: Tri;
  readonly judged: readonly Judged[];
}

/**
 * Does a product run on a host: each requirement of its pack, met, not met or unknown. A hybrid CPU meets a requirement
 * when all kinds of its cores do. Throws `RangeError` for what is neither a situation nor a host.
 */
export function runsOn(subject: Situation | Host, pack: Pack): PackResult {
  checkHas(pack, "requirements", "pack", "one of PACKS");
  const situation = asSituation(subject);
  const { host } = situation;
  const whole = replays(situation);
  const several = host.cores.length > 1;
  const cores = host.cores.map((_, i) => (several ? replays(withCore(situation, i)) : whole).cpu);
  const judged = pack.requirements.map((requirement) => judge(requirement, whole, cores, knownOf(situation)));
  const met = allOf(judged.filter((row) => row.requirement.level === "required").map((row) => row.met));
  return { pack, host, verdict: pack.incomplete === undefined ? met : and(met, "unknown"), met, judged };
}

/** What is known of a register of a core. */
type Known = (core: CoreGroup, index: number) => Msr;

function knownOf({ host, asRead }: Situation): Known {
  return asRead === true ? msrOf : (core, index) => effectiveMsr(core, index, host.vendor);
}

function judge(requirement: Requirement, whole: Replays, cores: readonly CpuState[], known: Known): Judged {
  const { needs } = requirement;
  if ("kvmLoads" in needs) {
    const nested = needs.kvmLoads === "nested" ? whole.cpu.bit("params", "nested") : "yes";
    return { requirement, met: and(whole.loads, nested), cores: [] };
  }
  if ("alike" in needs) return { requirement, met: areAlike(needs, cores, known), cores: [] };
  if ("machine" in needs) {
    // A unit that posts interrupts also remaps them.
    const { machine } = whole.situation;
    const vtd = machine?.irqPosting === true ? true : machine?.vtd;
    return { requirement, met: tri(vtd), cores: [] };
  }
  const each = cores.map((cpu) => onCore(needs, cpu, known));
  const failing = each.flatMap((met, i) => (met === "yes" ? [] : [i]));
  return { requirement, met: allOf(each), cores: cores.length > 1 ? failing : [] };
}

function onCore(need: CoreNeed, cpu: CpuState, known: Known): Tri {
  if ("condition" in need) return cpu.holds(need.condition);
  if ("firmware" in need) return cpu.holds(FIRMWARE_ENABLES_VMX);
  if ("canBe0" in need) return canBe0(cpu.core, need.canBe0, known);
  if ("not" in need) return not(onCore(need.not, cpu, known));
  if ("all" in need) return allOf(need.all.map((one) => onCore(one, cpu, known)));
  if ("any" in need) return anyOf(need.any.map((one) => onCore(one, cpu, known)));
  const { features, maxLeaf, physAddrBits } = cpu.core.cpuid;
  if ("cpuid" in need) return tri(features[need.cpuid]);
  if ("maxLeaf" in need) return maxLeaf === undefined ? "unknown" : tri(maxLeaf >= need.maxLeaf);
  return physAddrBits === undefined ? "unknown" : tri(physAddrBits <= need.physAddrUpTo);
}

/**
 * Whether cores of all kinds have the same registers. Bits that must be 1 may differ where the other core allows them, so
 * that a difference in these leaves it open.
 */
function areAlike({ alike, part }: Extract<Need, { alike: unknown }>, cores: readonly CpuState[], known: Known): Tri {
  const [first, ...others] = cores.map(({ core }) => core);
  if (first === undefined) return "unknown";
  return allOf(
    others.flatMap((other) =>
      alike.map((index): Tri => {
        const [a, b] = [known(first, index), known(other, index)];
        if (a.state === "absent" && b.state === "absent") return "yes";
        if (a.state !== "value" || b.state !== "value") return "unknown";
        const same = and(sameWord(a.lo, b.lo), part === "must1" ? "yes" : sameWord(a.hi, b.hi));
        return same === "no" && part === "must1" ? "unknown" : same;
      }),
    ),
  );
}

function sameWord(a: Word, b: Word): Tri {
  if (((a.value ^ b.value) & ~a.unknown & ~b.unknown) !== 0) return "no";
  return (a.unknown | b.unknown) === 0 ? "yes" : "unknown";
}

const REQUIREMENT_GROUPS = {
  primary: { plain: 0x482, true: 0x48e, rows: PRIMARY_CONTROLS },
  exit: { plain: 0x483, true: 0x48f, rows: EXIT_CONTROLS },
  entry: { plain: 0x484, true: 0x490, rows: ENTRY_CONTROLS },
} as const;

function canBe0(core: CoreGroup, [group, key]: CanBe0, known: Known): Tri {
  const { plain, true: trueMsr, rows } = REQUIREMENT_GROUPS[group];
  const bit = rows.find((row) => row.key === key)?.bit;
  if (bit === undefined) throw new RangeError(`no ${group} control is called ${key}`);
  const own = known(core, trueMsr);
  const byTrue = not(msrBit(own, bit));
  if (isThere(own)) return byTrue;
  const byPlain = not(msrBit(known(core, plain), bit));
  if (own.state === "absent") return byPlain;
  // Without the TRUE register the plain one can only show that a control is free.
  return byPlain === "yes" && byTrue !== "no" ? "yes" : "unknown";
}
