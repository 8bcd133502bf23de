import { EXIT } from "./exit-code.js";
import { runProgram } from "./program.js";
import type { World } from "./world.js";

/** Runs the command line and gives its exit code; what is thrown on the way is a bug, and said to be one. */
export async function run(args: readonly string[], world: World): Promise<number> {
  try {
    return await runProgram(args, world);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    world.err(`vmxlens: a bug of vmxlens: ${text}\n`);
    world.err("Please report it, with the command and what it read.\n");
    if (world.env.VMXLENS_DEBUG === undefined) world.err("VMXLENS_DEBUG=1 shows where it happened.\n");
    else if (error instanceof Error) world.err(`${error.stack}\n`);
    return EXIT.bug;
  }
}
