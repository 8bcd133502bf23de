import type { Tri } from "../../bits/tri.js";
import type { CpuidChange } from "../../compare/guest-cpuid.js";
import type { ComparedHost, RunResult } from "../../compare/hosts/compared-host.js";
import type { MigrationFix } from "../../compare/migrate/fix.js";
import type { MigrateOptions } from "../../compare/migrate/guest.js";
import { type Migration, migrate } from "../../compare/migrate/migrate.js";
import type { Offender } from "../../compare/migrate/restored.js";
import { labelText } from "../../registers/bit-label.js";
import { hexIndex, registerOf } from "../../registers/registers.js";
import { RELEASES, type Release } from "../../rules/release.js";
import { withRelease } from "../../situation/changed.js";
import { bitLabelJson, comparedJson } from "../json/json-compare.js";
import { MOST_NAMED } from "../nested-report.js";
import { caveatLines, underKernel } from "./caveats.js";

export interface RunMigrateArgs extends MigrateOptions {
  readonly source: ComparedHost;
  readonly destination: ComparedHost;
}

/** Whether a guest with nested VMX can move from one host to another. Exit code 1 if not, or if that is not known. */
export function runMigrate({ source, destination, ...options }: RunMigrateArgs): RunResult {
  const result = migrate(source.situation, destination.situation, options);
  if (result.kind !== "migration") {
    const near = result.kind === "unknown model" ? result.near : [];
    const problem = result.message + (near.length === 0 ? "" : `; did you mean ${near.join(", ")}?`);
    return { lines: [problem], json: { format: "vmxlens-migrate/1", problem, near }, exitCode: 2 };
  }
  const kernel = result.fix === undefined ? undefined : laterKernel(source, destination, options);
  return {
    lines: [...linesOf(result, { source, destination }, kernel, options.model), ...caveatLines([source, destination])],
    json: jsonOf(result, source, destination, kernel),
    exitCode: result.verdict === "yes" ? 0 : 1,
  };
}

/** The first later kernel of the destination that takes the guest as it is. */
function laterKernel(
  { situation: from }: ComparedHost,
  { situation: to }: ComparedHost,
  options: MigrateOptions,
): Release | undefined {
  const newest = to.candidates.at(-1)?.release;
  return RELEASES.slice(newest === undefined ? 0 : RELEASES.indexOf(newest) + 1).find((release) => {
    const result = migrate(from, withRelease(to, release), options);
    return result.kind === "migration" && result.verdict === "yes";
  });
}

// ---- JSON ----

function jsonOf(
  { verdict, obstacles, offenders, onNewVcpu, changes, cpuid, fix, unread }: Migration,
  a: ComparedHost,
  b: ComparedHost,
  kernel: Release | undefined,
) {
  return {
    format: "vmxlens-migrate/1",
    source: comparedJson(a),
    destination: comparedJson(b),
    verdict,
    obstacles,
    offenders: offenders.map(offenderJson),
    cpuid,
    changes: changes.map(({ label, source, destination }) => ({ ...bitLabelJson(label), source, destination })),
    unread,
    onNewVcpu: onNewVcpu ?? null,
    fix: fix === undefined ? null : { ...fixJson(fix), destinationKernel: kernel ?? null },
  };
}

function offenderJson({ msr, label, name, qemu, libvirt, certain, text }: Offender) {
  return {
    msr: hexIndex(msr),
    register: registerOf(msr)?.sdm ?? null,
    bit: label?.msrBit ?? null,
    name,
    qemu: qemu ?? null,
    libvirt: libvirt ?? null,
    certain,
    text,
  };
}

function fixJson({ disable, unsure, qemu, named, libvirt, works, back, remaining }: MigrationFix) {
  return {
    disable: disable.map(({ qemu: name, libvirt: other }) => ({ qemu: name, libvirt: other ?? null })),
    unsure,
    qemu: qemu.text,
    named: named?.text ?? null,
    libvirt: libvirt?.xml ?? null,
    works,
    back,
    remaining: remaining.map(offenderJson),
  };
}

// ---- Text ----

interface Sides {
  readonly source: ComparedHost;
  readonly destination: ComparedHost;
}

const SAYS = {
  yes: "A guest with nested VMX can move",
  no: "A guest with nested VMX cannot move",
  unknown: "It is not known whether a guest with nested VMX can move",
} as const;

function linesOf(
  { verdict, obstacles, offenders, onNewVcpu, changes, cpuid, fix, unread, restore }: Migration,
  { source, destination }: Sides,
  kernel: Release | undefined,
  model: string | undefined,
): string[] {
  const there = underKernel(destination);
  const lines = [`${SAYS[verdict]} from ${underKernel(source)} to ${there}.`];
  lines.push(...obstacles.map(({ text }) => `  ${text}`));
  if (fix !== undefined) lines.push(...fixLines(fix, there, kernel, unlike(cpuid)));
  else if (offenders.length > 0 && unread > 0) {
    lines.push("", `Whether ${there} has ${unread} of the capabilities that the guest may have seen was not read.`);
    lines.push("A configuration can be proposed once more of it is read.");
  }
  const byVcpu = offenders.filter((row) => row.ofVcpu === true);
  const refused = offenders.filter((row) => row.certain && row.ofVcpu === undefined);
  const perhaps = offenders.filter((row) => !row.certain && row.ofVcpu === undefined);
  lines.push(...vcpuLines(byVcpu, onNewVcpu, there));
  if (refused.length > 0) lines.push("", `KVM of ${there} refuses:`, ...offenderLines(refused));
  if (perhaps.length > 0)
    lines.push("", `KVM of ${there} may refuse; not everything was read:`, ...offenderLines(perhaps));
  const certain = changes.filter(({ source: was, destination: is }) => was !== "unknown" && is !== "unknown");
  if (certain.length > 0) {
    const names = certain.map(({ label, source: was }) => `${labelText(label)} ${was === "yes" ? "goes" : "comes"}`);
    lines.push("", `Changes under the guest, not restored by QEMU: ${names.join(", ")}`);
  }
  // Without nested VMX on one side it says nothing more.
  if (restore.length > 0) lines.push(...cpuidLines(cpuid, there, (model ?? "host") === "host"));
  if (offenders.length > byVcpu.length && (model ?? "host") === "host") lines.push("", NOT_CARRIED);
  return lines;
}

