import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withKernel } from "../../../tools/new-release.js";

/*
 * A kernel that does not exist: Linux 7.4 asks for one more optional secondary control, PCONFIG, and has no parameter
 * fasteoi. Three files, edited as CONTRIBUTING.md says: the table of kernels and two tables of facts.
 */

/** The three files, each with what the fiction makes of its text. */
const EDITS: readonly (readonly [file: string, edit: (text: string) => string])[] = [
  ["src/rules/kernels.ts", (text) => withKernel(text, "7.4")],
  [
    "src/kvm/load/wanted-controls.ts",
    (text) =>
      text.replace(
        '    { name: "TSC_SCALING", how: "optional" },\n',
        '$&    { name: "PCONFIG", how: "optional", held: { since: "7.4" } },\n',
      ),
  ],
  [
    "src/kvm/load/params.ts",
    (text) => text.replace('{ name: "fasteoi", module', '{ name: "fasteoi", held: { before: "7.4" }, module'),
  ],
];

/** The files that the fiction edits. */
export const EDITED = EDITS.map(([file]) => file);

/** Edits a copy of the project. Throws where a file is not as the edit expects it. */
export function writeFiction(root: string): void {
  for (const [file, edit] of EDITS) {
    const text = readFileSync(join(root, file), "utf8");
    const edited = edit(text);
    if (edited === text) throw new Error(`${file} is not as the fiction of 7.4 expects it`);
    writeFileSync(join(root, file), edited);
  }
}

/** What `vmxlens kernels 7.3 7.4` has to print: the two changes, and nothing else. */
const DIFFERENCE = `From Linux 7.3 to Linux 7.4

Controls that KVM asks for
  + secondary PCONFIG: wanted

Module parameters
  - kvm_intel.fasteoi: default 1: fast path for EOI
`;

/** A program that, in the copy, prints what KVM of 7.3 and 7.4 does with another value of an MSR once a vCPU has run. */
const FREEZE_PROGRAM = `
import { atlasHost } from "./src/input/atlas/atlas.js";
import { checkRestore } from "./src/kvm/guest/restore.js";
import { nestedMsrs } from "./src/kvm/nested-msrs.js";
import { replay } from "./src/kvm/replay.js";
const known = (value) => ({ value, unknown: 0 });
const answers = ["7.3", "7.4"].map((release) => {
  const offered = nestedMsrs(replay(atlasHost("intel-50654-skylakex"), { release }).cpu);
  const context = { release, offered, vcpu: new Map([[0x48b, { hi: known(0), lo: known(0) }]]), hasRun: "yes" };
  const { accepted, offences } = checkRestore(context, 0x48b, { hi: known(1), lo: known(0) });
  return [accepted, ...offences.map(({ kind }) => kind)].join();
});
console.log(answers.join("\\n"));
`;

/** Runs a program of the copy, or one that is given as text, from its sources. */
function output(root: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout;
}

/** What is wrong with the copy that has 7.4, by what it prints; empty when all is as it should be. */
export function wrongWithFiction(root: string): string[] {
  const kernels = output(root, ["src/cli/main.ts", "kernels", "7.3", "7.4"]);
  writeFileSync(join(root, "freeze.ts"), FREEZE_PROGRAM);
  const freeze = output(root, ["freeze.ts"]);
  rmSync(join(root, "freeze.ts"));
  return [
    ...(kernels === DIFFERENCE ? [] : [`kernels 7.3 7.4 prints\n${kernels}`]),
    ...(/^(no,frozen.*)\n\1\n$/.test(freeze) ? [] : [`a vCPU that has run is not frozen in both:\n${freeze}`]),
  ];
}
