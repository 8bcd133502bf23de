import type { Host } from "../../host/host.js";
import type { Msr } from "../../host/msr.js";
import { parseCpuRanges } from "../text/cpu-ranges.js";
import { type Diagnostic, diagnosticLog, type Place, TEXT_START } from "../text/diagnostic.js";
import { describeMsr, isVmxMsr } from "../text/msr-names.js";
import {
  type Evidence,
  type EvidenceLayer,
  type FactSink,
  type FlagList,
  layerOfSystemFact,
  type MachineMarks,
} from "./evidence.js";
import { buildHost } from "./evidence-host.js";
import {
  addMsr,
  addNested,
  type MachineFactsRead,
  machineNotes,
  showFact,
  state,
  statements,
} from "./evidence-notes.js";
import { type CpuScope, placesOf } from "./host-builder.js";
import { wholeOrHalf } from "./msr-whole.js";
import { describeKnown } from "./msr-words.js";
import { closerOuter, outerNamed } from "./outer-name.js";
import { contradicts, fold, sameMachine, shorterName } from "./same-machine.js";
import { statedOf } from "./stated.js";

/** What all readers of one text said. */
export interface FactCollector {
  /** Where the reader of this name hands in its facts. */
  readonly sink: (format: string) => FactSink;
  /** Adds a host that a reader built on its own, and merges it with what else is known of that machine. */
  readonly addHost: (host: Host, format: string) => void;
  /** As `addHost`, but the host is a separate machine. */
  readonly addSeparateHost: (host: Host, format: string) => void;
  /** True when something was handed in that belongs to a host. */
  readonly hasFacts: () => boolean;
  readonly close: () => {
    readonly hosts: readonly Host[];
    readonly evidence: readonly Evidence[];
    readonly diagnostics: readonly Diagnostic[];
  };
}

export interface FactCollectorOptions {
  readonly file?: string | undefined;
  /** Kernel release, for a text that does not name it. */
  readonly kernel?: string | undefined;
  /** As in `ReadOptions`. */
  readonly flagsProve?: boolean | undefined;
}

/** Memory stays bounded whatever a text claims to hold. */
const MAX_MACHINES = 256;
const MAX_EVIDENCE = 20_000;
const MAX_LIST = 1000;

