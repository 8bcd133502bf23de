import { aboutSourceName, SOURCE_NAMES, type SourceName } from "../../src/kvm/source-names.js";
import { vmxWordCount } from "../../src/linux/cpuinfo.js";
import { VMX_FLAGS } from "../../src/linux/vmx-features.js";
import { heldZh, SOURCE_NAMES_ZH } from "../../src/report/zh/source-names.js";
import { holdsIn } from "../../src/rules/held.js";
import type { Release } from "../../src/rules/release.js";
import { type Block, code, hex, pick, table } from "./markdown.js";
import { run } from "./scenario.js";

function names(stage: SourceName["stage"]): Block {
  return (language) =>
    table(
      [
        pick(language, "Name in the source", "源码里的名字"),
        pick(language, "File", "文件"),
        pick(language, "Here", "在这里"),
      ],
      SOURCE_NAMES.filter((row) => row.stage === stage).map((row: SourceName) => {
        const zh = SOURCE_NAMES_ZH[row.about];
        if (zh === undefined) throw new Error(`src/report/zh/source-names.ts has no Chinese for: ${row.about}`);
        return [
          code(row.form ?? row.name),
          code(row.file.replace("arch/x86/", "")),
          pick(language, aboutSourceName(row), row.held === undefined ? zh : `${zh}Linux ${heldZh(row.held)}才有。`),
        ];
      }),
    );
}

export const bootNames = names("boot");
export const kvmNames = names("kvm");

const THREE_WORDS: Release = "5.15";
const LEAFS = ["MISC_FEATURES", "PRIMARY_CTLS", "SECONDARY_CTLS"] as const;
const FROM = ["`0x481`, `0x491`, `0x48c`", "`0x482`", "`0x48b`"] as const;

/** The array of a release with three words, on the CPU of the document. */
export const threeWords: Block = (language) => {
  const { cpu } = run({ release: THREE_WORDS });
  if (vmxWordCount(THREE_WORDS) !== LEAFS.length) throw new Error(`${THREE_WORDS} has other words`);
  return table(
    [
      pick(language, "Word", "字"),
      "`enum vmx_feature_leafs`",
      pick(language, "Read from", "读自"),
      pick(language, "Value", "取值"),
      pick(language, "Printed names", "显示的名字"),
    ],
    LEAFS.map((leaf, index) => {
      const value = cpu.word(`vmx_capability[${index as 0}]`);
      const flags = VMX_FLAGS.filter(
        (row) =>
          row.word === index &&
          holdsIn(THREE_WORDS, "held" in row ? row.held : undefined) &&
          (value.value >>> row.bit) & 1,
      );
      return [
        `\`vmx_capability[${index}]\``,
        code(leaf),
        FROM[index] as string,
        hex(value),
        flags.map(({ flag }) => flag).join(" "),
      ];
    }),
  );
};
