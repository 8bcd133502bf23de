import { VMX_WORDS } from "../../linux/vmx-features.js";
import { formatHeld, type Held, mainlineRange } from "../../rules/held.js";

/** `6.0 起`, `5.6 到 5.19`. */
export function heldZh(held: Held): string {
  const { since, until } = mainlineRange(held);
  return until === undefined ? `${since} 起` : `${since} 到 ${until}`;
}

const WORDS = VMX_WORDS.filter(({ words }) => words > 0);

/** Chinese for what `SOURCE_NAMES` say, by the English text, so that a changed one cannot stay behind. */
export const SOURCE_NAMES_ZH: { readonly [about: string]: string } = {
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
  "Variables of init_vmx_capabilities: supported gets the allowed-1 half of a register, ign the other, which is ignored, and funcs the VM functions.":
    "init_vmx_capabilities 的变量：supported 取寄存器中 allowed-1 的那一半，ign 取另一半（忽略不用），funcs 取 VM 函数。",
  "They set and clear an X86_FEATURE_ bit of one CPU; boot clears X86_FEATURE_VMX where IA32_FEAT_CTL has VMX off.":
    "它们设置和清除一个 CPU 的 X86_FEATURE_ 位；IA32_FEAT_CTL 关闭了 VMX 时，启动会清除 X86_FEATURE_VMX。",
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
  "Without it feat_ctl.c is not built, and boot does not look at IA32_FEAT_CTL; it is on in kernels for Intel, Centaur or Zhaoxin CPUs.":
    "没有这个选项就不编译 feat_ctl.c，启动时不看 IA32_FEAT_CTL；支持 Intel、Centaur 或 Zhaoxin CPU 的内核都打开它。",
  "The printed names by feature number, made of vmxfeatures.h when the kernel is built; show_cpuinfo prints those whose bits are 1.":
    "按特性编号排列的显示名，编译内核时由 vmxfeatures.h 生成；show_cpuinfo 打印位为 1 的那些。",
  "Each asks for one control or capability, in vmcs_config or vmx_capability; `why` answers for each by its name.":
    "每个函数查询 vmcs_config 或 vmx_capability 里的一个控制或能力；用它的名字就可以问 `why`。",
  "Asks CPUID for VMX, in older kernels; in later ones kvm_is_vmx_supported does.":
    "旧内核里用它查 CPUID 有没有 VMX；较新的内核里由 kvm_is_vmx_supported 来查。",
  "On every further CPU: computes vmcs_config again and compares it with the first one's, byte by byte.":
    "在其余每个 CPU 上重新计算 vmcs_config，并与第一个 CPU 的逐字节比较。",
  "The functions that execute VMXON on a CPU, the first three by release; the replay ends before them.":
    "在 CPU 上执行 VMXON 的函数，前三个名字因版本而异；重放到它们之前为止。",
  "The parts into which later kernels divide nested_vmx_setup_ctls_msrs, one for each register.":
    "较新的内核把 nested_vmx_setup_ctls_msrs 分成的几部分，每个寄存器一个。",
  "What a nested hypervisor gets: of the control registers only the TRUE ones are kept.":
    "嵌套 hypervisor 得到的值：控制寄存器只保存 TRUE 的那一套。",
  "Answers a nested hypervisor's RDMSR; a plain control register is the TRUE one with the default1 bits added.":
    "应答嵌套 hypervisor 的 RDMSR；普通控制寄存器是 TRUE 寄存器加上 default1 位。",
  "What runs first when kvm_intel is loaded, in later kernels; in older ones vmx_init does.":
    "较新内核加载 kvm_intel 时最先运行的函数；旧内核里是 vmx_init。",
  "The name of hardware_setup in later kernels.": "hardware_setup 在较新内核里的名字。",
};
