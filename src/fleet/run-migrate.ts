import { labelText } from "../compare/bit-label.js";
import { type Fix, type MigrateOptions, type Migration, migrate, type Offender } from "../compare/migrate.js";
import { type Replay, replay } from "../kvm/replay.js";
import { registerOf } from "../spec/registers.js";
import { bitLabelJson, fleetSubjectJson, msrIndex } from "./fleet-json.js";
import type { FleetSubject, RunResult } from "./subject.js";

export interface RunMigrateArgs extends MigrateOptions {
  readonly source: FleetSubject;
  readonly destination: FleetSubject;
}

/** Can a guest with nested VMX move from one host to another. Exit code 1 if not, or nobody can tell. */
export function runMigrate({ source, destination, ...options }: RunMigrateArgs): RunResult {
  const [from, to] = [source, destination].map(({ host, options: how }) => replay(host, how)) as [Replay, Replay];
  const result = migrate(from, to, options);
  if (result.kind !== "migration") {
    const near = result.kind === "unknown model" ? result.near : [];
    const problem = result.message + (near.length === 0 ? "" : `; did you mean ${near.join(", ")}?`);
    return { lines: [problem], json: { format: "vmxlens-migrate/1", problem, near }, exitCode: 2 };
  }
  return {
    lines: linesOf(result, { source, destination, from, to }),
    json: jsonOf(result, source, destination),
    exitCode: result.verdict === "yes" ? 0 : 1,
  };
}

// ---- JSON ----

function jsonOf({ verdict, obstacles, offenders, changes, fix }: Migration, a: FleetSubject, b: FleetSubject) {
  return {
    format: "vmxlens-migrate/1",
    source: fleetSubjectJson(a),
    destination: fleetSubjectJson(b),
    verdict,
    obstacles,
    offenders: offenders.map(offenderJson),
    changes: changes.map(({ label, source, destination }) => ({ ...bitLabelJson(label), source, destination })),
    fix: fix === undefined ? null : fixJson(fix),
  };
}

function offenderJson({ msr, label, name, qemu, libvirt, certain, text }: Offender) {
  return {
    msr: msrIndex(msr),
    register: registerOf(msr)?.sdm ?? null,
    bit: label?.msrBit ?? null,
    name,
    qemu: qemu ?? null,
    libvirt: libvirt ?? null,
    certain,
    text,
  };
}

function fixJson({ disable, qemu, named, libvirt, works, remaining }: Fix) {
  return {
    disable,
    qemu: qemu.text,
    named: named?.text ?? null,
    libvirt: libvirt?.xml ?? null,
    works,
    remaining: remaining.map(offenderJson),
  };
}

// ---- Text ----

interface Sides {
  readonly source: FleetSubject;
  readonly destination: FleetSubject;
  readonly from: Replay;
  readonly to: Replay;
}

const SAYS = {
  yes: "A guest with nested VMX can move",
  no: "A guest with nested VMX cannot move",
  unknown: "Nobody can tell whether a guest with nested VMX can move",
} as const;

function linesOf({ verdict, obstacles, offenders, changes, fix }: Migration, sides: Sides): string[] {
  const { source, destination, from, to } = sides;
  const where = `from ${source.label} (Linux ${from.release}) to ${destination.label} (Linux ${to.release})`;
  const lines = [`${SAYS[verdict]} ${where}.`];
  lines.push(...obstacles.map(({ text }) => `  ${text}`));
  if (offenders.length > 0) lines.push("", `KVM of ${destination.label} refuses:`, ...offenders.map(offenderLine));
  const certain = changes.filter(({ source: was, destination: is }) => was !== "unknown" && is !== "unknown");
  if (certain.length > 0) {
    const names = certain.map(({ label, source: was }) => `${labelText(label)} ${was === "yes" ? "goes" : "comes"}`);
    lines.push("", `What the guest sees change, and nobody restores: ${names.join(", ")}`);
  }
  if (fix !== undefined) lines.push(...fixLines(fix));
  return lines;
}

function offenderLine({ msr, name, qemu, libvirt, certain, text }: Offender): string {
  const names = [
    ...(qemu === undefined ? [] : [`QEMU ${qemu}`]),
    ...(libvirt === undefined || libvirt === qemu ? [] : [`libvirt ${libvirt}`]),
  ];
  const other = names.length === 0 ? "" : ` (${names.join(", ")})`;
  return `  ${certain ? "" : "perhaps "}${msrIndex(msr)} ${name}${other}: ${text}`;
}

function fixLines({ qemu, named, libvirt, works, remaining }: Fix): string[] {
  if (works === "no") {
    return ["", "No -cpu text makes it work; these stay:", ...remaining.map(offenderLine)];
  }
  const lines = ["", works === "yes" ? "It works with:" : "It may work with:", `-cpu ${qemu.text}`];
  if (named !== undefined) lines.push("or, with a named model:", `-cpu ${named.text}`);
  if (libvirt !== undefined) lines.push("or, in libvirt:", ...libvirt.xml.split("\n"));
  lines.push("The guest has to be started with it on the source: what it was started with cannot be taken from it.");
  return lines;
}
