import { bitsOf } from "../../src/bits/word.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../src/kvm/programs.js";
import type { Replay } from "../../src/kvm/replay.js";
import { paramText } from "../../src/kvm/replay-params.js";
import { vmxFlagsLine, vmxWordCount } from "../../src/linux/cpuinfo.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import { bitName, type WordName } from "../../src/rules/words.js";
import { type Block, code, hex, hexPair, type Language, list, msrNumber, pick, table, yesNo } from "./markdown.js";
import { DUMPED, run } from "./scenario.js";

/** A row for each release; neighbours with the same cells share one. */
function perRelease(language: Language, cellsOf: (release: Release) => readonly string[]): readonly string[][] {
  const rows: { first: Release; last: Release; cells: readonly string[] }[] = [];
  for (const release of RELEASES) {
    const cells = cellsOf(release);
    const row = rows.at(-1);
    if (row !== undefined && row.cells.join() === cells.join()) row.last = release;
    else rows.push({ first: release, last: release, cells });
  }
  return rows.map(({ first, last, cells }) => [
    first === last ? first : pick(language, `${first} to ${last}`, `${first} 至 ${last}`),
    ...cells,
  ]);
}

const WORDS = ["cpu_based_exec_ctrl", "cpu_based_2nd_exec_ctrl", "vmexit_ctrl", "vmentry_ctrl"] as const;

/** The same CPU under every release: what KVM keeps. */
export const releaseControls: Block = (language) =>
  table(
    [pick(language, "Release", "版本"), ...WORDS.map(code)],
    perRelease(language, (release) => {
      const { cpu } = run({ release });
      return WORDS.map((word) => hex(cpu.word(word)));
    }),
  );

const NESTED = [0x482, 0x48b, 0x48f, 0x490, 0x48c, 0x485, 0x48a] as const;

/** The same CPU under every release: what a nested hypervisor reads. */
export const releaseNested: Block = (language) =>
  table(
    [pick(language, "Release", "版本"), ...NESTED.map(msrNumber)],
    perRelease(language, (release) => {
      const seen = nestedMsrs(run({ release }).cpu);
      return NESTED.map((index) => {
        const value = seen.get(index);
        return value === undefined ? "–" : hexPair(value);
      });
    }),
  );

/** Bits that must be 1 by the plain register and that setup_vmcs_config of an old release clears all the same. */
export const oldPrimary: Block = (language) => {
  const { cpu } = run({ release: "5.15" });
  const word = cpu.word("cpu_based_exec_ctrl");
  const must = cpu.word("IA32_VMX_PROCBASED_CTLS.lo").value;
  const below = bitsOf((must & ~word.value) >>> 0);
  return table(
    [
      pick(language, "5.15", "5.15"),
      pick(language, "Value", "取值"),
      pick(language, "Must be 1 by `0x482`, and 0 here", "`0x482` 说必须为 1，这里却是 0"),
    ],
    [[code("cpu_based_exec_ctrl"), hex(word), namesOf(language, "cpu_based_exec_ctrl", below)]],
  );
};

function namesOf(language: Language, word: WordName, bits: readonly number[]): string {
  return list(
    language,
    bits.map((bit) => code(bitName(word, bit) ?? String(bit))),
  );
}

/** The dump alone, without the document's assumptions. */
export const unknowns: Block = (language) => {
  const assumed = run();
  const bare = run({}, DUMPED);
  const rows: readonly (readonly [string, (replayed: Replay) => string])[] = [
    ["X86_FEATURE_VMX", ({ cpu }) => yesNo(language, cpu.bit("caps", "VMX"))],
    ...Array.from({ length: vmxWordCount(assumed.release) }, (_, index) => {
      const word = `vmx_capability[${index as 0}]` as const;
      return [code(word), ({ cpu }: Replay) => hex(cpu.word(word))] as const;
    }),
    [
      pick(language, "`vmx flags` has `eptp_switching`", "`vmx flags` 有 `eptp_switching`"),
      (replayed) => yesNo(language, flagState(replayed, "eptp_switching")),
    ],
    [pick(language, "kvm_intel loads", "kvm_intel 能加载"), ({ loads }) => yesNo(language, loads)],
    [code("cpu_based_2nd_exec_ctrl"), ({ cpu }) => hex(cpu.word("cpu_based_2nd_exec_ctrl"))],
    [code("pml"), ({ cpu, release }) => paramOf(language, { cpu, release }, "pml")],
    [code("enable_apicv"), ({ cpu, release }) => paramOf(language, { cpu, release }, "enable_apicv")],
    [
      pick(language, `${msrNumber(0x48b)} for L1`, `L1 的 ${msrNumber(0x48b)}`),
      ({ cpu }) => {
        const value = nestedMsrs(cpu).get(0x48b);
        return value === undefined ? "–" : hexPair(value);
      },
    ],
  ];
  return table(
    [
      pick(language, "Result", "结果"),
      pick(language, "With the assumptions", "有假定"),
      pick(language, "From the dump alone", "只凭转储"),
    ],
    rows.map(([title, of]) => [title, of(assumed), of(bare)]),
  );
};

function flagState({ cpu, release }: Replay, flag: string) {
  const words = Array.from({ length: vmxWordCount(release) }, (_, index) => cpu.word(`vmx_capability[${index as 0}]`));
  const found = vmxFlagsLine(release, cpu.bit("caps", "VMX"), words).flags.find((row) => row.flag === flag);
  if (found === undefined) throw new Error(`${release} has no flag ${flag}`);
  return found.set;
}

function paramOf(language: Language, { cpu, release }: Pick<Replay, "cpu" | "release">, name: string): string {
  const row = paramsOf(release).find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`${release} has no parameter ${name}`);
  const text = paramText(cpu, row);
  return text === "unknown" ? yesNo(language, "unknown") : code(text);
}
