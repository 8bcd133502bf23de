import { ATLAS, type Commands, FORMAT, JSON_ONLY, LANG, OUTPUT, SHOW } from "./command-row.js";

/*
 * Every command. The help, the manual page and the completion of shells are generated from this table.
 */

const HOST = `HOST is a file (AIDA64 dump, rdmsr values, snapshot, a pasted log), - for standard input, a CPU of the atlas by
id or whole words of its name (skylake-x, 50654, i9-7900X; atlas:NAME only there), or nothing or "this" for this machine.
A file wins over a name. HOST@6.12,ept=0,firmware=off is the host under that kernel, with that parameter and setting.`;

const FLEET = `${HOST}
Several: files, folders, patterns in quotes, @FILE with one on a line; of a text that describes several hosts, each.`;

const GUEST = `Guests are read from virsh dumpxml, a
command line of QEMU, qm config, and virtual machines of KubeVirt in YAML or JSON.`;

const MODULE_OPTIONS = [
  ["--module <file>", "kvm-intel.ko, also .xz, .zst or .gz: answers are those of its own code"],
  ["--kvm <file>", "kvm.ko of the same kernel; the one beside the module where none is named"],
  ["--vmlinuz <file>", "the kernel itself, for boot and for its types; found where distributions put it"],
  ["--btf <file>", "the kernel's types alone, as /sys/kernel/btf/vmlinux"],
] as const;

const VCPU_OPTION = [
  "--vcpu <state>",
  "the vCPU that takes the registers: new, ran, vmxon (in VMX operation) or l2 (running L2)",
] as const;

const VERSIONS = [
  ["--qemu-version <version>", "such as 7.2"],
  ["--libvirt-version <version>", "such as 11.3"],
] as const;

