import type { LoadedModule } from "../loader/link.js";
import type { Half } from "../machine/op.js";
import { LIMITS, type Limits } from "../machine/run.js";
import { MachineStop } from "../machine/stop.js";
import type { HostFacts } from "./host-facts.js";
import type { KernelImage } from "./image.js";
import { layoutOf } from "./layouts.js";
import type { Log } from "./log.js";
import { type ModuleParam, moduleParams, setParam, shownParam } from "./module-params.js";
import { type Fields, type Known64, nestedMsrs, readLayout, readVariable, readWords } from "./outcome.js";
import { type Started, start } from "./start.js";

/** Parameters by module, as a user gives them. */
export interface GivenParams {
  readonly kvm?: { readonly [name: string]: string };
  readonly kvm_intel?: { readonly [name: string]: string };
}

/** Why a run ended before its end. What it had not reached stays unknown. */
export interface Stopped {
  readonly kind: MachineStop["kind"];
  readonly message: string;
  /** Function and distance from its start. */
  readonly where: string;
  readonly address: number;
}

/** What the modules made of a host. */
export interface ModuleRun {
  /** Result of loading: 0, or a negative error number, whose bits may be unknown; undefined when the run stopped. */
  readonly result: Half | undefined;
  readonly setupVmcsConfig: Half | undefined;
  /** MSRs that the first `setup_vmcs_config` read: positions in the log. */
  readonly setupReads: readonly [number, number] | undefined;
  readonly vmcsConfig: Fields;
  readonly vmxCapability: Fields;
  readonly nested: Fields;
  readonly nestedMsrs: ReadonlyMap<number, Known64> | undefined;
  /** Parameters as /sys/module shows them, by `module.name`; a `?` is an unknown one. */
  readonly params: ReadonlyMap<string, string>;
  /** Given parameters that the modules do not have, as `module.name`. */
  readonly unknownParams: readonly string[];
  /** Variables of the modules by symbol, `kvm_caps.NAME`, or `kvm_cpu_caps[NUMBER]`. */
  readonly variables: ReadonlyMap<string, Known64>;
  readonly log: Log;
  readonly reached: ReadonlyMap<string, number>;
  readonly unlisted: ReadonlyMap<string, string>;
  readonly stopped: Stopped | undefined;
  readonly instructions: number;
}

const VARIABLES = [
  "tdp_enabled",
  "max_tdp_level",
  "max_huge_page_level",
  "cpu_preemption_timer_multi",
  "kvm_has_tsc_control",
  "kvm_has_bus_lock_exit",
] as const;

/** Loads the modules on a host, and reads what they made of it. Never throws for what a module does. */
export function runModules(
  image: KernelImage,
  facts: HostFacts,
  given: GivenParams = {},
  limits: Limits = LIMITS,
  prepare: (started: Started) => void = () => {},
): ModuleRun {
  const started = start(image, facts, limits);
  const { runner, kernel } = started;
  let result: Half | undefined;
  let stopped: Stopped | undefined;
  const unknownParams: string[] = [];
  let params: readonly ModuleParam[] = [];
  let shown: readonly (readonly [string, string])[] = [];
  let read: Outputs | undefined;
  try {
    params = moduleParams(started, image);
    for (const { name: module } of image.linked.modules)
      for (const name of Object.keys(given[module as keyof GivenParams] ?? {}))
        if (!params.some((entry) => entry.module === module && entry.name === name))
          unknownParams.push(`${module}.${name}`);
    prepare(started);
    for (const module of image.linked.modules) {
      const settings = given[module.name as keyof GivenParams] ?? {};
      for (const [name, text] of Object.entries(settings)) {
        const param = params.find((entry) => entry.module === module.name && entry.name === name);
        const error = param === undefined ? 0 : setParam(started, param, text);
        if (error === 0) continue;
        // The first refused parameter ends it.
        result = { value: error, unknown: 0 };
        break;
      }
      if (result !== undefined) break;
      const entry = module.address("init_module");
      if (entry === undefined) throw new MachineStop("unmapped", `${module.name} has no init_module`);
      runner.callFunction(Number(entry & 0xffff_ffffn));
      const value: Half = { value: runner.r[0] ?? 0, unknown: runner.u[0] ?? 0 };
      if (module === image.linked.modules[image.linked.modules.length - 1] || value.value !== 0) result = value;
      if (value.value !== 0 || value.unknown !== 0) break;
    }
    read = outputs(started, image);
    shown = params.flatMap((param) => {
      const text = shownParam(started, param);
      return text === undefined ? [] : [[`${param.module}.${param.name}`, text] as const];
    });
  } catch (error) {
    stopped = stopOf(image, runner.rip, error);
  }
  const log: Log = {
    rdmsr: [...kernel.log.rdmsr],
    wrmsr: [...kernel.log.wrmsr],
    messages: [...kernel.log.messages],
    warnings: [...kernel.log.warnings],
    unchecked: [...kernel.log.unchecked],
  };
  const first = kernel.calls.find(({ name }) => name === "setup_vmcs_config");
  return {
    result,
    setupVmcsConfig: first?.result,
    setupReads: first === undefined ? undefined : [first.from, first.to],
    vmcsConfig: read?.vmcsConfig ?? new Map(),
    vmxCapability: read?.vmxCapability ?? new Map(),
    nested: read?.nested ?? new Map(),
    nestedMsrs: read?.nestedMsrs,
    params: new Map(shown),
    unknownParams,
    variables: read?.variables ?? new Map(),
    log,
    reached: kernel.reached,
    unlisted: kernel.unlisted,
    stopped,
    instructions: runner.steps,
  };
}

