import { foldName, nearest } from "../../registers/edit-distance.js";
import { LAYER_TITLES, LAYERS, type Layer } from "../../why/features.js";
import { didYouMean } from "./problems.js";

/** What people call the layers besides their names. */
const OTHER_NAMES: { readonly [name: string]: Layer } = {
  cpu: "silicon",
  hardware: "silicon",
  flags: "boot",
  vmx_flags: "boot",
  linux: "boot",
  controls: "kvm",
  parameter: "param",
  l1: "nested",
  guest: "nested",
};

/** The layer that a text names, or a sentence that says why none. */
export function layerOption(text: string): { readonly layer: Layer } | { readonly problem: string } {
  const wanted = foldName(text);
  const titled = LAYERS.find((name) => foldName(LAYER_TITLES[name]) === wanted);
  const layer = LAYERS.find((name) => name === wanted) ?? titled ?? OTHER_NAMES[wanted];
  if (layer !== undefined) return { layer };
  return { problem: `--layer ${text}: one of ${LAYERS.join(", ")}${didYouMean(nearest(text, LAYERS))}` };
}
