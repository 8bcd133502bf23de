import { belowOf, belowText } from "../../host/below.js";
import type { Host } from "../../host/host.js";
import { machineKey } from "../../kvm/fill-machine.js";
import { givenParam } from "../../kvm/load/params.js";
import type { ReplayOptions } from "../../kvm/replay.js";
import { registerOf } from "../../registers/registers.js";
import { formatRange, type ReleaseRange } from "../../rules/release.js";
import { REPLAY_MSRS } from "../../rules/words.js";
import type { Change, Remedy } from "../../why/remedies.js";
import { registerBitName, registerText } from "./bit-text.js";

/** One thing to do: a sentence, and what to type where there is something to type. */
export interface Instruction {
  readonly text: string;
  /** What the sentence leaves to a list. */
  readonly details?: readonly string[];
  readonly commands: readonly string[];
}

/**
 * What the changes of one remedy mean for the person who makes them, on this host; `given` are the parameters as they are
 * now.
 */
export function instructions(remedy: Remedy, host: Host, given: ReplayOptions["params"] = {}): readonly Instruction[] {
  return remedy.map((change) => instruction(change, host, given));
}

function instruction(change: Change, host: Host, given: NonNullable<ReplayOptions["params"]>): Instruction {
  switch (change.kind) {
    case "parameter":
      return parameter(change, givenParam(given, change.module, change.name));
    case "firmware": {
      const sgx = change.sgx ? " and SGX (Software Guard Extensions)" : "";
      return {
        text: `in the firmware setup, switch on VT-x (Intel Virtualization Technology, VMX)${sgx}, then power the machine off and on`,
        commands: [],
      };
    }
    case "releases":
      return { text: `boot ${rangesText(change.ranges)}`, commands: [] };
    case "config":
      return {
        text: `a kernel built with ${change.option}=${change.value ? "y" : "n"}`,
        commands: [`grep ${change.option} /boot/config-$(uname -r)`],
      };
    case "machine":
      return {
        text: `a machine where this holds: --machine ${machineKey(change.fact)}=${change.value ? 1 : 0}`,
        commands: [],
      };
    default:
      return { text: lacksText(host), details: siliconDetails(change), commands: [] };
  }
}

/** A virtual CPU has what the hypervisor below passes on. */
function lacksText(host: Host): string {
  const { virtual, name } = belowOf(host);
  if (virtual !== true) return "another CPU; this one lacks";
  return `${belowText(name)} has to pass it on, where the CPU under it has it; this virtual CPU lacks`;
}

/** The missing bits by register, and the missing CPUID features. */
function siliconDetails({ bits, cpuid }: Extract<Change, { kind: "silicon" }>): readonly string[] {
  const indices = [...new Set(bits.map(({ msr }) => REPLAY_MSRS[msr]))];
  const registers = indices.map((index) => {
    const row = registerOf(index);
    const here = bits.filter(({ msr }) => REPLAY_MSRS[msr] === index).map(({ bit }) => bit);
    const named = here.map((bit) => (row === undefined ? `bit ${bit}` : registerBitName(row, bit)));
    const where = row?.layout === "controls" ? ` allowed to be 1 (MSR bit ${here.join(", ")})` : "";
    return `${registerText(index)}: ${named.join(", ")}${where}`;
  });
  return [...registers, ...(cpuid.length === 0 ? [] : [`CPUID: ${cpuid.join(", ")}`])];
}

function parameter({ module, name, value }: Extract<Change, { kind: "parameter" }>, now?: string): Instruction {
  const setting = `${name}=${value}`;
  // kvm_intel uses kvm, so kvm goes last and comes first.
  const reload =
    module === "kvm_intel"
      ? `sudo modprobe -r kvm_intel && sudo modprobe kvm_intel ${setting}`
      : `sudo modprobe -r kvm_intel kvm && sudo modprobe kvm ${setting} && sudo modprobe kvm_intel`;
  const drop = now === undefined ? "" : `; take ${name}=${now} out of /etc/modprobe.d and the kernel command line`;
  return {
    text: `load ${module} with ${setting}, with no guest running${drop}`,
    commands: [reload, `echo "options ${module} ${setting}" | sudo tee /etc/modprobe.d/vmxlens-${name}.conf`],
  };
}

/** `Linux 7.2 or later`, with the releases of the table that are meant. */
function rangesText(ranges: readonly ReleaseRange[]): string {
  const texts = ranges.map((range) => {
    if (range.since !== undefined && range.until === undefined) return `${range.since} or later`;
    if (range.since === undefined && range.until !== undefined) return `${range.until} or earlier`;
    return formatRange(range);
  });
  return `Linux ${texts.join(", or ")}`;
}
