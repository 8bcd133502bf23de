import { run } from "./run.js";
import { nodeWorld } from "./world.js";

// The bundle is CommonJS, which has no `await` at the top.
void run(process.argv.slice(2), nodeWorld()).then((code) => {
  process.exitCode = code;
});
