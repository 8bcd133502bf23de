import type { Step } from "../../../answers/message.js";
import type { ExplainContext } from "../../context.js";

const HOST_MODEL = "cpu_mode = host-model   # nova.conf, [libvirt]";

/** OpenStack, nova's configuration reference ([libvirt] cpu_model_extra_flags): its guests have no XML that is written by hand. */
export function inNova(steps: Step[], names: readonly string[], { circumstances }: ExplainContext): void {
  if (!circumstances.has("OpenStack starts the guests")) return;
  const others = steps.flatMap((step) => {
    const { commands = [] } = step;
    if (commands.some((command) => command.startsWith("<cpu mode"))) return [{ ...step, commands: [HOST_MODEL] }];
    return commands.some((command) => command.startsWith("<")) ? [] : [step];
  });
  steps.splice(
    0,
    steps.length,
    {
      text: "Take the features out of what nova gives guests on every compute node (a guest that runs keeps them until a hard reboot).",
      commands: [`cpu_model_extra_flags = ${names.map((name) => `-${name}`).join(", ")}   # nova.conf, [libvirt]`],
    },
    ...others,
  );
}
