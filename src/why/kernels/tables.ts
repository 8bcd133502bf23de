import { COMPATIBILITY_CHECKS, COMPATIBILITY_MESSAGES, COMPATIBILITY_WORDS } from "../../kvm/guest/compatibility.js";
import { VMCS_CONFIG_LAYOUTS } from "../../kvm/guest/layout.js";
import {
  RESTORE_BASE,
  RESTORE_FREEZE,
  RESTORE_FREEZE_IN_GUEST_MODE,
  RESTORE_FREEZE_SHORTCUT,
} from "../../kvm/guest/restore-rules.js";
import { type GuestTest, ONLY_OFFERED, VCPU_CONTROL_RULES, VCPU_CR4_RULES } from "../../kvm/guest/vcpu-rules.js";
import { MODULE_INIT } from "../../kvm/load/function-names.js";
import { LOAD_ORDER } from "../../kvm/load/load-order.js";
import { PARAMS, type ParamRow, WRITABLE_PARAMS } from "../../kvm/load/params.js";
import { BOOL_LETTERS } from "../../kvm/load/parse-param.js";
import { ENTRY_EXIT_PAIRS } from "../../kvm/load/setup-vmcs-config.js";
import { WANTED_CONTROLS, type WantedControl } from "../../kvm/load/wanted-controls.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { SOURCE_NAMES, type SourceName } from "../../kvm/source-names.js";
import { BOOT_RULES } from "../../linux/boot-rules.js";
import {
  CPU_FLAGS,
  type CpuFlag,
  VMX_FLAGS,
  VMX_FLAGS_LINE,
  VMX_WORDS,
  type VmxFlag,
} from "../../linux/vmx-features.js";
import { type Fact, type Held, heldIn, type Varying } from "../../rules/held.js";
import { type KernelRow, kernelRow, type Release } from "../../rules/kernels.js";
import type { Effect, Rule } from "../../rules/rule.js";
import { KVM_LEFT, KVM_OWN } from "../../vmcs/checks/outer-rows.js";
import type { FieldRow } from "../../vmcs/fields/field-row.js";
import { FIELDS } from "../../vmcs/fields/fields.js";

/*
 * Every table whose rows depend on the kernel, registered in one place. What compares kernels, documents them or checks
 * the tables walks this list and knows no table by name.
 */

/** A fact of a table in the form that all tables share. */
export interface TableRow {
  /** What the fact is about. */
  readonly key: string;
  /** What it says. */
  readonly text: string;
  /** It holds where all of these do. */
  readonly held: readonly Held[];
  readonly file: string;
  readonly fn: string;
}

export interface KernelTable {
  readonly name: string;
  readonly title: string;
  /** `one`: at most one row of a key holds in a kernel. `many`: rows of a key are independent facts. */
  readonly perKey: "one" | "many";
  /** The rows say more about rows of another table: only another text for the same key is a change of its own. */
  readonly detail?: true;
  /** Facts beside boot and loading, not looked for in every tree: they do not count for how like two kernels are. */
  readonly beside?: true;
  /** Compared in another way: the order of loading, by the steps that moved. */
  readonly silent?: true;
  readonly rows: readonly TableRow[];
}

/** A table as it is registered: where all its rows come from one function, the source is given once, for the table. */
type Registration = Omit<KernelTable, "rows"> &
  (
    | { readonly rows: readonly TableRow[] }
    | ({ readonly rows: readonly Omit<TableRow, "file" | "fn">[] } & Pick<TableRow, "file" | "fn">)
  );

function registered(table: Registration): KernelTable {
  if (!("file" in table)) return table;
  const { file, fn, rows, ...about } = table;
  return { ...about, rows: rows.map((row) => ({ ...row, file, fn })) };
}

const VMX = "arch/x86/kvm/vmx/vmx.c";
const X86 = "arch/x86/kvm/x86.c";
const NESTED = "arch/x86/kvm/vmx/nested.c";

const heldOf = (...facts: readonly Fact[]): readonly Held[] => facts.flatMap(({ held }) => held ?? []);

function loadingRules(): readonly Rule[] {
  return [...new Set(LOAD_ORDER.flatMap(({ parts }) => parts.flat()))];
}

const firstText = (value: Varying<string>): string =>
  typeof value === "string" ? value : value.map(({ is }) => is).join(" / ");

function ruleRows(rules: readonly Rule[]): TableRow[] {
  return rules.map((rule) => ({
    key: rule.id,
    text: rule.says,
    held: heldOf(rule),
    file: firstText(rule.file),
    fn: firstText(rule.fn ?? rule.stage),
  }));
}

