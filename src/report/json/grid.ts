/*
 * A grid: what `--format tsv` prints one line a row of.
 */

/** What a cell shows: null is empty, and what is true or false is yes or no. */
export type Cell = string | number | boolean | null | undefined;

/** A grid with the names of its columns. */
export interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Labelled {
  readonly label: string;
}

export const labels = (subjects: readonly Labelled[]) => unique(subjects.map(({ label }) => label));

/** Heads of columns are names of columns: the second `a.txt` is `a.txt 2`. */
export function unique(names: readonly string[]): readonly string[] {
  return names.map((name, at) => {
    const before = names.slice(0, at).filter((other) => other === name).length;
    return before === 0 ? name : `${name} ${before + 1}`;
  });
}
