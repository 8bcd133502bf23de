import type { Btf } from "../loader/btf.js";
import { BadFile } from "../loader/elf.js";

/** A member of a structure: bytes from its start, and its size. */
export interface Field {
  readonly offset: number;
  readonly size: number;
}

/** A slot of `pv_ops`, with the types of its parameters. */
export interface ParavirtSlot {
  /** Name of the operation, without its group: `read_msr`. */
  readonly name: string;
  readonly offset: number;
  /** The second parameter of `read_msr_safe` points to the value (6.16 and later) rather than to the error. */
  readonly valueByPointer: boolean;
}

/** Layouts that the kernel side needs, all of them from BTF. */
export interface KernelTypes {
  readonly btf: Btf;
  /** Members of `struct cpuinfo_x86`, by name; a member that the release does not have is missing. */
  readonly cpu: { readonly [field: string]: Field | undefined };
  readonly cpuSize: number;
  readonly paravirt: readonly ParavirtSlot[];
  /** `format`: where an entry has the text of its warning (6.19 and later). */
  readonly bug:
    | { readonly size: number; readonly address: Field; readonly flags: Field; readonly format: Field | undefined }
    | undefined;
  readonly param: { readonly size: number; readonly name: Field; readonly ops: Field; readonly arg: Field };
  readonly pmu:
    | { readonly size: number; readonly present: readonly (Field & { readonly value: number })[] }
    | undefined;
  /** Rows of `__ex_table` name a function that handles the fault (before 5.16), rather than a kind. */
  readonly faultHandlers: boolean;
  /** Offset of the `current` task, of the CPU's number and of the preemption counter in `pcpu_hot`, where there is one. */
  readonly hot: { readonly size: number; readonly task: Field | undefined } | undefined;
}

const CPU_FIELDS = [
  "x86",
  "x86_vendor",
  "x86_model",
  "x86_stepping",
  "x86_vfm",
  "cpuid_level",
  "extended_cpuid_level",
  "x86_capability",
  "vmx_capability",
  "x86_phys_bits",
  "x86_virt_bits",
  "x86_cache_bits",
  "x86_vendor_id",
] as const;

/** Reads the layouts of a kernel's types. Throws `BadFile` when a structure that is needed is not among them. */
export function kernelTypes(btf: Btf): KernelTypes {
  const cpu = need(btf, "cpuinfo_x86");
  const param = need(btf, "kernel_param");
  const bug = btf.struct("bug_entry");
  const pmu = btf.struct("x86_pmu_capability");
  const hot = btf.struct("pcpu_hot");
  const exception = btf.struct("exception_table_entry");
  const bugAddress = bug === undefined ? undefined : btf.place(bug, "bug_addr_disp");
  const bugFlags = bug === undefined ? undefined : btf.place(bug, "flags");
  return {
    btf,
    cpu: Object.fromEntries(CPU_FIELDS.map((name) => [name, btf.place(cpu, name)])),
    cpuSize: btf.size(cpu),
    paravirt: paravirtSlots(btf),
    bug:
      bug === undefined || bugAddress === undefined || bugFlags === undefined
        ? undefined
        : { size: btf.size(bug), address: bugAddress, flags: bugFlags, format: btf.place(bug, "format_disp") },
    param: {
      size: btf.size(param),
      name: member(btf, param, "name"),
      ops: member(btf, param, "ops"),
      arg: member(btf, param, "arg"),
    },
    pmu:
      pmu === undefined
        ? undefined
        : {
            size: btf.size(pmu),
            present: (
              [
                ["version", 2],
                ["num_counters_gp", 4],
                ["bit_width_gp", 48],
                ["num_counters_fixed", 3],
                ["bit_width_fixed", 48],
              ] as const
            ).flatMap(([name, value]) => {
              const field = btf.place(pmu, name);
              return field === undefined ? [] : [{ ...field, value }];
            }),
          },
    faultHandlers: exception !== undefined && btf.place(exception, "handler") !== undefined,
    hot: hot === undefined ? undefined : { size: btf.size(hot), task: btf.place(hot, "current_task") },
  };
}

function need(btf: Btf, name: string): number {
  const type = btf.struct(name);
  if (type === undefined) throw new BadFile(`the kernel's types have no struct ${name}`);
  return type;
}

function member(btf: Btf, type: number, name: string): Field {
  const place = btf.place(type, name);
  if (place === undefined) throw new BadFile(`the kernel's types have no ${name} in a structure that has to have one`);
  return place;
}

/** Pointers to functions in `struct paravirt_patch_template`, also in its parts; empty for a kernel without it. */
function paravirtSlots(btf: Btf): ParavirtSlot[] {
  const slots: ParavirtSlot[] = [];
  const visit = (type: number, base: number, name: string, depth: number) => {
    if (depth > 4) return;
    const parameters = btf.parameters(type);
    if (btf.pointee(type) !== undefined) {
      const second = parameters?.[1];
      const pointed = second === undefined ? undefined : btf.pointee(second);
      slots.push({ name, offset: base, valueByPointer: pointed !== undefined && btf.size(pointed) === 8 });
      return;
    }
    // A callee-save operation is a structure around its pointer, and has the name of the outer member.
    for (const { name: inner, type: of, bit } of btf.members(type))
      visit(of, base + bit / 8, inner === "func" ? name : inner, depth + 1);
  };
  const template = btf.struct("paravirt_patch_template");
  if (template !== undefined) visit(template, 0, "", 0);
  return slots;
}
