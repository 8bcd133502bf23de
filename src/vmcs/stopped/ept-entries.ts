import { parseHexU64, testBit, type U64 } from "../../bits/u64.js";

/*
 * EPT entries that an author prints beside an EPT misconfiguration, held against what the CPU calls one: SDM volume 3C, EPT
 * misconfigurations. Reserved address bits depend on the CPU, and are not judged.
 */

const ENTRY =
  /\b(?<name>(?:ept[ _-]?)?(?:pml5e?|pml4e?|pdpt?e|pde|pdte|pte|epte|pt)|ept[ _-]?entry|entry)(?:\[\w{1,8}\])?[ \t]{0,8}(?:=|:|is|was)[ \t]{0,8}(?:0x)?(?<hex>[0-9a-f]{3,16})\b/gi;
/** Memory types that no leaf may have. */
const RESERVED_TYPES: readonly number[] = [2, 3, 7];

/** What is wrong with the first entry that no CPU takes; undefined where the text has none. */
export function eptEntryFault(text: string): string | undefined {
  for (const { groups = {} } of text.matchAll(ENTRY)) {
    const value = parseHexU64(groups.hex as string);
    const fault = value === undefined ? undefined : faultOf((groups.name as string).toLowerCase(), value);
    if (fault !== undefined) return `${groups.name} 0x${(groups.hex as string).toLowerCase()} ${fault}`;
  }
  return undefined;
}

function faultOf(name: string, value: U64): string | undefined {
  const [read, write, execute] = [testBit(value, 0), testBit(value, 1), testBit(value, 2)];
  if (!read && write)
    return `may be written (bit 1) and not read (bit 0), which no CPU allows${execute ? ", with execution or without" : ""}: write access needs read access.`;
  if (!read && !execute) return undefined;
  const isTop = /pml/.test(name);
  const isLast = /(?:^|[ _-]|ept)(?:pte|pt)$/.test(name) || (!isTop && testBit(value, 7) && /pd/.test(name));
  const type = (value.lo >>> 3) & 7;
  if (isLast && RESERVED_TYPES.includes(type))
    return `has memory type ${type} in bits 5:3, which is reserved: 0 is UC, 1 WC, 4 WT, 5 WP, 6 WB.`;
  if (isTop && ((value.lo >>> 3) & 0x1f) !== 0) return "has one of the bits 7:3, which are reserved at this level.";
  if (!isTop && !isLast && /pd/.test(name) && ((value.lo >>> 3) & 0xf) !== 0)
    return "has one of the bits 6:3 without bit 7: they are reserved in an entry that points to a table.";
  return undefined;
}
