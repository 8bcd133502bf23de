import type { Changes } from "../../compare/hosts/changes.js";
import { verify as check, type Verification } from "../../compare/verify/verify.js";
import type { Host } from "../../host/host.js";
import { changesReport } from "../../report/compare/changes-report.js";
import { runVerify } from "../../report/compare/verify-hosts-report.js";
import { verifyReport } from "../../report/compare/verify-report.js";
import { verifyJson } from "../../report/json/json-verify.js";
import { wrap } from "../../report/layout.js";
import { BLANK, type Line } from "../../report/text.js";
import { show } from "../command.js";
import { comparedMembers, printRun } from "../compared-hosts.js";
import { EXIT } from "../exit-code.js";
import { defaultFingerprint, readFingerprint, storeFingerprint } from "../fingerprint-file.js";
import { type FoundHost, findHost, missingText } from "../host.js";
import { type HostText, ownOptions } from "../host-text.js";
import { type RawOptions, readOptions, type Settings } from "../options.js";
import { showJson } from "../outlet.js";
import { findMembers } from "../shell/members.js";
import { complain } from "../shell/problems.js";
import { situationOf } from "../situation.js";
import type { World } from "../world.js";

interface VerifyRaw extends RawOptions {
  /** A file, or `true` where none was named. */
  readonly fingerprint?: string | true;
  readonly update?: boolean;
  readonly against?: string;
}

/** What was compared with an earlier reading of the machine, and whether this one was stored. */
interface Fingerprint {
  readonly file: string;
  readonly stored: boolean;
  readonly changes?: Changes;
}

/**
 * `vmxlens verify [HOST...] [--fingerprint [FILE]] [--update] [--against FILE]`: exit code 0 when all that could be compared
 * agrees and nothing changed, 1 when something differs, changed, or nothing could be compared.
 */
export async function verify(queries: readonly (string | undefined)[], raw: VerifyRaw, world: World): Promise<number> {
  const given = queries.filter((query) => query !== undefined);
  if (given.length === 0) return verifyOne(undefined, undefined, raw, world);
  const { problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const found = await findMembers(given, world, { flagsProve: false });
  const [only, ...others] = found.members;
  if (only === undefined)
    return complain(
      world,
      found.aside.flatMap((one) => one.problems),
    );
  if (others.length === 0 && found.aside.length === 0) return verifyOne(only.text, only.found, raw, world);
  const one = ["fingerprint", "update", "against"].find((name) => raw[name as keyof VerifyRaw] !== undefined);
  if (one !== undefined) return complain(world, [`--${one} is about one host; ${found.members.length} were found`]);
  const atlas = found.members.find((member) => member.found.origin === "atlas");
  if (atlas !== undefined) return complain(world, [ofAtlas(atlas.name)]);
  const compared = comparedMembers(found, raw, world, 1, { foundParams: false });
  if (typeof compared === "number") return compared;
  return printRun(runVerify(compared.subjects), raw, world, compared.aside);
}

const ofAtlas = (name: string) =>
  `${name} is a CPU of the atlas, which has no flags or log of its own; give a machine or a file`;

/** One host, which is this machine if none was named. */
async function verifyOne(
  text: HostText | undefined,
  read: FoundHost | undefined,
  raw: VerifyRaw,
  world: World,
): Promise<number> {
  const { settings, problems: wrong } = readOptions(ownOptions(raw, text), world);
  const problems = [...wrong];
  if (raw.update === true && raw.fingerprint === undefined) problems.push("--update goes with --fingerprint");
  if (raw.against !== undefined && raw.fingerprint !== undefined) {
    problems.push("--against and --fingerprint: use one of them; only --fingerprint stores");
  }
  if (problems.length > 0) return complain(world, problems);
  const found = read ?? (await findHost(undefined, world, { flagsProve: false }));
  if (found.kind === "none") return complain(world, found.problems);
  if (found.example !== undefined) {
    return complain(world, [
      "this machine cannot be read",
      ...found.example.missing.map((one) => `  ${missingText(one)}`),
    ]);
  }
  if (found.origin === "atlas") return complain(world, [ofAtlas(text?.host ?? "it")]);
  // Parameters that the machine shows are compared.
  const situation = situationOf(found, settings, { foundParams: false });
  if ("problems" in situation) return complain(world, situation.problems);
  const compared = await fingerprintOf(found, raw, settings, world);
  if (compared !== undefined && "problems" in compared) return complain(world, compared.problems);

  const result = check(situation);
  if (settings.json) {
    const fingerprint = compared === undefined ? {} : { fingerprint: compared };
    showJson(verifyJson({ situation, found: result, ...fingerprint }), world);
  } else {
    const lines = verifyReport(situation, result, settings.width);
    const more = compared === undefined ? [] : await fingerprintLines(compared, settings.width);
    await show([...lines, ...more], { found, settings }, world);
  }
  return exitCode(result, compared);
}

function exitCode({ counts }: Verification, compared: Fingerprint | undefined): number {
  const changes = compared?.changes;
  if (counts.differ > 0) return EXIT.no;
  if (changes !== undefined) {
    return changes.unchanged && changes.comparable && changes.sameCpu ? EXIT.ok : EXIT.no;
  }
  return counts.agree > 0 || compared?.stored === true ? EXIT.ok : EXIT.no;
}

/** Compares with the fingerprint, and stores one, as far as asked for. */
async function fingerprintOf(
  { host, origin }: FoundHost,
  raw: VerifyRaw,
  settings: Settings,
  world: World,
): Promise<Fingerprint | { readonly problems: readonly string[] } | undefined> {
  const named = raw.against ?? (typeof raw.fingerprint === "string" ? raw.fingerprint : undefined);
  const file = named ?? (origin === "machine" ? defaultFingerprint(world.env) : undefined);
  if (file === undefined) {
    if (raw.fingerprint === undefined) return undefined;
    const why = origin === "machine" ? "neither XDG_STATE_HOME nor HOME is set" : "HOST is not this machine";
    return { problems: [`--fingerprint: name a file to keep it in; ${why}`] };
  }
  const before = await readFingerprint(file, world);
  if ("problem" in before) return { problems: [before.problem] };
  if (before.host === undefined) {
    if (raw.against !== undefined) return { problems: [`--against ${file}: no such file`] };
    if (raw.fingerprint === undefined) return undefined;
    return store(file, host, world);
  }
  const changes = await compare(before.host, host, settings);
  if (raw.update !== true) return { file, stored: false, changes };
  if (!before.own) return { problems: [`${file} is not a fingerprint and is not overwritten`] };
  return { ...store(file, host, world), changes };
}

function store(file: string, host: Host, world: World): Fingerprint {
  storeFingerprint(file, host, world);
  return { file, stored: true };
}

async function compare(before: Host, now: Host, { kernel, config, machine }: Settings): Promise<Changes> {
  const { changesOf } = await import("../../compare/hosts/changes.js");
  return changesOf(before, now, {
    ...(kernel === undefined ? {} : { kernel }),
    ...(Object.keys(config).length === 0 ? {} : { config }),
    ...(Object.keys(machine).length === 0 ? {} : { machine }),
  });
}

async function fingerprintLines({ file, stored, changes }: Fingerprint, width: number): Promise<Line[]> {
  const kept = stored ? [BLANK, ...wrap(`The fingerprint of this machine is in ${file}.`, width)] : [];
  if (changes === undefined) return kept;
  return [BLANK, ...changesReport(file, changes, width), ...kept];
}
