import { type CpuFacts, type Host, HYPERVISOR_MODULES, type Observed } from "../../host/host.js";
import { msrsFromCpuFlags, msrsFromVmxFlags } from "../../linux/vmx-flag-bits.js";
import { CPUID_FEATURES } from "../../registers/cpuid-features.js";
import type { CpuNotes, MachineFactsRead } from "./evidence-notes.js";
import { contradicted, state, undisputed } from "./evidence-notes.js";
import { type CpuDraft, type CpuScope, hostBuilder } from "./host-builder.js";
import { keepStated, type StatedText, statedOf } from "./stated.js";
import { vendorOfBrand } from "./vendor.js";
import { withVmxShown } from "./vmx-shown.js";

/**
 * Makes a host from the facts about a machine. If CPUs have numbers, a fact about "the CPU" without one belongs to
 * the lowest-numbered: that is the boot CPU, and the others need not be like it.
 */
export function buildHost(
  notes: MachineFactsRead,
  options: {
    readonly file?: string | undefined;
    readonly kernel?: string | undefined;
    readonly flagsProve?: boolean | undefined;
  },
): Host {
  const { log } = notes;
  compareCounted(notes);
  const builder = hostBuilder(log);
  const numbers = [
    ...new Set([...notes.cpus.keys(), ...notes.msrs.keys(), ...notes.vmxFlags.keys(), ...notes.cpuFlags.keys()]),
  ]
    .filter((scope) => typeof scope === "number")
    .sort((a, b) => a - b);
  const [boot] = numbers;
  const home = (scope: CpuScope): CpuScope => (scope === "unnamed" && boot !== undefined ? boot : scope);

  const named = undisputed(notes.system, "kernel");
  const arch = undisputed(notes.system, "arch");
  // A 32-bit kernel whose name does not say so.
  const kernel =
    named !== undefined && arch?.startsWith("i") === true && !/[3-6]86|pae/.test(named) ? `${named}-${arch}` : named;
  // A release that the text names in two ways may be either.
  const release = notes.system.has("kernel") ? kernel : options.kernel;
  for (const [scope, list] of notes.msrs) {
    for (const [index, seen] of list) builder.msr(home(scope), index, seen.msr, seen.at, seen.disputed);
  }
  const flagsProve = options.flagsProve !== false;
  for (const [scope, { value, at, disputed }] of notes.vmxFlags) {
    if (disputed || !flagsProve) continue;
    const proven = msrsFromVmxFlags(new Set(value.names), value.whole, release);
    for (const [index, msr] of proven) builder.msr(home(scope), index, msr, at);
  }
  for (const [scope, { value, at, disputed }] of notes.cpuFlags) {
    if (disputed || !flagsProve) continue;
    for (const [index, msr] of msrsFromCpuFlags(new Set(value.names), value.whole && value.picked !== true, release))
      builder.msr(home(scope), index, msr, at);
  }
  const drafts = new Map<number | "unnamed", CpuNotes>();
  for (const [scope, facts] of notes.cpus) {
    const owner = home(scope) as number | "unnamed";
    const into = drafts.get(owner) ?? new Map();
    drafts.set(owner, into);
    for (const [fact, said] of facts) {
      state(
        into,
        fact,
        said.value,
        said.at,
        notes,
        () => `${fact} of ${owner === "unnamed" ? "the CPU" : `CPU ${owner}`}`,
      );
      if (said.disputed) into.set(fact, said);
    }
  }
  for (const [scope, facts] of drafts) fillDraft(builder.cpu(scope), facts);

  const { name, vendor } = notes.marks;
  const codename = undisputed(notes.system, "codename");
  const params = paramsOf(notes.params);
  const paramsAsked = paramsOf(notes.paramsAsked);
  const observed = observedOf(notes, boot);
  const node = undisputed(notes.system, "node");
  const source = node === undefined ? options.file : `${options.file ?? ""}#${node}`;
  const identity: Omit<Host, "cores"> = {
    ...(name === undefined ? {} : { name }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(codename === undefined ? {} : { codename }),
    ...((kernel ?? release) === undefined ? {} : { kernel: (kernel ?? release) as string }),
    ...(params === undefined ? {} : { params }),
    ...(paramsAsked === undefined ? {} : { paramsAsked }),
    ...(observed === undefined ? {} : { observed }),
    ...(source === undefined ? {} : { source }),
  };
  const host = builder.build(identity) ?? {
    ...identity,
    cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }],
  };
  const found = withVendor(withVmxShown(host).host, notes);
  keepStated(found, statedText(notes, statedOf(found)?.contradictions ?? []));
  return found;
}

