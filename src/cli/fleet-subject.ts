import type { FleetSubject, RunResult } from "../fleet/subject.js";
import { complain, ready, showJson } from "./command.js";
import { missingText } from "./host.js";
import type { RawOptions } from "./options.js";
import type { World } from "./world.js";

/** Reads HOST, or HOST@RELEASE for the same host under another kernel; a number is the exit code of what went wrong. */
export async function subjectOf(
  text: string,
  raw: RawOptions,
  world: World,
  kernel?: string,
): Promise<FleetSubject | number> {
  const at = /^(.+)@(v?\d+\.\d+\S*)$/.exec(text);
  const release = kernel ?? at?.[2];
  const options = release === undefined ? raw : { ...raw, kernel: release };
  const prepared = await ready(at?.[1] ?? text, options, world);
  if (typeof prepared === "number") return prepared;
  const { example } = prepared.found;
  if (example !== undefined) {
    // An example that stands in for this machine tells nothing about it beside others.
    return complain(world, ["this machine cannot be read", ...example.missing.map((fact) => `  ${missingText(fact)}`)]);
  }
  const { host, options: how } = prepared.subject;
  return { label: release === undefined ? text : `${at?.[1] ?? text} under ${how.release}`, host, options: how };
}

/** As `subjectOf`, for each of several; their labels differ. */
export async function subjectsOf(
  texts: readonly string[],
  raw: RawOptions,
  world: World,
): Promise<FleetSubject[] | number> {
  const subjects: FleetSubject[] = [];
  for (const text of texts) {
    const subject = await subjectOf(text, raw, world);
    if (typeof subject === "number") return subject;
    // The same host twice still needs two names.
    const twins = subjects.filter(
      ({ label }) => label === subject.label || label.startsWith(`${subject.label} (`),
    ).length;
    subjects.push(twins === 0 ? subject : { ...subject, label: `${subject.label} (${twins + 1})` });
  }
  return subjects;
}

/** Prints what a command of several hosts gives, and tells its exit code. */
export function printRun({ lines, json, exitCode }: RunResult, raw: RawOptions, world: World): number {
  if (raw.json === true) showJson(json, world);
  else (exitCode === 2 ? world.err : world.out)(lines.map((line) => `${line}\n`).join(""));
  return exitCode;
}
