import type { Host } from "../../src/host/host.js";
import type { ReplayOptions } from "../../src/kvm/replay.js";
import type { Explanation } from "../../src/messages/answer.js";
import { situation } from "../../src/situation/situation.js";
import { explain as explainText } from "./explain-all.js";

/** Explains a text of a machine under one kernel of the tables. */
export function explain(
  text: string,
  { host, release, params }: Pick<ReplayOptions, "release" | "params"> & { readonly host?: Host } = {},
): readonly Explanation[] {
  const kernel = release === undefined ? {} : { kernel: release };
  if (host === undefined) return explainText(text, kernel);
  return explainText(text, { situation: situation(host, { ...kernel, ...(params === undefined ? {} : { params }) }) });
}