/** Where the text says what; the evidence of a long text is searched on demand. */
function statedText({ evidence, contradictions }: MachineFactsRead, ofRegisters: readonly string[]): StatedText {
  return {
    contradictions: [...contradictions, ...ofRegisters],
    lineOf(wanted) {
      let first: number | undefined;
      for (const { layer, about, value, line } of evidence.values()) {
        if (layer === "guest" || (about === "message" ? value : about) !== wanted) continue;
        if (first === undefined || line < first) first = line;
      }
      return first;
    },
  };
}

/** `grep -c vmx` against a list of flags: where they contradict each other, neither says anything of vmx. */
function compareCounted(notes: MachineFactsRead): void {
  const { system, cpuFlags, cpus } = notes;
  const counted = system.get("flag vmx");
  if (counted === undefined || counted.disputed) return;
  for (const [scope, list] of cpuFlags) {
    const listed = list.value.names.includes("vmx");
    if (list.disputed || listed === (counted.value === "yes") || (!listed && !list.value.whole)) continue;
    const [first, second] = counted.at.line < list.at.line ? [counted.at, list.at] : [list.at, counted.at];
    const said = (at: typeof first) =>
      at === counted.at
        ? `vmx is ${counted.value === "yes" ? "" : "not "}among the flags by what was counted`
        : `the flags ${listed ? "have" : "do not have"} vmx`;
    contradicted(
      notes,
      second,
      () => `${said(second)} here, and in line ${first.line} ${said(first)}; neither is used`,
      "one value for each fact of a machine",
    );
    system.set("flag vmx", { ...counted, disputed: true });
    cpuFlags.set(scope, { ...list, disputed: true });
    const vmx = cpus.get(scope)?.get("features.vmx");
    if (vmx !== undefined && vmx.at.line === list.at.line)
      cpus.get(scope)?.set("features.vmx", { ...vmx, disputed: true });
  }
}

function fillDraft(draft: CpuDraft, facts: CpuNotes): void {
  const features: { [feature: string]: boolean } = {};
  for (const { name: feature } of CPUID_FEATURES) {
    const said = undisputed(facts, `features.${feature}`);
    if (typeof said === "boolean") features[feature] = said;
  }
  const cpuid: { -readonly [K in keyof CpuFacts]?: unknown } = { features };
  for (const fact of [
    "maxLeaf",
    "cpuid0a",
    "cpuid12Eax",
    "cpuid15",
    "tscKhz",
    "physAddrBits",
    "linAddrBits",
  ] as const) {
    const said = undisputed(facts, fact);
    if (said !== undefined) cpuid[fact] = said;
  }
  draft.facts = cpuid as unknown as CpuFacts;
  const { signature, microcode, coreType } = Object.fromEntries(
    ["signature", "microcode", "coreType"].map((fact) => [fact, undisputed(facts, fact)]),
  );
  if (typeof signature === "number") draft.signature = signature;
  if (typeof microcode === "number") draft.microcode = microcode;
  if (coreType !== undefined) draft.coreType = coreType as NonNullable<CpuDraft["coreType"]>;
}

function paramsOf(said: MachineFactsRead["params"]): Host["params"] {
  const modules: { [module in "kvm" | "kvm_intel"]?: { [name: string]: string } } = {};
  for (const [key, { value, disputed }] of said) {
    if (disputed) continue;
    const dot = key.indexOf(".");
    const module = key.slice(0, dot) as "kvm" | "kvm_intel";
    // A parameter may have any name, so the object has no prototype to collide with.
    modules[module] ??= Object.create(null) as { [name: string]: string };
    modules[module][key.slice(dot + 1)] = value;
  }
  return Object.keys(modules).length === 0 ? undefined : modules;
}

