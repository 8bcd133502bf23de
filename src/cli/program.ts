import { Command, CommanderError } from "commander";
// biome-ignore lint/correctness/useImportExtensions: it is not a module of ours
import pkg from "../../package.json" with { type: "json" };
import { MODULE_OPTIONS } from "./by-module.js";
import { complain } from "./command.js";
import { layers } from "./commands/layers.js";
import { EXIT } from "./exit-code.js";
import { worldSentence } from "./files.js";
import { bytesOption, type RawOptions, wantsColor } from "./options.js";
import { oneError, worldOf } from "./outlet.js";
import { VCPU_OPTION } from "./vcpu-option.js";
import type { World } from "./world.js";

type Run = (args: readonly (string | undefined)[], options: RawOptions, world: World) => Promise<number>;

interface CommandRow {
  readonly summary: string;
  /** As commander writes them. */
  readonly args: string;
  /** Options of its own: flags, what they do, and whether they can be given more than once. */
  readonly options?: readonly (readonly [flags: string, about: string, many?: "many"])[];
  /** Shown below the options. */
  readonly more?: string;
  readonly load: () => Promise<Run>;
}

const HOST = `HOST is a file (AIDA64 dump, rdmsr values, snapshot), - for standard input, a CPU of the atlas by id
or any piece of its name (skylake-x, 50654), or nothing or "this" for this machine. A file wins over a name.`;

const FLEET = `${HOST}
HOST@6.1 is the host under that kernel release.`;

const VERSIONS = [
  ["--qemu-version <version>", "as 7.2"],
  ["--libvirt-version <version>", "as 11.3"],
] as const;

