import type { Explanation } from "../../src/answers/answer.js";
import type { Host } from "../../src/host/host.js";
import type { VcpuState } from "../../src/kvm/guest/restore.js";
import type { ParamsGiven } from "../../src/kvm/load/params.js";
import type { ReplayOptions } from "../../src/kvm/replay.js";
import { type Situation, situation } from "../../src/situation/situation.js";
import { explain as explainText } from "./explain-all.js";

/** Explains a text of a machine under one kernel of the tables. */
export function explain(
  text: string,
  {
    host,
    release,
    params,
    vcpu,
  }: Pick<ReplayOptions, "release" | "params"> & { readonly host?: Host; readonly vcpu?: VcpuState } = {},
): readonly Explanation[] {
  const kernel = release === undefined ? {} : { kernel: release };
  const state = vcpu === undefined ? {} : { vcpu };
  if (host === undefined) return explainText(text, { ...kernel, ...state });
  return explainText(text, {
    situation: situationOf(host, { ...kernel, ...(params === undefined ? {} : { params }) }),
    ...state,
  });
}

const situations = new WeakMap<Host, Map<string, Situation>>();

/** Kept, as a test asks about one host and kernel again and again. */
function situationOf(host: Host, asked: { readonly kernel?: string; readonly params?: ParamsGiven }): Situation {
  const kept = situations.get(host) ?? new Map<string, Situation>();
  situations.set(host, kept);
  const key = JSON.stringify(asked);
  const about = kept.get(key) ?? situation(host, asked);
  kept.set(key, about);
  return about;
}
