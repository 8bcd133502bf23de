import { and, type Tri } from "../../bits/tri.js";
import { type Host, msrOf } from "../../host/host.js";
import { formatMsr, type Msr, msrBit } from "../../host/msr.js";
import { FREE_PARAMS, PARAMS, type ParamRow } from "../../kvm/load/params.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { paramsOf } from "../../kvm/programs.js";
import { type Replay, showsModule } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { cpuFlags, vmxFlagsLine } from "../../linux/cpuinfo.js";
import { CPU_FLAGS, VMX_FLAGS } from "../../linux/vmx-features.js";
import { kernelName } from "../../rules/release.js";
import { type Errno, RULE_ERRORS } from "../../rules/rule.js";
import { bitIndex } from "../../rules/words.js";
import { kernelSet } from "../kernels.js";
import { type Verdict, type VerifyItem, verdictOf } from "./item.js";
import { messageItems } from "./messages.js";
import { nestedItems } from "./nested-items.js";

/** Compares each statement in `host.observed`, `host.params` and `host.kernel` with a replay of that host. */
export function verifyItems(host: Host, replayed: Replay): VerifyItem[] {
  return [
    ...kernelItems(host, replayed),
    ...featCtlItems(host, replayed),
    ...cpuFlagItems(host, replayed),
    ...vmxFlagItems(host, replayed),
    ...messageItems(host, replayed),
    ...loadItems(host, replayed),
    ...paramItems(host, replayed),
    ...nestedItems(host, replayed),
  ];
}

const shown = (value: boolean): Tri => (value ? "yes" : "no");

/** Red Hat's kernels keep the number of a release and carry the KVM of much later ones. */
const BACKPORTS = /\.el\d/;

function kernelItems({ kernel }: Host, { release }: Replay): VerifyItem[] {
  if (kernel === undefined) return [];
  const item = (verdict: Verdict, note?: string): VerifyItem => ({
    id: "kernel",
    kind: "kernel",
    layer: "boot",
    what: "kernel release",
    reported: kernel,
    replayed: release,
    verdict,
    ...(note === undefined ? {} : { note }),
  });
  const set = kernelSet(kernel);
  if ("error" in set) return [item("unknown", set.error)];
  if (!set.candidates.includes(release)) return [item("differ")];
  if (BACKPORTS.test(kernel)) {
    return [item("unknown", "a Red Hat kernel carries later KVM code than its number says")];
  }
  return set.note === undefined && set.candidates.length === 1 ? [item("agree")] : [item("unknown", set.note)];
}

/** Whether something shows that the registers were read on a running Linux. */
const isLinux = ({ observed, params }: Host): boolean =>
  observed?.cpuFlags !== undefined || observed?.vmxFlags !== undefined || params !== undefined;

/**
 * Boot locks the register where the firmware did not: on a running Linux it cannot have a value that the kernel would
 * not leave.
 */
function featCtlItems(host: Host, { cpu }: Replay): VerifyItem[] {
  const reported = msrOf(cpu.core, 0x3a);
  if (!isLinux(host) || reported.state !== "value") return [];
  const ours: Msr = { state: "value", hi: cpu.word("feat_ctl.hi"), lo: cpu.word("feat_ctl.lo") };
  // Without the flag, the kernel did not get as far as the register.
  if (cpu.bit("caps", "MSR_IA32_FEAT_CTL") !== "yes") return [];
  const verdicts = Array.from({ length: 64 }, (_, bit) => verdictOf(msrBit(reported, bit), msrBit(ours, bit)));
  const verdict = verdicts.includes("differ") ? "differ" : verdicts.includes("unknown") ? "unknown" : "agree";
  return [
    {
      id: "feat-ctl",
      kind: "feat-ctl",
      layer: "firmware",
      what: "IA32_FEAT_CTL as Linux leaves it",
      reported: formatMsr(reported),
      replayed: formatMsr(ours),
      verdict,
    },
  ];
}

export function cpuFlagItems({ observed }: Host, { release, cpu }: Replay): VerifyItem[] {
  const names = observed?.cpuFlags ?? (observed?.vmx === true ? ["vmx"] : observed?.vmx === false ? [] : undefined);
  if (names === undefined) return [];
  // Without the whole line, only its vmx is known.
  const whole = observed?.cpuFlags !== undefined;
  return cpuFlags(release, (cap) => cpu.bit("caps", cap))
    .filter(({ flag }) => whole || flag === "vmx")
    .map(({ flag, set }): VerifyItem => {
      const reported = shown(names.includes(flag));
      const cap = CPU_FLAGS.find((row) => row.flag === flag)?.cap ?? "VMX";
      return {
        id: `flags ${flag}`,
        kind: "cpu-flag",
        layer: flag === "vmx" ? "firmware" : "boot",
        what: `${flag} among the flags of /proc/cpuinfo`,
        reported,
        replayed: set,
        verdict: verdictOf(reported, set),
        at: { word: "caps", bit: bitIndex("caps", cap) },
      };
    });
}

