import { aboutSourceName, SOURCE_NAMES, type SourceName } from "../../src/kvm/source-names.js";
import { vmxWordCount } from "../../src/linux/cpuinfo.js";
import { VMX_FLAGS, VMX_WORDS } from "../../src/linux/vmx-features.js";
import { formatHeld, type Held, holdsIn, mainlineRange } from "../../src/rules/held.js";
import type { Release } from "../../src/rules/release.js";
import { type Block, code, hex, pick, table } from "./markdown.js";
import { run } from "./scenario.js";

/** `6.0 起`, `5.6 到 5.19`. */
function heldZh(held: Held): string {
  const { since, until } = mainlineRange(held);
  return until === undefined ? `${since} 起` : `${since} 到 ${until}`;
}

const WORDS = VMX_WORDS.filter(({ words }) => words > 0);

/** Chinese for the sentences of `SOURCE_NAMES`, by the English text, so that a changed one cannot stay behind. */
const ZH: { readonly [about: string]: string } = {
  "The kernel's record of one CPU; its field vmx_capability[] is the array of words that the replay keeps.":
    "内核里一个 CPU 的记录；其中的字段 vmx_capability[] 就是重放所保存的那些字。",
  "Without it the array, init_vmx_capabilities and the `vmx flags` line are not built.":
    "没有这个选项，就不会编译这个数组、init_vmx_capabilities 和 `vmx flags` 行。",
  [`The number of words: ${WORDS.map(({ words, held }) => `${words} in ${formatHeld(held)}`).join(", ")}.`]: `字的个数：${WORDS.map(({ words, held }) => `${heldZh(held).replace(/\d$/, "$& ")}为 ${words}`).join("，")}。`,
  "Names of the words: MISC_FEATURES is word 0, PRIMARY_CTLS word 1, SECONDARY_CTLS word 2.":
    "各个字的名字：MISC_FEATURES 是字 0，PRIMARY_CTLS 是字 1，SECONDARY_CTLS 是字 2。",
  "Word 0: pin-based controls, VM functions, and single bits of the EPT and VPID capabilities.":
    "字 0：pin-based 控制、VM 函数，以及 EPT 和 VPID 能力中的几个位。",
  "Word 1: the high half of IA32_VMX_PROCBASED_CTLS.": "字 1：IA32_VMX_PROCBASED_CTLS 的高半。",
  "Word 2: the high half of IA32_VMX_PROCBASED_CTLS2.": "字 2：IA32_VMX_PROCBASED_CTLS2 的高半。",
  "Words 3 and 4: the two halves of IA32_VMX_PROCBASED_CTLS3.": "字 3 和字 4：IA32_VMX_PROCBASED_CTLS3 的两半。",
  "The build fails unless the array has one word for each name of the enum.":
    "数组的字数与枚举里名字的个数不一致时，编译失败。",
  "The mask of feature x in its word: bit VMX_FEATURE_x modulo 32.":
    "特性 x 在它那个字里的掩码：第 VMX_FEATURE_x 模 32 位。",
  "A feature as 32 times its word plus its bit; whether it has a printed name is in the comment beside it.":
    "特性编号：字的序号乘 32 再加位号；有没有显示用的名字，写在旁边的注释里。",
  "The plain and the safe read: a fault of the plain one is logged, a fault of the safe one is an error code.":
    "普通读与安全读：普通读触发异常会记入日志，安全读触发异常只返回错误码。",
  "ctl_min and ctl_opt are the columns min and opt; msr is the plain register, result the word of vmcs_config.":
    "ctl_min 和 ctl_opt 就是下表的 min 和 opt；msr 是普通寄存器，result 是 vmcs_config 里的字。",
  "The form for the tertiary controls: no required controls, nothing that must be 1.":
    "tertiary 控制用的形式：没有必需的控制，也没有必须为 1 的位。",
  "The two halves of the register: allowed-0 (must be 1) and allowed-1 (may be 1).":
    "寄存器的两半：allowed-0（必须为 1）和 allowed-1（允许为 1）。",
  "The lists min and opt; in older kernels they are local variables of setup_vmcs_config.":
    "min 和 opt 两张单子；旧内核里是 setup_vmcs_config 的局部变量。",
  "The results: a word for each group, and the values a nested hypervisor gets.":
    "结果：每组一个字，以及提供给嵌套 hypervisor 的值。",
  "The EPT and VPID capabilities that KVM keeps; not the array of the same name in struct cpuinfo_x86.":
    "KVM 保存的 EPT 和 VPID 能力；不是 struct cpuinfo_x86 里的同名数组。",
};

function names(stage: SourceName["stage"]): Block {
  return (language) =>
    table(
      [
        pick(language, "Name in the source", "源码里的名字"),
        pick(language, "File", "文件"),
        pick(language, "Here", "在这里"),
      ],
      SOURCE_NAMES.filter((row) => row.stage === stage).map((row: SourceName) => {
        const zh = ZH[row.about];
        if (zh === undefined) throw new Error(`tools/walk/source-names.ts has no Chinese for: ${row.about}`);
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
