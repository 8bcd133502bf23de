import { findCpu } from "../../input/atlas/atlas-find.js";
import { desktopMessages } from "../../messages/desktop-messages.js";
import { explainPieces } from "../../messages/explain.js";
import { shellOperand } from "../../messages/shell-word.js";
import { explainReport } from "../../report/explain/explain-report.js";
import { shortReport } from "../../report/explain/short-report.js";
import { ready } from "../command.js";
import { EXIT } from "../exit-code.js";
import { givenPieces } from "../given-text.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain } from "../shell/problems.js";
import { vcpuOption } from "../shell/vcpu-option.js";
import type { World } from "../world.js";

interface ExplainRaw extends RawOptions {
  readonly host?: string;
  readonly vcpu?: string;
  readonly verbose?: boolean;
}

/** `vmxlens explain [TEXT | FILE | -]`: exit code 1 when nothing in the text was recognised. */
export async function explain(
  [given]: readonly (string | undefined)[],
  raw: ExplainRaw,
  world: World,
): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const vcpu = vcpuOption(raw.vcpu);
  if (typeof vcpu === "string") return complain(world, [vcpu]);
  let machine = {};
  if (raw.host !== undefined) {
    const prepared = await ready(raw.host, raw, world);
    if (typeof prepared === "number") return prepared;
    machine = { situation: prepared.situation };
  } else if (settings.kernel !== undefined) machine = { kernel: settings.kernel };
  const { explanations, verdict, isStory } = await explainPieces(givenPieces(given ?? "-", world), {
    ...machine,
    ...vcpu,
    desktop: await desktopMessages(),
  });
  if (explanations.length === 0 && verdict === undefined) return complain(world, ["there is no text to explain"]);
  if (settings.json)
    showJson({ format: "vmxlens-explain/1", ...(verdict === undefined ? {} : { verdict }), explanations }, world);
  else {
    const { renderLines } = await import("../../report/ansi.js");
    const lines =
      raw.verbose === true
        ? explainReport(explanations, settings.width, verdict)
        : shortReport(explanations, settings.width, verdict, isStory);
    world.out(renderLines(lines, settings.color));
  }
  const known = verdict !== undefined || explanations.some(({ message }) => message !== undefined);
  if (!known && !settings.json && given !== undefined && isAtlasName(given))
    world.out(`  do  ${given} is a CPU of the atlas: vmxlens layers ${shellOperand(given)}\n`);
  return known ? EXIT.ok : EXIT.no;
}

/** A name of a CPU, typed where a message is expected. */
function isAtlasName(text: string): boolean {
  return text.length <= LONGEST_NAME && !text.includes("\n") && findCpu(text, false).kind === "one";
}
const LONGEST_NAME = 80;
