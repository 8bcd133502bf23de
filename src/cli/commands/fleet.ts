import { SET_LAYERS } from "../../compare/capability-set.js";
import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import { findPack } from "../../compare/packs/all.js";
import { runBaseline } from "../../report/compare/baseline-report.js";
import { runDiff } from "../../report/compare/diff-report.js";
import { runMigrate } from "../../report/compare/migrate-report.js";
import { runRuns } from "../../report/compare/runs-report.js";
import { complain } from "../command.js";
import { comparedHosts, printRun, singleHosts } from "../compared-hosts.js";
import { isFile } from "../files.js";
import { layerOption } from "../layer-option.js";
import type { RawOptions } from "../options.js";
import { vcpuOption } from "../vcpu-option.js";
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

/** `vmxlens migrate A B` */
export async function migrate([a, b]: Args, raw: FleetRaw, world: World): Promise<number> {
  const compared = await singleHosts([a as string, b as string], raw, world, [raw.kernelA, raw.kernelB]);
  if (typeof compared === "number") return compared;
  const [source, destination] = compared as readonly [ComparedHost, ComparedHost];
  const model = raw.model === undefined ? {} : { model: raw.model };
  const vcpu = vcpuOption(raw.vcpu);
  if (typeof vcpu === "string") return complain(world, [vcpu]);
  return printRun(runMigrate({ source, destination, ...model, ...vcpu, ...versions(raw) }), raw, world);
}

/** `vmxlens runs HOST [PRODUCT]` */
export async function runs([host, product]: Args, raw: FleetRaw, world: World): Promise<number> {
  const known = (name: string) => !("near" in findPack(name));
  if (product !== undefined && host !== undefined && known(host) && !known(product) && !isFile(host, world)) {
    return complain(world, [`HOST comes first: vmxlens runs ${product} ${host}`]);
  }
  const compared = await singleHosts([host as string], raw, world);
  if (typeof compared === "number") return compared;
  const [subject] = compared as readonly [ComparedHost];
  const asked = product === undefined ? {} : { product };
  return printRun(runRuns({ subject, ...asked, ...(raw.all === true ? { all: true } : {}) }), raw, world);
}
