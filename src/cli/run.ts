// biome-ignore lint/correctness/useImportExtensions: it is not a module of ours
import pkg from "../../package.json" with { type: "json" };
import { visible } from "../report/visible.js";
import { EXIT } from "./exit-code.js";
import { worldSentence } from "./files.js";
import { worldOf } from "./outlet.js";
import type { World } from "./world.js";

/** Where it was thrown, without the message, which may quote anything. */
function framesOf(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return stack
    .split("\n")
    .filter((line) => /^ {4}at /.test(line))
    .map(visible);
}

/** Asked for alone, the version is printed before the rest of the command line is loaded. */
const VERSION = ["--version", "-V", "-v", "version"];

function printVersion(world: World): number {
  try {
    world.out(`${pkg.version}\n`);
    return EXIT.ok;
  } catch (error) {
    const refused = worldSentence(error);
    if (refused === undefined) throw error;
    world.err(`vmxlens: ${refused}\n`);
    return EXIT.usage;
  }
}

/**
 * Runs the command line and gives its exit code; what is thrown on the way is a bug, and said to be one.
 * @param beforeProgram called before what is more than the version is loaded
 */
export async function run(args: readonly string[], outside: World, beforeProgram = () => {}): Promise<number> {
  const world = worldOf(outside, false);
  try {
    if (args.length === 1 && VERSION.includes(args[0] as string)) return printVersion(world);
    beforeProgram();
    const { runProgram } = await import("./program.js");
    return await runProgram(args, outside);
  } catch (error) {
    const text = visible(error instanceof Error ? error.message : String(error));
    world.err(`vmxlens: a bug of vmxlens: ${text}\n`);
    world.err("Please report it, with the command and what it read.\n");
    if (world.env.VMXLENS_DEBUG === undefined) world.err("VMXLENS_DEBUG=1 shows where it happened.\n");
    else for (const frame of framesOf(error)) world.err(`${frame}\n`);
    return EXIT.bug;
  }
}
