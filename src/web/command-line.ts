import { machineKey } from "../kvm/fill-machine.js";
import { shellWord } from "../messages/shell-word.js";
import type { PageState } from "../report/page/state.js";
import type { Model } from "./model.js";

/** The command that prints a part of the page. */
const COMMANDS: { readonly [view: string]: string } = { run: "replay", registers: "show" };

const ASSUMED = { on: "enabled", off: "disabled", unlocked: "unlocked" } as const;

/** The command that prints what the page shows. What has no option of its own (bits turned over) is left to the link. */
export function commandOf({ page }: Model, state: PageState): string {
  const words = ["vmxlens", COMMANDS[state.view] ?? "layers"];
  words.push(page.origin === "atlas" ? String(page.id) : "FILE");
  if (state.kernel !== undefined) words.push("--kernel", state.kernel);
  for (const [name, value] of Object.entries(state.params))
    words.push("--param", `${name.replace("kvm_intel.", "")}=${value}`);
  for (const [name, value] of Object.entries(state.config)) words.push("--config", `${name}=${value ? "y" : "n"}`);
  for (const [name, value] of Object.entries(state.machine))
    words.push("--machine", `${machineKey(name)}=${value ? 1 : 0}`);
  if (state.firmware !== undefined) words.push("--assume", `firmware=${ASSUMED[state.firmware]}`);
  if (state.cpu !== undefined) words.push("--cpu", state.cpu);
  return words.map(shellWord).join(" ");
}
