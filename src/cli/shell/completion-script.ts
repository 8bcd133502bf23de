import { PACKS } from "../../compare/packs/all.js";
import { atlas } from "../../input/atlas/atlas.js";
import { VCPU_STATES } from "../../kvm/guest/restore.js";
import { PARAMS } from "../../kvm/load/params.js";
import { REGISTERS } from "../../registers/registers.js";
import { VOCABULARIES } from "../../registers/sources.js";
import { KERNELS } from "../../rules/kernels.js";
import { ASSUMPTIONS } from "../../situation/assume.js";
import { FIELDS, fieldName } from "../../vmcs/fields/fields.js";
import { FEATURE_LIST, LAYERS } from "../../why/features.js";
import { runFunctions } from "../../why/run-part.js";
import {
  COMMON,
  type CommandRow,
  type Commands,
  FORMATS,
  flagValue,
  hasEffect,
  LANGUAGES,
  longFlag,
} from "./command-row.js";

/*
 * Scripts for shells, generated from the table of commands. The words are in the script, so that a press of the key starts no
 * program.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** Lists of words that complete an operand or the value of an option. */
function wordLists(commands: Commands) {
  return {
    cpus: cpuNames(),
    features: [...new Set(FEATURE_LIST.flatMap(({ id, flag }) => [id, ...(flag === undefined ? [] : [flag])]))],
    kernels: KERNELS.map(({ id }) => id as string),
    layers: LAYERS as readonly string[],
    registers: REGISTERS.map(({ sdm }) => sdm),
    fields: FIELDS.map(fieldName).filter((name) => /^\w+$/.test(name)),
    products: PACKS.map(({ id }) => id as string),
    params: [...new Set(PARAMS.map(({ name }) => `${name}=`))],
    assumptions: [...ASSUMPTIONS.map(({ id }) => id as string), "none"],
    functions: runFunctions(),
    vcpus: Object.keys(VCPU_STATES),
    phases: ["boot", "kvm", "nested"],
    languages: ["c", "rust"],
    formats: FORMATS as readonly string[],
    tongues: LANGUAGES as readonly string[],
    shells: SHELLS as readonly string[],
    names: [...Object.keys(VOCABULARIES), "all"],
    // As the help of the command lists them.
    actions: [...(commands.fleet?.more ?? "").matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name as string),
  };
}

/** The ids of the atlas, and those that are one CPU's without vendor and signature: `skylakex`. */
function cpuNames(): readonly string[] {
  const ids = atlas().map(({ id }) => id);
  const short = ids.map((id) => id.replace(/^[a-z]+-[0-9a-f]+-/, ""));
  return [...ids, ...short.filter((name) => short.indexOf(name) === short.lastIndexOf(name))];
}

type ListName = keyof ReturnType<typeof wordLists>;

/** What completes the value of an option. */
const VALUES: { readonly [flag: string]: ListName } = {
  "--kernel": "kernels",
  "--kernel-a": "kernels",
  "--kernel-b": "kernels",
  "--has": "features",
  "--without": "features",
  "--lacks": "features",
  "--bit": "features",
  "--want": "features",
  "--fn": "functions",
  "--layer": "layers",
  "--param": "params",
  "--assume": "assumptions",
  "--phase": "phases",
  "--emit": "languages",
  "--format": "formats",
  "--lang": "tongues",
  "--vcpu": "vcpus",
  "--host": "cpus",
  "--names": "names",
};

/** What completes each operand of a command; the last one holds for those after it. CPUs where nothing is listed. */
const OPERANDS: { readonly [command: string]: readonly (readonly ListName[])[] } = {
  why: [["features"], ["cpus"]],
  kernels: [["kernels", "features"], ["kernels"]],
  show: [["cpus", "registers"], ["registers"]],
  vmcs: [["fields"], []],
  runs: [["cpus"], ["products"]],
  completion: [["shells"], []],
  explain: [[]],
  audit: [[]],
  collect: [[]],
  fleet: [["actions"], []],
};

