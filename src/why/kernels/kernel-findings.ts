import { bitsOf } from "../../bits/word.js";
import { effectiveMsr } from "../../host/existence.js";
import type { Finding } from "../../host/finding.js";
import { isAbsent, msrBit } from "../../host/msr.js";
import { rulesOf } from "../../kvm/load/rule-list.js";
import type { Replay } from "../../kvm/replay.js";
import { DEFAULT1 } from "../../registers/default1.js";
import { registerOf } from "../../registers/registers.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import type { Certainty } from "../../rules/machine.js";
import { kernelName } from "../../rules/release.js";
import { bitName } from "../../rules/words.js";

/**
 * What a replay shows that is remarkable about the kernel and not about the processor. `quirk`: the kernel does
 * something else than one would expect, and it makes a difference on this host. The others are what it prints or
 * refuses.
 */
export const KERNEL_FINDING_KINDS = {
  "eptp-switching-hidden": { severity: "warning", source: "Linux init_vmx_capabilities: VM functions of bits 63:32" },
  "vpid-follows-vnmi": { severity: "warning", source: "Linux init_vmx_capabilities: X86_FEATURE_VPID" },
  "true-not-read": { severity: "note", source: "Linux and KVM read 0x481 to 0x484 and never 0x48d to 0x490" },
  "kernel-warns": { severity: "warning", source: "see the rule" },
  "unchecked-msr-access": { severity: "warning", source: "Linux ex_handler_rdmsr_unsafe" },
  "kvm-refuses": { severity: "error", source: "see the rule" },
  "core-refused": { severity: "error", source: "KVM vmx_check_processor_compat" },
  "params-ignored": { severity: "warning", source: "Linux parse_args: unknown parameter ignored" },
} as const satisfies { readonly [id: string]: Pick<Finding, "severity" | "source"> };

/** Key of `KERNEL_FINDING_KINDS`. */
export type KernelFindingId = keyof typeof KERNEL_FINDING_KINDS;

/** Something remarkable about what the kernel does on a host; `core` is the position in `Host.cores`. */
export interface KernelFinding extends Omit<Finding, "id"> {
  readonly id: KernelFindingId;
  /** Whether it happens; as of the kernel's messages. */
  readonly certain: Certainty;
}

type Draft = Omit<KernelFinding, "id" | "severity" | "source" | "certain"> &
  Partial<Pick<KernelFinding, "certain" | "source">>;

function make(id: KernelFindingId, draft: Draft): KernelFinding {
  const { severity, source } = KERNEL_FINDING_KINDS[id];
  // What may be is worth a note only.
  return { id, severity: draft.certain === false ? "note" : severity, source, certain: true, ...draft };
}

/** Every kernel finding of one replay: quirks first, then warnings, refusals and disagreeing cores. */
export function kernelFindings(replayed: Replay): KernelFinding[] {
  return [
    ...hiddenEptpSwitching(replayed),
    ...wrongVpid(replayed),
    ...ignoredTrueControls(replayed),
    ...warnings(replayed),
    ...refusals(replayed),
    ...refusedCores(replayed),
    ...replayed.unknownParams.map((name) =>
      make("params-ignored", {
        text: `${kernelName(replayed.release)} has no parameter ${name.replace(".", " ")} in this configuration and ignores it`,
      }),
    ),
  ];
}

/** Word 0 of vmx_capability takes bits 35:32 of IA32_VMX_VMFUNC for VM functions; EPTP switching is bit 0. */
function hiddenEptpSwitching({ cpu }: Replay): KernelFinding[] {
  const has = cpu.bit("IA32_VMX_VMFUNC.lo", "EPTP_SWITCHING");
  const shown = cpu.bit("vmx_capability[0]", "EPTP_SWITCHING");
  const vmfunc = cpu.bit("IA32_VMX_PROCBASED_CTLS2.hi", "VMFUNC");
  const enabled = cpu.bit("caps", "VMX");
  if (enabled === "no" || vmfunc !== "yes" || has === "no" || shown === "yes") return [];
  const text =
    has === "yes"
      ? "The CPU has EPTP switching, and `eptp_switching` is not on the `vmx flags` line: Linux looks for it in bits 63:32 of IA32_VMX_VMFUNC, and it is bit 0"
      : "The `vmx flags` line does not show whether the CPU has EPTP switching: Linux looks for it in bits 63:32 of IA32_VMX_VMFUNC, and it is bit 0";
  return [
    make("eptp-switching-hidden", {
      text,
      msr: 0x491,
      bits: [0],
      certain: has === "yes" && shown === "no" && enabled === "yes",
    }),
  ];
}

function wrongVpid({ cpu }: Replay): KernelFinding[] {
  const shown = cpu.bit("caps", "VPID");
  const has = cpu.bit("vmx_capability[2]", "VPID");
  const enabled = cpu.bit("caps", "VMX");
  if (enabled === "no" || shown === has || shown === "unknown" || has === "unknown") return [];
  const [there, missing] = [
    "`vpid` is in `flags` though the CPU has no VPID",
    "`vpid` is not in `flags` though the CPU has VPID",
  ];
  const text = `${shown === "yes" ? there : missing}: Linux tests bit 5 of the pin-based controls, virtual NMIs, instead of bit 5 of the secondary ones`;
  return [make("vpid-follows-vnmi", { text, certain: enabled === "yes" })];
}

