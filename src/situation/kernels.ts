import { DEFAULT_RELEASE, RELEASES, type Release, resolveRelease } from "../rules/release.js";

/** The kernels that a text can mean, of those whose rules are known. */
export interface KernelSet {
  /** As it was written. */
  readonly text: string;
  /** Oldest first. */
  readonly candidates: readonly [Release, ...Release[]];
  /** Why not the kernel itself; one clause. */
  readonly note?: string;
}

/** The kernels that a text (`6.12`, `uname -r`) can mean, or a sentence that says why there are none. */
export function kernelSet(text: string): KernelSet | { readonly error: string } {
  const resolved = resolveRelease(text);
  if (resolved.release === undefined) return resolved;
  const { release } = resolved;
  const notes = [resolved.note, !resolved.exact && /\.el\d/.test(text) ? BACKPORTS : undefined].filter(
    (note) => note !== undefined,
  );
  return { text, candidates: [release], ...(notes.length === 0 ? {} : { note: notes.join("; ") }) };
}

/** Red Hat's kernels keep the number of a release and carry the KVM of much later ones. */
const BACKPORTS = "a Red Hat kernel carries later KVM code than its number says";

/** As `kernelSet`, for the kernel that a machine runs whatever it is: there is an answer for every text. */
export function kernelSetOfHost(text: string): KernelSet {
  const found = kernelSet(text);
  if (!("error" in found)) return found;
  const release = /older than/.test(found.error) ? (RELEASES[0] as Release) : DEFAULT_RELEASE;
  return { text, candidates: [release], note: `${found.error}; ${release} stands in for it` };
}