export const COMMANDS: Commands = {
  layers: {
    summary: "show every VMX feature at each layer, from the CPU to a nested hypervisor (the default)",
    args: "[HOST...]",
    group: "host",
    also: [FORMAT, LANG],
    examples: [
      ["vmxlens layers", "this machine, as root"],
      ["vmxlens layers skylake-x --kernel 6.12", "a CPU of the atlas"],
      ["ssh HOST cat /proc/cpuinfo | vmxlens layers -", "what another machine shows"],
      ["vmxlens layers skylake-x --format tsv", "for a spreadsheet, cut or awk"],
      ["vmxlens layers skylake-x --lang zh", "in Chinese"],
    ],
    options: MODULE_OPTIONS,
    more: HOST,
    load: async () => (await import("../commands/layers.js")).layers,
  },
  why: {
    summary:
      "explain layer by layer why a feature is there or not: the rule that took it, and what would bring it back",
    args: "<FEATURE> [HOST...]",
    group: "host",
    also: [LANG],
    examples: [
      ["vmxlens why mbec skylake-x --kernel 6.12", "where it is lost, and what brings it back"],
      ['vmxlens why "0x48b bit 54" host.txt', "a bit by its place"],
      ["vmxlens why adjust_vmx_controls skylake-x", "a function or another name of the kernel's source"],
    ],
    options: [
      ["--layer <layer>", "the layer it has to reach: silicon, firmware, boot, kvm, param, nested"],
      ...MODULE_OPTIONS,
    ],
    more: `FEATURE is a name of ours (vmxlens layers), a vmx flag, a parameter, or a bit as the SDM, Linux, QEMU, libvirt
or Xen call it. Exit code 0: it is there; 1: it is not, or it is not known.\n\n${HOST}`,
    load: async () => (await import("../commands/why.js")).why,
  },
  show: {
    summary: "decode every VMX register, or those named: what must be 1, must be 0, is free",
    args: "[HOST] [REGISTER...]",
    group: "host",
    also: [FORMAT],
    uses: SHOW,
    examples: [
      ["vmxlens show skylake-x 0x48b", "one register, bit by bit"],
      ["vmxlens show host.txt --names qemu,linux", "with the names of QEMU and Linux"],
    ],
    options: [["--names <vocabulary>", "names shown beside the SDM's: linux, qemu, libvirt, xen, …, several, or all"]],
    more: HOST,
    load: async () => (await import("../commands/show.js")).show,
  },
  replay: {
    summary: "show the run step by step: every read, change, message and refusal, and the outcome",
    args: "[HOST]",
    group: "host",
    also: [LANG],
    examples: [
      ["vmxlens replay skylake-x --phase boot", "what boot makes of it"],
      ["vmxlens replay skylake-x --fn setup_vmcs_config --bit PREEMPTION_TIMER", "one bit in one function"],
    ],
    options: [
      ["--phase <phase>", "only boot, kvm or nested", "many"],
      ["--fn <function>", "only the steps of a function of the kernel, such as setup_vmcs_config", "many"],
      ["--bit <name>", "only the steps that read or change a feature or bit: any name that why accepts", "many"],
      ...MODULE_OPTIONS,
    ],
    more: HOST,
    load: async () => (await import("../commands/replay.js")).replay,
  },
  kernels: {
    summary: "list the modelled kernels; show what changed in one, or from R1 to R2, and which use a FEATURE",
    args: "[R1|FEATURE] [R2]",
    group: "data",
    also: [FORMAT],
    uses: OUTPUT,
    examples: [
      ["vmxlens kernels 6.1 6.12", "what changed"],
      ["vmxlens kernels mbec", "which kernels use a feature"],
    ],
    load: async () => (await import("../commands/kernels.js")).kernels,
  },
  cpus: {
    summary: "list the CPUs of the atlas, by name or by what they have",
    args: "[QUERY...]",
    group: "data",
    also: [FORMAT],
    uses: ATLAS,
    examples: [
      ["vmxlens cpus --has pml --without mbec", "by what they have"],
      ["vmxlens cpus --without enable_shadow_vmcs --kernel 6.12", "by what KVM makes of them"],
    ],
    options: [
      ["--has <feature>", "only CPUs that have it", "many"],
      ["--without <feature>", "only CPUs that do not", "many"],
      ["--layer <layer>", "where they have it: silicon (default), firmware, boot, kvm, param, nested"],
    ],
    load: async () => (await import("../commands/cpus.js")).cpus,
  },
  audit: {
    summary: "explain why VM entry failed: run every check of a VM entry on a VMCS dump",
    args: "[DUMP]",
    group: "vmcs",
    paged: false,
    examples: [
      ["vmxlens audit dmesg.txt --host skylake-x", "a dump of KVM, on that CPU"],
      ["vmxlens audit dmesg.txt --fix", "the fewest changes that pass"],
    ],
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
    load: async () => (await import("../commands/audit.js")).audit,
  },
  vmcs: {
    summary: "list the fields of a VMCS; describe a field, and what a value of it means",
    args: "[FIELD] [VALUE]",
    group: "vmcs",
    also: [FORMAT],
    uses: OUTPUT,
    examples: [
      ["vmxlens vmcs GUEST_RFLAGS 0x2", "what a value means"],
      ["vmxlens vmcs cs", "all fields of a segment"],
    ],
    load: async () => (await import("../commands/vmcs.js")).vmcs,
  },
  explain: {
    summary: "explain an error line or a log: what it means, what refused, and the smallest thing to change",
    args: "[TEXT]",
    group: "vmcs",
    examples: [
      ['vmxlens explain "kvm: disabled by bios"', "a line"],
      ["dmesg | vmxlens explain -", "a log"],
    ],
    options: [
      ["--host <host>", "the machine the text comes from: as HOST elsewhere"],
      VCPU_OPTION,
      ["-v, --verbose", "all that is known about each message, not what fits 25 lines"],
    ],
    more: "TEXT is the line itself, a file, or - (default) for standard input.",
    load: async () => (await import("../commands/explain.js")).explain,
  },
  nested: {
    summary: "print the VMX MSRs that a nested hypervisor gets, or the QEMU or libvirt configuration for them",
    args: "[HOST...]",
    group: "host",
    also: [FORMAT],
    examples: [
      ["vmxlens nested skylake-x --kernel 6.12", "the MSRs of L1"],
      ["vmxlens nested skylake-x --qemu nearest", "the -cpu text that asks for them"],
    ],
    options: [
      ["--qemu [model]", "the -cpu text: host model, nearest, or a model of QEMU"],
      ["--libvirt [model]", "the <cpu> element"],
      ...VERSIONS,
    ],
    more: HOST,
    load: async () => (await import("../commands/nested.js")).nested,
  },
  diff: {
    summary: "compare hosts, kernels or the cores of one CPU, by feature at every layer",
    args: "<HOST...>",
    group: "hosts",
    also: [FORMAT],
    examples: [
      ["vmxlens diff skylake-x skylake-x,ept=0", "what ept=0 switches off"],
      ["vmxlens diff sapphire@6.1 sapphire@6.12 --layer nested", "what changes for L1"],
      ["vmxlens diff 'hosts/*.txt'", "the hosts in files"],
    ],
    options: [
      ["--bits", "every bit, too"],
      ["--layer <layer>", "only what differs there: silicon, firmware, boot, kvm, param, nested"],
      ["--strict", "end where a host cannot be read, instead of leaving it out"],
    ],
    more: FLEET,
    load: async () => (await import("../commands/fleet.js")).diff,
  },
  baseline: {
    summary: "compute the VMX set that all hosts of a fleet share, and which host forces each loss",
    args: "<HOST...>",
    group: "hosts",
    also: [FORMAT],
    examples: [
      ["vmxlens baseline hosts/", "the files of a folder"],
      ["vmxlens baseline @hosts.txt --layer silicon", "the hosts of a list, by their CPUs"],
    ],
    options: [
      ["--layer <layer>", "silicon, kvm or nested (default)"],
      ["--strict", "leave no host out, neither one that cannot be read nor one whose KVM does not run"],
      ...VERSIONS,
    ],
    more: FLEET,
    load: async () => (await import("../commands/fleet.js")).baseline,
  },
  migrate: {
    summary: "check whether a guest with nested VMX can move from A to B; print the configuration that makes it work",
    args: "<A> <B...>",
    group: "hosts",
    also: [FORMAT],
    examples: [
      ["vmxlens migrate a.txt b.txt", "two hosts"],
      ["vmxlens migrate skylake-x@6.12 haswell-e@6.1 --model Haswell", "with a model"],
      ["virsh dumpxml web01 | vmxlens migrate - node2.txt node3.txt", "may this guest start there?"],
    ],
    options: [
      ["--kernel-a <release>", "the kernel of A"],
      ["--kernel-b <release>", "the kernel of B"],
      ["--model <model>", "the QEMU CPU model of the guest: host, or a name (version 1 unless the name has another)"],
      VCPU_OPTION,
      ...VERSIONS,
    ],
    more: `Or A is a guest, and the question is whether it may start on B. ${GUEST}
${FLEET}`,
    load: async () => (await import("../commands/fleet.js")).migrate,
  },
  runs: {
    summary: "check which hypervisors and products run on the hosts, or whether a guest starts there",
    args: "<HOST...>",
    group: "host",
    also: [FORMAT],
    examples: [
      ["vmxlens runs skylake-x", "every product"],
      ["vmxlens runs host.txt bhyve", "one of them"],
      ["vmxlens runs host.txt Skylake-Server,vmx=on,enforce", "may this guest start there?"],
    ],
    options: [["--all", "also the requirements that are met"]],
    more: `The last word may be a product, or a guest: a file with its configuration, or what is behind -cpu. ${GUEST}
${FLEET}`,
    load: async () => (await import("../commands/fleet.js")).runs,
  },
  controls: {
    summary: "compute the control words for a hypervisor of your own, from the names of controls",
    args: "<HOST...>",
    group: "vmcs",
    also: [FORMAT],
    examples: [
      ["vmxlens controls skylake-x --want ept,vpid?", "the control words"],
      ["vmxlens controls skylake-x haswell-e --want ept --emit c", "constants that suit both"],
    ],
    options: [
      ["--want <file|names>", "wanted controls: NAME, NAME? (if the CPU has it) or -NAME (off)", "many"],
      ["--emit <language>", "c or rust: constants instead of text"],
      ["--nested", "for a hypervisor that runs as a guest of KVM of --kernel"],
      ["--ia32", "for a hypervisor that runs outside IA-32e mode"],
    ],
    more: `NAME is a control as the SDM, Linux, QEMU, libvirt or Xen call it, or a feature for all of its controls;
exit/NAME and entry/NAME distinguish controls that two words have. Separate names by commas or blanks. In a file the lines
required:, optional: and off: say it for the names that follow, and # begins a comment.
Several hosts, or several kinds of cores: the words suit all of them.
Exit code 1: a requirement cannot be met, or that is not known.\n\n${FLEET}`,
    load: async () => (await import("../commands/controls.js")).controls,
  },
  verify: {
    summary:
      "check what a machine reports about itself against a replay of its registers; show what changed since a fingerprint",
    args: "[HOST...]",
    group: "host",
    examples: [
      ["sudo vmxlens verify", "this machine"],
      ["vmxlens verify host.txt --against yesterday.txt", "what changed"],
      ["vmxlens verify hosts/", "each difference once, with the machines that have it"],
    ],
    options: [
      ["--fingerprint [file]", "save the machine's state in FILE, or show what changed since it was saved"],
      ["--update", "with --fingerprint: then save the current state"],
      ["--against <file>", "show what changed since FILE, which is any text that HOST can be; stores nothing"],
    ],
    more: `Compared are the kernel release, flags and vmx flags of /proc/cpuinfo, kernel messages, module parameters and what
KVM offers a nested hypervisor, as far as the machine or the text of HOST shows them. vmxlens collect gets most of it.
Without FILE the fingerprint of this machine is $XDG_STATE_HOME/vmxlens/fingerprint.json (~/.local/state/…); once it is
there, every vmxlens verify of this machine shows what changed since. A fingerprint is a snapshot: HOST of every command.
Exit code 0: all that could be compared agrees and nothing changed; 1: something differs, changed, or nothing could be
compared.\n\n${FLEET}`,
    load: async () => (await import("../commands/verify.js")).verify,
  },
  prove: {
    summary: "run the kernel's own kvm-intel.ko over the registers, and list every bit in which the tables differ",
    args: "[HOST...]",
    group: "host",
    examples: [["vmxlens prove skylake-x --module kvm-intel.ko", "a CPU of the atlas"]],
    options: [
      ["--module <file>", "kvm-intel.ko, also .xz, .zst or .gz; the running kernel's where none is named"],
      ...MODULE_OPTIONS.slice(1),
      ["--all", "every CPU of the atlas"],
    ],
    more: `The code runs in an interpreter: no root, VT-x or Linux is needed, and it never touches this machine.
Exit code 0: all results that both know agree; 1: something differs, or the code did not run to its end.\n\n${HOST}`,
    load: async () => (await import("../commands/prove.js")).prove,
  },
  fleet: {
    summary: "query many hosts at once: what they have in common, pools for live migration, drift, what-if, SQL",
    args: "<ACTION> [ARG...]",
    group: "hosts",
    paged: false,
    examples: [
      ["vmxlens fleet ingest hosts/", "read a folder into a store"],
      ["vmxlens fleet pools --has ept", "pools for live migration"],
    ],
    options: [
      ["--store <file>", "the fleet; default $VMXLENS_FLEET or fleet.duckdb"],
      ["--label <name=value>", "ingest: a label for all hosts", "many"],
      ["--paths <pattern>", "ingest: labels and names from paths, such as dumps/{site}/{host}.txt"],
      ["--labels <file>", "ingest: labels from CSV with a column host"],
      ["--again", "ingest: read files that did not change, too"],
      ["--where <name=value>", "hosts with a label, kernel, vendor, model, …; != and PREFIX* work, too", "many"],
      ["--has <feature>", "who, pools: hosts that have it", "many"],
      ["--lacks <feature>", "who: hosts that lack it", "many"],
      ["--layer <layer>", "silicon, firmware, boot, kvm, param, nested (default)"],
      ["--limit <rows>", "list at most this many hosts; default 20"],
      ["--by <label>", "drift: compare the hosts with the same value of a label"],
      ["--count <pools>", "pools: how many"],
      ["--without <hosts>", "what-if: without these, by name or as LABEL=VALUE", "many"],
      ["--as <format>", "pools: qemu, libvirt; export: csv, jsonl, prometheus, nfd, keys; sql: csv"],
      ["--parquet <folder>", "export: facts and dimension for other engines"],
      ["--out <path>", "write there instead of printing"],
      ["--parallel <hosts>", "collect: hosts at a time; default 16"],
      ["--timeout <seconds>", "collect: for each host; default 60"],
      ["--retries <times>", "collect: how often a host is tried again; default 1"],
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
    load: async () => (await import("../fleet/command.js")).fleet,
  },
  derive: {
    summary: "turn lines of {set, kernel, params} into rows of a fleet's dimension, for job arrays and clusters",
    args: "[FILE]",
    group: "hosts",
    paged: false,
    uses: ["--assume <id>", "--max-bytes <size>"],
    examples: [["vmxlens derive keys.jsonl --shard 0/16", "one shard of sixteen"]],
    options: [["--shard <i/n>", "only the rows of shard i of n, 0/16 to 15/16; every shard reads the same lines"]],
    more: `FILE is - for standard input if not given. vmxlens fleet export --as keys writes such lines; docs/fleet-scale.md shows
Kubernetes, Slurm, GNU parallel and Spark. Exit code 1: some lines could not be derived.`,
    load: async () => (await import("../fleet/derive.js")).derive,
  },
  web: {
    summary: "open the same answers as a page in a browser, with knobs and pictures; HOST is put into it",
    args: "[HOST]",
    group: "host",
    paged: false,
    examples: [
      ["vmxlens web skylake-x", "serve the page with a CPU of the atlas, and open it"],
      ["vmxlens web host.txt -o page.html", "one file for a bug report"],
    ],
    options: [
      ["-o, --output <file>", "write the page to FILE instead of serving it: one file for a bug report"],
      ["--no-open", "serve it and open no browser"],
      ["--port <number>", "the port on loopback; any free one by default"],
    ],
    more: `The page loads nothing and sends nothing. With -o it holds the text of HOST as it is; look at it before you share it.
--kernel, --param, --config, --machine, --assume firmware=… and --cpu set its knobs.\n\n${HOST}`,
    load: async () => (await import("../commands/web.js")).web,
  },
  completion: {
    summary: "print a script that lets bash, zsh or fish complete commands, options, CPUs, features and kernels",
    args: "<SHELL>",
    group: "data",
    paged: false,
    uses: [],
    examples: [
      ['eval "$(vmxlens completion bash)"', "in ~/.bashrc, or with zsh in ~/.zshrc"],
      ["vmxlens completion fish > ~/.config/fish/completions/vmxlens.fish", "once"],
    ],
    load: async () => (await import("../commands/completion.js")).completionOf(COMMANDS),
  },
  collect: {
    summary: "print a shell script that collects what vmxlens needs to know about a machine; it needs no Node",
    args: "",
    group: "data",
    paged: false,
    uses: JSON_ONLY,
    examples: [["vmxlens collect | ssh HOST sudo sh -s > host.txt", "read a machine without Node"]],
    more: `vmxlens collect > collect.sh; ssh HOST sudo sh -s < collect.sh > host.txt; vmxlens layers host.txt
The script only reads, loads no module, and prints no host name, address or serial number; its head says what it reads.
Where sudo asks for a password, copy it there, and: ssh -t HOST 'sudo sh collect.sh > host.txt'`,
    load: async () => (await import("../commands/collect.js")).collect,
  },
};
