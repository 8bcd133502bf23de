/**
 * Writes man/vmxlens.1, the manual page, from the table of commands: `npx tsx tools/gen-man.ts`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  COMMAND_GROUPS,
  COMMON,
  type CommandRow,
  EXIT_CODES,
  flagValue,
  type Group,
  paragraphs,
} from "../src/cli/shell/command-row.js";
import { COMMANDS } from "../src/cli/shell/command-table.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string;
  readonly description: string;
  readonly license: string;
};

/** Text as roff has it: what begins a request, and dashes that are to be copied. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}

function option([flags, about]: readonly [flags: string, about: string, many?: "many"]): string {
  const value = flagValue(flags);
  const flag = value === undefined ? flags : flags.slice(0, flags.indexOf(value)).trim();
  return `.TP\n\\fB${roff(flag)}\\fR${value === undefined ? "" : ` \\fI${roff(value.replace(/[<>]/g, ""))}\\fR`}\n${roff(about)}`;
}

/** Sentences that are filled, and rows below a sentence that stay as they are. */
function prose(text: string): string[] {
  const lines = paragraphs(text)
    .split("\n")
    .filter((line) => line !== "");
  return lines.flatMap((line, at) => {
    const isRow = line.startsWith(" ");
    const opens = isRow && !lines[at - 1]?.startsWith(" ");
    const closes = isRow && !lines[at + 1]?.startsWith(" ");
    return isRow ? [...(opens ? [".PP", ".nf"] : []), roff(line), ...(closes ? [".fi"] : [])] : [".PP", roff(line)];
  });
}

function command(name: string, { args, summary, options = [], more, examples }: CommandRow): string {
  const lines = [
    `.SS "${roff(`vmxlens ${name}${args === "" ? "" : ` ${args.replace(/[<>]/g, "")}`}`)}"`,
    `${roff(summary[0]?.toUpperCase() + summary.slice(1))}.`,
    ...options.map(option),
  ];
  if (more !== undefined) lines.push(...prose(more));
  lines.push(".PP", "Examples:", ".PP", ".nf", ".RS 4");
  lines.push(...examples.map(([line, about]) => `${roff(line)}\n    ${roff(about)}`));
  return [...lines, ".RE", ".fi"].join("\n");
}

/** The page. */
export function manPage(): string {
  const groups = (Object.keys(COMMAND_GROUPS) as Group[]).flatMap((group) => [
    `.SH "${COMMAND_GROUPS[group].toUpperCase()}"`,
    ...Object.entries(COMMANDS)
      .filter(([, row]) => row.group === group)
      .map(([name, row]) => command(name, row)),
  ]);
  return `${[
    `.TH VMXLENS 1 "" "vmxlens ${pkg.version}" "User Commands"`,
    ".SH NAME",
    `vmxlens \\- ${roff("replays what Linux and KVM make of VMX capability MSRs, bit for bit, with the reason")}`,
    ".SH SYNOPSIS",
    ".B vmxlens\n[\\fICOMMAND\\fR] [\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]",
    ".SH DESCRIPTION",
    `${roff(pkg.description)}`,
    "Without a command, vmxlens shows the layers of this machine.",
    ...groups,
    ".SH OPTIONS OF ALL COMMANDS",
    "A command that an option cannot change refuses it.",
    ...COMMON.map(option),
    ".SH EXIT STATUS",
    roff(EXIT_CODES),
    ".SH ENVIRONMENT",
    ...(
      [
        ["NO_COLOR, FORCE_COLOR", "no colours, or colours even without a terminal"],
        ["COLUMNS", "the width of the output where a terminal does not report one"],
        [
          "PAGER",
          "the program that shows what is longer than the terminal; less if it is not set, none if it is empty",
        ],
        ["VMXLENS_DEBUG", "shows where a bug of vmxlens happened"],
      ] as const
    ).map(([name, about]) => `.TP\n.B ${roff(name)}\n${roff(about)}`),
    ".SH LICENCE",
    pkg.license,
  ].join("\n")}\n`;
}

const file = join(root, "man/vmxlens.1");
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, manPage());
}