function observedOf(notes: MachineFactsRead, boot: number | undefined): Observed | undefined {
  const flagsOf = (map: MachineFactsRead["vmxFlags"]): readonly string[] | undefined => {
    for (const scope of [boot, "unnamed"] as const) {
      const said = scope === undefined ? undefined : map.get(scope);
      if (said !== undefined && !said.disputed && said.value.whole) return said.value.names;
    }
    return undefined;
  };
  const vmxFlags = flagsOf(notes.vmxFlags);
  const cpuFlags = flagsOf(notes.cpuFlags);
  const observed: Observed = {
    ...(vmxFlags === undefined ? {} : { vmxFlags }),
    ...(cpuFlags === undefined ? {} : { cpuFlags }),
    ...(notes.nested.size === 0
      ? {}
      : { nestedMsrs: new Map([...notes.nested].sort(([a], [b]) => a - b).map(([index, { msr }]) => [index, msr])) }),
    ...(notes.xen.size === 0 ? {} : { xenFeatures: [...notes.xen] }),
    ...(notes.messages.size === 0 ? {} : { messages: [...notes.messages] }),
    ...reportedOf(notes, cpuFlags),
  };
  return Object.keys(observed).length === 0 ? undefined : observed;
}

/** What a machine reported in one word each. */
function reportedOf({ system, cpuFlags, marks }: MachineFactsRead, whole: Observed["cpuFlags"]): Observed {
  // A list of flags that is not whole still has what it has.
  const listed =
    whole === undefined &&
    [...cpuFlags.values()].some(({ value, disputed }) => !disputed && value.names.includes("vmx"));
  // The same count of another machine.
  const isOfTwo = system.get("flag vmx or svm")?.disputed === true;
  const counted = isOfTwo ? undefined : undisputed(system, "flag vmx");
  // Counted together, they are the vendor's own.
  const either = undisputed(system, "flag vmx or svm") === "yes" && marks.vendor === "GenuineIntel";
  const vmx = counted === undefined ? (listed || either ? true : undefined) : counted === "yes";
  const modules = Object.fromEntries(
    HYPERVISOR_MODULES.flatMap((module) => {
      const state = undisputed(system, `module ${module}`);
      return state === undefined ? [] : [[module, state === "loaded"]];
    }),
  );
  const [loadError, outer] = [undisputed(system, "load error"), undisputed(system, "outer")];
  const arch = undisputed(system, "arch");
  const [on, off] = undisputed(system, "locks differ")?.split(" ").map(Number) ?? [];
  const foreign = arch === undefined || /^(?:x86_64|i[3-6]86|amd64)$/.test(arch) ? undefined : arch;
  return {
    ...(whole !== undefined || vmx === undefined ? {} : { vmx }),
    ...svmShown(undisputed(system, "flag svm") ?? (undisputed(system, "flag vmx or svm") === "no" ? "no" : undefined)),
    ...(Object.keys(modules).length === 0 ? {} : { modules }),
    ...(on === undefined || off === undefined ? {} : { locks: { on, off } }),
    ...(loadError === undefined ? {} : { loadError }),
    ...(outer === undefined ? {} : { outer }),
    ...(foreign === undefined ? {} : { arch: foreign }),
  };
}

/** Where no vendor is printed: a CPU with the name of one of AMD's, or with SVM, never has VMX that something could hide. */
function withVendor(host: Host, { system }: MachineFactsRead): Host {
  const showsVmx = host.cores.some(({ cpuid, msrs }) => cpuid.features.vmx === true || msrs.has(0x480));
  if (host.vendor !== undefined || showsVmx || undisputed(system, "flag vmx") === "yes") return host;
  const byName = host.name === undefined ? undefined : vendorOfBrand(host.name);
  const vendor = byName ?? (undisputed(system, "flag svm") === "yes" ? "AuthenticAMD" : undefined);
  return vendor === undefined ? host : { ...host, vendor };
}

const svmShown = (shown: string | undefined): { svm?: boolean } =>
  shown === undefined ? {} : { svm: shown === "yes" };
