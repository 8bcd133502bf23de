import type { Host } from "../model/host.js";
import type { Msr } from "../model/msr.js";
import { parseCpuRanges } from "./cpu-ranges.js";
import { type Diagnostic, diagnosticLog, type Place, START } from "./diagnostic.js";
import type { Desk, Evidence, EvidenceLayer, MachineMarks } from "./evidence.js";
import { buildHost } from "./evidence-host.js";
import {
  addMsr,
  addNested,
  describeKnown,
  type MachineNotes,
  machineNotes,
  showFact,
  state,
  statements,
} from "./evidence-notes.js";
import { type CpuScope, placesOf } from "./host-builder.js";
import { describeMsr, isVmxMsr } from "./msr-names.js";

/** What all readers of one text said. */
export interface Book {
  /** Where the reader of this name hands in its facts. */
  readonly desk: (format: string) => Desk;
  /** Takes over a host that a reader put together by itself, and merges it with what else is said of that machine. */
  readonly take: (host: Host, format: string) => void;
  /** As `take`, but the host is a machine of its own. */
  readonly takeSeparately: (host: Host, format: string) => void;
  /** True when something was handed in that belongs to a host. */
  readonly hasFacts: () => boolean;
  readonly close: () => {
    readonly hosts: readonly Host[];
    readonly evidence: readonly Evidence[];
    readonly diagnostics: readonly Diagnostic[];
  };
}

export interface BookOptions {
  readonly file?: string | undefined;
  /** Kernel release, for a text that does not tell. */
  readonly kernel?: string | undefined;
}

/** Memory stays bounded whatever a text claims to hold. */
const MAX_MACHINES = 256;
const MAX_EVIDENCE = 20_000;
const MAX_LIST = 1000;