const ON_NEW = {
  yes: "A vCPU that has not run accepts every value: set the registers when it is created, before KVM_RUN.",
  no: "A vCPU that has not run does not accept every value either:",
  unknown: "Whether a vCPU that has not run accepts every value is not known.",
} as const;

/** What KVM refuses for what the vCPU did, one line for each reason. */
function vcpuLines(offenders: readonly Offender[], onNew: Tri | undefined, there: string): string[] {
  if (onNew === undefined) return [];
  const reasons = new Map<string, number[]>();
  for (const { msr, certain, text } of offenders) {
    if (!certain && offenders.some((other) => other.msr === msr && other.certain)) continue;
    const line = `KVM of ${there} ${certain ? "refuses" : "may refuse"} what is written to this vCPU. ${text}`;
    reasons.set(line, [...(reasons.get(line) ?? []), msr]);
  }
  const lines = [...reasons].flatMap(([line, msrs]) => [line, `    ${msrs.map(hexIndex).join(", ")}`]);
  return ["", ...lines, ON_NEW[onNew]];
}

function unlike({ lost, gained }: CpuidChange): boolean {
  return lost.length + gained.length > 0;
}

/** The first names of a list that may be long. */
function some(names: readonly string[]): string {
  const more = names.length - 8;
  return more <= 1 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${more} more`;
}

/** What a guest that has each host's own CPUID would see. */
function cpuidLines(change: CpuidChange, there: string, own: boolean): string[] {
  if (!own) return [];
  if (unlike(change)) {
    const parts = [
      ...(change.lost.length === 0 ? [] : [`lacks ${some(change.lost)}`]),
      ...(change.gained.length === 0 ? [] : [`has ${some(change.gained)} besides`]),
    ];
    return [
      "",
      `This is about VMX. In CPUID ${there} ${parts.join(", and ")}: -cpu host gives the guest another CPU there.`,
    ];
  }
  return change.unchecked === 0
    ? []
    : ["", `This is about VMX. CPUID was not checked: ${change.unchecked} features are not known of both hosts.`];
}

/** QEMU sets the MSRs of a new vCPU by its own -cpu (kvm_init_msrs in target/i386/kvm/kvm.c). */
const NOT_CARRIED =
  "QEMU does not carry these MSRs over: with the same -cpu host on both, the guest finds other values after the move, and no error says so.";

/** One line each under the reason that they share: `0x48d  process posted interrupts  vmx-posted-intr`. */
function offenderLines(offenders: readonly Offender[]): string[] {
  const wide = Math.max(...offenders.map(({ name }) => name.length));
  const reasons = new Map<string, string[]>();
  for (const { msr, name, qemu, libvirt, text } of offenders) {
    const other = libvirt === undefined || libvirt === qemu ? "" : ` (libvirt: ${libvirt})`;
    const line = `    ${hexIndex(msr)}  ${name.padEnd(wide)}  ${qemu ?? "no name in QEMU"}${other}`;
    reasons.set(text, [...(reasons.get(text) ?? []), line]);
  }
  return [...reasons].flatMap(([text, lines]) => [`  ${text}`, ...lines]);
}

function fixLines(
  { qemu, named, libvirt, unsure, works, back, remaining }: MigrationFix,
  there: string,
  kernel: Release | undefined,
  unlikeCpuid: boolean,
): string[] {
  if (works === "no") {
    return ["", "No -cpu text makes it work; these stay:", ...offenderLines(remaining)];
  }
  const can = works === "yes" ? "can" : "may be able to";
  const started =
    back === "yes"
      ? `Started on either host with one of these, a guest ${can} move, and back:`
      : `Started there with one of these, a guest ${can} move:`;
  // What each host has of its own is not a configuration for both.
  const hosts = qemu.model === "host" && unlikeCpuid && named !== undefined ? [] : [`-cpu ${qemu.text}`];
  const lines = ["", started, "", ...hosts];
  if (named !== undefined) lines.push(`-cpu ${named.text}`);
  if (libvirt !== undefined) lines.push(...libvirt.xml.split("\n"));
  const versions = [
    `QEMU ${qemu.qemuVersion}`,
    ...(libvirt === undefined ? [] : [`libvirt ${libvirt.libvirtVersion}`]),
  ];
  lines.push("", `By the names of ${versions.join(" and ")}. A running guest keeps what it was started with.`);
  const unchecked = (named ?? qemu).unchecked;
  if (unchecked.length > 0) {
    const { model } = named ?? qemu;
    const what =
      unchecked.length > MOST_NAMED ? `the CPUID features of ${model}` : `${unchecked.join(", ")} of ${model}`;
    lines.push(`Not checked, because it was not read: whether both CPUs have ${what}.`);
  }
  if (unsure.length > 0)
    lines.push(`Off only because it was not read whether the destination has it: ${unsure.join(", ")}`);
  if (kernel !== undefined) lines.push(`Or run Linux ${kernel} instead on ${there}: it accepts the guest as it is.`);
  return lines;
}
