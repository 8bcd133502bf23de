/** What KVM's own checks say of a nested hypervisor's VMCS, against the audit under that kernel. */
import { parseHexU64, type U64 } from "../../../src/bits/u64.js";
import type { CoreGroup } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../src/host/msr.js";
import type { Position } from "../../../src/rules/change.js";
import { judge } from "../../../src/vmcs/audit-judge.js";
import { checksUnder } from "../../../src/vmcs/checks/outer.js";
import { sceneOf } from "../../../src/vmcs/checks/scene.js";
import { cpuView } from "../../../src/vmcs/cpu.js";
import { FIELDS } from "../../../src/vmcs/fields/fields.js";
import type { Vmcs } from "../../../src/vmcs/state.js";
import { known64, ZERO64 } from "../../../src/vmcs/value64.js";

interface Header {
  readonly kernel: string;
  readonly offered: { readonly [msr: string]: string };
  readonly l1: {
    readonly physAddrBits: number;
    readonly la57: boolean;
    readonly nx: boolean;
    readonly busLock: boolean;
    readonly rtm: boolean;
    readonly lma: boolean;
    readonly cr4: string;
    readonly perfGlobalCtrlReserved: string;
  };
}

interface Case {
  readonly name: string;
  readonly fields: { readonly [encoding: string]: string };
  readonly outcome: string;
  readonly qualification?: number;
}

export interface Comparison {
  readonly kernel: string;
  readonly passed: number;
  readonly differences: readonly string[];
}

const hex = (text: string): U64 => parseHexU64(text.replace(/^0x/, "")) as U64;

/** Whether a line begins the cases of one kernel. */
export function isNestedHeader(line: string): boolean {
  return line.startsWith('{"kernel"') && line.includes('"l1"');
}

/** Every case of the lines of a vector file; one header begins the cases of each kernel. */
export function compareNestedChecks(lines: readonly string[]): readonly Comparison[] {
  const results: Comparison[] = [];
  let at = 0;
  while (at < lines.length) {
    const next = lines.findIndex((line, index) => index > at && isNestedHeader(line));
    const end = next < 0 ? lines.length : next;
    results.push(compareKernel(JSON.parse(lines[at] as string) as Header, lines.slice(at + 1, end)));
    at = end;
  }
  return results;
}

function compareKernel({ kernel, offered, l1 }: Header, lines: readonly string[]): Comparison {
  const msrs = new Map<number, Msr>([
    [0x492, ABSENT],
    [0x493, ABSENT],
    ...Object.entries(offered).map(([index, value]) => [Number(index), msrValue(hex(value))] as const),
  ]);
  const core: CoreGroup = {
    coreTypes: [],
    msrs,
    cpuid: {
      features: { nx: l1.nx, la57: l1.la57, rtm: l1.rtm, sgx: false },
      physAddrBits: l1.physAddrBits,
      linAddrBits: l1.la57 ? 57 : 48,
    },
  };
  const checks = checksUnder({ name: "kvm", kernels: [{ line: "upstream", base: kernel as Position["base"] }] });
  const differences: string[] = [];
  let passed = 0;
  for (const line of lines) {
    const item = JSON.parse(line) as Case;
    const fields = new Map(FIELDS.map((row) => [row.encoding, ZERO64]));
    for (const [encoding, value] of Object.entries(item.fields)) fields.set(Number(encoding), known64(hex(value)));
    const vmcs: Vmcs = { fields };
    const view = cpuView(vmcs, core, {
      state: {
        longMode: l1.lma,
        osBusLock: l1.busLock,
        // README: CR4_FIXED1 is what /dev/kvm offers, and the page behind the link pointer holds zeroes.
        cr4AsOffered: true,
        l1La57: (hex(l1.cr4).lo & 0x1000) !== 0,
      },
      memory: { linkDword: { lo: 0, hi: 0 } },
      reserved: { IA32_PERF_GLOBAL_CTRL: hex(l1.perfGlobalCtrlReserved) },
    });
    const scene = sceneOf(vmcs, view);
    let ours = "accepted";
    let stage = 3;
    let qualification: number | undefined;
    for (const { check, left } of checks) {
      if (left === true || judge(check, scene).result !== "fails") continue;
      const { failure } = check;
      if (failure.kind === "VMfailValid" && (failure.error === 7 || failure.error === 8) && failure.error - 7 < stage) {
        stage = failure.error - 7;
        ours = `vmfail-${failure.error}`;
      } else if (failure.kind === "entry-failure" && failure.reason === 33 && stage > 2) {
        stage = 2;
        ours = "entry-failure-33";
        qualification = failure.qualification === "entry" ? undefined : failure.qualification;
      }
    }
    const same = ours === item.outcome && (ours !== "entry-failure-33" || qualification === item.qualification);
    if (same) passed++;
    else
      differences.push(
        `${item.name}: ${item.outcome} ${item.qualification ?? ""}, here ${ours} ${qualification ?? ""}`,
      );
  }
  return { kernel, passed, differences };
}
