/** A release, as directories of modules and packages of kernels have it. */
const RELEASE = /(?<![\w.])\d{1,2}\.\d{1,3}\.\d{1,3}[\w.+~-]{0,60}/g;
const LISTS = /\bls(?: -{1,2}[\w=-]{1,12}){0,3} ["']?(?:\/usr)?\/lib\/modules\/?\*?["']?\s*$/;
/** What `ls` prints of a directory: names, in columns or with their rights. */
const LISTED = /^\s{0,8}(?:total \d+\s*$|[dl][rwx-]{9}|(?:\/(?:usr\/)?lib\/modules\/)?\d{1,2}\.\d{1,3}\.\d)/;
const MOST = 40;

/** The releases whose modules are in /lib/modules, where the text lists it; undefined where it does not. */
export function listedModules(lines: readonly string[]): readonly string[] | undefined {
  const at = lines.findIndex((line) => line.length < 200 && LISTS.test(line));
  if (at < 0) return undefined;
  const found: string[] = [];
  for (const line of lines.slice(at + 1, at + MOST)) {
    if (line.trim() === "" && found.length === 0) continue;
    if (line.length > 400 || !LISTED.test(line)) break;
    // In a list with rights and times the name comes last.
    const names = /^\s{0,8}[dl][rwx-]{9}/.test(line) ? (line.trimEnd().split(" ").at(-1) ?? "") : line;
    found.push(...(names.match(RELEASE) ?? []));
  }
  return found.length === 0 ? undefined : found;
}
