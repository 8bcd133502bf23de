import { SET_LAYERS } from "../../compare/capability-set.js";
import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import { findPack } from "../../compare/packs/all.js";
import { findCpu } from "../../input/atlas/atlas-find.js";
import type { GuestCpu } from "../../input/guests/guest-cpu.js";
import { shellOperand } from "../../messages/shell-word.js";
import { runBaseline } from "../../report/compare/baseline-report.js";
import { runDiff } from "../../report/compare/diff-report.js";
import { runGuest } from "../../report/compare/guest-report.js";
import { runMigrate } from "../../report/compare/migrate-report.js";
import { runRuns, runRunsOnMany } from "../../report/compare/runs-report.js";
import { comparedHosts, printRun, singleHosts } from "../compared-hosts.js";
import { fileKind, isFile } from "../files.js";
import { findGuest, isCpuText, isModelText } from "../guest.js";
import { hostText } from "../host-text.js";
import type { RawOptions } from "../options.js";
import { readingOnce } from "../read-once.js";
import { layerOption } from "../shell/layer-option.js";
import { complain } from "../shell/problems.js";
import { vcpuOption } from "../shell/vcpu-option.js";
import type { World } from "../world.js";

type Args = readonly (string | undefined)[];

interface FleetRaw extends RawOptions {
  readonly bits?: boolean;
  readonly strict?: boolean;
  readonly all?: boolean;
  readonly layer?: string;
  readonly model?: string;
  readonly vcpu?: string;
  readonly kernelA?: string;
  readonly kernelB?: string;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

const versions = ({ qemuVersion, libvirtVersion }: FleetRaw) => ({
  ...(qemuVersion === undefined ? {} : { qemuVersion }),
  ...(libvirtVersion === undefined ? {} : { libvirtVersion }),
});

/** `vmxlens diff HOST...` */
export async function diff(hosts: Args, raw: FleetRaw, world: World): Promise<number> {
  const asked = raw.layer === undefined ? undefined : layerOption(raw.layer);
  if (asked !== undefined && "problem" in asked) return complain(world, [asked.problem]);
  const compared = await comparedHosts(hosts as readonly string[], raw, world, hosts.length === 1 ? 1 : 2);
  if (typeof compared === "number") return compared;
  const { subjects, aside } = compared;
  const bits = raw.bits === true ? { bits: true } : {};
  return printRun(runDiff({ subjects, ...bits, ...asked }), raw, world, aside);
}

/** `vmxlens baseline HOST...` */
export async function baseline(hosts: Args, raw: FleetRaw, world: World): Promise<number> {
  const layer = SET_LAYERS.find((name) => name === (raw.layer ?? "nested"));
  if (layer === undefined) return complain(world, [`--layer ${raw.layer}: one of ${SET_LAYERS.join(", ")}`]);
  const compared = await comparedHosts(hosts as readonly string[], raw, world, hosts.length > 1 ? 2 : 1);
  if (typeof compared === "number") return compared;
  const { subjects, aside } = compared;
  return printRun(runBaseline({ subjects, layer, strict: raw.strict === true, ...versions(raw) }), raw, world, aside);
}

/** `vmxlens migrate A B`, or a guest's configuration and the hosts that it may have to start on */
export async function migrate([a, b, ...more]: Args, raw: FleetRaw, given: World): Promise<number> {
  const world = readingOnce(given);
  const found = await findGuest(a as string, world);
  if (found !== undefined) {
    if ("problem" in found) return complain(world, [found.problem]);
    return guestOn(found.guest, [b as string, ...(more as string[])], raw, world);
  }
  if (more.length > 0) {
    return complain(world, [
      `migrate compares one destination: ${more.join(", ")} is too much`,
      "  with the configuration of a guest as A, there may be several hosts",
    ]);
  }
  const compared = await singleHosts([a as string, b as string], raw, world, [raw.kernelA, raw.kernelB]);
  if (typeof compared === "number") return compared;
  const [source, destination] = compared as readonly [ComparedHost, ComparedHost];
  const model = raw.model === undefined ? {} : { model: raw.model };
  const vcpu = vcpuOption(raw.vcpu);
  if (typeof vcpu === "string") return complain(world, [vcpu]);
  return printRun(runMigrate({ source, destination, ...model, ...vcpu, ...versions(raw) }), raw, world);
}

async function guestOn(guest: GuestCpu, hosts: readonly string[], raw: FleetRaw, world: World): Promise<number> {
  const compared = await comparedHosts(hosts, raw, world);
  if (typeof compared === "number") return compared;
  return printRun(runGuest({ guest, subjects: compared.subjects }), raw, world, compared.aside);
}

/** Whether a name can be a product only: no file, folder, pattern or list, and no CPU of the atlas. */
function isProductOnly(name: string, world: World): boolean {
  if (!("near" in findPack(name))) return !isFile(name, world);
  if (name === "-" || /^@|^atlas:|[/*?[@]/.test(name) || fileKind(name, world) !== undefined) return false;
  const { host } = hostText(name, world);
  return host.trim() === "" || findCpu(host, false).kind === "none";
}

/** `vmxlens runs HOST... [PRODUCT | GUEST]` */
export async function runs(given: Args, raw: FleetRaw, outer: World): Promise<number> {
  const names = given as readonly string[];
  const world = names.length > 1 ? readingOnce(outer) : outer;
  const last = names.length > 1 ? (names.at(-1) as string) : undefined;
  const known = (name: string): boolean => {
    const pack = findPack(name);
    return !("near" in pack) || pack.near.some((id) => id.startsWith(`${name.toLowerCase()}-`));
  };
  const [first] = names;
  if (last !== undefined && first !== undefined && known(first) && !known(last) && !isFile(first, world)) {
    return complain(world, [`HOST comes first: vmxlens runs ${shellOperand(last)} ${shellOperand(first)}`]);
  }
  const nothingElse = last !== undefined && !isCpuText(last) && isProductOnly(last, world);
  const model = nothingElse && "near" in findPack(last) && isModelText(last);
  const product = nothingElse && !model ? last : undefined;
  const found = last === undefined || product !== undefined ? undefined : await findGuest(last, world, model);
  if (found !== undefined) {
    if ("problem" in found) return complain(world, [found.problem]);
    return guestOn(found.guest, names.slice(0, -1), raw, world);
  }
  const hosts = product === undefined ? names : names.slice(0, -1);
  const compared = await comparedHosts(hosts, raw, world);
  if (typeof compared === "number") return compared;
  const { subjects, aside } = compared;
  const asked = { ...(product === undefined ? {} : { product }), ...(raw.all === true ? { all: true } : {}) };
  const [only] = subjects;
  if (subjects.length === 1 && only !== undefined)
    return printRun(runRuns({ subject: only, ...asked }), raw, world, aside);
  return printRun(runRunsOnMany(subjects, asked), raw, world, aside);
}
