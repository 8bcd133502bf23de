import { useBytecode } from "./bytecode.js";
import { run } from "./run.js";
import { nodeWorld } from "./world.js";

/*
 * V8 compiles what runs often a second and a third time, for speed. Most runs end before that pays: without the second compiler, and
 * when the third begins later, `replay`, `audit` and `explain` need a quarter less CPU time and a tenth less time on the clock. Later
 * lines of Node do not have the second option, and V8 complains on standard error about one that it does not know; `npm run check:node`
 * would show it.
 */
const FLAGS = ["--no-sparkplug", "--interrupt-budget=500000"];

function beforeProgram(): void {
  if (process.versions.node.startsWith("20.") && typeof require !== "undefined") {
    // Loaded here, because node:v8 loads Node's streams, which `--version` does without.
    const { setFlagsFromString } = require("node:v8") as typeof import("node:v8");
    for (const flag of FLAGS) setFlagsFromString(flag);
  }
  useBytecode();
}

// The bundle is CommonJS, which has no `await` at the top.
void run(process.argv.slice(2), nodeWorld(), beforeProgram).then((code) => {
  process.exitCode = code;
});
