import { atlas } from "../../input/atlas/atlas.js";

let codenames: ReadonlyMap<string, string> | undefined;

/** Vendor, model and signature of a set, as people name such a CPU. What was not read is an empty text. */
export function modelOf(setText: string): readonly [vendor: string, model: string, signature: string] {
  const {
    vendor = "",
    name,
    cores,
  } = JSON.parse(setText) as {
    readonly vendor?: string;
    readonly name?: string;
    readonly cores: readonly { readonly signature?: string }[];
  };
  const signature = cores[0]?.signature ?? "";
  codenames ??= new Map(atlas().map((entry) => [`${entry.vendor} 0x${entry.signature.toString(16)}`, entry.codename]));
  return [vendor, name ?? codenames.get(`${vendor} ${signature}`) ?? "", signature];
}