function stopOf(image: KernelImage, rip: number, error: unknown): Stopped {
  if (!(error instanceof MachineStop)) throw error;
  const name = image.nameOf(rip);
  const where =
    name === undefined ? (image.linked.importAt(rip)?.name ?? "") : `${name.name}+0x${name.offset.toString(16)}`;
  return { kind: error.kind, message: error.message, where, address: rip };
}

/** The module that decides: the last one. */
function decider(image: KernelImage): LoadedModule | undefined {
  return image.linked.modules[image.linked.modules.length - 1];
}

/** Address of a field of a result; undefined when the module has no such field. */
export function fieldAddress(image: KernelImage, symbol: string, field: string): bigint | undefined {
  const module = decider(image);
  const address = module?.address(symbol);
  if (module === undefined || address === undefined || (symbol !== "vmcs_config" && symbol !== "vmx_capability"))
    return undefined;
  const types = image.moduleTypes.get(module.name);
  const all = [
    ...(layoutOf(module, types, symbol) ?? []),
    ...(symbol === "vmcs_config" ? (layoutOf(module, types, symbol, "nested") ?? []) : []),
  ];
  const place = all.find(({ name }) => name === field);
  return place === undefined ? undefined : address + BigInt(place.offset);
}

interface Outputs {
  readonly vmcsConfig: Fields;
  readonly vmxCapability: Fields;
  readonly nested: Fields;
  readonly nestedMsrs: ReadonlyMap<number, Known64> | undefined;
  readonly variables: ReadonlyMap<string, Known64>;
}

function outputs(started: Started, image: KernelImage): Outputs {
  const { modules } = image.linked;
  const module = decider(image);
  const read = (of: LoadedModule | undefined, variable: Parameters<typeof layoutOf>[2], part?: "nested"): Fields => {
    const address = of?.address(variable);
    const layout = of === undefined ? undefined : layoutOf(of, image.moduleTypes.get(of.name), variable, part);
    return address === undefined || layout === undefined ? new Map() : readLayout(started, layout, address);
  };
  const variables = new Map<string, Known64>();
  for (const name of VARIABLES) {
    const value = readVariable(started, modules, name);
    if (value !== undefined) variables.set(name, value);
  }
  const kvm = modules.find(({ name }) => name === "kvm");
  for (const [name, value] of read(kvm, "kvm_caps")) variables.set(`kvm_caps.${name}`, value);
  if (kvm !== undefined)
    for (const [index, value] of readWords(started, kvm, "kvm_cpu_caps").entries())
      variables.set(`kvm_cpu_caps[${index}]`, value);
  const config = module?.address("vmcs_config");
  const nested =
    module === undefined ? undefined : layoutOf(module, image.moduleTypes.get(module.name), "vmcs_config", "nested");
  // The first of its numbers is where the part begins.
  const start = nested?.[0]?.offset;
  return {
    vmcsConfig: read(module, "vmcs_config"),
    vmxCapability: read(module, "vmx_capability"),
    nested: read(module, "vmcs_config", "nested"),
    nestedMsrs:
      module === undefined || config === undefined || start === undefined
        ? undefined
        : nestedMsrs(started, module, config + BigInt(start)),
    variables,
  };
}
