import { Command, CommanderError, Option } from "commander";
// biome-ignore lint/correctness/useImportExtensions: it is not a module of ours
import pkg from "../../package.json" with { type: "json" };
import { nearest } from "../registers/edit-distance.js";
import { EXIT } from "./exit-code.js";
import { fileKind, worldSentence } from "./files.js";
import type { RawOptions } from "./options.js";
import { oneError, printTabbed, showJson, worldOf } from "./outlet.js";
import {
  COMMAND_GROUPS,
  COMMON,
  type CommandRow,
  EXIT_CODES,
  FORMAT,
  FORMATS,
  hasEffect,
  LANG,
  LANGUAGES,
  longFlag,
  paragraphs,
} from "./shell/command-row.js";
import { COMMANDS } from "./shell/command-table.js";
import { bytesOption, languageOf, terminalWidth, wantsColor } from "./shell/output-options.js";
import { complain, fitted } from "./shell/problems.js";
import type { World } from "./world.js";

/** Of help that goes to no terminal. */
const HELP_WIDTH = 80;

function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * Runs the command that the arguments name and gives its exit code. What the world refuses is one sentence, and 2. With
 * --json what went wrong is JSON as well, on standard output.
 */
export async function runProgram(args: readonly string[], outside: World): Promise<number> {
  if (!args.includes("--json")) return runCommand(args, outside);
  const problems: string[] = [];
  let printed = false;
  const code = await runCommand(args, {
    ...outside,
    out(text) {
      printed = true;
      outside.out(text);
    },
    err(text) {
      problems.push(...text.split("\n").filter((line) => line.trim() !== ""));
      outside.err(text);
    },
  });
  if (code !== EXIT.ok && !printed) {
    showJson({ format: "vmxlens-problem/1", exitCode: code, problems }, worldOf(outside, false));
  }
  return code;
}

