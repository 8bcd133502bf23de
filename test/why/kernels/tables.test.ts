import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasChange, type Point, pointsOf } from "../../../src/rules/change.js";
import { type Held, heldIn } from "../../../src/rules/held.js";
import { KERNELS, type KernelRow, kernelRow, type Release } from "../../../src/rules/kernels.js";
import { NEWEST_RELEASE, RELEASES, upstreamState } from "../../../src/rules/release.js";
import { factsIn, type KernelTable, kernelTables, rowHolds, type TableRow } from "../../../src/why/kernels/tables.js";
import { kernelLogic, kernelProse } from "./release-logic.js";

/*
 * The catalogue of facts: every table whose rows depend on the kernel. What the tests find wrong they name by table and
 * row.
 */

const tables = kernelTables();
const ids: readonly Release[] = KERNELS.map(({ id }) => id);
const every: readonly { readonly table: KernelTable; readonly row: TableRow }[] = tables.flatMap((table) =>
  table.rows.map((row) => ({ table, row })),
);
const nameOf = ({ table, row }: (typeof every)[number]) => `${table.name}: ${row.key}`;

/** Keys of a table that have two facts in one kernel for certain. */
function overlaps(table: KernelTable, kernel: KernelRow): string[] {
  const seen = new Set<string>();
  return table.rows
    .filter((row) => rowHolds(row, kernel) === true)
    .flatMap(({ key }) => {
      const again = seen.has(key);
      seen.add(key);
      return again ? [`${kernel.id} ${table.name}: ${key}`] : [];
    });
}

/** A kernel that nobody has seen: whatever holds in the newest one holds in it, if no list is closed. */
const FUTURE = { line: "upstream", base: "99.0.0" } as const;
const newest = kernelRow(RELEASES.at(-1) as Release);
const closed = (held: readonly Held[]) =>
  held.every((one) => heldIn(one, newest) === true) !== held.every((one) => heldIn(one, FUTURE) === true);

describe("every registered table", () => {
  it.each(tables.map((table) => [table.name, table] as const))("%s has one fact a key in every kernel", (_, table) => {
    expect(ids.flatMap((id) => overlaps(table, kernelRow(id)))).toEqual([]);
  });

  it("has a file and a function for every fact", () => {
    for (const one of every) {
      expect([nameOf(one), one.row.file]).toEqual([
        nameOf(one),
        expect.stringMatching(/^(arch\/x86|lib|kernel|virt)\/\S+\.[ch]\b/),
      ]);
      expect([nameOf(one), one.row.fn]).toEqual([nameOf(one), expect.stringMatching(/\S/)]);
      expect([nameOf(one), one.row.text]).toEqual([nameOf(one), expect.stringMatching(/\S/)]);
    }
  });

  it("has no list of releases that is closed at the newest one", () => {
    expect(every.filter(({ row }) => closed(row.held)).map(nameOf)).toEqual([]);
  });

  it("has no fact that holds in no kernel, those beside the replay apart", () => {
    const nowhere = every.filter(
      ({ table, row }) => table.name !== "not-replayed" && ids.every((id) => rowHolds(row, kernelRow(id)) === false),
    );
    expect(nowhere.map(nameOf)).toEqual([]);
  });

  it("finds an overlap, a closed list and a missing source", () => {
    const row = { text: "a", file: "arch/x86/kvm/x86.c", fn: "f" };
    const twice: KernelTable = {
      name: "twice",
      title: "",
      perKey: "one",
      rows: [
        { ...row, key: "k", held: [{ since: "6.1" }] },
        { ...row, key: "k", held: [{ before: "6.6" }] },
      ],
    };
    expect(overlaps(twice, kernelRow("6.1"))).toEqual(["6.1 twice: k"]);
    expect(overlaps(twice, kernelRow("5.15"))).toEqual([]);
    expect(closed([{ since: "6.4", before: "98.0" as Point }])).toBe(true);
    expect(closed([{ since: "6.4" }])).toBe(false);
  });
});

describe("what the tables do not know", () => {
  it("is never a step of a kernel that was run", () => {
    // Those that only Hyper-V shows were run nowhere.
    const unsure = KERNELS.filter(({ sure }) => sure === "run").flatMap(({ id }) =>
      tables
        .filter(({ name }) =>
          ["boot-rules", "load-rules", "controls", "words", "vmx-flags", "cpu-flags"].includes(name),
        )
        .flatMap((table) => factsIn(table, id).filter(({ certain }) => !certain))
        .map(({ row }) => `${id} ${row.key}`),
    );
    expect(unsure.filter((text) => !/ evmcs-/.test(text))).toEqual([]);
  });
});

