/*
 * What the JSON of a command claims. A tree becomes a list of claims, each with its place; an element of a list is named after what
 * identifies it, as a completion of the host may have others before it. "unknown", null, and what only describes are no claims.
 */

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What was asked, who was meant and how something is worded: not what is so. */
const DESCRIBES: ReadonlySet<string> = new Set([
  ...["format", "host", "subject", "source", "notes", "assumptions", "text", "says", "note", "title", "names"],
  ...["label", "name", "section", "layout", "impact", "verdicts"],
]);
/** What tells an element of a list from the others: all that it has of these. */
const IDENTITY = [
  ...["kernel", "id", "flag", "phase", "function", "rule", "core", "index", "msr", "layer", "bit", "low", "key"],
  ...["word", "kind"],
];
/** Where a number says what a field holds. Others count, or are part of a name. */
const NUMBERS: ReadonlySet<string> = new Set(["raw", "value", "values"]);
const ANSWERS: ReadonlySet<string> = new Set(["yes", "no", "set", "clear", "Y", "N"]);
const HEX = /^0x[0-9a-f]+$/;

export type Claim =
  | { readonly kind: "word"; readonly value: bigint; readonly unknown: bigint }
  | { readonly kind: "answer" | "number"; readonly value: string | number }
  | { readonly kind: "is there" };

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `0x5`, or `{value, unknown}` where some bits are not known. */
function wordOf(value: Json): Claim | undefined {
  if (typeof value === "string" && HEX.test(value)) return { kind: "word", value: BigInt(value), unknown: 0n };
  if (!isRecord(value)) return undefined;
  const { value: known, unknown } = value;
  if (typeof known !== "string" || typeof unknown !== "string" || !HEX.test(known) || !HEX.test(unknown))
    return undefined;
  return { kind: "word", value: BigInt(known), unknown: BigInt(unknown) };
}

function nameOf(element: Json, at: number): string {
  if (!isRecord(element)) return `${at}`;
  const names = IDENTITY.flatMap((key) => {
    const value = element[key];
    return typeof value === "string" || typeof value === "number" ? [`${key}=${value}`] : [];
  });
  // A message is its words.
  return names.join(" ") || (typeof element.text === "string" ? element.text : `${at}`);
}

/** Every claim by its place. */
export function claimsOf(json: string): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  const walk = (value: Json, place: string, key: string): void => {
    const word = wordOf(value);
    if (word !== undefined) claims.set(place, word);
    else if (typeof value === "string" && ANSWERS.has(value)) claims.set(place, { kind: "answer", value });
    else if (typeof value === "number" && NUMBERS.has(key)) claims.set(place, { kind: "number", value });
    else if (Array.isArray(value)) {
      const times = new Map<string, number>();
      for (const [at, element] of (value as readonly Json[]).entries()) {
        const name = nameOf(element, at);
        const before = times.get(name) ?? 0;
        times.set(name, before + 1);
        // The same twice is one thing that is there.
        if (isRecord(element) && element.certain === true)
          claims.set(`${place}[${name}] is certain`, { kind: "is there" });
        walk(element, `${place}[${name}${before === 0 ? "" : `#${before}`}]`, key);
      }
    } else if (isRecord(value)) {
      if (typeof value.lostAt === "string" && (value.unknownAt ?? null) === null)
        claims.set(`${place}.lostAt ${value.lostAt}`, { kind: "is there" });
      for (const [part, of] of Object.entries(value)) if (!DESCRIBES.has(part)) walk(of, `${place}.${part}`, part);
    }
  };
  walk(JSON.parse(json) as Json, "", "");
  return claims;
}

function isContradicted(claim: Claim, other: Claim | undefined): boolean {
  if (claim.kind === "is there") return other === undefined;
  if (other === undefined) return false;
  if (claim.kind === "word")
    return other.kind === "word" && ((claim.value ^ other.value) & ~claim.unknown & ~other.unknown) !== 0n;
  return other.kind === claim.kind && "value" in other && other.value !== claim.value;
}

const shown = (claim: Claim | undefined): string =>
  claim === undefined || !("value" in claim)
    ? "not so"
    : typeof claim.value === "bigint"
      ? `0x${claim.value.toString(16)}`
      : String(claim.value);

/** The places of claims about a host that a completion of it contradicts, with both. */
export function contradicted(
  claimed: ReadonlyMap<string, Claim>,
  actual: ReadonlyMap<string, Claim>,
): readonly { readonly place: string; readonly text: string }[] {
  return [...claimed].flatMap(([place, claim]) => {
    const other = actual.get(place);
    return isContradicted(claim, other) ? [{ place, text: `${place}: ${shown(claim)}, and ${shown(other)}` }] : [];
  });
}
