import { complain } from "../command.js";
import type { Commands, Run } from "../command-row.js";
import { completionScript, SHELLS } from "../completion-script.js";
import { EXIT } from "../exit-code.js";

/** `vmxlens completion bash|zsh|fish`: a script for the shell to read, made of the table of commands. */
export function completionOf(commands: Commands): Run {
  return async ([name], _options, world) => {
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined) return complain(world, [`${name}: one of ${SHELLS.join(", ")}`]);
    world.out(completionScript(shell, commands));
    return EXIT.ok;
  };
}