export function factCollector(options: FactCollectorOptions): FactCollector {
  const { file } = options;
  const log = diagnosticLog(file);
  const machines: MachineFactsRead[] = [];
  let here = open();
  let rows = 0;

  function open(): MachineFactsRead {
    const notes = machineNotes(log);
    machines.push(notes);
    return notes;
  }

  const select = (said: MachineMarks, at: Place, format: string): void => {
    const marks = said.name === undefined ? said : { ...said, name: said.name.replace(/\s+/g, " ").trim() };
    const is = (notes: MachineFactsRead) => sameMachine(notes, marks, format);
    let fitting = is(here) === "yes" ? here : machines.find((m) => m !== here && is(m) === "yes");
    if (fitting === undefined) {
      if (machines.length >= MAX_MACHINES) {
        log.warning(at, `the text speaks of more than ${MAX_MACHINES} machines; the rest is counted as the last one`);
        return;
      }
      const note =
        `from here on the text is about another machine (${describeMarks(marks)}, before ${describeMarks(here.marks)}); ` +
        "what is between the two counts as the former";
      fitting = open();
      if (is(here) === "unknown") fitting.perhaps = { machine: here, at, note };
      else log.note(at, note, "one machine in a text");
    }
    if (marks.name !== undefined && fitting.namedBy === undefined) fitting.namedBy = format;
    fitting.marks = { ...fitting.marks, ...marks, ...shorterName(fitting.marks, marks) };
    here = fitting;
  };

  /** Lists a statement. One that was made before only counts; `build` is called for the first. */
  const record = (layer: EvidenceLayer, key: string, at: Place, format: string, build: () => FactText): void => {
    if (layer !== "guest") {
      here.facts++;
      if (at.line < here.since) here.since = at.line;
    }
    const id = `${layer} ${format} ${key}`;
    const before = here.evidence.get(id);
    if (before !== undefined) {
      before.times++;
      return;
    }
    if (rows++ >= MAX_EVIDENCE) return;
    const row = { layer, ...build(), format, ...(file === undefined ? {} : { file }), ...at, times: 1 };
    here.evidence.set(id, row);
  };
  const tellText = (
    layer: EvidenceLayer,
    about: string,
    value: string,
    at: Place,
    format: string,
    cpu?: number,
  ): void =>
    record(layer, `${about}|${value}`, at, format, () => ({ about, value, ...(cpu === undefined ? {} : { cpu }) }));
  const tellMsr = (
    layer: EvidenceLayer,
    index: number,
    value: Msr,
    at: Place,
    format: string,
    scope: CpuScope | undefined,
  ): void =>
    record(layer, msrKey(index, value), at, format, () => ({
      about: `${layer === "nested" ? "nested " : ""}MSR ${describeMsr(index)}`,
      value: describeKnown(value),
      msr: { index, value },
      ...(typeof scope === "number" ? { cpu: scope } : {}),
    }));

  const stateOuter = (value: string, at: Place): void => {
    const name = outerNamed(value);
    const said = here.system.get("outer");
    const closer = said === undefined ? undefined : closerOuter(said.value, name);
    if (said !== undefined && closer !== undefined) here.system.set("outer", { ...said, value: closer });
    else state(here.system, "outer", name, at, here, () => "the hypervisor below");
  };

  const sink = (format: string): FactSink => ({
    log,
    machine(marks, at) {
      select(marks, at, format);
      const { name, vendor } = marks;
      if (name !== undefined) tellText("system", "name", name, at, format);
      if (vendor !== undefined) tellText("system", "vendor", vendor, at, format);
    },
    nextMachine() {
      if (here.facts > 0 && machines.length < MAX_MACHINES) here = open();
    },
    msr(scope, index, said, at) {
      if (!isVmxMsr(index) || said.state === "unknown") return;
      const msr = wholeOrHalf(index, said);
      tellMsr("cpu", index, msr, at, format, scope);
      addMsr(here, scope, index, msr, at);
    },
    nested(index, msr, at) {
      if (!isVmxMsr(index) || msr.state === "unknown") return;
      tellMsr("nested", index, msr, at, format, undefined);
      addNested(here, index, msr, at);
    },
    cpu(scope, said, at) {
      const notes = here.cpus.get(scope) ?? new Map();
      here.cpus.set(scope, notes);
      for (const [fact, value] of statements(said)) {
        const about = fact.startsWith("features.") ? `CPUID ${fact.slice(9)}` : fact;
        tellText("cpu", about, showFact(value), at, format, numberOf(scope));
        state(notes, fact, value, at, here, () => `${fact} of ${describeCpu(scope)}`);
      }
    },
    vmxFlags(scope, flags, at) {
      tellText("linux", "vmx flags", flags.names.join(" ").slice(0, 2000), at, format, numberOf(scope));
      state(here.vmxFlags, scope, flags, at, here, () => `the vmx flags line of ${describeCpu(scope)}`);
    },
    cpuFlags(scope, flags, at) {
      tellText("linux", "flags", flags.names.join(" ").slice(0, 2000), at, format, numberOf(scope));
      const before = here.cpuFlags.get(scope);
      if (before !== undefined && !before.disputed && isPart(flags, before.value)) return;
      if (before !== undefined && !before.disputed && isPart(before.value, flags)) here.cpuFlags.delete(scope);
      state(
        here.cpuFlags,
        scope,
        flags,
        at,
        here,
        () => `what the flags line says about VMX for ${describeCpu(scope)}`,
      );
    },
    system(what, value, at) {
      tellText(layerOfSystemFact(what), what, value, at, format);
      if (what === "outer") stateOuter(value, at);
      else state(here.system, what, value, at, here, () => (what === "kernel" ? "the kernel release" : what));
    },
    param(module, name, value, at) {
      const key = `${module}.${name}`;
      if (here.params.size >= MAX_LIST && !here.params.has(key)) return;
      tellText("kvm", key, value, at, format);
      state(here.params, key, value, at, here, () => `parameter ${key}`);
    },
    unloaded(module) {
      for (const [key, said] of here.params) {
        if (key.startsWith(`${module}.`) && !said.disputed) here.params.set(key, { ...said, past: true });
      }
    },
    paramAsked(module, name, value, at) {
      const key = `${module}.${name}`;
      if (here.paramsAsked.size >= MAX_LIST && !here.paramsAsked.has(key)) return;
      tellText("kvm", `asked for ${key}`, value, at, format);
      // The last one counts, as for the kernel.
      here.paramsAsked.set(key, { value, at, disputed: false });
    },
    xen(feature, at) {
      tellText("xen", "feature", feature, at, format);
      if (here.xen.size < MAX_LIST) here.xen.add(feature);
    },
    message(text, at) {
      tellText("linux", "message", text, at, format);
      if (here.messages.size < MAX_LIST) here.messages.add(text);
    },
    guest: (about, value, at) => tellText("guest", about, value, at, format),
  });

  const takeHost = (host: Host, format: string, separately: boolean): void => {
    const [{ signature }] = host.cores;
    const marks = {
      ...(signature === undefined ? {} : { signature }),
      ...(host.name === undefined ? {} : { name: host.name }),
      ...(host.vendor === undefined ? {} : { vendor: host.vendor }),
    };
    if (separately) here = open();
    sink(format).machine(marks, TEXT_START);
    here.contradictions.push(...(statedOf(host)?.contradictions ?? []));
    const to = sink(format);
    for (const core of host.cores) {
      const cpus = core.logicalCpus === undefined ? undefined : parseCpuRanges(core.logicalCpus);
      const places = placesOf(core);
      const [first] = places?.values() ?? [];
      const [coreType, otherType] = core.coreTypes;
      for (const scope of cpus ?? (["unnamed"] as const)) {
        for (const [index, msr] of core.msrs) to.msr(scope, index, msr, places?.get(index) ?? TEXT_START);
        const { features, ...facts } = core.cpuid;
        const said = {
          ...facts,
          features,
          ...(core.signature === undefined ? {} : { signature: core.signature }),
          ...(core.microcode === undefined ? {} : { microcode: core.microcode }),
          ...(coreType === undefined || otherType !== undefined ? {} : { coreType }),
        };
        to.cpu(scope, said, first ?? TEXT_START);
      }
    }
    if (host.codename !== undefined) to.system("codename", host.codename, TEXT_START);
  };

  return {
    sink,
    addHost: (host, format) => takeHost(host, format, false),
    addSeparateHost: (host, format) => takeHost(host, format, true),
    hasFacts: () => machines.some((notes) => notes.facts > 0),
    close() {
      for (const notes of machines.filter(({ perhaps }) => perhaps !== undefined)) {
        const { machine, at, note } = notes.perhaps as NonNullable<MachineFactsRead["perhaps"]>;
        if (contradicts(machine, notes)) log.note(at, note, "one machine in a text");
        else {
          fold(notes, machine);
          for (const other of machines) {
            if (other.perhaps?.machine === notes) other.perhaps = { ...other.perhaps, machine };
          }
          machines.splice(machines.indexOf(notes), 1);
        }
      }
      const withFacts = machines.filter((notes) => notes.facts > 0).sort((a, b) => a.since - b.since);
      const hosts = withFacts.map((notes) => buildHost(notes, options));
      const evidence = machines.flatMap((notes) => {
        const host = withFacts.indexOf(notes);
        return [...notes.evidence.values()].map((row) => (row.layer === "guest" || host < 0 ? row : { ...row, host }));
      });
      evidence.sort((a, b) => a.line - b.line || a.column - b.column);
      if (rows > MAX_EVIDENCE)
        log.note(TEXT_START, `${rows - MAX_EVIDENCE} further statements are not listed one by one`);
      return { hosts, evidence, diagnostics: log.list() };
    },
  };
}

type FactText = Pick<Evidence, "about" | "value" | "msr" | "cpu">;

/** Of a list that was cut off, what is missing proves nothing: it says no more than one that has all of it. */
function isPart(flags: FlagList, whole: FlagList): boolean {
  return !flags.whole && flags.names.every((name) => whole.names.includes(name));
}

function numberOf(scope: number | "unnamed"): number | undefined {
  return scope === "unnamed" ? undefined : scope;
}

function msrKey(index: number, msr: Msr): string {
  if (msr.state !== "value") return `${index} ${msr.state}`;
  const { hi, lo, mayBeAbsent } = msr;
  return `${index} ${hi.value} ${hi.unknown} ${lo.value} ${lo.unknown} ${mayBeAbsent === true}`;
}

function describeCpu(scope: number | "unnamed"): string {
  return scope === "unnamed" ? "the CPU" : `CPU ${scope}`;
}

function describeMarks({ name, vendor, hypervisor }: MachineMarks): string {
  const what = name ?? vendor ?? "one without a name";
  return hypervisor === undefined ? what : `${what}, ${hypervisor ? "a virtual machine" : "not a virtual machine"}`;
}
