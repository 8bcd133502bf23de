import type { CoreGroup, Host } from "../host/host.js";
import type { ReplayOptions } from "../kvm/replay.js";
import { hexIndex } from "../registers/registers.js";
import { DEFAULT_RELEASE, type Release } from "../rules/release.js";
import type { Assumption } from "../why/assume.js";
import { labelled, wrap } from "./layout.js";
import { type Inline, type Line, styled } from "./text.js";

/** What a report is about: a host, how it is replayed, and everything that was taken for granted on the way. */
export interface Subject {
  /** With the assumptions made and the wanted CPUs picked. */
  readonly host: Host;
  /** Where the facts come from, in words; `Host.source` if not given. */
  readonly source?: string;
  /** Without `trace`. */
  readonly options: Omit<ReplayOptions, "trace">;
  /** Why this kernel release. */
  readonly kernelReason: string;
  /** Assumptions that filled something in. */
  readonly assumed: readonly Assumption[];
  /** What else the reader should know: how HOST was understood, what an option did not do. */
  readonly notes: readonly string[];
}

export function releaseOf({ options }: Subject): Release {
  return options.release ?? DEFAULT_RELEASE;
}

/** `P-cores (CPU 0-15)` */
export function coreText(core: CoreGroup, index: number): string {
  const types = core.coreTypes.length > 0 ? `${core.coreTypes.join(" and ")}-cores` : `core group ${index}`;
  return core.logicalCpus === undefined ? types : `${types} (CPU ${core.logicalCpus})`;
}

export function subjectName({ host }: Subject): string {
  return host.name ?? host.codename ?? host.id ?? "a CPU without a name";
}

function cpuText({ host }: Subject): string {
  const [core] = host.cores;
  const parts: string[] = [];
  if (host.codename !== undefined && host.name !== undefined) parts.push(host.codename);
  if (host.vendor === undefined) parts.push("vendor not known");
  else if (host.vendor !== "GenuineIntel") parts.push(`vendor ${host.vendor.trim()}`);
  parts.push(core.signature === undefined ? "signature not known" : `signature ${hexIndex(core.signature)}`);
  if (core.microcode !== undefined) parts.push(`microcode ${hexIndex(core.microcode)}`);
  return parts.join(", ");
}

function coresText({ host }: Subject): string | undefined {
  if (host.cores.length > 1) {
    return `${host.cores.map(coreText).join(", ")}; the boot CPU is one of the first`;
  }
  const [core] = host.cores;
  return core.coreTypes.length === 0 ? undefined : coreText(core, 0);
}

/** Parameters, build options and facts about the machine that somebody gave. */
function givenTexts({ options }: Subject): readonly (readonly [label: string, text: string])[] {
  const params = (["kvm_intel", "kvm"] as const).flatMap((module) =>
    Object.entries(options.params?.[module] ?? {}).map(([name, value]) => `${module}.${name}=${value}`),
  );
  const config = Object.entries(options.config ?? {}).map(([name, value]) => `${name}=${value ? "y" : "n"}`);
  const machine = Object.entries(options.machine ?? {}).map(
    ([name, value]) => `${name}=${value === undefined ? "unknown" : value ? 1 : 0}`,
  );
  return [
    ...(params.length > 0 ? [["params", params.join(" ")] as const] : []),
    ...(config.length > 0 ? [["config", config.join(" ")] as const] : []),
    ...(machine.length > 0 ? [["machine", machine.join(" ")] as const] : []),
  ];
}

/** Defaults that describe no host in particular. */
function takenForGranted({ options }: Subject): string {
  const parts: string[] = [];
  if (options.config === undefined) parts.push("Debian's build options (--config)");
  const machine = options.machine ?? {};
  const facts = [
    ...("tboot" in machine ? [] : ["not booted through tboot"]),
    ...("enlightenedVmcs" in machine ? [] : ["no enlightened VMCS"]),
  ];
  if (facts.length > 0) parts.push(`${facts.join(", ")} (--machine)`);
  return parts.join("; ");
}

/** The head of every report: what it is about and what it takes for granted; `replayed`: by a kernel. */
export function subjectLines(subject: Subject, width: number, replayed = true): Line[] {
  const { host, assumed, notes } = subject;
  const rows: (readonly [string, Inline])[] = [["CPU", cpuText(subject)]];
  const cores = coresText(subject);
  if (cores !== undefined) rows.push(["cores", cores]);
  const source = subject.source ?? host.source;
  if (source !== undefined) rows.push(["source", source]);
  const kernel: Inline = [`Linux ${releaseOf(subject)}`, styled("dim", ` (${subject.kernelReason})`)];
  if (replayed) rows.push(["kernel", kernel], ...givenTexts(subject));
  for (const [index, { id, text }] of assumed.entries()) {
    rows.push([index === 0 ? "assumed" : "", [styled("unknown", id), `: ${text}`]]);
  }
  if (assumed.length > 0) rows.push(["", [styled("command", "--assume none"), " drops these"]]);
  const taken = replayed ? takenForGranted(subject) : "";
  if (taken !== "") rows.push([assumed.length === 0 ? "assumed" : "", styled("dim", taken)]);
  for (const note of notes) rows.push(["note", note]);
  return [...wrap(styled("title", subjectName(subject)), width), ...labelled(rows, width)];
}
