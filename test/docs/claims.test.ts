import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKS } from "../../src/compare/packs/all.js";
import { qemuData } from "../../src/compare/qemu-models.js";
import { MOST_EXACT } from "../../src/fleet/partition.js";
import { type Host, msrOf } from "../../src/host/host.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { ATLAS_DATA } from "../../src/input/atlas/atlas-data.js";
import { FUNCTIONS } from "../../src/prove/kernel/imports.js";
import { VARIABLES } from "../../src/prove/kernel/variables.js";
import { LIMITS } from "../../src/prove/machine/run.js";
import { KERNELS } from "../../src/rules/kernels.js";
import { CHECKS } from "../../src/vmcs/checks/checks.js";
import { FEATURE_LIST } from "../../src/why/features.js";
import { outputOf } from "../../tools/gen-readme.js";
import { REFERENCE_RELEASES } from "../oracles/reference/reference-cpu.js";
import { selectedCases, selectedRestoreCases } from "../vectors/selected.js";

/*
 * The sentences of the documents that a stranger would check first, with what they say computed anew. What the README says
 * of Linux is in readme.test.ts, what it shows is generated, and so are the tables of the other documents.
 */

const root = resolve(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8").replace(/\s+/g, " ");
const manifest = JSON.parse(read("package.json"));
const hosts: readonly Host[] = atlas().map(entryHost);
const years = atlas().flatMap(({ launchYear }) => launchYear ?? []);
const readable = (index: number) => hosts.filter((host) => msrOf(host.cores[0], index).state !== "unknown");
const NUMBERS = [
  "no",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];
const kernels = KERNELS.filter(({ line }) => line === "upstream").length;

/** Kernels whose own functions were run; a part of the cases of each is committed. */
const vectorKernels = new Set(selectedCases().map(({ release }) => release)).size;

/** File, and what it has to say, with the figures of today. */
const CLAIMS: readonly (readonly [file: string, says: string])[] = [
  ["README.md", `${hosts.length} real CPUs from ${Math.min(...years)} to ${Math.max(...years)} come with it`],
  ["README.md", `Node ${/\d+/.exec(manifest.engines.node)?.[0]} or later`],
  [
    "README.md",
    `for ${NUMBERS[Object.keys(REFERENCE_RELEASES).length]} of the upstream releases, a second interpreter`,
  ],
  ["README.md", `the sources of ${vectorKernels} upstream and vendors' kernels`],
  ["README.md", `${(vectorKernels * 1478).toLocaleString("en")} cases, every field of every result`],
  ["docs/sources.md", "in every field of all 1,478 cases"],
  ["docs/sources.md", `was run for ${new Set(selectedRestoreCases().map(({ release }) => release)).size} of them`],
  ["docs/sources.md", `in the nine states that it has (${Object.values(REFERENCE_RELEASES).join(", ")})`],
  ["docs/auditing-a-vmcs.md", `runs the checks that a CPU runs at VM entry: ${CHECKS.length} of them`],
  [
    "docs/kernels.md",
    `${KERNELS.length} kernels are modelled: ${kernels} states of upstream series and ${KERNELS.length - kernels} kernels`,
  ],
  ["docs/hosts-and-fleets.md", `differ in 1 of ${FEATURE_LIST.length} features`],
  ["ARCHITECTURE.md", `holds ${hosts.length} real CPUs as one string`],
  ["ARCHITECTURE.md", `about ${Math.round(ATLAS_DATA.length / 1000)} kB for more than two thousand MSR values`],
  ["ARCHITECTURE.md", `The package has ${Object.keys(manifest.exports).length - 2 === 12 ? "twelve" : "?"} entries`],
  ["docs/prove.md", `${FUNCTIONS.length} kinds of functions and ${VARIABLES.length} of variables`],
  ["docs/prove.md", `a limit of ${NUMBERS[LIMITS.steps / 1e6]} million instructions`],
  ["docs/prove.md", `too many branches (${LIMITS.forks.toLocaleString("en")}, or ${LIMITS.depth} inside each other)`],
  ["docs/fleet.md", `For up to ${NUMBERS[MOST_EXACT] ?? "?"} kinds of hosts, every division is tried`],
  ["SECURITY.md", `${NUMBERS[Object.keys(manifest.dependencies).length]} dependencies at run time`],
  ...Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).map(
    (name) => ["SECURITY.md", name] as const,
  ),
];

