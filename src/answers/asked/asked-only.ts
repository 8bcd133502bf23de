import { listText } from "../../bits/list-text.js";
import type { Host } from "../../host/host.js";
import { PARAMS, type ParamRow } from "../../kvm/load/params.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { formatHeld, holdsIn } from "../../rules/held.js";
import { RELEASES, type Release } from "../../rules/release.js";
import type { Situation } from "../../situation/situation.js";
import { OTHER_PARAMS, otherParam } from "../../why/other-params.js";
import type { TextVerdict } from "../answer.js";

/** Parameters that modprobe.d or the command line asks for are all that the text says. */
export function asksOnly({ paramsAsked, params, observed, cores: [boot], name, vendor }: Host): boolean {
  return (
    paramsAsked !== undefined &&
    params === undefined &&
    observed === undefined &&
    boot.msrs.size === 0 &&
    boot.signature === undefined &&
    name === undefined &&
    vendor === undefined
  );
}

/** What the parameters that are asked for do, and where they exist. */
export function askedVerdict({
  host,
  candidates,
  kernel,
}: Situation): Pick<TextVerdict, "says" | "steps" | "evidence"> {
  const named = kernel.from === "default" ? undefined : candidates.map(({ release }) => release);
  const asked = (["kvm_intel", "kvm"] as const).flatMap((module) =>
    Object.entries(host.paramsAsked?.[module] ?? {}).map(([name, value]) => ({
      isKnown: isKnownParam(module, name),
      says: askedText(module, name, value, named),
    })),
  );
  // What has no effect is what people do not expect.
  const says = [...asked.filter(({ isKnown }) => !isKnown), ...asked.filter(({ isKnown }) => isKnown)].map(
    (one) => one.says,
  );
  return {
    says: says.slice(0, 3).join(" "),
    steps: [
      {
        text: "See what the module made of it once it is loaded again; no virtual machine may run meanwhile.",
        commands: ["sudo modprobe -r kvm_intel kvm; sudo modprobe kvm_intel; grep . /sys/module/kvm*/parameters/*"],
      },
    ],
    evidence: says.slice(3),
  };
}

/** Parameters that people set because of VMX and that a replay does not need: the module_param lines of Linux, virt/kvm and x86.c. */
const OTHERS: { readonly [name: string]: string } = {
  "kvm.enable_virt_at_load":
    "with 0, KVM leaves VMX alone until the first virtual machine starts, so that VirtualBox or VMware can use it meanwhile",
  "kvm.ignore_msrs": "with 1, guests read 0 from registers that KVM does not know, instead of a fault",
  "kvm.report_ignored_msrs": "whether the log mentions such accesses",
  "kvm_intel.vmentry_l1d_flush": "when the level-1 data cache is flushed before a VM entry, against L1TF",
};

/** Defaults that were others in kernels older than the rules: Linux, arch/x86/kvm/vmx.c, commit 1e58e5e59148. */
const SINCE: { readonly [name: string]: string } = { "kvm_intel.nested": " in all but old kernels" };

/** Names of the module in which it is a part, or that are a part of it: `poll_ns` of `halt_poll_ns`. */
function likeText(module: "kvm_intel" | "kvm", name: string): string {
  const like = paramNames(module).filter((one) => one.includes(name) || name.includes(one));
  return like.length === 0 || name.length < SHORTEST ? "" : ` (${listText(like)} is)`;
}
const SHORTEST = 4;
const paramNames = (module: "kvm_intel" | "kvm"): readonly string[] => [
  ...new Set([
    ...PARAMS.filter((row) => row.module === module).map(({ name }) => name as string),
    ...OTHER_PARAMS.filter((row) => row.module === module).map(({ name }) => name),
  ]),
];

/** A parameter of one of the two modules, or of the other one by mistake. */
const isKnownParam = (module: "kvm_intel" | "kvm", name: string): boolean =>
  PARAMS.some((row) => row.name === name) ||
  OTHERS[`${module}.${name}`] !== undefined ||
  otherParam(`${module}.${name}`) !== undefined;

function askedText(
  module: "kvm_intel" | "kvm",
  name: string,
  value: string,
  named: readonly Release[] | undefined,
): string {
  const full = `${module}.${name}`;
  const rows: readonly ParamRow[] = PARAMS.filter((row) => row.module === module && row.name === name);
  const [row] = rows;
  if (row === undefined) {
    const other = PARAMS.find((known) => known.name === name);
    const about = OTHERS[full];
    if (about !== undefined) return `${full}=${value} is asked for: ${about}.`;
    const known = otherParam(full);
    if (known !== undefined) return `${full}=${value} is asked for, which does not decide about VMX: ${known.about}.`;
    return other === undefined
      ? `${full}=${value} is asked for, and no such parameter is known here${likeText(module, name)}: a module ignores what it does not have, and its log says so.`
      : `${full}=${value} is asked for, and it is a parameter of ${other.module}: ${other.module}.${name}.`;
  }
  const has = (release: Release) => rows.some((one) => holdsIn(release, one.held) !== false);
  const where =
    named === undefined
      ? RELEASES.every(has)
        ? ""
        : ` (Linux ${formatHeld(row.held)})`
      : named.every(has)
        ? ""
        : named.some(has)
          ? " (only some of the kernels that this can be have it)"
          : ` (this kernel does not have it; Linux ${formatHeld(row.held)} does)`;
  const on = row.type === "bool" ? parseBool(value) : undefined;
  const asked = on === undefined ? `is set to ${value}` : on ? "is asked to be on" : "is asked to be off";
  const same =
    on !== undefined && rows.every((one) => one.default === Number(on))
      ? `, as it is by default${SINCE[full] ?? ""}`
      : "";
  return `${full} (${row.about}) ${asked}${same}${where}.`;
}