export function evidenceBook(options: BookOptions): Book {
  const { file } = options;
  const log = diagnosticLog(file);
  const machines: MachineNotes[] = [];
  let here = open();
  let rows = 0;

  function open(): MachineNotes {
    const notes = machineNotes(log);
    machines.push(notes);
    return notes;
  }

  const select = (marks: MachineMarks, at: Place): void => {
    let fitting = fits(here.marks, marks) ? here : machines.find((m) => m !== here && fits(m.marks, marks));
    if (fitting === undefined) {
      if (machines.length >= MAX_MACHINES) {
        log.warning(at, `the text speaks of more than ${MAX_MACHINES} machines; the rest is counted as the last one`);
        return;
      }
      fitting = open();
      log.note(
        at,
        `from here on the text is about another machine (${describeMarks(marks)}, before ${describeMarks(here.marks)}); ` +
          "what stands between the two is counted as the former",
        "one machine in a text",
      );
    }
    fitting.marks = { ...fitting.marks, ...marks };
    here = fitting;
  };

  const tell = (
    layer: EvidenceLayer,
    about: string,
    value: string,
    at: Place,
    format: string,
    more: { readonly msr?: { readonly index: number; readonly value: Msr }; readonly cpu?: number | undefined } = {},
  ): void => {
    if (layer !== "guest") {
      here.facts++;
      if (at.line < here.since) here.since = at.line;
    }
    const key = `${layer}|${about}|${value}|${format}`;
    const before = here.evidence.get(key);
    if (before !== undefined) {
      here.evidence.set(key, { ...before, times: before.times + 1 });
      return;
    }
    if (rows++ >= MAX_EVIDENCE) return;
    here.evidence.set(key, {
      layer,
      about,
      value,
      ...(more.msr === undefined ? {} : { msr: more.msr }),
      ...(more.cpu === undefined ? {} : { cpu: more.cpu }),
      format,
      ...(file === undefined ? {} : { file }),
      line: at.line,
      column: at.column,
      times: 1,
    });
  };

  const takeMsr = (scope: CpuScope, index: number, msr: Msr, at: Place, format: string): void => {
    if (!isVmxMsr(index) || msr.state === "unknown") return;
    const cpu = typeof scope === "number" ? scope : undefined;
    tell("cpu", `MSR ${describeMsr(index)}`, describeKnown(msr), at, format, { msr: { index, value: msr }, cpu });
    addMsr(here, scope, index, msr, at);
  };

  const desk = (format: string): Desk => ({
    log,
    machine: select,
    nextMachine() {
      if (here.facts > 0 && machines.length < MAX_MACHINES) here = open();
    },
    msr: (scope, index, msr, at) => takeMsr(scope, index, msr, at, format),
    nested(index, msr, at) {
      if (!isVmxMsr(index) || msr.state === "unknown") return;
      const about = `nested MSR ${describeMsr(index)}`;
      tell("nested", about, describeKnown(msr), at, format, { msr: { index, value: msr } });
      addNested(here, index, msr, at);
    },
    cpu(scope, said, at) {
      const notes = here.cpus.get(scope) ?? new Map();
      here.cpus.set(scope, notes);
      const who = scope === "unnamed" ? "the CPU" : `CPU ${scope}`;
      const cpu = scope === "unnamed" ? undefined : scope;
      for (const [fact, value] of statements(said)) {
        tell("cpu", fact.replace(/^features\./, "CPUID "), showFact(value), at, format, { cpu });
        state(notes, fact, value, at, log, () => `${fact} of ${who}`);
      }
    },
    vmxFlags(scope, flags, at) {
      tell("linux", "vmx flags", flags.names.join(" ").slice(0, 2000), at, format, cpuOf(scope));
      state(here.vmxFlags, scope, flags, at, log, () => `the vmx flags line of ${describeCpu(scope)}`);
    },
    cpuFlags(scope, flags, at) {
      tell("linux", "flags", flags.names.join(" ").slice(0, 2000), at, format, cpuOf(scope));
      state(here.cpuFlags, scope, flags, at, log, () => `what the flags line says of VMX for ${describeCpu(scope)}`);
    },
    system(what, value, at) {
      tell("system", what, value, at, format);
      state(here.system, what, value, at, log, () => (what === "kernel" ? "the kernel release" : what));
    },
    param(module, name, value, at) {
      const key = `${module}.${name}`;
      if (here.params.size >= MAX_LIST && !here.params.has(key)) return;
      tell("kvm", key, value, at, format);
      state(here.params, key, value, at, log, () => `parameter ${key}`);
    },
    xen(feature, at) {
      tell("xen", "feature", feature, at, format);
      if (here.xen.size < MAX_LIST) here.xen.add(feature);
    },
    message(text, at) {
      tell("linux", "message", text, at, format);
      if (here.messages.size < MAX_LIST) here.messages.add(text);
    },
    guest: (about, value, at, msr) => tell("guest", about, value, at, format, msr === undefined ? {} : { msr }),
  });

  const takeHost = (host: Host, format: string, separately: boolean): void => {
    const marks = {
      ...(host.name === undefined ? {} : { name: host.name }),
      ...(host.vendor === undefined ? {} : { vendor: host.vendor }),
    };
    if (!separately) select(marks, START);
    else {
      here = open();
      here.marks = marks;
    }
    const to = desk(format);
    for (const core of host.cores) {
      const cpus = core.logicalCpus === undefined ? undefined : parseCpuRanges(core.logicalCpus);
      const places = placesOf(core);
      const [first] = places?.values() ?? [];
      const [coreType, otherType] = core.coreTypes;
      for (const scope of cpus ?? (["unnamed"] as const)) {
        for (const [index, msr] of core.msrs) to.msr(scope, index, msr, places?.get(index) ?? START);
        const { features, ...facts } = core.cpuid;
        const said = {
          ...facts,
          features,
          ...(core.signature === undefined ? {} : { signature: core.signature }),
          ...(core.microcode === undefined ? {} : { microcode: core.microcode }),
          ...(coreType === undefined || otherType !== undefined ? {} : { coreType }),
        };
        to.cpu(scope, said, first ?? START);
      }
    }
    if (host.codename !== undefined) to.system("codename", host.codename, START);
  };

  return {
    desk,
    take: (host, format) => takeHost(host, format, false),
    takeSeparately: (host, format) => takeHost(host, format, true),
    hasFacts: () => machines.some((notes) => notes.facts > 0),
    close() {
      const told = machines.filter((notes) => notes.facts > 0).sort((a, b) => a.since - b.since);
      const hosts = told.map((notes) => buildHost(notes, options));
      const evidence = machines.flatMap((notes) => {
        const host = told.indexOf(notes);
        return [...notes.evidence.values()].map((row) => (row.layer === "guest" || host < 0 ? row : { ...row, host }));
      });
      evidence.sort((a, b) => a.line - b.line || a.column - b.column);
      if (rows > MAX_EVIDENCE) log.note(START, `${rows - MAX_EVIDENCE} further statements are not listed one by one`);
      return { hosts, evidence, diagnostics: log.list() };
    },
  };
}

function cpuOf(scope: number | "unnamed"): { cpu?: number } {
  return scope === "unnamed" ? {} : { cpu: scope };
}

function describeCpu(scope: number | "unnamed"): string {
  return scope === "unnamed" ? "the CPU" : `CPU ${scope}`;
}

/** Marks agree when no one that both have differs. */
function fits(a: MachineMarks, b: MachineMarks): boolean {
  if (a.hypervisor !== undefined && b.hypervisor !== undefined && a.hypervisor !== b.hypervisor) return false;
  if (a.vendor !== undefined && b.vendor !== undefined && a.vendor.trim() !== b.vendor.trim()) return false;
  return a.name === undefined || b.name === undefined || foldName(a.name) === foldName(b.name);
}

function foldName(name: string): string {
  return name.replace(/\s+/g, " ").trim();
}

function describeMarks({ name, vendor, hypervisor }: MachineMarks): string {
  const what = name ?? vendor ?? "one without a name";
  return hypervisor === undefined ? what : `${what}, ${hypervisor ? "a virtual machine" : "not a virtual machine"}`;
}
