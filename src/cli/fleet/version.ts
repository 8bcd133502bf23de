// biome-ignore lint/correctness/useImportExtensions: it is not a module of ours
import pkg from "../../../package.json" with { type: "json" };
import { digest } from "../../fleet/store/digest.js";
import { FEATURE_LIST } from "../../why/features.js";
import { kernelTables } from "../../why/kernels/tables.js";

/** What a dimension was made with: the version, and a hash of every table that decides a result. */
export function catalogueVersion(): string {
  return `${pkg.version} ${digest(JSON.stringify([kernelTables(), FEATURE_LIST]))}`;
}
