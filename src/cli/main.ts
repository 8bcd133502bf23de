import { EXIT } from "./exit-code.js";
import { runProgram } from "./program.js";
import { nodeWorld } from "./world.js";

async function main(): Promise<void> {
  const world = nodeWorld();
  try {
    process.exitCode = await runProgram(process.argv.slice(2), world);
  } catch (error) {
    process.exitCode = EXIT.bug;
    const text = error instanceof Error ? error.message : String(error);
    world.err(`vmxlens: a bug of vmxlens: ${text}\nPlease report it with the command and its input.\n`);
    if (world.env.VMXLENS_DEBUG !== undefined && error instanceof Error) world.err(`${error.stack}\n`);
    else world.err("VMXLENS_DEBUG=1 shows where it happened.\n");
  }
}

void main();