const TRUE_REGISTERS = [
  { plain: 0x481, index: 0x48d, group: "pin" },
  { plain: 0x482, index: 0x48e, group: "primary" },
  { plain: 0x483, index: 0x48f, group: "exit" },
  { plain: 0x484, index: 0x490, group: "entry" },
] as const;

/** Controls that could be 0 and that Linux keeps at 1, because it does not look at the TRUE registers. */
function ignoredTrueControls({ cpu: { core } }: Replay): KernelFinding[] {
  const named: string[] = [];
  let unnamed = 0;
  let open = false;
  for (const { plain, index, group } of TRUE_REGISTERS) {
    const [byPlain, byTrue] = [effectiveMsr(core, plain), effectiveMsr(core, index)];
    for (const bit of DEFAULT1[group]) {
      const plainly = msrBit(byPlain, bit);
      const truly = byTrue.state === "absent" ? "yes" : msrBit(byTrue, bit);
      if (plainly === "no" || truly === "yes") continue;
      if (plainly === "unknown" || truly === "unknown" || isAbsent(byTrue) !== "no") {
        open = true;
        continue;
      }
      const name = registerOf(plain)?.bits.find((row) => row.bit === bit)?.sdm;
      if (name === undefined) unnamed++;
      else named.push(name);
    }
  }
  if (named.length + unnamed === 0) return [];
  const names = [...named, ...(unnamed > 0 ? [`${unnamed} reserved`] : [])].join(", ");
  const count = `${open ? "At least " : ""}${named.length + unnamed}`;
  const text = `${count} controls of the default1 class may be 0 by the TRUE registers (${names}); Linux reads only the plain registers and keeps them at 1`;
  return [make("true-not-read", { text })];
}

function warnings({ cpu }: Replay): KernelFinding[] {
  const found: KernelFinding[] = [];
  for (const phase of [cpu.boot, cpu.load]) {
    for (const { kind, func, cond, text, certain } of phase.warnings) {
      const what = text === undefined ? cond : `${cond}: ${text}`;
      const verb = certain === false ? "may print" : "prints";
      const says = `${func} ${verb} a ${kind} (${what})${condition(certain)}`;
      found.push(make("kernel-warns", { text: says, source: `Linux ${func}`, certain }));
    }
    for (const { msr, certain } of phase.unchecked) {
      const faults = certain === false ? "the read may fault" : "the read faults";
      const text = `Linux reads ${msr} without being prepared for a fault, and ${faults}: "unchecked MSR access error" in the log${condition(certain)}`;
      found.push(make("unchecked-msr-access", { text, certain }));
    }
  }
  return found;
}

function condition(certain: Certainty): string {
  return certain === "if it loads" ? ", if kvm_intel loads" : "";
}

function refusals(replayed: Replay): KernelFinding[] {
  const rules = rulesOf(replayed.release, replayed.config);
  return replayed.cpu.refusals.map(({ errno, fn, rule, certain, missing }) => {
    const row = rules.find(({ id }) => id === rule);
    const names = bitsOf(missing?.bits ?? 0).map((bit) => (missing && bitName(missing.word, bit)) ?? `bit ${bit}`);
    const why = missing === undefined ? (row?.says ?? rule) : `required of ${missing.word}: ${names.join(", ")}`;
    const source =
      row === undefined
        ? "Linux kernel/params.c"
        : `${fileOf(row, replayed.release)} (${functionOf(row, replayed.release)}, rule ${row.id})`;
    const verb = certain ? "returns" : "may return";
    return make("kvm-refuses", { text: `${fn} ${verb} -${errno}: ${why.replace(/\.$/, "")}`, source, certain });
  });
}

function refusedCores({ compatibility, host, cpu: { loads } }: Replay): KernelFinding[] {
  return compatibility.flatMap(({ core, agrees, differences }) => {
    if (agrees === "yes") return [];
    const index = host.cores.indexOf(core);
    const certain = differences.filter((row) => row.certain || agrees !== "no");
    const fields = certain.map(({ field }) => field).join(", ");
    const types = core.coreTypes.length > 0 ? `The ${core.coreTypes.join(" and ")}-cores` : `Core group ${index}`;
    const where = core.logicalCpus === undefined ? types : `${types} (CPU ${core.logicalCpus})`;
    const what = fields === "" ? "" : ` in ${fields}`;
    const refused = loads === "yes" ? "cannot use" : "cannot use, if the boot CPU itself is not refused,";
    const text =
      agrees === "no"
        ? `${where} ${refused} what the boot CPU can${what}, so KVM does not load`
        : `${where}: not known whether they agree with the boot CPU${what}; if not, KVM does not load`;
    return [make("core-refused", { text, core: index, certain: agrees === "no" && loads === "yes" })];
  });
}
