import type { Host } from "../../src/host/host.js";
import type { VcpuState } from "../../src/kvm/guest/restore.js";
import type { ReplayOptions } from "../../src/kvm/replay.js";
import type { Explanation } from "../../src/messages/answer.js";
import { situation } from "../../src/situation/situation.js";
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
  const about = situation(host, { ...kernel, ...(params === undefined ? {} : { params }) });
  return explainText(text, { situation: about, ...state });
}