export function vmxFlagItems({ observed }: Host, { release, cpu }: Replay): VerifyItem[] {
  const names = observed?.vmxFlags;
  if (names === undefined) return [];
  const words = ([0, 1, 2, 3, 4] as const).map((n) => cpu.word(`vmx_capability[${n}]`));
  const { printed, flags } = vmxFlagsLine(release, cpu.bit("caps", "VMX"), words);
  const line: VerifyItem = {
    id: "vmx flags",
    kind: "vmx-flag",
    layer: "boot",
    what: "the vmx flags line of /proc/cpuinfo",
    reported: shown(names.length > 0),
    replayed: printed,
    verdict: verdictOf(shown(names.length > 0), printed),
    at: { word: "caps", bit: bitIndex("caps", "VMX") },
  };
  const items = VMX_FLAGS.flatMap((row): VerifyItem[] => {
    const { flag, word, bit } = row;
    const known = flags.find((state) => state.flag === flag);
    const reported = shown(names.includes(flag));
    if (known === undefined && reported === "no") return [];
    // Without the line nothing follows about its words.
    if (printed === "no" || names.length === 0) return [];
    const replayed = known === undefined ? "no" : and(printed, known.set);
    return [
      {
        id: `vmx flags ${flag}`,
        kind: "vmx-flag",
        layer: "boot",
        what: `${flag} on the vmx flags line`,
        reported,
        replayed: known === undefined ? `${kernelName(release)} has no such name` : replayed,
        verdict: verdictOf(reported, replayed),
        at: { word: `vmx_capability[${word}]`, bit },
      },
    ];
  });
  return [line, ...items];
}

/** What of a replay decides whether the module loads. */
type Loading = Pick<Replay, "loads" | "error"> & { readonly cpu?: Replay["cpu"] };

/**
 * A module that shows parameters is loaded. That it shows none, or that a list of modules does not have it, proves
 * nothing: it may not have been looked at, or loaded.
 */
export function loadItems(host: Host, replayed: Loading): VerifyItem[] {
  const { loads, error } = replayed;
  const base = {
    kind: "loads",
    layer: "kvm",
    replayed: loads === "no" && error !== undefined ? `no (${error})` : loads,
  } as const;
  const items: VerifyItem[] = [];
  // What KVM offers guests is compared bit by bit.
  if (showsModule(host)) {
    items.push({ ...base, id: "loads", what: "kvm_intel loads", reported: "yes", verdict: verdictOf("yes", loads) });
  }
  const refused = host.observed?.loadError;
  if (refused !== undefined) {
    const what = `the kernel refuses kvm_intel with ${refused}`;
    items.push({ ...base, id: "load error", what, reported: "yes", verdict: errorVerdict(refused, replayed) });
  }
  return items;
}

const PROVING: readonly string[] = ["EIO", "EOPNOTSUPP"] satisfies Errno[];

function errorVerdict(refused: string, { loads, error, cpu }: Loading): Verdict {
  if (!(RULE_ERRORS as readonly string[]).includes(refused)) return "unknown";
  if (loads === "no" && error === refused) return "agree";
  // Too little memory and wrong parameters are refused on any CPU.
  if (!PROVING.includes(refused)) return "unknown";
  if (loads === "yes") return "differ";
  if (loads === "no" && error !== undefined) return "differ";
  // A further CPU that differs gives EIO.
  const possible = refused === "EIO" || cpu === undefined || cpu.refusals.some(({ errno }) => errno === refused);
  return possible ? "unknown" : "differ";
}

function sameParam(row: ParamRow, a: string, b: string): boolean {
  if (row.type !== "bool") return Number(a) === Number(b);
  return parseBool(a) === undefined ? a === b : parseBool(a) === parseBool(b);
}

function paramItems(host: Host, { release, config, cpu, loads }: Replay): VerifyItem[] {
  const { params } = host;
  const rows = paramsOf(release, config);
  // kvm has other values where kvm_intel was refused, and a module that shows parameters was not.
  const open = loads === "unknown" && !showsModule(host);
  return (["kvm_intel", "kvm"] as const).flatMap((module) =>
    Object.entries(params?.[module] ?? {}).flatMap(([name, reported]): VerifyItem[] => {
      const row = rows.find((candidate) => candidate.module === module && candidate.name === name);
      const base = {
        id: `${module}.${name}`,
        kind: "param",
        layer: "param",
        what: `parameter ${module}.${name}`,
        reported,
        param: { module, name },
      } as const;
      if (row === undefined) {
        // Of kvm's own parameters only those that VMX has to do with are replayed.
        const elsewhere = PARAMS.some((other) => other.module === module && other.name === name);
        if ((FREE_PARAMS as readonly string[]).includes(`${module}.${name}`) || (!elsewhere && module === "kvm"))
          return [];
        const replayed = `${kernelName(release)} has no such parameter in this configuration`;
        return [
          elsewhere
            ? { ...base, replayed, verdict: "differ" }
            : { ...base, replayed: "unknown", verdict: "unknown", note: "no release known has this parameter" },
        ];
      }
      const at =
        row.type === "bool" ? { at: { word: "params" as const, bit: bitIndex("params", row.name) } } : undefined;
      if (loads === "no" && module === "kvm_intel") {
        return [{ ...base, ...at, replayed: "not loaded", verdict: "unknown", note: "kvm_intel does not load" }];
      }
      const ours = paramText(cpu, row);
      const same = sameParam(row, reported, ours);
      if (open && !same) {
        return [{ ...base, ...at, replayed: ours, verdict: "unknown", note: "so it is if kvm_intel loads" }];
      }
      return [{ ...base, ...at, replayed: ours, verdict: ours === "unknown" ? ours : same ? "agree" : "differ" }];
    }),
  );
}
