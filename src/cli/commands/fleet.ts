import { SET_LAYERS } from "../../compare/capability-set.js";
import { runBaseline } from "../../fleet/run-baseline.js";
import { runDiff } from "../../fleet/run-diff.js";
import { runMigrate } from "../../fleet/run-migrate.js";
import { runRuns } from "../../fleet/run-runs.js";
import type { FleetSubject, RunResult } from "../../fleet/subject.js";
import { complain, ready, showJson } from "../command.js";
import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

type Args = readonly (string | undefined)[];

interface FleetRaw extends RawOptions {
  readonly bits?: boolean;
  readonly all?: boolean;
  readonly layer?: string;
  readonly model?: string;
  readonly kernelA?: string;
  readonly kernelB?: string;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

/** HOST, or HOST@RELEASE for the same host under another kernel. */
async function subjectOf(text: string, raw: RawOptions, world: World, kernel?: string): Promise<FleetSubject | number> {
  const at = /^(.+)@(v?\d+\.\d+\S*)$/.exec(text);
  const release = kernel ?? at?.[2];
  const options = release === undefined ? raw : { ...raw, kernel: release };
  const prepared = await ready(at?.[1] ?? text, options, world);
  if (typeof prepared === "number") return prepared;
  const { host, options: how } = prepared.subject;
  return { label: release === undefined ? text : `${at?.[1] ?? text} under ${how.release}`, host, options: how };
}

async function subjectsOf(texts: readonly string[], raw: RawOptions, world: World): Promise<FleetSubject[] | number> {
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

function print({ lines, json, exitCode }: RunResult, raw: RawOptions, world: World): number {
  if (raw.json === true) showJson(json, world);
  else (exitCode === 2 ? world.err : world.out)(lines.map((line) => `${line}\n`).join(""));
  return exitCode;
}

const versions = ({ qemuVersion, libvirtVersion }: FleetRaw) => ({
  ...(qemuVersion === undefined ? {} : { qemuVersion }),
  ...(libvirtVersion === undefined ? {} : { libvirtVersion }),
});

/** `vmxlens diff HOST...` */
export async function diff(hosts: Args, raw: FleetRaw, world: World): Promise<number> {
  const subjects = await subjectsOf(hosts as readonly string[], raw, world);
  if (typeof subjects === "number") return subjects;
  return print(runDiff({ subjects, ...(raw.bits === true ? { bits: true } : {}) }), raw, world);
}

/** `vmxlens baseline HOST...` */
export async function baseline(hosts: Args, raw: FleetRaw, world: World): Promise<number> {
  const layer = SET_LAYERS.find((name) => name === (raw.layer ?? "nested"));
  if (layer === undefined) return complain(world, [`--layer ${raw.layer}: one of ${SET_LAYERS.join(", ")}`]);
  const subjects = await subjectsOf(hosts as readonly string[], raw, world);
  if (typeof subjects === "number") return subjects;
  return print(runBaseline({ subjects, layer, ...versions(raw) }), raw, world);
}

/** `vmxlens migrate A B` */
export async function migrate([a, b]: Args, raw: FleetRaw, world: World): Promise<number> {
  const source = await subjectOf(a as string, raw, world, raw.kernelA);
  if (typeof source === "number") return source;
  const destination = await subjectOf(b as string, raw, world, raw.kernelB);
  if (typeof destination === "number") return destination;
  const model = raw.model === undefined ? {} : { model: raw.model };
  return print(runMigrate({ source, destination, ...model, ...versions(raw) }), raw, world);
}

/** `vmxlens runs HOST [PRODUCT]` */
export async function runs([host, product]: Args, raw: FleetRaw, world: World): Promise<number> {
  const subject = await subjectOf(host as string, raw, world);
  if (typeof subject === "number") return subject;
  const asked = product === undefined ? {} : { product };
  return print(runRuns({ subject, ...asked, ...(raw.all === true ? { all: true } : {}) }), raw, world);
}
