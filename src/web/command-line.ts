import { machineKey } from "../kvm/fill-machine.js";
import { shellWord } from "../messages/shell-word.js";
import type { PageState } from "../report/page/state.js";
import type { Model } from "./model.js";

/** The command that prints a part of the page. */
const COMMANDS: { readonly [view: string]: string } = { run: "replay", registers: "show", compare: "diff" };

const ASSUMED = { on: "enabled", off: "disabled", unlocked: "unlocked" } as const;

/** A host as a command takes several: with its own kernel and core type. */
function withAsked(host: string, kernel: string | undefined, cpu: string | undefined): string {
  return [kernel === undefined ? host : `${host}@${kernel}`, ...(cpu === undefined ? [] : [`cpu=${cpu}`])].join(",");
}

function otherOf(host: string, { other, otherKernel, kernel, otherCpu }: PageState): string {
  const name = other === undefined ? host : typeof other === "number" ? "FILE" : other;
  return withAsked(name, otherKernel ?? kernel, otherCpu);
}

/** The command that prints what the page shows. What has no option of its own (bits turned over) is left to the link. */
export function commandOf({ page }: Model, state: PageState): string {
  const words = ["vmxlens", COMMANDS[state.view] ?? "layers"];
  const host = page.origin === "atlas" ? String(page.id) : "FILE";
  if (state.view === "compare") words.push(withAsked(host, state.kernel, state.cpu), otherOf(host, state));
  else {
    words.push(host);
    if (state.kernel !== undefined) words.push("--kernel", state.kernel);
    if (state.cpu !== undefined) words.push("--cpu", state.cpu);
  }
  for (const [name, value] of Object.entries(state.params))
    words.push("--param", `${name.replace("kvm_intel.", "")}=${value}`);
  for (const [name, value] of Object.entries(state.config)) words.push("--config", `${name}=${value ? "y" : "n"}`);
  for (const [name, value] of Object.entries(state.machine))
    words.push("--machine", `${machineKey(name)}=${value ? 1 : 0}`);
  if (state.firmware !== undefined) words.push("--assume", `firmware=${ASSUMED[state.firmware]}`);
  return words.map(shellWord).join(" ");
}
