import type { Host } from "../../host/host.js";
import { statedOf } from "../../input/hosts/stated.js";
import { isParam } from "../../kvm/load/params.js";
import { paramsOf } from "../../kvm/programs.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import { paramText } from "../../kvm/replay-params.js";
import { replayable, sameValue } from "../asked-on-host.js";

/*
 * Parameters that modprobe.d or the command line asks for with one value, and /sys/module shows with another.
 */

/** A parameter that the loaded module does not have as it was asked for. */
export interface NotApplied {
  readonly module: "kvm" | "kvm_intel";
  readonly name: string;
  readonly asked: string;
  readonly shown: string;
  /** KVM makes the value that is shown of the one that is asked for; or the module was not loaded with that one. */
  readonly by: "kvm" | "not loaded with it" | "not known";
  /** In one sentence, with both lines. */
  readonly text: string;
}

const MODULES = ["kvm_intel", "kvm"] as const;

/** What differs, and why, with the lines of the host as it was read: a replay with what is asked for shows whether KVM itself changes the value. */
export function notApplied(host: Host, read: Host, options: Omit<ReplayOptions, "trace">): readonly NotApplied[] {
  const { params, paramsAsked } = host;
  const differing = MODULES.flatMap((module) =>
    Object.entries(paramsAsked?.[module] ?? {}).flatMap(([name, asked]) => {
      const shown = params?.[module]?.[name];
      return shown === undefined || !isParam(module, name) || sameValue(module, name, asked, shown)
        ? []
        : [{ module, name, asked, shown }];
    }),
  );
  if (differing.length === 0) return [];
  const { cpu, release, config } = replay(host, {
    ...options,
    startFromOffered: false,
    params: replayable(paramsAsked),
  });
  const rows = paramsOf(release, config);
  return differing.map((one): NotApplied => {
    const row = rows.find(({ module, name }) => module === one.module && name === one.name);
    const ours = row === undefined ? "unknown" : paramText(cpu, row);
    const by =
      ours === "unknown"
        ? "not known"
        : sameValue(one.module, one.name, ours, one.shown)
          ? "kvm"
          : "not loaded with it";
    return { ...one, by, text: textOf(read, one, by) };
  });
}

function textOf(
  read: Host,
  { module, name, asked, shown }: Omit<NotApplied, "by" | "text">,
  by: NotApplied["by"],
): string {
  const full = `${module}.${name}`;
  const stated = statedOf(read);
  const line = (about: string) => {
    const number = stated?.lineOf(about);
    return number === undefined ? "" : ` (line ${number})`;
  };
  const both = `${full}=${asked} is asked for${line(`asked for ${full}`)}, and /sys/module shows ${shown}${line(full)}`;
  if (by === "kvm") return `${both}: KVM changes it, and \`vmxlens why ${name}\` says why`;
  const other = `${module} has to be loaded again for it, or something else overrides it`;
  return `${both}: ${by === "not known" ? "KVM changed it, or " : ""}${other}`;
}
