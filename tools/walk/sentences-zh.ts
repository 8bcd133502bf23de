/** The sentences of the rules that the document walks through, in Chinese. The key is the English sentence. */
export const SENTENCES_ZH: { readonly [english: string]: string } = {
  // init_ia32_feat_ctl
  "X86_FEATURE_VMX starts as CPUID.1:ECX bit 5.": "X86_FEATURE_VMX 的初值来自 CPUID.1:ECX 第 5 位。",
  "IA32_FEAT_CTL is read with a safe read.": "用安全读读取 IA32_FEAT_CTL。",
  "The kernel wants VMX when CPUID has it and KVM for Intel is configured.":
    "CPUID 报告有 VMX，且配置了 Intel 的 KVM，内核就想要 VMX。",
  "X86_FEATURE_MSR_IA32_FEAT_CTL records that the register exists and is locked now; KVM asks for it later.":
    "用 X86_FEATURE_MSR_IA32_FEAT_CTL 记下：寄存器存在，并且已经锁定；KVM 以后要查它。",

  // init_vmx_capabilities
  "Word 1 is the allowed-1 half of the primary processor-based controls.": "字 1 是 primary 控制中“允许为 1”的那一半。",
  "Word 2 is the allowed-1 half of the secondary controls, read whether or not they can be activated.":
    "字 2 是 secondary 控制中“允许为 1”的那一半；不管 secondary 控制能否激活都会去读。",
  "Words 3 and 4 are the two halves of the tertiary controls, a 64-bit allowed-1 register.":
    "字 3 和字 4 是 tertiary 控制的两半；那是一个 64 位的“允许为 1”寄存器。",
  "Pin-based controls, VM functions and EPT/VPID capabilities are read for word 0.":
    "为了拼出字 0，读取 pin-based 控制、VM 函数和 EPT/VPID 能力。",
  "Bits 15:0 of word 0 are the pin-based controls.": "字 0 的 15:0 位是 pin-based 控制。",
  "Bit 16 of word 0 is INVVPID.": "字 0 的第 16 位是 INVVPID。",
  "Bit 17 of word 0 is execute-only EPT.": "字 0 的第 17 位是仅可执行（execute-only）的 EPT 页。",
  "Bit 18 of word 0 is EPT accessed and dirty flags.": "字 0 的第 18 位是 EPT 的访问位与脏位。",
  "Bit 19 of word 0 is 1-GByte EPT pages.": "字 0 的第 19 位是 1 GB 的 EPT 页。",
  "FlexPriority is Linux's name for TPR shadow and APIC-access virtualization together.":
    "FlexPriority 是 Linux 对“TPR 影子加 APIC 访问虚拟化”的合称。",
  "APICv is Linux's name for TPR shadow, APIC-register virtualization, virtual-interrupt delivery and posted interrupts together.":
    "APICv 是 Linux 对“TPR 影子、APIC 寄存器虚拟化、虚拟中断投递、posted interrupt”四者的合称。",
  "`tpr_shadow` in `flags` follows the TPR-shadow control.": "`flags` 里的 `tpr_shadow` 取决于 TPR 影子控制。",
  "`flexpriority` in `flags` follows the aggregate.": "`flags` 里的 `flexpriority` 取决于上面那个合成位。",
  "`vnmi` in `flags` follows virtual NMIs.": "`flags` 里的 `vnmi` 取决于虚拟 NMI。",
  "`ept` in `flags` follows the EPT control.": "`flags` 里的 `ept` 取决于 EPT 控制。",
  "`ept_ad` in `flags` follows the accessed and dirty flags of EPT.":
    "`flags` 里的 `ept_ad` 取决于 EPT 的访问位与脏位。",
  "`vpid` in `flags` tests bit 5 of word 0, which is virtual NMIs, instead of bit 5 of word 2.":
    "`flags` 里的 `vpid` 测试的是字 0 的第 5 位（那里放的是虚拟 NMI），而不是字 2 的第 5 位。",

  // From insmod to the end of setup_vmcs_config
  "Not on a Hyper-V that recommends the enlightened VMCS.": "不是运行在推荐使用 enlightened VMCS 的 Hyper-V 上。",
  "KVM relies on entry 0 of the PAT being write-back.": "KVM 依赖 PAT 的第 0 项为回写。",
  "Primary processor-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.":
    "primary 控制：先取 KVM 的要求，按“允许为 1”裁剪，再加上“必须为 1”的位。",
  "Secondary controls exist only if the primary controls can activate them.":
    "只有 primary 控制能激活 secondary 控制，secondary 控制才存在。",
  "EPT-violation #VE is used only by a debug build of KVM.": "EPT 违例 #VE 只有调试版的 KVM 才用。",
  "EPT and VPID capabilities are read even when neither can be used; a fault counts as none.":
    "EPT 和 VPID 能力总是读的，哪怕两者都不能用；读取触发异常就当作什么能力都没有。",
  "VM-exit controls: what KVM asks for, cut to allowed-1, with allowed-0 added.":
    "VM-exit 控制：先取 KVM 的要求，按“允许为 1”裁剪，再加上“必须为 1”的位。",
  "Pin-based controls: what KVM asks for, cut to allowed-1, with allowed-0 added.":
    "pin-based 控制：先取 KVM 的要求，按“允许为 1”裁剪，再加上“必须为 1”的位。",
  "VM-entry controls: what KVM asks for, cut to allowed-1, with allowed-0 added.":
    "VM-entry 控制：先取 KVM 的要求，按“允许为 1”裁剪，再加上“必须为 1”的位。",
  "IA32_VMX_BASIC gives revision, region size and memory type.": "IA32_VMX_BASIC 给出版本标识、区域大小和内存类型。",
  "Revision, size and memory type become part of vmcs_config.": "版本标识、大小和内存类型成为 vmcs_config 的一部分。",
  "IA32_VMX_MISC is kept for later.": "把 IA32_VMX_MISC 存起来备用。",

  // hardware_setup
  "With MPX the host's bound configuration is checked.": "有 MPX 时检查主机的边界寄存器配置。",
  "SGX for guests needs ENCLS exiting.": "给客户机用的 SGX 需要 ENCLS 退出。",
  "IPI virtualization needs APICv and the tertiary control.": "IPI 虚拟化需要 APICv 和 tertiary 控制。",
  "TSC scaling lets a guest's TSC run at a frequency of its own.": "有了 TSC 缩放，客户机的 TSC 可以有自己的频率。",
  "Two-dimensional paging follows the ept parameter.": "是否使用二维分页取决于 ept 参数。",
  "2-MByte pages: by EPT's capability, or always with shadow paging.": "2 MB 页：看 EPT 的能力；用影子分页时总是可以。",
  "1-GByte pages: by EPT's capability, or by the CPU's own paging with shadow paging.":
    "1 GB 页：看 EPT 的能力；用影子分页时看 CPU 自身的分页。",
  "Page-modification logging needs EPT, its dirty flags and the control.":
    "页修改日志需要 EPT、EPT 的脏位和对应的控制。",
  "The timer counts down by one every 2^rate TSC cycles.": "TSC 每走 2^rate 个周期，抢占定时器减一。",
  "VMCS shadowing needs the control and VMWRITE to any field (IA32_VMX_MISC bit 29).":
    "影子 VMCS 需要对应的控制，还需要 VMWRITE 能写任意字段（IA32_VMX_MISC 第 29 位）。",
  "Unrestricted guest needs EPT and the control.": "Unrestricted guest 需要 EPT 和对应的控制。",
  "Accessed and dirty flags need EPT and the capability bit.": "访问位与脏位需要 EPT 和对应的能力位。",
  "Shadow paging costs nothing extra for guests with fewer physical-address bits, so they are allowed.":
    "用影子分页时，物理地址位数较少的客户机不会带来额外开销，所以允许。",
  "The TDP MMU needs two-dimensional paging.": "TDP MMU 需要二维分页。",

  // nested_vmx_setup_ctls_msrs
  "Must-be-1 pin-based bits: exactly default1.": "必须为 1 的 pin-based 控制位：正好是 default1。",
  "Pin-based controls: the offered ones, default1, and the preemption timer, which KVM emulates.":
    "pin-based 控制：KVM 提供的那些、default1，再加上由 KVM 模拟的抢占定时器。",
  "Posted interrupts are offered if KVM itself uses APICv.": "KVM 自己用了 APICv，才提供 posted interrupt。",
  "Must-be-1 exit bits: default1 without saving of debug controls.":
    "必须为 1 的 VM-exit 控制位：default1 去掉保存调试控制。",
  "VM-exit controls: the offered ones, default1, and those that KVM emulates.":
    "VM-exit 控制：KVM 提供的那些、default1，再加上由 KVM 模拟的。",
  "Must-be-1 entry bits: default1 without loading of debug controls.":
    "必须为 1 的 VM-entry 控制位：default1 去掉加载调试控制。",
  "VM-entry controls: the offered ones, default1, and those that KVM emulates.":
    "VM-entry 控制：KVM 提供的那些、default1，再加上由 KVM 模拟的。",
  "Must-be-1 primary bits: default1 without CR3-load and CR3-store exiting.":
    "必须为 1 的 primary 控制位：default1 去掉 CR3 加载退出和 CR3 存储退出。",
  "Primary controls: the offered ones, default1, and MSR bitmaps, which KVM emulates. Tertiary controls never.":
    "primary 控制：KVM 提供的那些、default1，再加上由 KVM 模拟的 MSR 位图。tertiary 控制从不提供。",
  "Secondary controls: those that KVM uses, as far as they are offered.":
    "secondary 控制：KVM 自己使用的、并且可以提供给 L1 的那些。",
  "TSC_SCALING is offered if the CPU has it.": "CPU 有 TSC_SCALING，就提供给 L1。",
  "USR_WAIT_PAUSE is offered if the CPU has it.": "CPU 有 USR_WAIT_PAUSE，就提供给 L1。",
  "KVM emulates VMCS shadowing for L1 whatever the CPU has.": "不论 CPU 有没有，KVM 都为 L1 模拟影子 VMCS。",
  "5-level walks pass.": "放行 5 级页表。",
  "VM functions are offered if the CPU has them.": "CPU 有 VM 功能，就提供给 L1。",
  "CET for guests needs XSAVES, and CET state in the host's XSS.":
    "客户机要用 CET，需要 XSAVES，以及宿主 XSS 中的 CET 状态。",
  "CET for guests needs its VM-entry control, unrestricted guest and IA32_VMX_BASIC bit 56.":
    "客户机要用 CET，需要相应的 VM-entry 控制位、unrestricted guest，以及 IA32_VMX_BASIC 第 56 位。",
  "EPT capabilities of the CPU that pass: 4-level walks, write-back, INVEPT, execute-only.":
    "CPU 的 EPT 能力中放行的有：4 级页表、回写、INVEPT、仅可执行。",
  "With ept=1 the EPT control, large pages and both INVEPT types are offered.":
    "ept=1 时提供 EPT 控制、大页和两种 INVEPT。",
  "With eptad=1 dirty flags and page-modification logging are offered; KVM emulates the latter.":
    "eptad=1 时提供脏位和页修改日志；后者由 KVM 模拟。",
  "EPTP switching is emulated with EPT, whatever IA32_VMX_VMFUNC says.":
    "有 EPT 就模拟 EPTP 切换，不管 IA32_VMX_VMFUNC 怎么说。",
  "With vpid=1 VPID and all INVVPID types are offered.": "vpid=1 时提供 VPID 和全部 INVVPID 类型。",
  "With unrestricted_guest=1 it is offered to L1 too.": "unrestricted_guest=1 时也提供给 L1。",
  "With flexpriority=1 APIC-access virtualization is offered.": "flexpriority=1 时提供 APIC 访问虚拟化。",
  "Of IA32_VMX_MISC only bit 5 comes from the CPU.": "IA32_VMX_MISC 里只有第 5 位来自 CPU。",
  "Emulated: timer rate 5 (bits 0 and 2), the HLT activity state, VMWRITE to any field.":
    "由 KVM 模拟：定时器速率 5（第 0、2 位）、HLT 活动状态、VMWRITE 写任意字段。",
  "The wait-for-SIPI activity state is emulated.": "由 KVM 模拟等待 SIPI 的活动状态。",
  "IA32_VMX_BASIC is KVM's own: its revision, one page, write-back, TRUE registers; INS/OUTS information as the CPU has it.":
    "IA32_VMX_BASIC 是 KVM 自己的：自己的版本标识、一页大小、回写、有 TRUE 寄存器；INS/OUTS 信息位照 CPU 的来。",
  "CR0 and CR4: must-be-1 bits are KVM's own, may-be-1 bits the CPU's.":
    "CR0 与 CR4：必须为 1 的位由 KVM 定，允许为 1 的位照 CPU 的来。",
  "KVM emulates UMIP with descriptor-table exiting where the CPU lacks it, so CR4.UMIP may be 1.":
    "CPU 没有 UMIP 时，KVM 用描述符表退出来模拟，所以 CR4.UMIP 允许为 1。",
  "Highest VMCS field index 19h, the TSC multiplier, whether or not the CPU has it.":
    "最大的 VMCS 字段序号是 19h，即 TSC 乘数，不管 CPU 有没有。",
};
