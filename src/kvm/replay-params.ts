import { checkHas, kindOf } from "../bits/misuse.js";
import type { KernelConfig } from "../rules/condition.js";
import { heldIn } from "../rules/held.js";
import type { KernelRow } from "../rules/kernels.js";
import { createMachine, type Machine } from "../rules/machine.js";
import type { Release } from "../rules/release.js";
import type { Errno } from "../rules/rule.js";
import { bitIndex, wordIndex } from "../rules/words.js";
import {
  type BoolParam,
  FREE_PARAMS,
  type IntParam,
  isParam,
  PARAMS,
  type ParamRow,
  type ParamsGiven,
} from "./load/params.js";
import { formatBool, parseBool, parseInteger, valueText } from "./load/parse-param.js";
import type { CpuState } from "./replay.js";

/*
 * Module parameters in a replay: their defaults, what a user gives, and what /sys/module shows in the end.
 */

/** The words of parameters before the user's are set, by index. */
export type ParamDefaults = readonly (readonly [index: number, value: number])[];

export const PARAM_BITS = wordIndex("params");
const GIVEN = wordIndex("given");

export function paramRows(kernel: KernelRow, config: KernelConfig): readonly ParamRow[] {
  const rows = (PARAMS as readonly ParamRow[]).filter(
    (row) => heldIn(row.held, kernel) !== false && (row.config === undefined || config[row.config]),
  );
  // Two rows that may hold are one parameter whose default is not known.
  return rows.filter(
    (row, position) => rows.findIndex(({ name, module }) => name === row.name && module === row.module) === position,
  );
}

/** Sets the parameters to their defaults and to what the user asked for, and gives the names the release does not have. */
export function fillParams(
  m: Machine,
  release: Release,
  { params: rows, defaults }: { readonly params: readonly ParamRow[]; readonly defaults: ParamDefaults },
  { params: given, anyParams }: { readonly params?: ParamsGiven; readonly anyParams?: true },
): readonly string[] {
  for (const [index, value] of defaults) m.value[index] = value;
  if (given === undefined) return NO_NAMES;
  checkModules(given);
  // kvm is loaded first, and the first refused parameter of a module ends its loading.
  for (const module of ["kvm", "kvm_intel"] as const) {
    for (const [name, wanted] of entriesOf(given, module)) {
      const text = valueText(wanted, `params.${module}.${name}`);
      const row = rows.find((candidate) => candidate.module === module && candidate.name === name);
      if (row === undefined && anyParams !== true && !isParam(module, name)) {
        throw new RangeError(
          `params.${module}.${name}: ${module} has no parameter of that name that VMX has to do with, in any release`,
        );
      }
      if (row === undefined || m.stopped) continue;
      const value = parseParam(row, text, release);
      if (row.name === "nested") m.value[GIVEN] = (m.value[GIVEN] as number) | 1;
      if (typeof value === "number") setParam(m, row, value);
      else invalidParam(m, row, text, value === "too large" ? "ERANGE" : "EINVAL");
    }
  }
  const names: string[] = [];
  for (const module of ["kvm_intel", "kvm"] as const) {
    for (const [name] of entriesOf(given, module)) {
      if (
        !rows.some((row) => row.module === module && row.name === name) &&
        !(FREE_PARAMS as readonly string[]).includes(`${module}.${name}`)
      ) {
        names.push(`${module}.${name}`);
      }
    }
  }
  return names;
}

/** Leaves open what every parameter is, and whether it was given. */
export function openParams(m: Machine, { params: rows }: { readonly params: readonly ParamRow[] }): void {
  for (const row of rows) {
    const index = row.type === "bool" ? PARAM_BITS : wordIndex(row.name as IntParam);
    const mask = row.type === "bool" ? 1 << bitIndex("params", row.name) : -1;
    m.unknown[index] = (m.unknown[index] as number) | mask;
    m.value[index] = (m.value[index] as number) & ~mask;
  }
  m.unknown[GIVEN] = -1;
  m.value[GIVEN] = 0;
}

function checkModules(given: ParamsGiven): void {
  if (typeof given !== "object" || given === null) {
    throw new RangeError(`params: give an object as { kvm_intel: { ept: "0" } }, not ${kindOf(given)}`);
  }
  const wrong = Object.keys(given).find((name) => name !== "kvm" && name !== "kvm_intel");
  if (wrong !== undefined) throw new RangeError(`params.${wrong}: the modules are kvm_intel and kvm`);
}

function entriesOf(given: ParamsGiven, module: "kvm" | "kvm_intel"): [name: string, value: unknown][] {
  return Object.entries(given[module] ?? {}).filter(([, value]) => value !== undefined);
}

export function parseParam(row: ParamRow, text: string, release: Release): number | "invalid" | "too large" {
  if (row.type !== "bool") return parseInteger(text, row.type === "int");
  const value = parseBool(text, release);
  return value === undefined ? "invalid" : Number(value);
}

export function defaultsOf(rows: readonly ParamRow[]): ParamDefaults {
  const m = createMachine(undefined);
  for (const row of rows) setParam(m, row, row.default);
  const indexes = new Set(rows.map((row) => (row.type === "bool" ? PARAM_BITS : wordIndex(row.name as IntParam))));
  return [...indexes].map((index) => [index, m.value[index] as number]);
}

function setParam(m: Machine, row: ParamRow, value: number): void {
  if (row.type !== "bool") {
    m.value[wordIndex(row.name as IntParam)] = value;
    return;
  }
  const mask = 1 << bitIndex("params", row.name);
  const bits = m.value[PARAM_BITS] as number;
  m.value[PARAM_BITS] = value === 0 ? bits & ~mask : bits | mask;
}

const NO_NAMES: readonly string[] = Object.freeze([]);

function invalidParam(m: Machine, row: ParamRow, text: string, errno: Errno): void {
  m.messages.push({ level: 3, text: `${row.module}: \`${text}' invalid for parameter \`${row.name}'`, certain: true });
  m.refusals.push({ errno, rule: "param-invalid", fn: "parse_args", certain: true });
  m.stopped = true;
}

/** Final value of a parameter as /sys/module/MODULE/parameters shows it, or `"unknown"`. */
export function paramText(cpu: CpuState, row: ParamRow): string {
  checkHas(cpu, "word", "cpu", "the cpu of a replay");
  checkHas(row, "name", "row", "a row of PARAMS");
  if (row.type === "bool") {
    const value = cpu.bit("params", row.name as BoolParam);
    return value === "unknown" ? value : formatBool(value === "yes", row.shown);
  }
  const { value, unknown } = cpu.word(row.name as IntParam);
  if (unknown !== 0) return "unknown";
  return String(row.type === "int" ? value | 0 : value);
}
