import { boundedText, type Elf } from "./elf.js";

/** What a module says about itself in its section `.modinfo`: the first value of each name. */
export function modinfo(elf: Elf): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const section = elf.section(".modinfo");
  if (section === undefined) return found;
  const bytes = elf.content(section);
  for (let at = 0; at < bytes.length; ) {
    const entry = boundedText(bytes, at);
    const equals = entry.indexOf("=");
    const name = entry.slice(0, equals);
    if (equals > 0 && !found.has(name)) found.set(name, entry.slice(equals + 1));
    at += entry.length + 1;
  }
  return found;
}
