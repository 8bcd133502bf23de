import type { Host } from "../../../src/host/host.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../../src/kvm/programs.js";
import { type ReplayOptions, replay } from "../../../src/kvm/replay.js";
import { paramText } from "../../../src/kvm/replay-params.js";
import { cpuFlags, vmxFlagsLine } from "../../../src/linux/cpuinfo.js";

/** The host with everything that a machine on which the replay is the truth would say of itself. */
export function observe(host: Host, options: Omit<ReplayOptions, "trace">): Host {
  const replayed = replay(host, options);
  const { cpu, release, config, loads, compatibility } = replayed;
  const words = ([0, 1, 2, 3, 4] as const).map((n) => cpu.word(`vmx_capability[${n}]`));
  const line = vmxFlagsLine(release, cpu.bit("caps", "VMX"), words);
  const set = (flags: typeof line.flags) => flags.filter((flag) => flag.set === "yes").map(({ flag }) => flag);
  const shown = (module: "kvm" | "kvm_intel") =>
    Object.fromEntries(
      paramsOf(release, config)
        .filter((row) => row.module === module && paramText(cpu, row) !== "unknown")
        .map((row) => [row.name, paramText(cpu, row)]),
    );
  const offered = [...nestedMsrs(cpu)].map(([index, value]) => [index, { state: "value", ...value }] as const);
  const printed = [...cpu.boot.messages, ...cpu.load.messages, ...compatibility.flatMap(({ messages }) => messages)];
  return {
    ...host,
    kernel: `${release}-amd64`,
    ...(loads === "yes" ? { params: { kvm: shown("kvm"), kvm_intel: shown("kvm_intel") } } : {}),
    observed: {
      cpuFlags: set(cpuFlags(release, (name) => cpu.bit("caps", name))),
      ...(line.printed === "yes" ? { vmxFlags: set(line.flags) } : {}),
      ...(loads === "yes" && cpu.bit("params", "nested") === "yes" ? { nestedMsrs: new Map(offered) } : {}),
      messages: printed.filter(({ certain }) => certain).map(({ text }) => text),
    },
  };
}
