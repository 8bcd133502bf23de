import type { Host } from "../host/host.js";
import { PARAMS, withParams } from "../kvm/load/params.js";
import { paramsOf } from "../kvm/programs.js";
import { type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import { paramText } from "../kvm/replay-params.js";
import { askedOnHost, sameValue } from "./asked-on-host.js";

/** Parameters on which others depend come first, so that only what a user set counts as set. */
const FIRST = ["ept", "enable_apicv", "nested"];

/**
 * The module parameters that a user must have set on a host whose parameters are known as they are after the module
 * was loaded. The kernel writes its own decisions into the same variables, so a value counts as asked for only if the
 * kernel would not have chosen it. `undefined` when nothing was set.
 */
export function askedParams(host: Host, options: ReplayOptions = {}): ReplayOptions["params"] {
  const params = withParams(askedOnHost(host), foundParams(host, options).params ?? {});
  return Object.keys(params).length === 0 ? undefined : params;
}

/**
 * As `askedParams`, beyond those that the command line or modprobe.d asks for, with the replay under all of them, if one
 * was made.
 */
export function foundParams(
  host: Host,
  options: ReplayOptions = {},
): { readonly params?: ReplayOptions["params"]; readonly replayed?: Replay } {
  const { params: shown } = host;
  if (shown === undefined) return {};
  const asked: { kvm: { [name: string]: string }; kvm_intel: { [name: string]: string } } = { kvm: {}, kvm_intel: {} };
  const known = askedOnHost(host);
  const replayedWith = () => replay(host, { ...options, params: withParams(known, asked) });
  let replayed = replayedWith();
  const names = [...FIRST, ...PARAMS.map(({ name }) => name).filter((name) => !FIRST.includes(name))];
  const rows = paramsOf(replayed.release, replayed.config);
  for (const name of new Set(names)) {
    const row = rows.find((candidate) => candidate.name === name);
    const value = row === undefined ? undefined : shown[row.module]?.[name];
    if (row === undefined || value === undefined) continue;
    const ours = paramText(replayed.cpu, row);
    if (ours === "unknown" || replayed.cpu.loads === "no" || sameValue(row.module, name, ours, value)) continue;
    asked[row.module][name] = value;
    replayed = replayedWith();
  }
  const { kvm, kvm_intel } = asked;
  if (Object.keys(kvm).length + Object.keys(kvm_intel).length === 0) return { replayed };
  const params = {
    ...(Object.keys(kvm).length === 0 ? {} : { kvm }),
    ...(Object.keys(kvm_intel).length === 0 ? {} : { kvm_intel }),
  };
  return { params, replayed };
}
