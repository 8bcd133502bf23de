import { checkOptions } from "../../bits/misuse.js";
import { allOf, and, type Tri } from "../../bits/tri.js";
import type { Host } from "../../host/host.js";
import { bitOfPair, type MsrPairs } from "../../kvm/guest/msr-pair.js";
import type { RestoreVerdict } from "../../kvm/guest/restore.js";
import type { GuestCpuid } from "../../kvm/guest/vcpu-rules.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { type BitLabel, bitLabel } from "../../registers/bit-label.js";
import { type Replays, replays } from "../../situation/replays.js";
import { asSituation, type Situation } from "../../situation/situation.js";
import { type CpuidChange, cpuidChange } from "../guest-cpuid.js";
import { libvirtCpu } from "../libvirt.js";
import { qemuCpu } from "../qemu.js";
import { fixFor, type MigrationFix, MOST_UNREAD, unreadOf } from "./fix.js";
import { type MigrateOptions, seenOn, vcpuOf } from "./guest.js";
import { cpusOf, modelObstacles, type Obstacle, obstaclesOn } from "./obstacles.js";
import { type Offender, offendersOf, ofState, restoreOn } from "./restored.js";

/** A register that is not restored and that the guest would see change. */
export interface DerivedChange {
  readonly label: BitLabel;
  readonly source: Tri;
  readonly destination: Tri;
}

/** Whether a guest can move, what keeps it from that, and a configuration with which it could. */
export interface Migration {
  /** Can the guest run on the destination. */
  readonly verdict: Tri;
  /** Reasons besides the MSRs: KVM does not load, or not with nested=1. Where that is certain, no MSR is compared. */
  readonly obstacles: readonly Obstacle[];
  /** What the guest saw on the source. */
  readonly seen: MsrPairs;
  readonly restore: readonly RestoreVerdict[];
  /**
   * Whether a vCPU that has not run accepts all of it. Present only where the state of the vCPU asked about (`vcpu`) makes
   * KVM refuse, or may do so.
   */
  readonly onNewVcpu?: Tri;
  readonly offenders: readonly Offender[];
  readonly changes: readonly DerivedChange[];
  /** How CPUID of the two hosts differs: with `-cpu host` the guest sees it. */
  readonly cpuid: CpuidChange;
  /** Missing when nothing has to change, when there is no nested VMX on one side, or with too much that is unread. */
  readonly fix?: MigrationFix;
  /** How many properties that the guest may have seen were not read on the destination. */
  readonly unread: number;
}

/** The answer of `migrate`; the other kinds say which model or version is not in the tables, and names like it. */
export type MigrateResult =
  | ({ readonly kind: "migration" } & Migration)
  | { readonly kind: "unknown model"; readonly message: string; readonly near: readonly string[] }
  | { readonly kind: "unknown version"; readonly message: string };

/**
 * Can a guest with nested VMX that saw the capability MSRs of one host run on another: the MSRs are restored there by the
 * rules of the destination's kernel. Only VMX is looked at; a guest's CPUID has to fit as well. Throws `RangeError` for what
 * is neither a situation nor a host.
 */
export function migrate(from: Situation | Host, to: Situation | Host, options: MigrateOptions = {}): MigrateResult {
  checkOptions(options);
  const [source, destination] = [replays(asSituation(from, "from")), replays(asSituation(to, "to"))];
  const offeredThere = nestedMsrs(destination.cpu);
  const wrong = misnamed(nestedMsrs(source.cpu), options);
  if (wrong !== undefined) return wrong;
  const obstacles = [
    ...obstaclesOn(source, "source"),
    ...obstaclesOn(destination, "destination"),
    ...modelObstacles(source, "source", options),
    ...modelObstacles(destination, "destination", options),
  ];
  const seen = seenOn(source, options);
  if ([...obstaclesOn(source, ""), ...obstaclesOn(destination, "")].some((row) => row.certain)) {
    // Of a side without nested VMX there are no registers to compare.
    const nothing = { restore: [], offenders: [], changes: [], unread: 0 };
    return { kind: "migration", verdict: "no", obstacles, seen, ...nothing, cpuid: cpuidBetween(source, destination) };
  }
  const restore = restoreOn(destination, seen, options.vcpu);
  const byState = restore.some(({ offences }) => offences.some(ofState));
  const onNew = byState ? restoreOn(destination, seen) : restore;
  const offenders = restore.flatMap((verdict) => offendersOf(verdict, options));
  const fits = allOf(restore.map((verdict) => verdict.accepted));
  const possible = obstacles.some((row) => row.certain) ? "no" : obstacles.length > 0 ? "unknown" : "yes";
  const migration: Migration = {
    verdict: and(possible, fits),
    obstacles,
    seen,
    restore,
    ...(byState ? { onNewVcpu: allOf(onNew.map((verdict) => verdict.accepted)) } : {}),
    offenders,
    changes: changesBetween(source, destination, options.guest ?? {}),
    cpuid: cpuidBetween(source, destination),
    unread: unreadOf(seen, offeredThere).length,
  };
  const unsuited = modelObstacles(source, "", options).concat(modelObstacles(destination, "", options)).length > 0;
  // A configuration changes what is set, and nothing about a vCPU that has run.
  const fitsNew = allOf(onNew.map((verdict) => verdict.accepted));
  if ((fitsNew === "yes" && !unsuited) || migration.unread > MOST_UNREAD) return { kind: "migration", ...migration };
  const fix = fixFor(source, destination, seen, offeredThere, options);
  return { kind: "migration", ...migration, ...(fix === undefined ? {} : { fix }) };
}

function cpuidBetween(source: Replays, destination: Replays): CpuidChange {
  return cpuidChange(cpusOf(source), cpusOf(destination));
}

/** A version or model of QEMU or libvirt that is not known. */
function misnamed(
  offered: MsrPairs,
  options: MigrateOptions,
): Exclude<MigrateResult, { kind: "migration" }> | undefined {
  const { model = "host", qemuVersion, libvirtVersion } = options;
  if (model === "nearest") return { kind: "unknown model", message: "no guest has a model called nearest", near: [] };
  const qemu = qemuCpu(offered, { model, ...(qemuVersion === undefined ? {} : { qemuVersion }) });
  if (qemu.kind === "unknown model" || qemu.kind === "unknown version") return qemu;
  if (libvirtVersion === undefined) return undefined;
  const libvirt = libvirtCpu(offered, { libvirtVersion });
  return libvirt.kind === "unknown version" ? libvirt : undefined;
}

/** IA32_VMX_CR0_FIXED1 and CR4_FIXED1 are made by each kernel from the guest's CPUID. */
function changesBetween(source: Replays, destination: Replays, guest: GuestCpuid): DerivedChange[] {
  const before = vcpuOf(source, guest);
  const after = vcpuOf(destination, guest);
  const changes: DerivedChange[] = [];
  for (const msr of [0x487, 0x489]) {
    const [a, b] = [before.get(msr), after.get(msr)];
    if (a === undefined || b === undefined) continue;
    for (let bit = 0; bit < 64; bit++) {
      const label = bitLabel(msr, bit);
      const [was, is] = [bitOfPair(a, bit), bitOfPair(b, bit)];
      // A feature that both kernels pass on is the same on both, whatever the guest has.
      if (was !== is) changes.push({ label, source: was, destination: is });
    }
  }
  return changes;
}
