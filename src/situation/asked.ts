import { kindOf, wrong } from "../bits/misuse.js";
import type { GuestCpu } from "../input/guests/guest-cpu.js";
import type { MachineFacts } from "../kvm/fill-machine.js";
import { isConfigOption } from "../kvm/kernel-config.js";
import { isParam, PARAMS, type ParamsGiven } from "../kvm/load/params.js";
import { valueText } from "../kvm/load/parse-param.js";
import { nearest } from "../registers/edit-distance.js";
import type { KernelConfig } from "../rules/condition.js";
import { ASSUMPTIONS, type AssumptionId } from "./assume.js";

/** What is asked about a host. Every member has a default. */
export interface Asked {
  /**
   * The kernel, as `uname -r`, a package or a person writes it: `6.12`, `5.15.0-91-generic`, `5.14.0-427.el9`. Default:
   * the one the host names, else the newest long-term release known.
   */
  readonly kernel?: string;
  /** Module parameters, by module and name; a value as text, a number or a boolean. Default: those found on the host. */
  readonly params?: ParamsGiven<string | number | boolean>;
  /** Build options that differ from Debian's. */
  readonly config?: Partial<KernelConfig>;
  readonly machine?: MachineFacts;
  /** What to assume where it was not read. Default: nothing. */
  readonly assume?: readonly AssumptionId[];
  /** As `assume`, but without a note where one of them changes nothing. */
  readonly assumeByDefault?: readonly AssumptionId[];
  /**
   * Uses only what was read: not even whether an unread register exists is derived from the bits of others. Default:
   * where registers are compared or decoded, they are.
   */
  readonly asRead?: true;
  /** The number of a logical CPU, or a core type (`P`, `E`, `LP-E`): the host with that kind of CPU alone. */
  readonly cpu?: number | string;
  /** Whether parameters that the host shows count as asked for if a user must have set them. Default true. */
  readonly foundParams?: boolean;
  /** Where the facts come from, in words. Default: `Host.source`. */
  readonly source?: string;
  /** What else a reader should know about how the host was found. */
  readonly notes?: readonly string[];
  /** A guest that is to start there, as `readGuests` reads its configuration. */
  readonly guest?: GuestCpu;
}

const NAMES = [
  "kernel",
  "params",
  "config",
  "machine",
  "assume",
  "assumeByDefault",
  "asRead",
  "cpu",
  "foundParams",
  "source",
  "notes",
  "guest",
] as const satisfies readonly (keyof Asked)[];

const MACHINE_FACTS = [
  "tboot",
  "pmu",
  "mediatedPmu",
  "vtd",
  "irqPosting",
  "enlightenedVmcs",
] as const satisfies readonly (keyof MachineFacts)[];

function didYouMean(name: string, known: readonly string[]): string {
  const [near] = nearest(name, known);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** Throws `RangeError` for what no caller can mean; plain JavaScript has no types to keep it from that. */
export function checkAsked(asked: unknown): asserts asked is Asked {
  const given = record(asked, "asked", '{ kernel: "6.12" }');
  for (const name of Object.keys(given)) {
    if (!(NAMES as readonly string[]).includes(name)) {
      throw wrong(`asked.${name}`, `the members are ${NAMES.join(", ")}${didYouMean(name, NAMES)}`);
    }
  }
  const { kernel, cpu, config, machine, guest } = given;
  if (guest !== undefined && !(record(guest, "asked.guest", "a guest of readGuests(text)").features instanceof Map)) {
    throw wrong("asked.guest", "give a guest as readGuests(text) returns it");
  }
  if (kernel !== undefined && typeof kernel !== "string") {
    throw wrong("asked.kernel", `give a kernel release as text, like "6.12", not ${kindOf(kernel)}`);
  }
  checkIds(given.assume, "asked.assume");
  checkIds(given.assumeByDefault, "asked.assumeByDefault");
  if (cpu !== undefined && typeof cpu !== "number" && typeof cpu !== "string") {
    throw wrong("asked.cpu", `give the number of a logical CPU or a core type, not ${kindOf(cpu)}`);
  }
  for (const [name, value] of Object.entries(config === undefined ? {} : record(config, "asked.config", "an object"))) {
    if (!isConfigOption(name)) throw wrong(`asked.config.${name}`, "no rule asks for this option");
    if (typeof value !== "boolean") throw wrong(`asked.config.${name}`, `give true or false, not ${kindOf(value)}`);
  }
  const facts = machine === undefined ? {} : record(machine, "asked.machine", "an object");
  for (const [name, value] of Object.entries(facts)) {
    if (!(MACHINE_FACTS as readonly string[]).includes(name)) {
      throw wrong(
        `asked.machine.${name}`,
        `the facts are ${MACHINE_FACTS.join(", ")}${didYouMean(name, MACHINE_FACTS)}`,
      );
    }
    if (value !== undefined && typeof value !== "boolean") {
      throw wrong(`asked.machine.${name}`, `give true, false or undefined, not ${kindOf(value)}`);
    }
  }
}

function checkIds(given: unknown, argument: string): void {
  if (given === undefined) return;
  if (!Array.isArray(given)) throw wrong(argument, `give a list, like ["firmware=enabled"], not ${kindOf(given)}`);
  const ids: readonly string[] = ASSUMPTIONS.map(({ id }) => id);
  const unknown = given.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw wrong(argument, `${kindOf(unknown)} is not one of ${ids.join(", ")}`);
}

function record(value: unknown, argument: string, like: string): { readonly [name: string]: unknown } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as { [name: string]: unknown };
  throw wrong(argument, `give ${like}, not ${kindOf(value)}`);
}

/** Parameters as the text that the kernel parses. Throws `RangeError` for a name that no release has. */
export function paramTexts(params: Asked["params"]): ParamsGiven {
  if (params === undefined) return {};
  const modules: { kvm?: { [name: string]: string }; kvm_intel?: { [name: string]: string } } = {};
  for (const [module, names] of Object.entries(record(params, "asked.params", '{ kvm_intel: { ept: "0" } }'))) {
    if (module !== "kvm" && module !== "kvm_intel") {
      throw wrong(`asked.params.${module}`, "the modules are kvm_intel and kvm");
    }
    if (names === undefined) continue;
    for (const [name, value] of Object.entries(record(names, `asked.params.${module}`, '{ ept: "0" }'))) {
      const argument = `asked.params.${module}.${name}`;
      if (!isParam(module, name)) {
        const known = PARAMS.filter((row) => row.module === module).map((row) => row.name);
        throw wrong(
          argument,
          `${module} has no parameter of that name that VMX has to do with, in any release${didYouMean(name, known)}`,
        );
      }
      if (value === undefined) continue;
      modules[module] = { ...modules[module], [name]: valueText(value, argument) };
    }
  }
  return modules;
}