describe("the states of a series", () => {
  const upstream: readonly KernelRow[] = KERNELS.filter(({ line }) => line === "upstream");

  it.each(upstream.map((row) => [row.id, row] as const))("%s behaves alike in all its patch levels", (_, row) => {
    const series = row.base.replace(/\.\d+$/, "");
    const [first, last = Number(row.base.split(".")[2])] = row.patches ?? [0];
    for (const patch of new Set([first, last, Math.floor((first + last) / 2)])) {
      const there: KernelRow = { ...row, base: `${series}.${patch}` as KernelRow["base"] };
      for (const one of every) {
        const [here, moved] = [rowHolds(one.row, row), rowHolds(one.row, there)];
        // Where a border is known as a span only, the patch level may lie in it.
        if (here !== moved && moved !== undefined && here !== undefined) expect([patch, nameOf(one)]).toEqual([row.id]);
      }
    }
  });

  it("are found by every patch level, and differ from the next one", () => {
    for (const row of upstream) {
      const series = row.base.replace(/\.\d+$/, "");
      const [first, last] = row.patches ?? [0];
      expect(upstreamState(series, first)).toBe(row.id);
      if (last === undefined) continue;
      const next = upstreamState(series, last + 1) as Release;
      expect(next).not.toBe(row.id);
      const differs = every.some(({ row: fact }) => rowHolds(fact, row) !== rowHolds(fact, kernelRow(next)));
      expect([row.id, next, differs]).toEqual([row.id, next, true]);
    }
  });
});

describe("hasChange", () => {
  const at = (id: Release) => kernelRow(id);

  it("has mainline, stable series, vendor lines and spans", () => {
    expect([hasChange("6.2", at("6.1")), hasChange("6.2", at("6.2"))]).toEqual([false, true]);
    expect([hasChange(["6.2", "6.1.4"], at("6.1.3")), hasChange(["6.2", "6.1.4"], at("6.1.12"))]).toEqual([
      false,
      true,
    ]);
    expect([hasChange("6.1.4", at("6.2")), hasChange("6.1.4", at("6.1"))]).toEqual([false, true]);
    // RHEL 9.6 follows 6.12, unless a point names its line.
    expect([hasChange("6.12", at("el9.6")), hasChange(["6.12", "!el9"], at("el9.6"))]).toEqual([true, false]);
    expect([hasChange("el9.3", at("el9.2")), hasChange("el9.3", at("el9.3")), hasChange("el9.3", at("6.6"))]).toEqual([
      false,
      true,
      false,
    ]);
    const span = { after: "6.9", by: "6.12" } as const;
    expect([hasChange(span, at("6.9")), hasChange(span, at("6.11")), hasChange(span, at("6.12"))]).toEqual([
      false,
      undefined,
      true,
    ]);
    expect([hasChange({ after: "5.19.0" }, at("5.19")), hasChange({ after: "5.15.85" }, at("5.15"))]).toEqual([
      false,
      undefined,
    ]);
    expect(pointsOf(["6.1", ["6.0.8", ["el8.8"]]])).toEqual(["6.1", "6.0.8", "el8.8"]);
  });

  it("refuses what is no version and no line", () => {
    expect(() => hasChange("sixty" as Point, at("6.1"))).toThrow(RangeError);
    expect(() => hasChange("!el99" as Point, at("6.1"))).toThrow(RangeError);
  });
});

/** Files of registered tables, the changes that their rows share, and the two that say what versions are. */
const TABLE_FILES =
  /^(rules\/(kernels|held|release)|linux\/(changes|feat-ctl|vmx-capabilities|vmx-features)|kvm\/(changes|not-replayed|source-names)|kvm\/load\/[a-z-]+|kvm\/guest\/(compatibility|layout|restore-rules|vcpu-rules)|vmcs\/checks\/outer-rows|vmcs\/fields\/fields-(control|guest|host))\.ts$/;
