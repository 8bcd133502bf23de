import { run } from "./run.js";
import { nodeWorld } from "./world.js";

/*
 * V8 compiles what runs often a second and a third time, for speed. Most runs end before that pays: without the second compiler, and
 * when the third begins later, `replay`, `audit` and `explain` need a quarter less CPU time and a tenth less time on the clock. Later
 * lines of Node do not have the second option, and V8 complains on standard error about one that it does not know; `npm run check:node`
 * would show it.
 */
const FLAGS = ["--no-sparkplug", "--interrupt-budget=500000"];

interface Engine {
  setFlagsFromString(flag: string): void;
}

/** What node:v8 calls: that module would load Node's streams first, for what else is in it, which takes longer than the flags save. */
function engine(): Engine | undefined {
  const { noDeprecation } = process;
  const { binding } = process as unknown as { readonly binding: (name: string) => Engine };
  // Calling it is deprecated, which Node would print; Node 20, which alone has the flags, will not lose it.
  process.noDeprecation = true;
  try {
    return binding("v8");
  } catch {
    return undefined;
  } finally {
    if (noDeprecation === undefined) Reflect.deleteProperty(process, "noDeprecation");
    else process.noDeprecation = noDeprecation;
  }
}

function setFlags(): void {
  if (!process.versions.node.startsWith("20.")) return;
  const v8 = engine();
  for (const flag of FLAGS) v8?.setFlagsFromString(flag);
  // A run that has lasted longer gains from the second compiler.
  setTimeout(() => v8?.setFlagsFromString("--sparkplug"), 200).unref();
}

// A chunk becomes a function, which has no `await` at the top.
void run(process.argv.slice(2), nodeWorld(), setFlags).then((code) => {
  process.exitCode = code;
});
