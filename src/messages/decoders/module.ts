import type { Cause, Decoded } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { listText } from "../../bits/list-text.js";
import { bitsOf } from "../../bits/word.js";
import { STRICT_CONFIG } from "../../kvm/changes.js";
import { DEBIAN_CONFIG } from "../../kvm/kernel-config.js";
import { MODULE_INIT } from "../../kvm/load/function-names.js";
import { PARAMS, type ParamRow } from "../../kvm/load/params.js";
import { rulesOf } from "../../kvm/load/rule-list.js";
import { paramsOf } from "../../kvm/programs.js";
import { type Replay, replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { nearest } from "../../registers/edit-distance.js";
import { holdsIn, releaseOf, valueIn } from "../../rules/held.js";
import { KERNELS } from "../../rules/kernels.js";
import type { Refusal } from "../../rules/machine.js";
import { formatKernels, kernelName, RELEASES, type Release } from "../../rules/release.js";
import type { Errno } from "../../rules/rule.js";
import { bitName } from "../../rules/words.js";
import { findFeature } from "../../why/find-feature.js";
import { type ExplainContext, replayOptions } from "../context.js";
import type { Match } from "../match.js";
import { ENABLE_FIRMWARE, ENABLE_OUTER, KERNEL_LOG, READ_FEAT_CTL, WHO_USES_VMX } from "../rows/shared-advice.js";
import { shellWord } from "../shell-word.js";
import { HOLDERS, stopRival } from "./device.js";
import { amdModuleError } from "./modules/amd.js";
import { explainRemedies } from "./remedy.js";

// ---- modprobe ----

const ERRNO_OF: { readonly [reason: string]: Errno | "EBUSY" | "EEXIST" | "signature" | "symbol" | undefined } = {
  "operation not supported": "EOPNOTSUPP",
  "input/output error": "EIO",
  "invalid argument": "EINVAL",
  "cannot allocate memory": "ENOMEM",
  "numerical result out of range": "ERANGE",
  "file exists": "EEXIST",
  "device or resource busy": "EBUSY",
  "required key not available": "signature",
  "key was rejected by service": "signature",
  "exec format error": "symbol",
  "invalid module format": "symbol",
};

const SAME_BUILD: Step = {
  text: "Install the modules of the kernel that runs, or restart into the kernel that they belong to.",
  commands: ["uname -r; modinfo -F vermagic kvm kvm_intel", "sudo depmod -a"],
};

export function decodeModuleError([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const reason = (match.groups.reason ?? "").toLowerCase();
  const errno = ERRNO_OF[reason] ?? (reason.startsWith("unknown symbol") ? "symbol" : undefined);
  if ((match.groups.module ?? match.groups.module2)?.includes("amd"))
    return amdModuleError(context, errno === "EOPNOTSUPP");
  if (reason === "operation not permitted") {
    if (context.circumstances.has("module refused by lockdown")) return {};
    return {
      causes: [
        { text: "Not root; or Secure Boot's lockdown, or a container, forbids loading modules.", certainty: "likely" },
      ],
      steps: [
        {
          text: "Load it as root, outside of containers.",
          commands: ["sudo modprobe kvm_intel", "cat /sys/kernel/security/lockdown"],
        },
      ],
    };
  }
  if (errno === "signature") {
    return {
      what: "The kernel refused the module's signature: under Secure Boot it takes only modules that are signed with a key it trusts. The CPU had not been checked yet.",
      causes: [
        {
          text: "A kernel of one's own, whose modules are not signed or with a key that is not enrolled.",
          certainty: "likely",
        },
      ],
      steps: [
        {
          text: "Boot the distribution's kernel, or sign the modules with a key that is enrolled (MOK), or switch Secure Boot off.",
          commands: ["mokutil --sb-state; modinfo -F signer kvm_intel"],
        },
      ],
      onlySteps: true,
    };
  }
  if (errno === "symbol") {
    const another = {
      text: "The module belongs to another kernel build than the one that runs.",
      certainty: "likely",
    } as const;
    const module = match.groups.module ?? "kvm_intel";
    if (!reason.startsWith("unknown symbol")) return { causes: [another] };
    if (/\bmodprobe\b/.test(match.line))
      return {
        what: `${module} needs functions that the kernel and ${module === "kvm" ? "irqbypass" : "kvm"} do not have, or not in this version: the modules come from another build than the kernel. The CPU had not been checked yet.`,
        causes: [another],
        steps: [SAME_BUILD],
        onlySteps: true,
      };
    if (module === "kvm") return { causes: [another] };
    return {
      what: "kvm_intel needs functions that no loaded module has (unknown symbol): kvm is not loaded, or the two come from different kernel builds. The CPU had not been checked yet.",
      causes: [
        { text: "insmod loads the one file only; modprobe loads kvm first.", certainty: "likely" },
        { ...another, certainty: "possible" },
      ],
      steps: [
        {
          text: "Load kvm first, where there is no modprobe that works (irqbypass before it, if there is such a file).",
          commands: [
            "sudo insmod irqbypass.ko; sudo insmod kvm.ko; sudo insmod kvm-intel.ko",
            "uname -r; modinfo -F vermagic kvm kvm_intel",
          ],
        },
      ],
    };
  }
  if (errno === "EBUSY") {
    const isShown = context.circumstances.has("rival beside KVM");
    const holder = isShown ? HOLDERS.find(([sign]) => context.signs[sign])?.[1] : undefined;
    return {
      what: `Another hypervisor holds VT-x on some CPU (CR4.VMXE is 1)${holder === undefined ? "" : `, by the text ${holder}`}, and the kernel refused the module: Device or resource busy.`,
      causes: [
        {
          text: "VirtualBox, VMware or another program that runs machines; rarely, the module is being unloaded.",
          certainty: "likely",
        },
      ],
      steps: [holder === undefined ? WHO_USES_VMX : stopRival(holder)],
      ...(holder === undefined ? {} : { onlyCauses: true, onlySteps: true }),
    };
  }
  if (errno === "EEXIST") {
    return {
      causes: [
        {
          text: "kvm has a vendor's module already: this one or another. It accepts one at a time.",
          certainty: "likely",
        },
      ],
      steps: [WHO_USES_VMX],
    };
  }
  if (errno === undefined) return {};
  const { host } = context;
  const causes: Cause[] = [];
  const steps: Step[] = [];
  const releases = context.release === undefined ? RELEASES : [context.release];
  const refusing = new Map<string, { readonly says: string; readonly releases: Release[] }>();
  for (const release of releases) {
    for (const rule of rulesOf(release, DEBIAN_CONFIG)) {
      if (!rule.does.some((effect) => "refuse" in effect && effect.refuse === errno)) continue;
      const row = refusing.get(rule.says) ?? { says: rule.says, releases: [] };
      row.releases.push(release);
      refusing.set(rule.says, row);
    }
  }
  if (host !== undefined) {
    const replayed = replay(host, replayOptions(context));
    causes.push(replayCause(replayed, errno));
  }
  if (errno === "EOPNOTSUPP") {
    causes.push({
      text: "The CPU shows no VMX, or IA32_FEAT_CTL has it off (firmware), or it is a virtual machine without VMX; rarely EPT and NX are both missing.",
      certainty: "likely",
    });
    steps.push(READ_FEAT_CTL, ENABLE_FIRMWARE, ENABLE_OUTER);
  }
  if (errno === "EIO") {
    causes.push({
      text: "The CPU shows VMX and is not good enough for KVM: a required control cannot be 1, EPT or VPID capabilities contradict the controls, an entry/exit pair is incomplete, or the CPUs differ. On hardware that is rare; in a virtual machine the outer hypervisor is the reason, or VMX without the right MSRs (TCG, a masked CPU model).",
      certainty: "likely",
    });
    steps.push(
      KERNEL_LOG,
      {
        text: `From Linux ${releaseOf(STRICT_CONFIG)} on: load it with contradictions tolerated, to see whether one is the reason.`,
        commands: ["sudo modprobe kvm_intel error_on_inconsistent_vmcs_config=0"],
      },
      ENABLE_OUTER,
    );
  }
  if (errno === "EINVAL" || errno === "ERANGE") {
    causes.push({
      text: "A parameter has a value that the module does not accept; the kernel log names it.",
      certainty: "likely",
    });
    steps.push({
      text: "Find where parameters are set.",
      commands: ["grep -r kvm /etc/modprobe.d; cat /proc/cmdline"],
    });
  }
  const lines = [...refusing.values()].slice(0, 12).map((row) => `${row.says} (${formatKernels(row.releases)})`);
  return {
    causes,
    steps,
    values: lines.map((value) => ({ name: `returns -${errno}`, value })),
    ...(refusing.size === 0
      ? {}
      : {
          rule: {
            fn: listText([...new Set(releases.flatMap((one) => valueIn(MODULE_INIT, one) ?? []))], "or"),
            file: "arch/x86/kvm/vmx/vmx.c",
            says: `Returns -${errno}, which modprobe shows as "${match.groups.reason}".`,
            since: formatKernels([...refusing.values()].flatMap((row) => row.releases)),
          },
        }),
    depends: host === undefined ? ["the machine (--host) and the lines that the kernel printed"] : [],
  };
}

function replayCause(replayed: Replay, errno: Errno): Cause {
  const where = `On the machine that was given, ${kernelName(replayed.release)}`;
  if (replayed.loads === "yes")
    return {
      text: `${where} loads kvm_intel: the error is from another machine, kernel or parameter.`,
      certainty: "likely",
    };
  if (replayed.loads === "unknown")
    return { text: `${where} may refuse; it depends on registers that were not read.`, certainty: "possible" };
  const refusal = replayed.cpu.loads === "no" ? replayed.cpu.refusals.at(-1) : undefined;
  const said = [...replayed.cpu.load.messages, ...replayed.cpu.boot.messages]
    .filter((message) => message.certain === true)
    .map((message) => message.text);
  const by =
    refusal === undefined ? "another core differs from the boot CPU" : `rule ${refusal.rule}${missingText(refusal)}`;
  const log = said.length === 0 ? "" : `, after saying: ${listText(said.slice(-2))}`;
  if (replayed.error !== undefined) {
    const same =
      replayed.error === errno ? "refuses with this error" : `refuses with ${replayed.error}, not with this error`;
    return { text: `${where} ${same} (${by})${log}.`, certainty: "certain" };
  }
  // Every run is refused, and what was not read decides by which of the steps.
  const errors = [
    ...new Set([...replayed.cpu.refusals.map((row) => row.errno), ...(refusal === undefined ? ["EIO" as const] : [])]),
  ];
  const possible = errors.includes(errno);
  return {
    text: `${where} refuses with ${listText(
      errors,
      "or",
    )}, depending on registers that were not read; at the latest by ${by}${log}.`,
    certainty: possible ? "likely" : "certain",
  };
}

/** `, which asks for RDPMC_EXITING`: the required controls that the CPU does not allow. */
function missingText({ missing }: Refusal): string {
  if (missing === undefined) return "";
  const names = bitsOf(missing.bits).map((bit) => bitName(missing.word, bit) ?? `bit ${bit}`);
  return `, as ${missing.word} requires ${listText(names)}`;
}

// ---- Parameters ----

export function decodeModuleParameter([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { name = "", expected, value } = match.groups;
  const rows = (PARAMS as readonly ParamRow[]).filter((row) => row.name === name);
  if (rows.length === 0) {
    const near = nearest(
      name,
      PARAMS.map((row) => row.name),
      3,
    );
    return {
      causes: [
        {
          text: `No release from ${RELEASES[0]} to ${RELEASES.at(-1)} has a parameter ${name}${near.length === 0 ? "" : `; there are ${listText(near)}`}. It is misspelt, went away before (vmm_exclusive and nested_ept are such), or is one of a patched kernel, which this is not.`,
          certainty: "certain",
        },
      ],
    };
  }
  const [first] = rows as [ParamRow, ...ParamRow[]];
  const plain = rows.filter(({ config }) => config === undefined);
  const built = rows.find(({ config }) => config !== undefined)?.config;
  const having = KERNELS.map(({ id }) => id).filter((id) =>
    (plain.length === 0 ? rows : plain).some(({ held }) => holdsIn(id, held) !== false),
  );
  // The kernel at hand can be another one, or built or patched without it.
  const where =
    built !== undefined && plain.length > 0
      ? `older releases; later ones, and stable updates, have it only with ${built}`
      : having.length === KERNELS.length
        ? `the releases that are modelled (Linux ${RELEASES[0]} to ${RELEASES.at(-1)})`
        : formatKernels(having);
  const causes: Cause[] = [];
  const steps: Step[] = [];
  if (match.row.id === "kvm-unknown-parameter") {
    const module = first.module;
    const wrong = module !== match.groups.module;
    causes.push({
      text: wrong
        ? `${name} is a parameter of ${module}, not of ${match.groups.module}.`
        : `${name} (${first.about}) exists in ${where}${built === undefined || plain.length > 0 ? "" : `, in kernels built with ${built}`}; this kernel has it no longer, not yet, or not built in.`,
      certainty: "certain",
    });
  }
  if (match.row.product === "Kata Containers") {
    causes.push({
      text:
        name === "nested"
          ? "nested=N only means that guests get no VMX; Kata needs none."
          : `${name}=${value ?? "N"} means that ${first.about} is switched off or not there: the CPU is old, or an outer hypervisor hides it.`,
      certainty: "certain",
    });
    const found = findFeature(name);
    if (context.host !== undefined && found.kind === "one")
      steps.push(...explainRemedies(context.host, found.feature, context, "param"));
    steps.push({
      text: "Nothing has to be done for Kata itself. To see why the value is what it is:",
      commands: [`vmxlens why ${shellWord(name)}`],
    });
  }
  const { host } = context;
  if (host !== undefined && name !== "") {
    const replayed = replay(host, replayOptions(context));
    const row = paramsOf(replayed.release, replayed.config).find((one) => one.name === name);
    if (row !== undefined) {
      causes.push({
        text: `On the machine that was given, ${kernelName(replayed.release)} sets it to ${paramText(replayed.cpu, row)}.`,
        certainty: "certain",
      });
    }
  }
  return {
    causes,
    steps,
    values:
      expected === undefined
        ? []
        : [
            {
              name: `${first.module}.${name}`,
              value: `expected ${expected}${value === undefined ? "" : `, is ${value}`}`,
            },
          ],
    rule: {
      fn: `module_param(${name})`,
      file: "arch/x86/kvm",
      says: `${name}: ${first.about}.`,
      since: where,
    },
  };
}