describe("what the documents say", () => {
  it.each(CLAIMS)("%s: %s", (file, says) => {
    expect(read(file)).toContain(says);
  });

  it("each name of code in ARCHITECTURE.md and CONTRIBUTING.md is in the sources", () => {
    const folders = ["src", "tools", "test", ".ci"].map((folder) => join(root, folder));
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && (/\.(?:[jt]sx?|json)$/.test(entry.name) || entry.name === "run"))
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    const code = [join(root, "package.json"), ...files].map((file) => readFileSync(file, "utf8")).join("\n");
    const words = new Set(code.match(/\w+/g));
    for (const file of ["ARCHITECTURE.md", "CONTRIBUTING.md"]) {
      const spans = readFileSync(join(root, file), "utf8")
        .replace(/```[\s\S]*?```/g, "")
        .matchAll(/`([^`\n]+)`/g);
      const names = [...spans].flatMap(([, span = ""]) =>
        span.includes("/") ? [] : (span.match(/[A-Za-z_]\w{3,}/g) ?? []),
      );
      const unknown = names.filter((word) => !words.has(word));
      expect([file, unknown]).toEqual([file, []]);
    }
  });

  it("the entries that the README lists are those of the package", () => {
    const rows = readFileSync(join(root, "README.md"), "utf8").matchAll(/^\| (`vmxlens[`\w/, ]*) \|/gm);
    const listed = [...rows].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`vmxlens([/\w]*)`/g)].map(([, path]) => `.${path}`),
    );
    const exported = Object.keys(manifest.exports).filter((path) => !/schema|package\.json/.test(path));
    expect(listed.sort()).toEqual(exported.sort());
  });

  it("each name of the library's tasks is exported by an entry beside it", async () => {
    const rows = readFileSync(join(root, "docs/library.md"), "utf8").matchAll(/^\| [a-z].*? \| (.*?) \| (.*?) \|$/gm);
    const found = await Promise.all(
      [...rows].map(async ([, names = "", entries = ""]) => {
        const paths = [...entries.matchAll(/`vmxlens(?:\/(\w+))?`/g)].map(([, room]) =>
          room === undefined ? "index" : `${room === "replay" ? "kvm" : room}/index`,
        );
        const exported = await Promise.all(paths.map((path) => import(join(root, `src/${path}.ts`))));
        return [...names.matchAll(/`(\w+)`/g)].map(
          ([, name = ""]) => [name, exported.some((one) => name in one)] as const,
        );
      }),
    );
    expect(found.flat().length).toBeGreaterThan(20);
    expect(found.flat().filter(([, there]) => !there)).toEqual([]);
  });

  it("the atlas has more than two thousand values of MSRs", () => {
    const values = hosts.flatMap(({ cores }) => cores.flatMap(({ msrs }) => [...msrs.values()]));
    expect(values.filter(({ state }) => state === "value").length).toBeGreaterThan(2000);
  });

  it("AIDA64 never reads 0x491 to 0x493, and 0x3a only on Centaur and Zhaoxin CPUs", () => {
    expect(read("docs/sources.md")).toContain(
      "it never reads 0x491 to 0x493, and 0x3a only on Centaur and Zhaoxin CPUs",
    );
    for (const index of [0x491, 0x492, 0x493]) expect(readable(index)).toEqual([]);
    const vendors = new Set(readable(0x3a).map(({ vendor }) => vendor?.trim()));
    expect([...vendors].filter((vendor) => !["CentaurHauls", "Shanghai"].includes(vendor ?? ""))).toEqual([]);
    expect(readable(0x3a).length).toBeLessThan(hosts.length / 2);
  });

  it("every command is in the README, and the exit codes are those of the help", async () => {
    const help = await outputOf(["--help"]);
    const readme = read("README.md");
    const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name as string);
    expect(commands.length).toBeGreaterThan(15);
    // Some have a document of their own; `help` is no command of ours.
    const documents = readme + read("docs/prove.md") + read("docs/fleet.md") + read("docs/page.md");
    for (const name of commands) if (name !== "help") expect(documents).toMatch(new RegExp(`[\`\\s]${name}[\`\\s]`));
    expect(readme).toContain("Exit codes: 0 fine, 1 the answer is no or not known, 2 bad input or usage, 70 a bug.");
  });

  it("every version of QEMU and libvirt that is in a table is in docs/sources.md, with what was looked at", () => {
    const rows = readFileSync(join(root, "docs/sources.md"), "utf8").split("\n");
    const named = (program: string) =>
      rows.flatMap((row) => new RegExp(`^\\| ${program} ([\\d., ]+) \\|`).exec(row)?.[1]?.split(", ") ?? []);
    const { qemu, libvirt } = qemuData();
    expect(qemu.filter((version) => !named("QEMU").includes(version))).toEqual([]);
    expect(libvirt.filter((version) => !named("libvirt").includes(version))).toEqual([]);
    expect(qemu.length).toBeGreaterThan(5);
  });

  it("every version of QEMU and libvirt that the documents speak of is one of those", () => {
    const sources = read("docs/sources.md");
    for (const file of ["README.md", "docs/hosts-and-fleets.md", "docs/library.md"]) {
      for (const [, program, version] of read(file).matchAll(/(QEMU|libvirt) (\d+\.\d+)/g)) {
        expect(sources, `${file}: ${program} ${version}`).toMatch(
          new RegExp(`${program} (?:[\\d.]+, )*${version?.replace(".", "\\.")}[,. |]`),
        );
      }
    }
  });

  it("every product has a place where it was read, or none that was published", () => {
    const sources = read("docs/sources.md").toLowerCase();
    for (const { id, name } of PACKS) {
      expect([id, [id, name.toLowerCase(), id.split("-")[0] as string].some((word) => sources.includes(word))]).toEqual(
        [id, true],
      );
    }
  });
});
