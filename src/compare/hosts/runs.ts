import { allOf, and, not, type Tri } from "../../bits/tri.js";
import { effectiveMsr } from "../../host/existence.js";
import type { CoreGroup, Host } from "../../host/host.js";
import { isThere, msrBit } from "../../host/msr.js";
import type { CpuState } from "../../kvm/replay.js";
import { PRIMARY_CONTROLS } from "../../registers/execution-controls.js";
import { ENTRY_CONTROLS, EXIT_CONTROLS } from "../../registers/exit-entry-controls.js";
import { type Replays, replays } from "../../situation/replays.js";
import { asSituation, type Situation, withCore } from "../../situation/situation.js";
import { FIRMWARE_ENABLES_VMX } from "../../why/layers.js";
import type { CanBe0, Need, Pack, Requirement } from "../pack.js";

/** One requirement of a pack, judged on a host. */
export interface Judged {
  readonly requirement: Requirement;
  readonly met: Tri;
  /** Cores, by their index in the host, that do not meet it or may not; empty on a host with one kind of core. */
  readonly cores: readonly number[];
}

/** What a product requires, held against one host. */
export interface Runs {
  readonly pack: Pack;
  readonly host: Host;
  /** Every required one is met. */
  readonly verdict: Tri;
  readonly judged: readonly Judged[];
}

/**
 * Does a product run on a host: each requirement of its pack, met, not met or unknown. A hybrid CPU meets a requirement
 * when all kinds of its cores do. Throws `RangeError` for what is neither a situation nor a host.
 */
export function runsOn(subject: Situation | Host, pack: Pack): Runs {
  const situation = asSituation(subject);
  const { host } = situation;
  const whole = replays(situation);
  const several = host.cores.length > 1;
  const cores = host.cores.map((_, i) => (several ? replays(withCore(situation, i)) : whole).cpu);
  const judged = pack.requirements.map((requirement) => judge(requirement, whole, cores));
  const verdict = allOf(judged.filter((row) => row.requirement.level === "required").map((row) => row.met));
  return { pack, host, verdict, judged };
}

function judge(requirement: Requirement, whole: Replays, cores: readonly CpuState[]): Judged {
  const { needs } = requirement;
  if ("kvmLoads" in needs) {
    const nested = needs.kvmLoads === "nested" ? whole.cpu.bit("params", "nested") : "yes";
    return { requirement, met: and(whole.loads, nested), cores: [] };
  }
  const each = cores.map((cpu) => onCore(needs, cpu));
  const failing = each.flatMap((met, i) => (met === "yes" ? [] : [i]));
  return { requirement, met: allOf(each), cores: cores.length > 1 ? failing : [] };
}

function onCore(need: Exclude<Need, { kvmLoads: unknown }>, cpu: CpuState): Tri {
  if ("condition" in need) return cpu.holds(need.condition);
  if ("firmware" in need) return cpu.holds(FIRMWARE_ENABLES_VMX);
  return canBe0(cpu.core, need.canBe0);
}

const GROUPS = {
  primary: { plain: 0x482, true: 0x48e, rows: PRIMARY_CONTROLS },
  exit: { plain: 0x483, true: 0x48f, rows: EXIT_CONTROLS },
  entry: { plain: 0x484, true: 0x490, rows: ENTRY_CONTROLS },
} as const;

function canBe0(core: CoreGroup, [group, key]: CanBe0): Tri {
  const { plain, true: trueMsr, rows } = GROUPS[group];
  const bit = rows.find((row) => row.key === key)?.bit;
  if (bit === undefined) throw new RangeError(`no ${group} control is called ${key}`);
  const own = effectiveMsr(core, trueMsr);
  const byTrue = not(msrBit(own, bit));
  if (isThere(own)) return byTrue;
  const byPlain = not(msrBit(effectiveMsr(core, plain), bit));
  if (own.state === "absent") return byPlain;
  // Without the TRUE register at hand the plain one can only say that a control is free.
  return byPlain === "yes" && byTrue !== "no" ? "yes" : "unknown";
}
