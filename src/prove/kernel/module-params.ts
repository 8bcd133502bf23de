import { addressText, MachineStop } from "../machine/stop.js";
import { kernelBool } from "./answers.js";
import { allocate } from "./heap.js";
import type { KernelImage } from "./image.js";
import { readText } from "./printk.js";
import type { Started } from "./start.js";

/** One parameter of a module, as its `__param` section describes it. */
export interface ModuleParam {
  readonly module: string;
  readonly name: string;
  /** Name of its `kernel_param_ops`: the kernel's (`param_ops_bool`) or the module's own. */
  readonly ops: string;
  /** Halves of the address of the variable. */
  readonly at: readonly [number, number];
  /** Address of the description itself, low half. */
  readonly row: number;
}

/** Parameters of all modules of an image, in the order of their sections. */
export function moduleParams({ runner }: Started, image: KernelImage): ModuleParam[] {
  const { param } = image.types;
  const found: ModuleParam[] = [];
  for (const module of image.linked.modules) {
    const section = module.elf.section("__param");
    const base = section === undefined ? undefined : module.addresses.get(section.index);
    if (section === undefined || base === undefined) continue;
    for (let i = 0; i + param.size <= section.size; i += param.size) {
      const row = Number(base & 0xffff_ffffn) + i;
      const read = (offset: number): readonly [number, number] => {
        runner.mem.load(8, -1, row + offset);
        return [runner.mem.hi, runner.mem.lo];
      };
      const [nameHi, nameLo] = read(param.name.offset);
      const ops = read(param.ops.offset);
      found.push({
        module: module.name,
        name: readText(runner, nameHi, nameLo).replace(/^.*\./, ""),
        ops: image.linked.importAt(ops[1] >>> 0)?.name ?? image.nameOf(ops[1] >>> 0)?.name ?? addressText(...ops),
        at: read(param.arg.offset),
        row,
      });
    }
  }
  return found;
}

const BYTES: { readonly [ops: string]: number } = {
  param_ops_bool: 1,
  param_ops_bint: 4,
  param_ops_int: 4,
  param_ops_uint: 4,
  param_ops_ulong: 8,
  param_ops_ushort: 2,
  param_ops_short: 2,
  param_ops_byte: 1,
};

const EINVAL = -22;
const ERANGE = -34;

/**
 * Sets a parameter to a text as the kernel does when the module is loaded. Returns 0, or the error with which loading the
 * module fails, after the kernel's message about it. Parameters with a function of the module's own are set by running it.
 */
export function setParam(started: Started, param: ModuleParam, text: string): number {
  const error = assign(started, param, text);
  if (error !== 0)
    started.kernel.log.messages.push({
      level: 3,
      text: `${param.module}: \`${text}' invalid for parameter \`${param.name}'`,
      certain: true,
    });
  return error;
}

function assign(started: Started, param: ModuleParam, text: string): number {
  const { runner } = started;
  const [hi, lo] = param.at;
  const size = BYTES[param.ops];
  if (size === undefined) return setByFunction(started, param, text);
  if (param.ops === "param_ops_bool" || param.ops === "param_ops_bint") {
    const value = kernelBool(text);
    if (value === undefined) return EINVAL;
    runner.mem.store(size, hi, lo, value ? 1 : 0, 0, 0, 0);
    return 0;
  }
  const signed = /^param_ops_(?:int|short)$/.test(param.ops);
  const value = kernelInteger(text, 8 * size, signed);
  if (typeof value === "number") return value;
  runner.mem.store(size, hi, lo, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), 0, 0);
  return 0;
}

/** A number as the kernel's `kstrto*` parse it: decimal, 0x or 0 for octal, one line end at most. */
function kernelInteger(text: string, bits: number, signed: boolean): bigint | typeof EINVAL | typeof ERANGE {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|\d+)\n?$/.exec(text);
  if (match === null || (match[1] === "-" && !signed)) return EINVAL;
  const digits = match[2] ?? "";
  const octal = /^0[0-9]/.test(digits);
  if (octal && /[89]/.test(digits)) return EINVAL;
  const number = BigInt(octal ? `0o${digits.slice(1)}` : digits.toLowerCase());
  const value = match[1] === "-" ? -number : number;
  const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  return fits ? value : ERANGE;
}

function setByFunction({ runner, kernel }: Started, param: ModuleParam, text: string): number {
  const { btf } = kernel.image.types;
  const type = btf.struct("kernel_param_ops");
  const set = type === undefined ? undefined : btf.place(type, "set");
  if (set === undefined) return 0;
  runner.mem.load(8, -1, param.row + kernel.image.types.param.ops.offset);
  const [opsHi, opsLo] = [runner.mem.hi, runner.mem.lo];
  runner.mem.load(8, opsHi, opsLo + set.offset);
  runner.take();
  if ((runner.lo | runner.hi) === 0) return 0;
  const entry = runner.codeAddress();
  const place = allocate(kernel.heap, true, text.length + 1);
  if (place === undefined) throw new MachineStop("memory", "no room for the text of a parameter");
  for (let i = 0; i < text.length; i++) runner.mem.store(1, place[0], place[1] + i, text.charCodeAt(i), 0, 0, 0);
  runner.callFunction(entry, [place, [-1, param.row | 0]]);
  return runner.r[0] ?? 0;
}

/** The value of a parameter as /sys/module shows it; undefined for one with a function of the module's own. */
export function shownParam({ runner }: Started, param: ModuleParam): string | undefined {
  const size = BYTES[param.ops];
  if (size === undefined) return undefined;
  runner.mem.load(size, param.at[0], param.at[1]);
  const { lo, hi, ulo, uhi } = runner.mem;
  const isBool = param.ops === "param_ops_bool" || param.ops === "param_ops_bint";
  if (isBool) return lo !== 0 ? "Y" : ulo !== 0 ? "?" : "N";
  if ((ulo | uhi) !== 0) return "?";
  const value = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
  return (
    /^param_ops_(?:int|short)$/.test(param.ops) ? BigInt.asIntN(8 * size, value) : BigInt.asUintN(8 * size, value)
  ).toString();
}
