/* What the tests of simulated machines, places, Windows hosts and nested guests share. */

/** Each name alone, and each two of them. */
export function aloneAndInPairs(names: readonly string[]): readonly (readonly string[])[] {
  return names.flatMap((first, at) => [[first], ...names.slice(at + 1).map((second) => [first, second])]);
}

/** Several outputs of one machine in one text; undefined where it does not print one of them. */
export function joinedOutputs<A extends readonly unknown[]>(
  outputs: { readonly [name: string]: (...machine: A) => string | undefined },
  names: readonly string[],
): (...machine: A) => string | undefined {
  return (...machine) => {
    const texts = names.map((name) => outputs[name]?.(...machine));
    return texts.includes(undefined) ? undefined : texts.join("\n");
  };
}

/** What they print, each text once, with all that print it. */
export function byText<T>(
  all: readonly T[],
  textOf: (one: T) => string | undefined,
): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const text = textOf(one);
    if (text !== undefined) found.set(text, [...(found.get(text) ?? []), one]);
  }
  return found;
}