/** The texts of a message or a warning that changed. */
function wordingRows(rule: Rule, effect: Effect, position: number): TableRow[] {
  const row = (text: string, fact: Fact): TableRow => ({
    key: `${rule.id}${position === 0 ? "" : ` ${position}`}`,
    text,
    held: heldOf(rule, fact),
    file: firstText(rule.file),
    fn: firstText(rule.fn ?? rule.stage),
  });
  if ("say" in effect) {
    if (typeof effect.say === "string") return [];
    return effect.say.map((wording) =>
      row(`${wording.text}${wording.level === undefined ? "" : ` (level ${wording.level})`}`, wording),
    );
  }
  if (!("warn" in effect)) return [];
  return [effect.func, effect.cond, effect.text].flatMap((value, part) =>
    value === undefined || typeof value === "string"
      ? []
      : value.map((fact) => ({ ...row(fact.is, fact), key: `${rule.id} ${["function", "condition", "text"][part]}` })),
  );
}

/**
 * Names of functions that changed, each once: by the older name, by the newest where a function was divided, or by the
 * rule if only one moved.
 */
function functionRows(rules: readonly Rule[]): TableRow[] {
  const users = new Map<Exclude<Rule["fn"], string | undefined>, Rule[]>();
  for (const rule of rules) {
    if (rule.fn === undefined || typeof rule.fn === "string") continue;
    users.set(rule.fn, [...(users.get(rule.fn) ?? []), rule]);
  }
  const oldest = [...users].flatMap(([[first], rules]) => (rules.length > 1 ? (first?.is ?? []) : []));
  const keyOf = (fn: readonly { readonly is: string }[]) =>
    oldest.filter((name) => name === fn[0]?.is).length > 1 ? fn.at(-1)?.is : fn[0]?.is;
  return [...users].flatMap(([fn, [rule, another]]) =>
    fn.map((fact) => ({
      key: (another === undefined ? rule?.id : keyOf(fn)) ?? "",
      text: fact.is,
      held: heldOf(fact),
      file: firstText(rule?.file ?? ""),
      fn: fact.is,
    })),
  );
}

const HOW = { required: "required", optional: "wanted" } as const;

function controlRows(): Omit<TableRow, "file" | "fn">[] {
  return Object.entries(WANTED_CONTROLS).flatMap(([group, controls]) =>
    (controls as readonly WantedControl[]).map((control) => ({
      key: `${group} ${control.name}`,
      text: `${HOW[control.how]}${control.when === undefined ? "" : " under a condition"}`,
      held: heldOf(control),
    })),
  );
}

const guestText = (test: GuestTest): string =>
  typeof test === "string" ? test : "all" in test ? test.all.join(" and ") : test.any.join(" or ");

let tables: readonly KernelTable[] | undefined;

/** The registered tables, in the order in which a kernel gets to what they describe. */
export function kernelTables(): readonly KernelTable[] {
  tables ??= makeTables();
  return tables;
}

function makeTables(): KernelTable[] {
  return registrations().map(registered);
}

