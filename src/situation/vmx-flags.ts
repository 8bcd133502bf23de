import { shared, type Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import type { Replay } from "../kvm/replay.js";
import { cpuFlags, type FlagState, type VmxFlagsLine, vmxFlagsLine, vmxWordCount } from "../linux/cpuinfo.js";
import { CPU_FLAGS, VMX_FLAGS } from "../linux/vmx-features.js";
import { replays } from "./replays.js";
import type { Situation } from "./situation.js";

/** The lines of /proc/cpuinfo that show VMX. */
export interface CpuinfoLines {
  /** The `vmx flags` line. A name that one of the kernels does not have is not on its line. */
  readonly vmxFlags: VmxFlagsLine;
  /** The flags of the `flags` line that boot sets or clears because of VMX. */
  readonly flags: readonly FlagState[];
  /**
   * The `vmx flags` line without its title; a `?` follows a name that may be there. `undefined` if it is not printed.
   */
  readonly text: string | undefined;
}

/**
 * What /proc/cpuinfo shows of VMX, by show_cpuinfo (arch/x86/kernel/cpu/proc.c). Throws `RangeError` for what is neither
 * a situation nor a host.
 *
 * @example
 * import { atlasHost } from "vmxlens/input";
 * import { situation, vmxFlags } from "vmxlens/situation";
 *
 * const ivyBridge = situation(atlasHost("intel-306a9-ivybridge"), {
 *   kernel: "6.12",
 *   assume: ["firmware=enabled", "registers=sdm"],
 * });
 * vmxFlags(ivyBridge).text; // "vnmi preemption_timer invvpid ept_x_only flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest"
 */
export function vmxFlags(subject: Situation | Host): CpuinfoLines {
  const each = replays(subject).each.map(linesOf);
  const [only, ...others] = each as [Lines, ...Lines[]];
  const vmxFlags: VmxFlagsLine =
    others.length === 0
      ? only.vmxFlags
      : {
          printed: shared(each.map((lines) => lines.vmxFlags.printed)),
          flags: joined(
            VMX_FLAGS.map(({ flag }) => flag),
            each.map((lines) => lines.vmxFlags.flags),
          ),
        };
  const flags =
    others.length === 0
      ? only.flags
      : joined(
          CPU_FLAGS.map(({ flag }) => flag),
          each.map((lines) => lines.flags),
        );
  return { vmxFlags, flags, text: vmxFlags.printed === "no" ? undefined : flagText(vmxFlags.flags) };
}

type Lines = Pick<CpuinfoLines, "vmxFlags" | "flags">;

/** The lines of one replay. */
export function linesOf({ cpu, release }: Replay): Lines {
  const words = Array.from({ length: vmxWordCount(release) }, (_, i) => cpu.word(`vmx_capability[${i as 0}]`));
  return {
    vmxFlags: vmxFlagsLine(release, cpu.bit("caps", "VMX"), words),
    flags: cpuFlags(release, (name) => cpu.bit("caps", name)),
  };
}

/** Flags in the order of the table, each once. */
function joined(order: readonly string[], lines: readonly (readonly FlagState[])[]): FlagState[] {
  return [...new Set(order)].flatMap((flag): FlagState[] => {
    const states = lines.map((line): Tri | undefined => line.find((state) => state.flag === flag)?.set);
    if (states.every((state) => state === undefined)) return [];
    return [{ flag, set: shared(states.map((state) => state ?? "no")) }];
  });
}

/** Names of a line, with a `?` after those that may be there. */
export function flagText(flags: readonly FlagState[]): string {
  return flags
    .filter(({ set }) => set !== "no")
    .map(({ flag, set }) => (set === "unknown" ? `${flag}?` : flag))
    .join(" ");
}