async function runCommand(given: readonly string[], outside: World): Promise<number> {
  let code: number = EXIT.ok;
  const world = worldOf(outside, false);
  const args = commandFirst(given);
  const [first] = args;
  if (first === "version" || first === "-v") return runCommand(["--version", ...args.slice(1)], outside);
  const misspelt = await misspeltCommand(args, world);
  if (misspelt !== undefined) return complain(world, [misspelt]);
  const helpWidth = terminalWidth(outside) ?? HELP_WIDTH;
  const help = (text: string) => fitted(text, { columns: helpWidth, env: {} });
  const program = new Command("vmxlens")
    .description("Replays what Linux and KVM make of VMX capability MSRs, bit for bit, with the reason.")
    .version(pkg.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out(help(text)),
      writeErr: (text) => world.err(fitted(text, outside)),
      outputError: (text, write) => write(fitted(oneError(text), outside)),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .configureHelp({ minWidthToWrap: 10 })
    .showHelpAfterError("(see --help)")
    .addHelpText(
      "after",
      `\n${EXIT_CODES}\nvmxlens COMMAND --help has examples; vmxlens completion bash|zsh|fish completes.`,
    );
  // The commands that are not asked for need not be built.
  const named = first !== undefined && Object.hasOwn(COMMANDS, first) ? [first] : Object.keys(COMMANDS);
  for (const name of named) {
    const row = COMMANDS[name] as CommandRow;
    const command = program
      .command(`${name} ${row.args}`, { isDefault: name === "layers" })
      .summary(row.summary)
      .description(row.summary)
      .helpGroup(`${COMMAND_GROUPS[row.group]}:`)
      .allowExcessArguments(false)
      .exitOverride();
    for (const [flags, about, many] of row.options ?? []) addOption(command, flags, about, many);
    for (const [flags, about, many] of COMMON) addOption(command, flags, about, many, !hasEffect(row, flags));
    const examples = row.examples.map(([line, about]) => `  ${line}\n      ${about}`);
    command.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
    if (row.more !== undefined) command.addHelpText("after", `\n${paragraphs(row.more)}`);
    command.action(async (...values: unknown[]) => {
      const count = command.registeredArguments.length;
      const operands = values.slice(0, count).flat() as (string | undefined)[];
      const options = command.opts<RawOptions>();
      // A shared option that changes nothing in a command is refused there, by its name.
      const idle = COMMON.filter(
        ([flags]) =>
          flags !== FORMAT &&
          !hasEffect(row, flags) &&
          command.getOptionValueSource(new Option(flags).attributeName()) === "cli",
      );
      const problems = idle.map(([flags]) => `${longFlag(flags)} has no effect on vmxlens ${name}`);
      const format = formatOption(name, options, problems);
      const lang = hasEffect(row, LANG) ? languageOf(options.lang, outside.env) : "en";
      if (!(LANGUAGES as readonly string[]).includes(lang))
        problems.push(`--lang ${lang}: one of ${LANGUAGES.join(", ")}`);
      const maxBytes = bytesOption(options.maxBytes);
      if (typeof maxBytes === "string") problems.push(maxBytes);
      if (problems.length > 0 || typeof maxBytes === "string") {
        code = complain(world, problems);
        return;
      }
      const run = await row.load();
      const inside = worldOf(outside, wantsColor(options.color, outside), maxBytes);
      const paging = row.paged === false ? { ...options, pager: false } : options;
      const asked = format === "text" ? { ...options, lang } : { ...options, json: true };
      const toRun = (outlet: World) => run(operands, asked, outlet);
      code = format === "tsv" ? await asGrid(name, outside, inside, toRun) : await paged(inside, paging, toRun);
    });
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const refused = worldSentence(error);
    if (refused !== undefined) return complain(world, [refused]);
    const missing = missingPackage(error);
    if (missing !== undefined) {
      return complain(world, [`this needs the package ${missing}, which is not here: install vmxlens with npm`]);
    }
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return code;
}

/** Options before the command, as `git --no-pager log` has them, are moved behind it: before it they would be those of `layers`. */
function commandFirst(args: readonly string[]): readonly string[] {
  if (args[0]?.startsWith("--") !== true) return args;
  const options = [...COMMON, ...Object.values(COMMANDS).flatMap(({ options = [] }: CommandRow) => options)];
  let at = 0;
  for (; args[at]?.startsWith("--"); at++) {
    const row = options.find(([flags]) => longFlag(flags) === args[at]);
    if (row?.[0].includes("<") === true) at++;
  }
  const name = args[at];
  if (at === 0 || name === undefined || !Object.hasOwn(COMMANDS, name)) return args;
  return [name, ...args.slice(0, at), ...args.slice(at + 1)];
}

/** The package that could not be loaded: the single file has no packages. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !/^(?:ERR_)?MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? ""))
    return undefined;
  return /Cannot find (?:module|package) '((?:@[\w-]+\/)?[\w-]+)'/.exec(error.message)?.[1];
}

function addOption(command: Command, flags: string, about: string, many?: "many", hidden = false): void {
  const option = new Option(flags, many === undefined ? about : `${about} (repeatable)`).hideHelp(hidden);
  if (many !== undefined) option.argParser(gather);
  command.addOption(option);
}

/** What is printed: the text, JSON, or the grid of the JSON. */
function formatOption(name: string, { format, json }: RawOptions, problems: string[]): (typeof FORMATS)[number] {
  const found = FORMATS.find((one) => one === (format ?? (json === true ? "json" : "text")));
  if (found === undefined) problems.push(`--format ${format}: one of ${FORMATS.join(", ")}`);
  else if (json === true && found !== "json") problems.push(`--json or --format ${found}, not both`);
  else if (found === "tsv" && COMMANDS[name]?.also?.includes(FORMAT) !== true)
    problems.push(noGrid(`vmxlens ${name} prints no grid`));
  return found ?? "text";
}

function noGrid(what: string): string {
  const names = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.also?.includes(FORMAT) === true);
  return `${what}; --format tsv is for the matrices and lists of ${names.join(", ")}`;
}

/** Runs a command for its JSON, and prints the grid that is in it. */
async function asGrid(
  name: string,
  outside: World,
  world: World,
  run: (world: World) => Promise<number>,
): Promise<number> {
  let text = "";
  const code = await run({
    ...world,
    out(more) {
      text += more;
    },
  });
  if (text === "") return code;
  const { tsvOf, withoutARow } = await import("../report/json/grids.js");
  const answer = JSON.parse(text);
  const lines = tsvOf(answer);
  if (lines === undefined) return complain(world, [noGrid(`this answer of vmxlens ${name} is not a grid`)]);
  printTabbed(lines, outside);
  complain(world, withoutARow(answer));
  return code;
}

/** A first word that is like a command and is nothing else: without this it would be HOST of `layers`. */
async function misspeltCommand([first, ...rest]: readonly string[], world: World): Promise<string | undefined> {
  if (first === undefined || first.startsWith("-") || first === "help" || Object.hasOwn(COMMANDS, first))
    return undefined;
  const operands = rest.filter((word) => !word.startsWith("-") || word === "-");
  const near = nearest(first, Object.keys(COMMANDS), 3).filter((name) => Math.abs(name.length - first.length) <= 2);
  if (operands.length === 0 && near.length === 0) return undefined;
  if (fileKind(first, world) !== undefined || (operands.length === 0 && (await isCpu(first)))) return undefined;
  if (near.length === 0)
    return operands.length > 0 && rest.indexOf(operands[0] as string) === 0
      ? `${first} is not a command (see vmxlens --help)`
      : undefined;
  return `${first} is not a command; did you mean ${near.join(", ")}?`;
}

async function isCpu(name: string): Promise<boolean> {
  const { findCpu } = await import("../input/atlas/atlas-find.js");
  return /[a-z0-9]/i.test(name) && findCpu(name).kind !== "none";
}

/** Runs a command whose output goes through a pager, where a terminal is too short for it. */
async function paged(
  world: World,
  { pager, json }: RawOptions,
  run: (world: World) => Promise<number>,
): Promise<number> {
  const { page, rows } = world;
  if (page === undefined || rows === undefined || pager === false || json === true) return run(world);
  let text = "";
  const code = await run({
    ...world,
    out(more) {
      text += more;
    },
  });
  const lines = text.split("\n").length - 1;
  if (lines < rows || !(await page(text))) world.out(text);
  return code;
}