/** The two whose names of kernels are what they are about. */
const NAMES = /^rules\/(kernels|release)\.ts$/;
/** Other tables with versions: QEMU's and libvirt's, the names of kernels, products, data of CPUs, examples of messages. */
const OTHER_TABLES =
  /^(compare\/(qemu[a-z-]*|versions)\.ts|compare\/packs\/|situation\/(kernel-vendors|systems)\.ts|registers\/cpuid-features\.ts|input\/atlas\/|messages\/rows\/.+\.examples\.ts$)/;

/** A value in a template, in the text of one. */
const HOLE = ["$", "{who}"].join("");

describe("a release", () => {
  const src = join(import.meta.dirname, "../../../src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /\.tsx?$/.test(name));

  it("is named, compared and counted in registered tables and in the evaluator of ranges only", () => {
    const others = files.filter((name) => !TABLE_FILES.test(name) && !OTHER_TABLES.test(name));
    expect(others.flatMap((name) => kernelLogic(name, readFileSync(join(src, name), "utf8")))).toEqual([]);
    expect(others.length).toBeGreaterThan(400);
  });

  it("is in no sentence of a table either: a sentence takes it from its row", () => {
    const own = files.filter((name) => TABLE_FILES.test(name) && !NAMES.test(name));
    expect(own.flatMap((name) => kernelProse(name, readFileSync(join(src, name), "utf8")))).toEqual([]);
  });

  it("has its tables where the pattern says", () => {
    for (const pattern of [TABLE_FILES, OTHER_TABLES])
      expect(files.filter((name) => pattern.test(name))).not.toEqual([]);
  });

  it.each([
    'if (release === "6.1") f();',
    "if (release === `6.1`) f();",
    'switch (release) { case "el9.3": f(); }',
    'if (["6.1", "6.6"].includes(release)) f();',
    'if (text.startsWith("5.")) f();',
    'if (id.startsWith("el9")) f();',
    'if (id.startsWith("ubuntu-")) f();',
    "if (/^6\\.(1|2)/.test(release)) f();",
    "if (kernel.major < 6) f();",
    "const { minor } = kernel; if (minor >= 12) f();",
    "if (6 > kernel.major) f();",
    "if (Number(release) < 6.1) f();",
    "if (Number.parseFloat(release) >= 5.4) f();",
    "if (RELEASES.indexOf(release) > RELEASES.indexOf(other)) f();",
    "if (KERNELS.findIndex(({ id }) => id === release) < 12) f();",
    "const first = RELEASES[3];",
    "const late = RELEASES.slice(5);",
    "const last = RELEASES.at(-2);",
    "if (isBefore(release, other)) f();",
    "const later = { since: FULL_LISTS };",
    'const row = { held: { since: ["6.2", "6.1.4"] } };',
    'const row = { held: { before: { after: "5.10", by: "5.15" } } };',
    "const row = { held: { since: OTHER.held.before } };",
    `const text = "those of 6.12 to ${NEWEST_RELEASE}";`,
    `const text = \`those of \${first} to ${NEWEST_RELEASE}\`;`,
    'const text = "Use Linux 5.9 or later on the host.";',
    'const text = "Before 6.0 (5.15.61, 5.10.137) KVM compares with the guest.";',
    `const text = \`Kernels from 4.17 to 5.2 have defects here, ${HOLE} knows.\`;`,
    `const text = \`${HOLE}: since 6.1 KVM refuses.\`;`,
    'const text = "QEMU 4.2, or a later one on a kernel before 5.3, asks for it.";',
    'const row = { linuxDump: "SSP (6.18+)" };',
  ])("would be found in %s", (code) => {
    expect(kernelLogic("a.ts", code)).not.toEqual([]);
  });

  it.each([
    'const hint = "write it like 6.12";',
    'const hint = "`kernels el9.4 6.6` lists them";',
    'const text = "QEMU up to 4.2 adds it; VirtualBox 6.1 has it";',
    'const row = { source: "Linux 6.12 asm/vmxfeatures.h" };',
    'const row = { section: "A.4.1", sdm: "volume 1, 5.3 says so" };',
    "if (RELEASES.indexOf(release) < 0) f();",
    "const newest = RELEASES.at(-1);",
    "const since = sinceText(row.held); const a = { since, before: undefined };",
    "const options = { since: date.text, patch: 3 };",
  ])("may be said so: %s", (code) => {
    expect(kernelLogic("a.ts", code)).toEqual([]);
  });
});
