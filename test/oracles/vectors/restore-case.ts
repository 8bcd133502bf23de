import { formatU64, parseHexU64, type U64 } from "../../../src/bits/u64.js";
import { word } from "../../../src/bits/word.js";
import type { MsrPair, MsrPairs } from "../../../src/kvm/guest/msr-pair.js";
import { checkRestore, writeMsr } from "../../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import type { Release } from "../../../src/rules/release.js";
import { type Difference, kernelOf, replayCase, type VectorCase } from "./vector-case.js";

/*
 * One machine of the restore vectors: which VMX capability MSRs user space may set on a vCPU, by the kernel's own
 * functions, and by `checkRestore`.
 */

/** What is special about a vCPU. */
interface VcpuState {
  readonly run?: boolean;
  readonly vmxon?: boolean;
  readonly vmx?: boolean;
  readonly guestMode?: boolean;
  readonly vcpu?: Readonly<Record<string, string>>;
}

/** 0 accepted, -22 EINVAL, -16 EBUSY, 1 refused without an errno. */
type Answer = number;

/** A machine as a restore vector file holds it. */
export interface RestoreCase {
  readonly id: string;
  readonly release: string;
  readonly in: VectorCase["in"];
  readonly loads: boolean;
  readonly nested?: boolean;
  readonly offered?: Readonly<Record<string, string>>;
  readonly tests?: readonly {
    readonly state: VcpuState;
    readonly msr: string;
    readonly cases: readonly (readonly [value: string, answer: Answer])[];
  }[];
  readonly sequences?: readonly {
    readonly state: VcpuState;
    readonly writes: readonly (readonly ["run"] | readonly [msr: string, value: string, answer: Answer])[];
    readonly after: Readonly<Record<string, string | null>>;
  }[];
}

export function isRestoreCase(value: unknown): value is RestoreCase {
  return typeof value === "object" && value !== null && "loads" in value && "in" in value && "release" in value;
}

const pairOf = (text: string): MsrPair => {
  const { hi, lo } = parseHexU64(text) as U64;
  return { hi: word(hi), lo: word(lo) };
};
const textOf = ({ hi, lo }: MsrPair) => formatU64({ hi: hi.value, lo: lo.value });

/** How many answers a machine has, and those that differ. */
export function checkRestoreCase(machine: RestoreCase): { readonly count: number; readonly differences: Difference[] } {
  const release = kernelOf(machine.release);
  if (release === undefined) {
    return { count: 1, differences: [{ path: "release", expected: machine.release, actual: "not a modelled kernel" }] };
  }
  const replayed = replayCase({ ...machine, out: undefined });
  const differences: Difference[] = [];
  let count = 0;
  const expect = (path: string, expected: unknown, actual: unknown) => {
    count++;
    if (expected !== actual) differences.push({ path, expected, actual });
  };
  expect("loads", machine.loads, replayed.loads === "yes");
  if (!machine.loads) return { count, differences };
  const nested = replayed.cpu.bit("params", "nested") === "yes";
  expect("nested", machine.nested, nested);
  const offered = nestedMsrs(replayed.cpu);
  for (const [msr, value] of Object.entries(machine.offered ?? {})) {
    expect(`offered.${msr}`, value, textOf(offered.get(Number(msr)) as MsrPair));
  }
  const context = contextFor(release, offered, nested);
  for (const [t, { state, msr, cases }] of (machine.tests ?? []).entries()) {
    const vcpu = vcpuOf(offered, state);
    for (const [value, answer] of cases) {
      const verdict = checkRestore({ ...context(state), vcpu }, Number(msr), pairOf(value));
      expect(`tests.${t}.${msr}.${value} ${JSON.stringify(state)}`, answer, answerOf(verdict));
    }
  }
  for (const [s, { state, writes, after }] of (machine.sequences ?? []).entries()) {
    const vcpu = vcpuOf(offered, state);
    let hasRun = state.run === true;
    for (const [w, write] of writes.entries()) {
      if (write.length === 1) {
        hasRun = true;
        continue;
      }
      const [msr, value, answer] = write;
      const pair = pairOf(value);
      const verdict = checkRestore({ ...context({ ...state, run: hasRun }), vcpu }, Number(msr), pair);
      expect(`sequences.${s}.${w} ${msr}`, answer, answerOf(verdict));
      if (verdict.accepted === "yes") writeMsr(vcpu, Number(msr), pair);
    }
    for (const [msr, value] of Object.entries(after)) {
      if (value !== null) expect(`sequences.${s}.after.${msr}`, value, textOf(vcpu.get(Number(msr)) as MsrPair));
    }
  }
  return { count, differences };
}

/** With `nested` off no guest has VMX. */
function contextFor(release: Release, offered: MsrPairs, nested: boolean) {
  return ({ run, vmxon, vmx, guestMode }: VcpuState) => ({
    release,
    offered,
    hasRun: run === true ? ("yes" as const) : ("no" as const),
    vmxon: vmxon === true ? ("yes" as const) : ("no" as const),
    guestMode: guestMode === true ? ("yes" as const) : ("no" as const),
    guestHasVmx: nested && vmx !== false ? ("yes" as const) : ("no" as const),
  });
}

function vcpuOf(offered: MsrPairs, { vcpu = {} }: VcpuState): Map<number, MsrPair> {
  const msrs = new Map(offered);
  for (const [msr, value] of Object.entries(vcpu)) writeMsr(msrs, Number(msr), pairOf(value));
  return msrs;
}

function answerOf({ accepted, errno }: ReturnType<typeof checkRestore>): Answer | string {
  if (accepted === "yes") return 0;
  if (accepted === "unknown") return "unknown";
  return errno === "EBUSY" ? -16 : errno === "EINVAL" ? -22 : 1;
}
