import { renderLines } from "../report/ansi.js";
import type { Line } from "../report/text.js";
import type { Situation } from "../situation/situation.js";
import { type FoundHost, findHost, missingText } from "./host.js";
import { hostText, ownOptions } from "./host-text.js";
import { type RawOptions, readOptions, type Settings } from "./options.js";
import { complain } from "./shell/problems.js";
import { withFirmware } from "./shell/what-if.js";
import { situationOf } from "./situation.js";
import type { World } from "./world.js";

/** A command with its HOST found and its options checked. */
export interface Ready {
  readonly situation: Situation;
  readonly found: FoundHost;
  readonly settings: Settings;
}

/**
 * Checks the options, finds HOST or HOST@KERNEL,name=value and applies the one to the other; a number is the exit code of what went
 * wrong. `before`: HOST was found already.
 */
export async function ready(
  query: string | undefined,
  raw: RawOptions,
  world: World,
  before?: FoundHost,
): Promise<Ready | number> {
  const text = query === undefined ? undefined : hostText(query, world);
  const { settings, problems } = readOptions(ownOptions(raw, text), world);
  if (problems.length > 0) return complain(world, problems);
  const read = before ?? (await findHost(text?.host, world));
  if (read.kind === "none") return complain(world, read.problems);
  const found = withFirmware(read, text?.firmware);
  if (found.example !== undefined && settings.json) {
    return complain(world, [
      "this machine cannot be read",
      ...found.example.missing.map((fact) => `  ${missingText(fact)}`),
    ]);
  }
  const situation = situationOf(found, settings);
  if ("problems" in situation) return complain(world, situation.problems);
  return { situation, found, settings };
}

/** Prints a report; on a machine that an example replaces, its first line says so and its end says what is missing. */
export async function show(
  lines: readonly Line[],
  { found, settings }: Pick<Ready, "found" | "settings">,
  world: World,
): Promise<void> {
  const whole = await withExample(lines, found, settings.width);
  if (settings.chinese === undefined) world.out(renderLines(whole, settings.color));
  else {
    const { inChinese } = await import("../report/zh/lines.js");
    world.out(renderLines(inChinese(whole, settings.chinese), settings.color));
  }
}

async function withExample(lines: readonly Line[], { example }: FoundHost, width: number): Promise<readonly Line[]> {
  if (example === undefined) return lines;
  const { exampleReport } = await import("../report/example-report.js");
  const { head, end } = exampleReport(example.missing, example.alike, width);
  return [...head, ...lines, ...end];
}