const COMMANDS: { readonly [name: string]: CommandRow } = {
  layers: {
    summary: "what each layer, from the CPU to a nested hypervisor, makes of every VMX feature (the default)",
    args: "[HOST]",
    options: MODULE_OPTIONS,
    more: HOST,
    load: async () => layers,
  },
  why: {
    summary: "why a feature is there or not, layer by layer, the rule that took it, and what would bring it back",
    args: "<FEATURE> [HOST]",
    options: [
      ["--layer <layer>", "how far it has to come: silicon, firmware, boot, kvm, param, nested"],
      ...MODULE_OPTIONS,
    ],
    more: `FEATURE is a name of ours (vmxlens layers), a vmx flag, a parameter, or a bit as the SDM, Linux, QEMU, libvirt
or Xen call it. Exit code 0: it is there; 1: it is not, or it is not known.\n\n${HOST}`,
    load: async () => (await import("./commands/why.js")).why,
  },
  show: {
    summary: "every VMX register decoded: what must be 1, must be 0, is free; or only the registers named",
    args: "[HOST] [REGISTER...]",
    options: [["--names <vocabulary>", "names shown beside the SDM's: linux, qemu, libvirt, xen, …, several, or all"]],
    more: HOST,
    load: async () => (await import("./commands/show.js")).show,
  },
  replay: {
    summary: "the run itself, step by step: every read, change, message and refusal, and what came of it",
    args: "[HOST]",
    options: [
      ["--phase <phase>", "only boot, kvm or nested", "many"],
      ["--fn <function>", "only the steps of a function of the kernel, as setup_vmcs_config", "many"],
      ["--bit <name>", "only the steps that read or change a feature or bit: any name that why accepts", "many"],
      ...MODULE_OPTIONS,
    ],
    more: HOST,
    load: async () => (await import("./commands/replay.js")).replay,
  },
  kernels: {
    summary: "the kernels that are modelled; what changed in one, or from R1 to R2; which use a FEATURE",
    args: "[R1|FEATURE] [R2]",
    load: async () => (await import("./commands/kernels.js")).kernels,
  },
  cpus: {
    summary: "the CPUs of the atlas, by name or by what they have",
    args: "[QUERY...]",
    options: [
      ["--has <feature>", "only CPUs that have it", "many"],
      ["--without <feature>", "only CPUs that do not", "many"],
      ["--layer <layer>", "where they have it: silicon (default), firmware, boot, kvm, param, nested"],
    ],
    load: async () => (await import("./commands/cpus.js")).cpus,
  },
  audit: {
    summary: "why VM entry failed: every check of a VM entry on a VMCS dump",
    args: "[DUMP]",
    options: [
      ["--host <host>", "the CPU: as HOST elsewhere"],
      ["--on <authority>", "whose checks count: cpu (default), linux-6.18 or another kernel, virtualbox, hyper-v"],
      ["--nested", "as --on linux-KERNEL with the kernel of --kernel or of the host"],
      ["--set <field=value>", "run the checks with a field changed", "many"],
      ["--all", "every failing check with its own facts, in the order of the manual"],
      ["--fix", "propose the smallest set of field changes that passes"],
      ["--junit", "one JUnit test case for each VMCS"],
    ],
    more: "DUMP is a file or - (default): a log of Linux, Xen, HAXM, VirtualBox or QEMU, NAME = 0x… lines, or JSON.",
    load: async () => (await import("./commands/audit.js")).audit,
  },
  vmcs: {
    summary: "the fields of a VMCS; what one is, and what a value of it means",
    args: "[FIELD] [VALUE]",
    load: async () => (await import("./commands/vmcs.js")).vmcs,
  },
  explain: {
    summary: "what an error line or log means, what refused, and the smallest thing to change",
    args: "[TEXT]",
    options: [["--host <host>", "the machine the text comes from: as HOST elsewhere"], VCPU_OPTION],
    more: "TEXT is the line itself, a file, or - (default) for standard input.",
    load: async () => (await import("./commands/explain.js")).explain,
  },
  nested: {
    summary: "the VMX MSRs that a nested hypervisor gets; the QEMU or libvirt configuration for them",
    args: "[HOST]",
    options: [
      ["--qemu [model]", "the -cpu text: host model, nearest, or a model of QEMU"],
      ["--libvirt [model]", "the <cpu> element"],
      ...VERSIONS,
    ],
    more: HOST,
    load: async () => (await import("./commands/nested.js")).nested,
  },
  diff: {
    summary: "where hosts, kernels or the cores of one CPU differ, by feature at every layer",
    args: "<HOST...>",
    options: [
      ["--bits", "every bit as well"],
      ["--layer <layer>", "only what differs there: silicon, firmware, boot, kvm, param, nested"],
      ["--strict", "end where a host cannot be read, instead of leaving it out"],
    ],
    more: FLEET,
    load: async () => (await import("./commands/fleet.js")).diff,
  },
  baseline: {
    summary: "the VMX set that all hosts of a fleet share, and which host forces each loss",
    args: "<HOST...>",
    options: [
      ["--layer <layer>", "silicon, kvm or nested (default)"],
      ["--strict", "leave no host out, neither one that cannot be read nor one whose KVM does not run"],
      ...VERSIONS,
    ],
    more: FLEET,
    load: async () => (await import("./commands/fleet.js")).baseline,
  },
  migrate: {
    summary: "can a guest with nested VMX move from A to B, and the configuration that makes it work",
    args: "<A> <B>",
    options: [
      ["--kernel-a <release>", "the kernel of A"],
      ["--kernel-b <release>", "the kernel of B"],
      ["--model <model>", "the QEMU CPU model that the guest has: host, or a name (v1 where it says no version)"],
      VCPU_OPTION,
      ...VERSIONS,
    ],
    more: FLEET,
    load: async () => (await import("./commands/fleet.js")).migrate,
  },
  runs: {
    summary: "which hypervisors and products the host meets the requirements of",
    args: "<HOST> [PRODUCT]",
    options: [["--all", "the requirements that are met as well"]],
    more: FLEET,
    load: async () => (await import("./commands/fleet.js")).runs,
  },
  controls: {
    summary: "the control words for a hypervisor of your own: from the names of controls to values and constants",
    args: "<HOST...>",
    options: [
      ["--want <file|names>", "controls wanted: NAME, NAME? where the CPU has it, -NAME for off", "many"],
      ["--emit <language>", "c or rust: constants instead of text"],
      ["--nested", "for a hypervisor that runs as a guest of KVM of --kernel"],
      ["--ia32", "for a hypervisor that runs outside IA-32e mode"],
    ],
    more: `NAME is a control as the SDM, Linux, QEMU, libvirt or Xen call it, or a feature for all of its controls;
exit/NAME and entry/NAME distinguish controls that two words have. Separate names by commas or blanks. In a file the lines
required:, optional: and off: say it for the names that follow, and # begins a comment.
Several hosts, or several kinds of cores: the words suit all of them.
Exit code 1: a requirement cannot be met, or that is not known.\n\n${FLEET}`,
    load: async () => (await import("./commands/controls.js")).controls,
  },
  verify: {
    summary: "what a machine reports about itself against a replay of its registers; what changed since a fingerprint",
    args: "[HOST]",
    options: [
      ["--fingerprint [file]", "save the machine's state in FILE, or show what changed since it was saved"],
      ["--update", "with --fingerprint: then keep how it is now"],
      ["--against <file>", "show what changed since FILE, any text that HOST can be; nothing is stored"],
    ],
    more: `Compared are the kernel release, flags and vmx flags of /proc/cpuinfo, kernel messages, module parameters and what
KVM offers a nested hypervisor, as far as the machine or the text of HOST shows them. vmxlens collect gets most of it.
Without FILE the fingerprint of this machine is $XDG_STATE_HOME/vmxlens/fingerprint.json (~/.local/state/…); once it is
there, every vmxlens verify of this machine shows what changed since. A fingerprint is a snapshot: HOST of every command.
Exit code 0: all that could be compared agrees and nothing changed; 1: something differs, changed, or nothing could be
compared.\n\n${HOST}`,
    load: async () => (await import("./commands/verify.js")).verify,
  },
  prove: {
    summary: "runs the kernel's own kvm-intel.ko over the registers, and lists every bit in which the tables differ",
    args: "[HOST...]",
    options: [
      ["--module <file>", "kvm-intel.ko, also .xz, .zst or .gz; the running kernel's where none is named"],
      ...MODULE_OPTIONS.slice(1),
      ["--all", "every CPU of the atlas"],
    ],
    more: `The code runs in an interpreter: no root, VT-x or Linux is needed, and it never touches this machine.
Exit code 0: all results that both know agree; 1: something differs, or the code did not run to its end.\n\n${HOST}`,
    load: async () => (await import("./commands/prove.js")).prove,
  },
  fleet: {
    summary: "many hosts at once: what they have in common, pools for live migration, drift, what-if, SQL",
    args: "<ACTION> [ARG...]",
    options: [
      ["--store <file>", "the fleet; $VMXLENS_FLEET or fleet.duckdb if not given"],
      ["--label <name=value>", "ingest: a label for all hosts", "many"],
      ["--paths <pattern>", "ingest: labels and names from paths, as dumps/{site}/{host}.txt"],
      ["--labels <file>", "ingest: labels from CSV with a column host"],
      ["--again", "ingest: read files that did not change, too"],
      ["--where <name=value>", "hosts with a label, kernel, vendor, model, …; != and PREFIX* work, too", "many"],
      ["--has <feature>", "who, pools: hosts that have it", "many"],
      ["--lacks <feature>", "who: hosts that lack it", "many"],
      ["--layer <layer>", "silicon, firmware, boot, kvm, param, nested (default)"],
      ["--limit <rows>", "the most hosts that are listed; 20 if not given"],
      ["--by <label>", "drift: compare the hosts with the same value of a label"],
      ["--count <pools>", "pools: how many"],
      ["--without <hosts>", "what-if: without these, by name or as LABEL=VALUE", "many"],
      ["--as <format>", "pools: qemu, libvirt; export: csv, jsonl, prometheus, nfd, keys; sql: csv"],
      ["--parquet <folder>", "export: facts and dimension for other engines"],
      ["--out <path>", "write there instead of printing"],
      ["--parallel <hosts>", "collect: hosts at a time; 16 if not given"],
      ["--timeout <seconds>", "collect: for each host; 60 if not given"],
      ["--retries <times>", "collect: how often a host is tried again; 1 if not given"],
      ["--ssh <command>", "collect: instead of ssh, with its options"],
    ],
    more: `ACTION is one of
  ingest FILE…   read files, directories, tar archives, - for standard input: JSON Lines, and every format of HOST
  summary        how many hosts there are, and how many of them can be judged
  who            hosts that have or lack features at a layer
  baseline       what all hosts have in common, which hosts force each loss, what leaving some out would win
  pools          groups of hosts among which nested guests move freely; --as for their configuration
  drift          hosts unlike their model, their neighbours or their past; vCPUs that a guest would refuse after a move
  what-if        who gains and who loses with --kernel, --param or --without
  gate POLICY    exit code 1 if the fleet is not as a policy, a JSON file, says
  report         one HTML page with pictures and their tables, for --out FILE or standard output
  collect HOSTS  run the script of vmxlens collect over ssh on every host of a list, into --out FOLDER
  export         every host as CSV, JSON Lines, NFD feature files; metrics for Prometheus; --parquet for other engines
  sql QUERY      a query of your own, in DuckDB's SQL; docs/fleet.md has the tables
  problems       what ingest could not read
Exit code 1: the answer is no, nothing or not known.`,
    load: async () => (await import("./fleet/command.js")).fleet,
  },
  web: {
    summary: "the page: the same answers to look at, with knobs and pictures; HOST is put into it",
    args: "[HOST]",
    options: [
      ["-o, --output <file>", "write the page to FILE instead of serving it: one file for a bug report"],
      ["--no-open", "serve it and open no browser"],
      ["--port <number>", "the port on loopback; one that is free if not given"],
    ],
    more: `The page loads nothing and sends nothing. With -o it holds the text of HOST as it is; look at it before you share it.
--kernel, --param, --config, --machine, --assume firmware=… and --cpu set its knobs.\n\n${HOST}`,
    load: async () => (await import("./commands/web.js")).web,
  },
  derive: {
    summary:
      "a filter: lines of {set, kernel, params} in, rows of a fleet's dimension out, for job arrays and clusters",
    args: "[FILE]",
    options: [["--shard <i/n>", "only the rows of shard i of n, 0/16 to 15/16; every shard reads the same lines"]],
    more: `FILE is - for standard input if not given. vmxlens fleet export --as keys writes such lines; docs/fleet-scale.md shows
Kubernetes, Slurm, GNU parallel and Spark. Exit code 1: some lines could not be derived.`,
    load: async () => (await import("./fleet/derive.js")).derive,
  },
  collect: {
    summary: "a shell script that collects what vmxlens wants to know of a machine; no Node is needed there",
    args: "",
    more: `vmxlens collect > collect.sh; ssh HOST sudo sh -s < collect.sh > host.txt; vmxlens layers host.txt
The script only reads, loads no module, and prints no host name, address or serial number; its head says what it reads.
Where sudo asks for a password, copy it there, and: ssh -t HOST 'sudo sh collect.sh > host.txt'`,
    load: async () => (await import("./commands/collect.js")).collect,
  },
};

