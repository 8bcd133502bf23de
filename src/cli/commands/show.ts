import { findCpu } from "../../input/atlas/atlas-find.js";
import { shellOperand } from "../../messages/shell-word.js";
import { placedBit, registerNamed } from "../../registers/bit-place.js";
import { nearest } from "../../registers/edit-distance.js";
import { bitsNamed, nearRegisters } from "../../registers/lookup.js";
import { VOCABULARIES, type Vocabulary } from "../../registers/sources.js";
import { showReport } from "../../report/show-report.js";
import { ready, show as showLines } from "../command.js";
import { knownExit } from "../exit-code.js";
import { isFile } from "../files.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain, didYouMean } from "../shell/problems.js";
import { onlyHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

interface ShowOptions extends RawOptions {
  readonly names?: string;
}

/** Short names for vocabularies that have a longer key. */
const SHORT_NAMES: { readonly [name: string]: Vocabulary } = { xen: "xen", linux: "linux", vmxlens: "key" };
/** What `--names all` shows, after the SDM. */
const ALL: readonly Vocabulary[] = ["linux", "cpuinfo", "qemu", "libvirt", "xen", "vmxcap", "ia32doc"];

/** `vmxlens show [HOST] [REGISTER…]` */
export async function show(args: readonly (string | undefined)[], raw: ShowOptions, world: World): Promise<number> {
  const problems: string[] = [];
  const names = vocabularies(raw.names, problems);
  const given = args.filter((arg) => arg !== undefined);
  const [first] = given;
  // A register alone is one of this machine.
  const alone = first !== undefined && registersNamed(first).length > 0 && !isFile(first, world);
  const [query, ...rest] = alone ? [undefined, ...given] : given;
  const registers = rest.flatMap((text = "") => {
    const found = registersNamed(text);
    const host = findCpuLike(text)
      ? `; to compare hosts: vmxlens diff ${shellOperand(query ?? "this")} ${shellOperand(text)}`
      : didYouMean(nearRegisters(text));
    if (found.length === 0) problems.push(`unknown VMX register: ${text}${host}`);
    return found;
  });
  if (problems.length > 0) return complain(world, problems);
  const found = await onlyHost(query, "show", world);
  if (found !== undefined && !("kind" in found)) return complain(world, found);
  const prepared = await ready(query, raw, world, found);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  if (settings.json) {
    const { showJson: toJson } = await import("../../report/json/json-show.js");
    showJson(toJson({ situation, registers, names }), world);
  } else {
    await showLines(showReport(situation, settings.width, { registers, names }), prepared, world);
  }
  return knownExit(situation.read);
}

function findCpuLike(text: string): boolean {
  return /[a-z0-9]/i.test(text) && findCpu(text).kind !== "none";
}

/** The registers that a name means: one by its name or number, or those with a bit of that name or at that place. */
function registersNamed(text: string): readonly number[] {
  const register = registerNamed(text) ?? placedBit(text)?.register;
  if (register !== undefined) return [register.index];
  return [...new Set(bitsNamed(text).map((match) => match.register.index))];
}

function vocabularies(text: string | undefined, problems: string[]): readonly Vocabulary[] {
  if (text === undefined || text === "sdm") return [];
  if (text === "all") return ALL;
  const known = Object.keys(VOCABULARIES) as Vocabulary[];
  return text.split(",").flatMap((name) => {
    const found = known.find((key) => key.toLowerCase() === name.trim().toLowerCase()) ?? SHORT_NAMES[name];
    if (found === undefined) {
      problems.push(`--names ${name}: one of ${known.join(", ")}, all${didYouMean(nearest(name, known))}`);
      return [];
    }
    return found;
  });
}
