import { setFlagsFromString } from "node:v8";
import { run } from "./run.js";
import { nodeWorld } from "./world.js";

/*
 * V8 compiles what runs often a second time, for speed, in threads of its own. Most runs end before that pays: when it begins later,
 * `replay`, `audit` and `explain` need a quarter less CPU time and a tenth less time on the clock. Later lines of Node do not have the
 * option, and V8 complains on standard error about one that it does not know; `npm run check:node` would show it.
 */
if (process.versions.node.startsWith("20.")) setFlagsFromString("--interrupt-budget=500000");

// The bundle is CommonJS, which has no `await` at the top.
void run(process.argv.slice(2), nodeWorld()).then((code) => {
  process.exitCode = code;
});