function registrations(): Registration[] {
  const boot = BOOT_RULES as readonly Rule[];
  const load = loadingRules();
  const all = [...boot, ...load];
  const parameter = (row: ParamRow) => `${row.module}.${row.name}`;
  return [
    {
      name: "words",
      title: "vmx_capability[]",
      perKey: "one",
      file: "arch/x86/include/asm/vmxfeatures.h",
      fn: "NVMXINTS",
      rows: VMX_WORDS.map((row) => ({
        key: "words",
        text: String(row.words),
        held: heldOf(row),
      })),
    },
    {
      name: "vmx-flags-line",
      title: "The line `vmx flags` of /proc/cpuinfo",
      perKey: "one",
      file: "arch/x86/kernel/cpu/proc.c",
      fn: "show_cpuinfo",
      rows: [
        {
          key: "vmx flags",
          text: "the line is printed",
          held: heldOf(VMX_FLAGS_LINE),
        },
      ],
    },
    {
      name: "vmx-flags",
      title: "Names on `vmx flags`",
      perKey: "one",
      file: "arch/x86/include/asm/vmxfeatures.h",
      fn: "x86_vmx_flags",
      rows: (VMX_FLAGS as readonly VmxFlag[]).map((row) => ({
        key: row.flag,
        text: `bit ${row.bit} of word ${row.word}`,
        held: heldOf(row),
      })),
    },
    {
      name: "cpu-flags",
      title: "Names in `flags`",
      perKey: "one",
      file: "arch/x86/include/asm/cpufeatures.h",
      fn: "x86_cap_flags",
      rows: (CPU_FLAGS as readonly CpuFlag[]).map((row, position) => ({
        key: row.flag,
        text: `place ${position + 1} of ${CPU_FLAGS.length}`,
        held: heldOf(row),
      })),
    },
    { name: "boot-rules", title: "Steps of boot", perKey: "one", rows: ruleRows(boot) },
    { name: "load-rules", title: "Steps of loading KVM", perKey: "one", rows: ruleRows(load) },
    {
      name: "messages",
      title: "Texts",
      perKey: "one",
      detail: true,
      rows: all.flatMap((rule) => rule.does.flatMap((effect, position) => wordingRows(rule, effect, position))),
    },
    { name: "functions", title: "Functions renamed", perKey: "one", detail: true, rows: functionRows(all) },
    {
      name: "load-order",
      title: "Order of loading",
      perKey: "one",
      file: `${VMX}, ${X86}`,
      fn: firstText(MODULE_INIT),
      silent: true,
      rows: LOAD_ORDER.map((row, position) => ({
        key: "order",
        text: `order ${position + 1}`,
        held: heldOf(row),
      })),
    },
    {
      name: "controls",
      title: "Controls that KVM asks for",
      perKey: "one",
      file: "arch/x86/kvm/vmx/vmx.c, vmx.h",
      fn: "setup_vmcs_config",
      rows: controlRows(),
    },
    {
      name: "pairs",
      title: "Entry and exit controls that come in pairs",
      perKey: "one",
      file: VMX,
      fn: "setup_vmcs_config",
      rows: ENTRY_EXIT_PAIRS.map((row) => ({
        key: row.entry,
        text: `entry ${row.entry} with exit ${row.exit}`,
        held: heldOf(row),
      })),
    },
    {
      name: "parameters",
      title: "Module parameters",
      perKey: "one",
      rows: (PARAMS as readonly ParamRow[]).map((row) => ({
        key: parameter(row),
        text: `default ${row.default}${row.shown === undefined ? "" : `, shown as ${row.shown}`}${
          row.config === undefined ? "" : `, with ${row.config}`
        }: ${row.about}`,
        held: heldOf(row),
        file: row.file ?? (row.module === "kvm" ? X86 : VMX),
        fn: "module_param",
      })),
    },
    {
      name: "writable-parameters",
      title: "Module parameters that can be written",
      perKey: "one",
      rows: WRITABLE_PARAMS.map((row) => ({
        key: row.name,
        text: "mode 0644",
        held: heldOf(row),
        file: `${VMX}, arch/x86/kvm/mmu/tdp_mmu.c`,
        fn: "module_param",
      })),
    },
    {
      name: "boolean-words",
      title: "Words that a switch accepts",
      perKey: "one",
      file: "lib/kstrtox.c",
      fn: "kstrtobool",
      rows: BOOL_LETTERS.map((row) => ({
        key: `${row.on} ${row.off}`,
        text: `first letters ${row.on} for on, ${row.off} for off`,
        held: heldOf(row),
      })),
    },
    {
      name: "compatibility-checks",
      title: "Checks of the other CPUs",
      perKey: "one",
      file: VMX,
      fn: "vmx_check_processor_compat",
      rows: [
        ...(COMPATIBILITY_CHECKS as readonly (Fact & { readonly obstacle: string })[]).map((row) => ({
          key: row.obstacle,
          text: "is looked at",
          held: heldOf(row),
        })),
        {
          key: "words named",
          text: "every word that differs is printed",
          held: heldOf(COMPATIBILITY_WORDS),
        },
      ],
    },
    {
      name: "compatibility-messages",
      title: "Texts of the check of the other CPUs",
      perKey: "one",
      file: VMX,
      fn: "vmx_check_processor_compat",
      rows: (
        COMPATIBILITY_MESSAGES as readonly (Fact & { readonly obstacles: readonly string[]; readonly text: string })[]
      ).flatMap((row) =>
        row.obstacles.map((obstacle) => ({
          key: obstacle,
          text: row.text,
          held: heldOf(row),
        })),
      ),
    },
    {
      name: "layouts",
      title: "struct vmcs_config",
      perKey: "one",
      file: "arch/x86/kvm/vmx/capabilities.h",
      fn: "struct vmcs_config",
      rows: VMCS_CONFIG_LAYOUTS.flatMap((layout) =>
        layout.rows.map(({ field, offset }) => ({
          key: field,
          text: `offset ${offset}`,
          held: heldOf(layout),
        })),
      ),
    },
    {
      name: "vcpu-controls",
      title: "Controls of a vCPU that follow the guest's CPUID",
      perKey: "one",
      rows: [
        ...VCPU_CONTROL_RULES.map((row) => ({
          key: `${row.word} ${row.bit}`,
          text: `with ${guestText(row.guest)}${row.clears === undefined ? "" : `; clears bit ${row.clears}`}`,
          held: heldOf(row),
          file: VMX,
          fn: "vmx_vcpu_after_set_cpuid",
        })),
        {
          key: "secondary_ctls_high",
          text: "only what KVM offers L1 is added",
          held: heldOf(ONLY_OFFERED),
          file: VMX,
          fn: "vmx_adjust_secondary_exec_control",
        },
      ],
    },
    {
      name: "vcpu-cr4",
      title: "CR4_FIXED1 of a vCPU",
      perKey: "one",
      file: VMX,
      fn: "nested_vmx_cr_fixed1_bits_update",
      rows: VCPU_CR4_RULES.map((row) => ({
        key: row.cr4,
        text: `with ${guestText(row.guest)}`,
        held: heldOf(row),
      })),
    },
    {
      name: "not-replayed",
      beside: true,
      title: "Beside the replay",
      perKey: "one",
      rows: Object.entries(NOT_REPLAYED).map(([key, row]) => ({
        key,
        text: row.text,
        held: heldOf(row),
        file: row.file,
        fn: row.fn,
      })),
    },
    {
      name: "source-names",
      beside: true,
      title: "Names of the source",
      perKey: "one",
      rows: (SOURCE_NAMES as readonly SourceName[])
        .filter(({ held }) => held !== undefined)
        .map((row) => ({
          key: row.name,
          text: row.about,
          held: heldOf(row),
          file: row.file,
          fn: row.form ?? row.name,
        })),
    },
    {
      name: "vmcs-dump",
      beside: true,
      title: "Fields that a dump of the VMCS shows",
      perKey: "one",
      file: VMX,
      fn: "dump_vmcs",
      rows: (FIELDS as readonly FieldRow[])
        .filter(({ linuxDumpHeld }) => linuxDumpHeld !== undefined)
        .map(({ key, linuxDump, linuxDumpHeld }) => ({
          key,
          text: `as ${linuxDump}`,
          held: linuxDumpHeld === undefined ? [] : [linuxDumpHeld],
        })),
    },
    {
      name: "restore",
      title: "VMX MSRs that user space sets on a vCPU",
      perKey: "one",
      rows: [
        {
          key: "compared with",
          text: "what the vCPU has, not what KVM offers",
          held: heldOf(RESTORE_BASE),
          file: NESTED,
          fn: "vmx_restore_control_msr",
        },
        { key: "frozen", text: RESTORE_FREEZE.text, held: heldOf(RESTORE_FREEZE), file: X86, fn: "do_set_msr" },
        {
          key: "same value",
          text: "a vCPU that has run accepts the value that it has without another look",
          held: heldOf(RESTORE_FREEZE_SHORTCUT),
          file: X86,
          fn: "do_set_msr",
        },
        {
          key: "frozen while L2 runs",
          text: RESTORE_FREEZE_IN_GUEST_MODE.text,
          held: heldOf(RESTORE_FREEZE_IN_GUEST_MODE),
          file: X86,
          fn: "do_set_msr",
        },
      ],
    },
    {
      name: "entry-checks",
      title: "Checks of VM entry by nested KVM",
      perKey: "one",
      rows: [
        ...KVM_OWN.flatMap(({ id, text, held = [{}], fn }) =>
          held.map((range) => ({ key: id, text, held: [range], file: NESTED, fn })),
        ),
        ...KVM_LEFT.map((row) => ({
          key: `left to the CPU: ${row.about}`,
          text: "KVM does not check it",
          held: heldOf(row),
          file: NESTED,
          fn: row.fn,
        })),
      ],
    },
  ];
}

/** Does a row hold in a kernel; undefined: not known. */
export function rowHolds({ held }: TableRow, kernel: KernelRow): boolean | undefined {
  let result: boolean | undefined = true;
  for (const one of held) {
    const holds = heldIn(one, kernel);
    if (holds === false) return false;
    if (holds === undefined) result = undefined;
  }
  return result;
}

/** The rows of a table that hold in a kernel, or may, each with whether that is certain. */
export function factsIn(
  table: KernelTable,
  release: Release,
): readonly { readonly row: TableRow; readonly certain: boolean }[] {
  const kernel = kernelRow(release);
  return table.rows.flatMap((row) => {
    const holds = rowHolds(row, kernel);
    return holds === false ? [] : [{ row, certain: holds === true }];
  });
}
