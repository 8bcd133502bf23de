import { EXIT } from "../exit-code.js";
import type { Commands, Run } from "../shell/command-row.js";
import { completionScript, SHELLS } from "../shell/completion-script.js";
import { complain } from "../shell/problems.js";

/** `vmxlens completion bash|zsh|fish`: a script for the shell, generated from the table of commands. */
export function completionOf(commands: Commands): Run {
  return async ([name], _options, world) => {
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined) return complain(world, [`${name}: one of ${SHELLS.join(", ")}`]);
    world.out(completionScript(shell, commands));
    return EXIT.ok;
  };
}
