import { parseHexU64, type U64 } from "../../../src/bits/u64.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../../src/host/msr.js";
import type { ReplayOptions } from "../../../src/kvm/replay.js";
import { CAPTURES } from "../../input/truth.js";
import type { Capture, Scenario } from "../../oracles/captures/capture-parse.js";

/** The emulated machine of the captures: no performance counters, no interrupt remapping. */
export const MACHINE = { tboot: false, pmu: false, irqPosting: false, mediatedPmu: false } as const;

/** One loading of KVM on a captured machine, as a tool that looks at it afterwards sees it. */
export interface Seen {
  readonly name: string;
  readonly host: Host;
  readonly options: Omit<ReplayOptions, "trace">;
}

const msrOf = (text: string | null): Msr => (text === null ? ABSENT : msrValue(parseHexU64(text) as U64));

function coreOf(cpu: Capture["cpus"][number], position: number): CoreGroup {
  const msrs = new Map(Object.entries(cpu.msrs).map(([index, text]) => [Number(index), msrOf(text)]));
  if (cpu.featCtl !== null) msrs.set(0x3a, msrOf(cpu.featCtl));
  return { coreTypes: [], logicalCpus: String(position), signature: cpu.signature, cpuid: cpu.cpuid, msrs };
}

function seen(capture: Capture, scenario: Scenario): Seen {
  const [boot] = capture.cpus;
  const { features, params, given } = scenario;
  const nested = new Map(Object.entries(features ?? {}).map(([index, text]) => [Number(index), msrOf(text)]));
  const host: Host = {
    vendor: capture.vendor,
    kernel: `${capture.release}-amd64`,
    ...(Object.keys(params.kvm_intel).length + Object.keys(params.kvm).length === 0 ? {} : { params }),
    observed: {
      cpuFlags: boot?.flags ?? [],
      ...(boot?.vmxFlags == null ? {} : { vmxFlags: boot.vmxFlags.split(" ") }),
      ...(nested.size === 0 ? {} : { nestedMsrs: nested }),
      messages: [...new Set([...capture.bootMessages, ...scenario.messages])],
    },
    cores: capture.cpus.map(coreOf) as unknown as Host["cores"],
  };
  return {
    name: `${capture.name} ${scenario.name}`,
    host,
    options: { release: capture.release, machine: MACHINE, params: given },
  };
}

/** Every loading of every capture. */
export const SEEN: readonly Seen[] = CAPTURES.flatMap((capture) =>
  capture.scenarios.map((scenario) => seen(capture, scenario)),
);
