import type { CoreGroup, CoreType, Host } from "../host/host.js";
import { parseCpuRanges } from "../input/text/cpu-ranges.js";
import { tellsNested } from "../kvm/offered.js";
import type { Subject } from "../report/header.js";
import { coreText } from "../report/header.js";
import { DEFAULT_RELEASE, RELEASES, type Release, resolveRelease } from "../rules/release.js";
import { ASSUMPTIONS, type Assumption, type AssumptionId, assume } from "../why/assume.js";
import type { FoundHost, Origin } from "./host.js";
import type { Settings } from "./options.js";

/** What users are given the benefit of the doubt about, by where the host comes from. */
const DEFAULT_ASSUMPTIONS: { readonly [O in Origin]: readonly AssumptionId[] } = {
  // The dumps of the atlas were made under Windows, and nobody read IA32_FEAT_CTL.
  atlas: ["firmware=enabled", "registers=sdm"],
  file: ["registers=sdm"],
  machine: [],
};

/** A subject, and the host as it was read: findings are about that one. */
export interface Prepared {
  readonly kind: "subject";
  readonly subject: Subject;
  readonly read: Host;
}

/** Applies the shared options to a host. Problems end the command with exit code 2. */
export async function prepare(
  found: FoundHost,
  settings: Settings,
): Promise<Prepared | { readonly kind: "none"; readonly problems: readonly string[] }> {
  const picked = pickCpu(found.host, settings.cpu);
  if (typeof picked === "string") return { kind: "none", problems: [picked] };
  const { ids, notes } = wantedAssumptions(found.origin, settings);
  const assumed: Assumption[] = [];
  let host = picked;
  for (const id of ids) {
    const made = assume(host, id);
    host = made.host;
    const row = ASSUMPTIONS.find((candidate) => candidate.id === id);
    if (made.used && row !== undefined) assumed.push(row);
    else if (settings.assume.ids.includes(id)) notes.push(`--assume ${id} changes nothing: what it fills in was read`);
  }
  const { release, reason } = kernelOf(found, settings);
  const asked = await paramsOnMachine(host, release, settings);
  if (asked.text !== undefined) notes.push(asked.text);
  const told = tellsNested(host, release);
  if (told) notes.push("where the registers leave open what KVM offers guests, what the text says of it was taken");
  const subject: Subject = {
    host,
    source: found.source,
    options: {
      release,
      ...(told ? { told } : {}),
      ...(Object.keys(asked.params).length === 0 ? {} : { params: asked.params }),
      ...(Object.keys(settings.config).length === 0 ? {} : { config: settings.config }),
      ...(Object.keys(settings.machine).length === 0 ? {} : { machine: settings.machine }),
    },
    kernelReason: reason,
    assumed,
    notes: [...found.notes, ...notes],
  };
  return { kind: "subject", subject, read: picked };
}

/** `registers=sdm` first: what the CPU rules out needs no other assumption. */
export function wantedAssumptions(
  origin: Origin,
  { assume: given }: Settings,
): { ids: AssumptionId[]; notes: string[] } {
  const ownFirmware = given.ids.some((id) => id.startsWith("firmware="));
  const defaults = given.none ? [] : DEFAULT_ASSUMPTIONS[origin];
  const all = new Set([...defaults.filter((id) => !(ownFirmware && id.startsWith("firmware="))), ...given.ids]);
  return { ids: [...all].sort((a, b) => Number(b === "registers=sdm") - Number(a === "registers=sdm")), notes: [] };
}

function kernelOf({ host, origin }: FoundHost, { kernel }: Settings): { release: Release; reason: string } {
  if (kernel !== undefined) {
    return { release: kernel.release, reason: `${kernel.note ?? "asked for"}${backports(kernel.asked)}` };
  }
  if (host.kernel === undefined) {
    return { release: DEFAULT_RELEASE, reason: "the newest long-term release known; --kernel takes another" };
  }
  const owner = origin === "machine" ? "this machine runs" : "the file says";
  const resolved = resolveRelease(host.kernel);
  if (resolved.release === undefined) {
    const older = /older than/.test(resolved.error);
    const release = older ? RELEASES[0] : DEFAULT_RELEASE;
    return { release, reason: `${owner} ${host.kernel}: ${resolved.error}; ${release} stands in for it` };
  }
  const note = resolved.note === undefined ? "" : `: ${resolved.note}`;
  return { release: resolved.release, reason: `${owner} ${host.kernel}${note}${backports(host.kernel)}` };
}

/** Red Hat's kernels keep the number of a release and carry the KVM of much later ones. */
function backports(release: string): string {
  return /\.el\d/.test(release) ? "; a Red Hat kernel carries later KVM code than its number says" : "";
}

/** Parameters given, and, where the host's own are known for this release, those that were set on it. */
async function paramsOnMachine(
  host: Host,
  release: Release,
  { params, config, machine }: Settings,
): Promise<{ params: Settings["params"]; text?: string }> {
  if (host.params === undefined || host.kernel === undefined) return { params };
  if (resolveRelease(host.kernel).release !== release) return { params };
  const { askedParams } = await import("../why/asked-params.js");
  const asked = askedParams(host, { release, config, machine });
  if (asked === undefined) return { params };
  const names = (["kvm_intel", "kvm"] as const).flatMap((module) =>
    Object.entries(asked[module] ?? {})
      .filter(([name]) => params[module]?.[name] === undefined)
      .map(([name, value]) => `${module}.${name}=${value}`),
  );
  const merged = {
    ...(asked.kvm === undefined && params.kvm === undefined ? {} : { kvm: { ...asked.kvm, ...params.kvm } }),
    ...(asked.kvm_intel === undefined && params.kvm_intel === undefined
      ? {}
      : { kvm_intel: { ...asked.kvm_intel, ...params.kvm_intel } }),
  };
  if (names.length === 0) return { params: merged };
  return { params: merged, text: `set on the host, by its /sys/module: ${names.join(" ")}` };
}

const CORE_TYPES: readonly CoreType[] = ["P", "E", "LP-E"];

/** The host with only the CPUs that --cpu names, or a sentence that says why there are none. */
function pickCpu(host: Host, text: string | undefined): Host | string {
  if (text === undefined) return host;
  const groups = host.cores.map(coreText).join(", ");
  const number = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  const type = CORE_TYPES.find((one) => one.toLowerCase() === text.toLowerCase().replace(/-?cores?$/, ""));
  if (number === undefined && type === undefined) {
    return `--cpu ${text}: the number of a logical CPU, or a core type (${CORE_TYPES.join(", ")})`;
  }
  const has = (core: CoreGroup) =>
    number === undefined
      ? core.coreTypes.includes(type as CoreType)
      : core.logicalCpus !== undefined && parseCpuRanges(core.logicalCpus)?.includes(number) === true;
  const core = host.cores.find(has);
  if (core !== undefined) return { ...host, cores: [core] };
  const what = number === undefined ? `${type}-core` : `CPU ${number}`;
  return `--cpu ${text}: this host shows no ${what}; it has ${groups}`;
}
