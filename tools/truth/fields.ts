import { type Difference, differencesOf } from "../../test/oracles/vectors/vector-case.js";

/** How often one field of the results was the same, and one case in which it was not. */
interface Field {
  same: number;
  differ: number;
  example?: string;
}

/** Counts over cases how often each field of what was expected is what the kernel's code came to. */
export interface FieldCounter {
  compare(id: string, expected: unknown, actual: unknown): void;
  readonly cases: number;
  /** Cases in which some field differs. */
  readonly failed: number;
  readonly fields: ReadonlyMap<string, Readonly<Field>>;
}

export function fieldCounter(): FieldCounter {
  const fields = new Map<string, Field>();
  let cases = 0;
  let failed = 0;
  return {
    get cases() {
      return cases;
    },
    get failed() {
      return failed;
    },
    fields,
    compare(id, expected, actual) {
      cases++;
      let differs = false;
      for (const [name, want, got] of sides(expected, actual)) {
        const field = fields.get(name) ?? { same: 0, differ: 0 };
        const [first] = differencesOf(want, got, name);
        if (first === undefined) field.same++;
        else {
          field.differ++;
          field.example ??= `${id}: ${exampleText(first)}`;
          differs = true;
        }
        fields.set(name, field);
      }
      if (differs) failed++;
    },
  };
}

/** The fields of `boot` and `kvm`, and `nested` as its words and its MSRs. */
function sides(expected: unknown, actual: unknown): (readonly [name: string, expected: unknown, actual: unknown])[] {
  const found: (readonly [string, unknown, unknown])[] = [];
  for (const group of ["boot", "kvm"]) {
    const [want, got] = [member(expected, group), member(actual, group)];
    for (const name of new Set([...Object.keys(want ?? {}), ...Object.keys(got ?? {})]))
      found.push([`${group}.${name}`, want?.[name], got?.[name]]);
  }
  const [want, got] = [member(expected, "nested"), member(actual, "nested")];
  const { msrs: wantMsrs, ...wantWords } = want ?? { msrs: undefined };
  const { msrs: gotMsrs, ...gotWords } = got ?? { msrs: undefined };
  found.push(["nested words", wantWords, gotWords], ["nested MSRs", wantMsrs, gotMsrs]);
  return found;
}

function member(value: unknown, name: string): Record<string, unknown> | undefined {
  const inner = (value as Record<string, unknown>)[name];
  return typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : undefined;
}

function exampleText({ path, expected, actual }: Difference): string {
  const text = (value: unknown) => (JSON.stringify(value) ?? "missing").slice(0, 120);
  return `${path} ${text(expected)}, the kernel's code ${text(actual)}`;
}

/** The counts of several kernels as a table of Markdown: the same, or the same of all. */
export function fieldTable(columns: readonly (readonly [title: string, counter: FieldCounter])[]): string {
  const names = [...new Set(columns.flatMap(([, { fields }]) => [...fields.keys()]))];
  const cell = (field: Readonly<Field> | undefined) =>
    field === undefined
      ? "–"
      : field.differ === 0
        ? String(field.same)
        : `${field.same} of ${field.same + field.differ}`;
  return [
    `| field | ${columns.map(([title]) => title).join(" | ")} |`,
    `| --- |${" ---: |".repeat(columns.length)}`,
    ...names.map((name) => `| \`${name}\` | ${columns.map(([, { fields }]) => cell(fields.get(name))).join(" | ")} |`),
  ].join("\n");
}