/** Options of every command that looks at a host or at the atlas. */
const COMMON = [
  ["--kernel <release>", "kernel release, as 6.12 or uname -r prints it"],
  ["--param <name=value>", "module parameter of kvm_intel or kvm, as ept=0", "many"],
  ["--config <option=y|n>", "kernel build option that differs from Debian's", "many"],
  ["--machine <fact=0|1>", "tboot, pmu, irq-posting, evmcs, mediated-pmu, vtd; several with commas", "many"],
  ["--assume <id>", "firmware=enabled|disabled|unlocked, registers=sdm, vendor=intel; none drops the defaults", "many"],
  ["--cpu <number|type>", "one logical CPU, or a core type: P, E, LP-E"],
  ["--json", "JSON, as schema/COMMAND.schema.json of the package describes it"],
  ["--max-bytes <size>", "the most that is read of a file or of standard input, as 500M; 1G if not given"],
  ["--width <columns>", "width of the output"],
  ["--color", "colours even when no terminal is there"],
  ["--no-color", "no colours; NO_COLOR and FORCE_COLOR work too"],
] as const;

const EXIT_CODES = "Exit codes: 0 fine, 1 the answer is no or not known, 2 bad input or usage, 70 a bug of vmxlens.";

function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Runs the command that the arguments name and gives its exit code. What the world refuses is one sentence, and 2. */
export async function runProgram(args: readonly string[], outside: World): Promise<number> {
  let code: number = EXIT.ok;
  const world = worldOf(outside, false);
  const program = new Command("vmxlens")
    .description("Replays what Linux and KVM make of VMX capability MSRs, bit for bit, with the reason.")
    .version(pkg.version)
    .exitOverride()
    .configureOutput({
      writeOut: world.out,
      writeErr: world.err,
      outputError: (text, write) => write(oneError(text)),
    })
    .showHelpAfterError("(see --help)")
    .addHelpText("after", `\n${EXIT_CODES}`);
  // The commands that are not asked for need not be built.
  const [first] = args;
  const named = first !== undefined && Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
  for (const name of named) {
    const row = COMMANDS[name] as CommandRow;
    const command = program
      .command(`${name} ${row.args}`, { isDefault: name === "layers" })
      .summary(row.summary)
      .description(row.summary)
      .allowExcessArguments(false)
      .exitOverride();
    for (const [flags, about, many] of [...(row.options ?? []), ...COMMON]) {
      if (many === undefined) command.option(flags, about);
      else command.option(flags, `${about} (repeatable)`, gather);
    }
    if (row.more !== undefined) command.addHelpText("after", `\n${row.more}`);
    command.action(async (...given: unknown[]) => {
      const count = command.registeredArguments.length;
      const run = await row.load();
      const operands = given.slice(0, count).flat() as (string | undefined)[];
      const options = command.opts<RawOptions>();
      const maxBytes = bytesOption(options.maxBytes);
      if (typeof maxBytes === "string") code = complain(world, [maxBytes]);
      else code = await run(operands, options, worldOf(outside, wantsColor(options.color, outside), maxBytes));
    });
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const refused = worldSentence(error);
    if (refused !== undefined) return complain(world, [refused]);
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return code;
}
