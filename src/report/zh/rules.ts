/** The sentences of all rules, and those of the documents, in Chinese. The key is the English sentence. */
export const RULES_ZH: { readonly [english: string]: string } = {
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
  "The machine does not run on a Hyper-V that recommends the enlightened VMCS.":
    "不是运行在推荐使用 enlightened VMCS 的 Hyper-V 上。",
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
  "5-level walks are passed on.": "放行 5 级页表。",
  "VM functions are offered if the CPU has them.": "CPU 有 VM 功能，就提供给 L1。",
  "CET for guests needs XSAVES, and CET state in the host's XSS.":
    "客户机要用 CET，需要 XSAVES，以及宿主 XSS 中的 CET 状态。",
  "CET for guests needs its VM-entry control, unrestricted guest and IA32_VMX_BASIC bit 56.":
    "客户机要用 CET，需要相应的 VM-entry 控制位、unrestricted guest，以及 IA32_VMX_BASIC 第 56 位。",
  "EPT capabilities passed on from the CPU: 4-level walks, write-back, INVEPT, execute-only.":
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
  "Only bit 5 of IA32_VMX_MISC comes from the CPU.": "IA32_VMX_MISC 里只有第 5 位来自 CPU。",
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

  // Steps that the documents do not walk through
  "X86_FEATURE_SGX starts as CPUID.7:EBX bit 2.": "X86_FEATURE_SGX 的初值来自 CPUID.7:EBX 第 2 位。",
  "X86_FEATURE_SGX_LC starts as CPUID.7:ECX bit 30.": "X86_FEATURE_SGX_LC 的初值来自 CPUID.7:ECX 第 30 位。",
  "Only the vendor code for Intel, Centaur and Zhaoxin looks at IA32_FEAT_CTL; any other vendor string gets the generic code, which never does.":
    "只有 Intel、Centaur 和 Zhaoxin（兆芯）的厂商代码会看 IA32_FEAT_CTL；其他厂商字符串走通用代码，从不看它。",
  "The vendor code for Zhaoxin looks at IA32_FEAT_CTL; RHEL 8 has no such code.":
    "Zhaoxin（兆芯）的厂商代码会看 IA32_FEAT_CTL；RHEL 8 没有这段代码。",
  "The vendor code for Intel, Centaur and Zhaoxin reads the control MSRs for the names in `flags`.":
    "Intel、Centaur 和 Zhaoxin（兆芯）的厂商代码读取控制 MSR，用来得出 `flags` 里的名字。",
  "Without IA32_FEAT_CTL there is no SGX either; SGX_LC goes with the feature it depends on.":
    "没有 IA32_FEAT_CTL，也就没有 SGX；SGX_LC 依赖它，一并清除。",
  "Reading IA32_FEAT_CTL faults: VMX is cleared without a message.":
    "读 IA32_FEAT_CTL 触发异常：VMX 被清除，日志里没有任何消息。",
  "The SGX driver is wanted when the CPU has SGX with launch control.":
    "CPU 有 SGX 并支持启动控制（launch control）时，内核要用 SGX 驱动。",
  "SGX for guests is wanted when the CPU has SGX and KVM can use VMX.":
    "CPU 有 SGX 且 KVM 可以使用 VMX 时，内核要给客户机提供 SGX。",
  "SGX is wanted when the CPU has it with launch control.": "CPU 有 SGX 并支持启动控制时，内核要用 SGX。",
  "The firmware left IA32_FEAT_CTL unlocked: what it put there is ignored and the kernel builds a value of its own.":
    "固件没有锁定 IA32_FEAT_CTL：忽略固件写入的内容，由内核自己构造一个值。",
  "The new value always locks the register.": "新值总会锁定这个寄存器。",
  "VMX outside SMX is enabled because KVM wants it.": "KVM 要用，所以打开 SMX 之外的 VMX。",
  "VMX inside SMX is enabled too, because the machine was booted through tboot.":
    "机器是经 tboot 启动的，所以 SMX 之内的 VMX 也打开。",
  "SGX is enabled for the driver or for KVM.": "为驱动或 KVM 打开 SGX。",
  "The driver needs launch control to be writable.": "驱动需要启动控制可写。",
  "SGX and launch control are enabled together.": "SGX 和启动控制一起打开。",
  "Booted through tboot, and the firmware did not enable VMX inside SMX.":
    "经 tboot 启动，而固件没有打开 SMX 之内的 VMX。",
  "The firmware locked IA32_FEAT_CTL without enabling VMX outside SMX.":
    "固件锁定了 IA32_FEAT_CTL，但没有打开 SMX 之外的 VMX。",
  "IA32_FEAT_CTL is locked with VMX off for the way this machine was booted, so X86_FEATURE_VMX is cleared.":
    "IA32_FEAT_CTL 已锁定，而且按这台机器的启动方式 VMX 是关闭的，于是清除 X86_FEATURE_VMX。",
  "VMX is usable, so its capabilities are read for /proc/cpuinfo.": "VMX 可用，因此为 /proc/cpuinfo 读取它的能力。",
  "The primary controls are read for the names in `flags`.": "读取 primary 控制，用来得出 `flags` 里的名字。",
  "`tpr_shadow` follows the TPR-shadow control.": "`tpr_shadow` 取决于 TPR 影子控制。",
  "`vnmi` follows NMI-window exiting, bit 22 of the primary controls, instead of virtual NMIs.":
    "`vnmi` 取决于 NMI 窗口退出（primary 控制的第 22 位），而不是虚拟 NMI。",
  "The secondary controls are read only if they can be activated.": "能激活 secondary 控制时才读取它们。",
  "`flexpriority` is APIC-access virtualization together with the TPR shadow.":
    "`flexpriority` 指 APIC 访问虚拟化加上 TPR 影子。",
  "`ept` follows the EPT control.": "`ept` 取决于 EPT 控制。",
  "With EPT, Intel's code reads its capabilities.": "有 EPT 时，Intel 的代码读取 EPT 的能力。",
  "`ept_ad` follows the accessed and dirty flags of EPT; the code for Centaur and Zhaoxin does not know it.":
    "`ept_ad` 取决于 EPT 的访问位与脏位；Centaur 和 Zhaoxin（兆芯）的代码不认识它。",
  "`vpid` follows the VPID control.": "`vpid` 取决于 VPID 控制。",
  "Word 0 has room for 16 pin-based bits only; a CPU that allows a higher one makes the kernel warn.":
    "字 0 只放得下 16 个 pin-based 位；CPU 若允许更高的位，内核会告警。",
  "Word 0 has room for four VM functions only.": "字 0 只放得下四个 VM 函数。",
  "Bits 31:28 of word 0 are taken from the upper half of IA32_VMX_VMFUNC, although EPTP switching is bit 0 of the lower half.":
    "字 0 的 31:28 位取自 IA32_VMX_VMFUNC 的高半，而 EPTP 切换其实是低半的第 0 位。",
  "Bit 20 of word 0 is 5-level EPT.": "字 0 的第 20 位是 5 级 EPT。",
  "The SGX part follows whether or not VMX survived.": "不管 VMX 是否保留下来，都接着执行 SGX 部分。",
  "The firmware locked SGX off.": "固件把 SGX 锁定为关闭。",
  "Without the SGX bit in IA32_FEAT_CTL, X86_FEATURE_SGX and what depends on it are cleared.":
    "IA32_FEAT_CTL 里没有 SGX 位，就清除 X86_FEATURE_SGX 以及依赖它的特性。",
  "SGX for guests needs VMX, which the firmware disabled.": "给客户机用的 SGX 需要 VMX，而 VMX 已被固件关闭。",
  "Launch control is locked by the firmware and only the driver wanted SGX.":
    "启动控制被固件锁定，而只有驱动要用 SGX。",
  "Launch control is locked by the firmware: SGX stays for guests only.": "启动控制被固件锁定：SGX 只留给客户机。",
  "The firmware locked SGX or its launch control off.": "固件把 SGX 或它的启动控制锁定为关闭。",
  "Without both SGX bits in IA32_FEAT_CTL, or where SGX is not wanted, both flags are cleared on all CPUs.":
    "IA32_FEAT_CTL 里的两个 SGX 位不齐，或者不需要 SGX 时，在所有 CPU 上清除这两个标志。",
  "After the boot CPU is identified, the kernel prepares VMXON regions for every CPU.":
    "识别引导 CPU 之后，内核为每个 CPU 准备 VMXON 区域。",
  "IA32_VMX_BASIC is read for the size and revision of the VMXON region.":
    "读取 IA32_VMX_BASIC，取得 VMXON 区域的大小和版本标识。",
  "The SDM rules out a VMCS region larger than a page: the kernel warns and gives up VMX on all CPUs.":
    "按 SDM，VMCS 区域不可能大于一页：内核告警，并在所有 CPU 上放弃 VMX。",
  "CPUID.1:ECX bit 5 is 0: the CPU has no VMX, or none that this machine may use.":
    "CPUID.1:ECX 第 5 位为 0：CPU 没有 VMX，或者这台机器不能使用它。",
  "IA32_FEAT_CTL was not read at boot, so KVM reads it; a missing register reads as 0, unlocked, and is accepted.":
    "启动时没有读 IA32_FEAT_CTL，所以由 KVM 来读；寄存器不存在时读作 0（未锁定），照样接受。",
  "The firmware enabled VMX inside SMX only, and the machine was not booted through tboot.":
    "固件只打开了 SMX 之内的 VMX，而机器不是经 tboot 启动的。",
  "IA32_FEAT_CTL is locked with VMX off for the way this machine was booted.":
    "IA32_FEAT_CTL 已锁定，而且按这台机器的启动方式 VMX 是关闭的。",
  "Boot found VMX disabled in IA32_FEAT_CTL on this or another CPU, or never looked at it.":
    "启动时发现这个或别的 CPU 的 IA32_FEAT_CTL 关闭了 VMX，或者根本没有看过它。",
  "Boot found VMX disabled in IA32_FEAT_CTL, or never looked at it.":
    "启动时发现 IA32_FEAT_CTL 关闭了 VMX，或者根本没有看过它。",
  "IA32_FEAT_CTL is absent, or boot never looked at it.": "IA32_FEAT_CTL 不存在，或者启动时根本没有看过它。",
  "Boot cleared X86_FEATURE_VMX, because of the firmware or an impossible VMCS region size.":
    "启动时清除了 X86_FEATURE_VMX：原因是固件，或者 VMCS 区域的大小不合理。",
  "The kernel itself programs PAT[0] to write-back, so anything else is a bug or broken firmware.":
    "内核自己把 PAT[0] 设为回写，所以别的值要么是 bug，要么是固件有问题。",
  "Linux does not use supervisor shadow stacks; KVM would clobber them.": "Linux 不使用特权级影子栈；KVM 会破坏它们。",
  "Performance counters of hybrid CPUs differ between core types, so guests get none.":
    "混合架构 CPU 各类核心的性能计数器不同，所以不提供给客户机。",
  "The host has no architectural performance counters to share.": "主机没有可以共享的架构性能计数器。",
  "The mediated PMU needs enable_pmu and a host PMU of version 4 or later that perf agrees to hand over.":
    "mediated PMU 需要 enable_pmu，以及版本 4 以上、且 perf 同意交出的主机 PMU。",
  "With a TPR shadow the guest's CR8 accesses need no exits.": "有了 TPR 影子，客户机访问 CR8 就不必退出。",
  "A 32-bit kernel uses the TPR shadow only together with APIC-access virtualization.":
    "32 位内核只在同时有 APIC 访问虚拟化时才用 TPR 影子。",
  "Without a TPR shadow the APIC cannot be virtualized further.": "没有 TPR 影子，就无法进一步虚拟化 APIC。",
  "With EPT the guest's CR3 accesses and INVLPG need no exits.": "有了 EPT，客户机访问 CR3 和执行 INVLPG 就不必退出。",
  "IA32_VMX_EPT_VPID_CAP has EPT capabilities although the EPT control cannot be set.":
    "EPT 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 EPT 能力。",
  "IA32_VMX_EPT_VPID_CAP has EPT capabilities although the EPT control cannot be set. error_on_inconsistent_vmcs_config is on, so KVM does not load.":
    "EPT 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 EPT 能力。error_on_inconsistent_vmcs_config 是打开的，所以 KVM 不加载。",
  "IA32_VMX_EPT_VPID_CAP has EPT capabilities although the EPT control cannot be set. What builds on it is dropped as well.":
    "EPT 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 EPT 能力。依赖 EPT 的控制也一并去掉。",
  "IA32_VMX_EPT_VPID_CAP has EPT capabilities although the EPT control cannot be set. They are treated as absent.":
    "EPT 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 EPT 能力。当作没有这些能力。",
  "IA32_VMX_EPT_VPID_CAP has VPID capabilities although the VPID control cannot be set.":
    "VPID 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 VPID 能力。",
  "IA32_VMX_EPT_VPID_CAP has VPID capabilities although the VPID control cannot be set. error_on_inconsistent_vmcs_config is on, so KVM does not load.":
    "VPID 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 VPID 能力。error_on_inconsistent_vmcs_config 是打开的，所以 KVM 不加载。",
  "IA32_VMX_EPT_VPID_CAP has VPID capabilities although the VPID control cannot be set. They are treated as absent.":
    "VPID 控制不能置 1，IA32_VMX_EPT_VPID_CAP 里却有 VPID 能力。当作没有这些能力。",
  "KVM uses mode-based execute control only with advanced exit information for EPT violations.":
    "只有同时具备 EPT 违例的高级退出信息，KVM 才使用基于模式的执行控制。",
  "ENCLS exiting is dropped when CPUID.12H:EAX bit 0 says there is no SGX.":
    "CPUID.12H:EAX 第 0 位表明没有 SGX 时，去掉 ENCLS 退出。",
  "Tertiary controls: a 64-bit register of allowed-1 bits; only IPI virtualization is asked for.":
    "tertiary 控制：一个 64 位的“允许为 1”寄存器；只要求 IPI 虚拟化。",
  "The preemption timer of this stepping counts wrongly (cpu_has_broken_vmx_preemption_timer).":
    "这个 stepping 的抢占定时器计数有误（cpu_has_broken_vmx_preemption_timer）。",
  "Posted interrupts need virtual-interrupt delivery.": "posted interrupt 需要虚拟中断投递。",
  "At least one entry and exit control did not come in a pair; error_on_inconsistent_vmcs_config is on, so KVM does not load.":
    "至少有一对 VM-entry 与 VM-exit 控制没有成对出现；error_on_inconsistent_vmcs_config 是打开的，所以 KVM 不加载。",
  "This model's VM-exit control for IA32_PERF_GLOBAL_CTRL does not work (errata AAK155, AAP115, AAT100, BC86, BA97). Family and model alone are compared; both controls are dropped.":
    "这个型号上 IA32_PERF_GLOBAL_CTRL 的 VM-exit 控制不起作用（勘误 AAK155、AAP115、AAT100、BC86、BA97）。只比较 family 和 model；两个控制都去掉。",
  "This model's VM-exit control for IA32_PERF_GLOBAL_CTRL does not work (errata AAK155, AAP115, AAT100, BC86, BA97). Both controls are dropped.":
    "这个型号上 IA32_PERF_GLOBAL_CTRL 的 VM-exit 控制不起作用（勘误 AAK155、AAP115、AAT100、BC86、BA97）。两个控制都去掉。",
  "The SDM rules out a VMCS region larger than a page.": "按 SDM，VMCS 区域不可能大于一页。",
  "A 64-bit kernel cannot use a CPU whose VMX structures have to lie below 4 GByte.":
    "VMX 结构必须放在 4 GB 以下的 CPU，64 位内核无法使用。",
  "KVM requires write-back memory (type 6) for the VMCS.": "KVM 要求 VMCS 使用回写内存（类型 6）。",
  "Hyper-V's enlightened VMCS has no fields for these controls.":
    "Hyper-V 的 enlightened VMCS 没有这些控制对应的字段。",
  "Only what Hyper-V's enlightened VMCS has fields for, and the default1 bits, stay.":
    "只保留 Hyper-V 的 enlightened VMCS 有字段的那些，以及 default1 位。",
  "The control of this model does not work (AAK155 and others); vmcs_config keeps it, the running VMCS will not.":
    "这个型号的该控制不起作用（AAK155 等）；vmcs_config 里保留它，实际运行的 VMCS 里不会有。",
  "The host uses bound registers; running a guest loses their values.":
    "主机在用边界寄存器；运行客户机会丢失它们的值。",
  "VPID needs the control, INVVPID, and single-context or all-context INVVPID.":
    "VPID 需要对应的控制、INVVPID，以及 single-context 或 all-context 类型的 INVVPID。",
  "EPT needs the control, 4-level walks, write-back paging structures and all-context INVEPT.":
    "EPT 需要对应的控制、4 级页表、回写的页表结构和 all-context 类型的 INVEPT。",
  "CET for guests needs the entry control that loads CET state.": "客户机要用 CET，需要加载 CET 状态的 VM-entry 控制。",
  "Shadow paging needs NX, and without EPT there is only shadow paging.":
    "影子分页需要 NX，而没有 EPT 就只能用影子分页。",
  "Mode-based execute control needs EPT and the control.": "基于模式的执行控制需要 EPT 和对应的控制。",
  "FlexPriority needs the TPR shadow and APIC-access virtualization.": "FlexPriority 需要 TPR 影子和 APIC 访问虚拟化。",
  "Virtual NMIs need the pin-based control.": "虚拟 NMI 需要对应的 pin-based 控制。",
  "Virtual NMIs need the pin-based control and NMI-window exiting.":
    "虚拟 NMI 需要对应的 pin-based 控制和 NMI 窗口退出。",
  "Without PAUSE-loop exiting its five parameters are 0.": "没有 PAUSE 循环退出，它的五个参数都是 0。",
  "APICv needs APIC-register virtualization, virtual-interrupt delivery and posted interrupts.":
    "APICv 需要 APIC 寄存器虚拟化、虚拟中断投递和 posted interrupt。",
  "Devices can post interrupts only with APICv and an interrupt-remapping unit that posts.":
    "设备要能投递 posted interrupt，需要 APICv，以及支持 posting 的中断重映射单元。",
  "Bus-lock exits are offered to user space.": "向用户空间提供总线锁退出。",
  "Notify VM exits are offered to user space.": "向用户空间提供 notify VM exit。",
  "The deepest EPT is five levels if the CPU can walk them, whether or not EPT is used.":
    "CPU 支持 5 级页表时，EPT 最深为 5 级，不管是否使用 EPT。",
  "1-GByte pages: by EPT's capability, or by the CPU's own paging with shadow paging; an EPT without 2-MByte pages turns off all large ones.":
    "1 GB 页：看 EPT 的能力；用影子分页时看 CPU 自身的分页；EPT 若没有 2 MB 页，所有大页都关闭。",
  "The CPU has no usable VMX-preemption timer.": "CPU 没有可用的 VMX 抢占定时器。",
  "IA32_VMX_MISC bits 4:0 give the rate of the timer.": "IA32_VMX_MISC 的 4:0 位给出定时器的速率。",
  "At this rate a timer set to its maximum would still expire more than once in ten seconds.":
    "按这个速率，即使设为最大值，定时器也会在十秒内到期不止一次。",
  "At this rate the largest value that KVM may program would expire more than once in ten seconds.":
    "按这个速率，KVM 能设置的最大值也会在十秒内到期不止一次。",
  "The parameter pt_mode accepts only 0 and 1.": "参数 pt_mode 只接受 0 或 1。",
  "IA32_VMX_MISC bit 14 says whether Intel PT works in VMX operation.":
    "IA32_VMX_MISC 第 14 位表明 Intel PT 能否在 VMX 操作中使用。",
  "Intel PT in guests needs EPT and the whole set of PT controls.": "客户机里用 Intel PT，需要 EPT 和整套 PT 控制。",
  "Intel PT in guests needs EPT, performance counters and the whole set of PT controls.":
    "客户机里用 Intel PT，需要 EPT、性能计数器和整套 PT 控制。",
  "KVM offers shadow stacks to guests if the host has them.": "主机有影子栈，KVM 就向客户机提供。",
  "KVM offers indirect-branch tracking to guests if the host has it.": "主机有间接分支跟踪，KVM 就向客户机提供。",
  "The parameter cet=0 keeps CET from guests.": "参数 cet=0 不让客户机使用 CET。",
  "IA32_VMX_MISC bit 29 says whether VMWRITE can write any field.":
    "IA32_VMX_MISC 第 29 位表明 VMWRITE 能否写任意字段。",
  "The user asked for nested=1 where EPT or VMCS shadowing is off; it stays on.":
    "用户要求 nested=1，而 EPT 或影子 VMCS 是关闭的；nested 保持打开。",
  "Unless the user sets it, nested is on only where both EPT and VMCS shadowing are.":
    "用户没有指定时，只有 EPT 和影子 VMCS 都打开，nested 才打开。",
  "With nested=1 the capability MSRs of a nested hypervisor are computed.":
    "nested=1 时，计算嵌套 hypervisor 的能力 MSR。",
  "Must-be-1 pin-based bits: the CPU's own and default1.": "必须为 1 的 pin-based 控制位：CPU 自己的，加上 default1。",
  "A 32-bit kernel offers no 64-bit controls.": "32 位内核不提供 64 位的控制。",
  "CET state controls are offered only if KVM offers shadow stacks or indirect-branch tracking.":
    "KVM 提供影子栈或间接分支跟踪，才提供 CET 状态控制。",
  "No secondary control has to be 1.": "没有必须为 1 的 secondary 控制。",
  "Secondary controls: the CPU's, as far as they are offered.": "secondary 控制：CPU 有的、并且可以提供给 L1 的那些。",
  "Nothing is offered that the following steps do not add.": "后面的步骤没有加上的，一概不提供。",
  "Advanced exit information for EPT violations is passed on.": "放行 EPT 违例的高级退出信息。",
  "With mbec=1 mode-based execute control is offered.": "mbec=1 时提供基于模式的执行控制。",
  "With sgx=1 ENCLS exiting is offered.": "sgx=1 时提供 ENCLS 退出。",
  "Bit 56, no consistency check of error codes, is passed on.": "第 56 位（不检查错误码的一致性）照样传给 L1。",
  "KVM can emulate UMIP with descriptor-table exiting, so CR4.UMIP may be 1.":
    "KVM 可以用描述符表退出来模拟 UMIP，所以 CR4.UMIP 允许为 1。",
  "Highest VMCS field index 17h, a constant.": "最大的 VMCS 字段序号是 17h，一个常数。",
  "Highest VMCS field index 17h: fields of features that the CPU lacks are left out.":
    "最大的 VMCS 字段序号是 17h：CPU 没有的特性，其字段不算在内。",
  "With TSC scaling the highest field is the TSC multiplier, index 19h.":
    "有 TSC 缩放时，最大的字段是 TSC 乘数，序号 19h。",
  "A VMCS region size of 0 makes get_order() ask for 2^52 pages, more than any machine has.":
    "VMCS 区域大小为 0 时，get_order() 会要求 2^52 页，任何机器都没有这么多。",
};