function operandsOf(name: string): readonly (readonly ListName[])[] {
  return OPERANDS[name] ?? [["cpus"]];
}

function flagsOf(row: CommandRow): readonly string[] {
  const shared = COMMON.filter(([flags]) => hasEffect(row, flags));
  return [...(row.options ?? []), ...shared].map(([flags]) => longFlag(flags)).concat("--help");
}

export function completionScript(shell: Shell, commands: Commands): string {
  if (shell === "fish") return fishScript(commands);
  const bash = bashScript(commands);
  return shell === "bash"
    ? bash
    : `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function bashScript(rows: Commands): string {
  const lists = Object.entries(wordLists(rows)).map(([name, words]) => `_vmxlens_${name}='${words.join(" ")}'`);
  const values = Object.entries(VALUES).map(([flag, list]) => `    ${flag}) words=$_vmxlens_${list} ;;`);
  const commands = Object.entries(rows).map(([name, row]) => {
    const operands = operandsOf(name).map((names) => names.map((list) => `$_vmxlens_${list}`).join(" "));
    const last = operands.length - 1;
    const cases = operands.map((words, at) => `${at === last ? "*" : at}) words="${words}" ;;`);
    return `    ${name}) flags='${flagsOf(row).join(" ")}'; case $count in ${cases.join(" ")} esac ;;`;
  });
  const valued = Object.values(rows).flatMap((row) =>
    [...(row.options ?? []), ...COMMON].flatMap(([flags]) =>
      flagValue(flags)?.startsWith("<") ? [longFlag(flags)] : [],
    ),
  );
  return `# vmxlens completion bash: eval "$(vmxlens completion bash)"
${lists.join("\n")}
_vmxlens() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev= command= flags= words= count=0 i word
  if ((COMP_CWORD > 0)); then prev=\${COMP_WORDS[COMP_CWORD - 1]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == -* || " ${[...new Set(valued)].join(" ")} " == *" \${COMP_WORDS[i - 1]} "* ]]; then continue; fi
    if [[ -z $command ]]; then command=$word; else ((count++)); fi
  done
  case $command in
    '') flags='--help --version'; words='${Object.keys(rows).join(" ")}' ;;
${commands.join("\n")}
  esac
  case $prev in
    @) words=$_vmxlens_kernels ;;
${values.join("\n")}
  esac
  if [[ $cur == @ ]]; then cur=; words=$_vmxlens_kernels; fi
  if [[ $cur == -* ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _vmxlens vmxlens
`;
}

const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fishScript(commands: Commands): string {
  const lists = wordLists(commands);
  const lines = ["# vmxlens completion fish | source"];
  for (const [name, row] of Object.entries(commands)) {
    lines.push(`complete -c vmxlens -n __fish_use_subcommand -a ${name} -d ${quoted(row.summary)}`);
    const seen = `__fish_seen_subcommand_from ${name}`;
    const shared = COMMON.filter(([flags]) => hasEffect(row, flags));
    for (const [flags, about] of [...(row.options ?? []), ...shared]) {
      const [flag, value] = [longFlag(flags), flagValue(flags)];
      const list = VALUES[flag];
      const words = list === undefined ? "" : ` -a ${quoted(lists[list].join(" "))}`;
      const takes = value === undefined ? "" : value.startsWith("<") ? ` -r${words}` : words;
      lines.push(`complete -c vmxlens -n '${seen}' -l ${flag.slice(2)}${takes} -d ${quoted(about)}`);
    }
    const operands = [...new Set(operandsOf(name).flat())].flatMap((list) => lists[list]);
    if (operands.length > 0) lines.push(`complete -c vmxlens -n '${seen}' -a ${quoted(operands.join(" "))}`);
  }
  return `${lines.join("\n")}\n`;
}
