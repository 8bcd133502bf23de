/*
 * Chinese for the answers to `why vmx`, `why kvm` and `why nested`, their steps and evidence; `translate.ts` says what a hole is.
 */

type Phrase = readonly [english: string, chinese: string];

/** The answers. */
const ANSWERS: readonly Phrase[] = [
  ["Yes: VT-x is there and the firmware is assumed to have it on", "有：有 VT-x，并假定固件已打开它"],
  ["Yes: VT-x is there and on", "有：有 VT-x，而且是打开的"],
  ["Yes: VT-x is there: Linux shows `vmx`", "有：有 VT-x，Linux 显示 `vmx`"],
  [
    "From Linux {a} on the flag means that it is on, too; before, it says nothing about the firmware",
    "从 Linux {a} 起，这个标志也表示它是打开的；在此之前，它与固件的设置无关",
  ],
  [
    "Not known: kvm_intel.nested was not read, and before Linux {a} it is off by default",
    "未知：没有读取 kvm_intel.nested，而在 Linux {a} 之前它默认是关闭的",
  ],
  [
    "Yes: the firmware locked IA32_FEAT_CTL (0x3a) with VMX on, or the system did where the firmware had left it open; either must do so only on a CPU with VT-x",
    "有：固件锁定了 IA32_FEAT_CTL (0x3a) 并打开 VMX，或者固件没有锁定而由系统这样做；两者都只应在有 VT-x 的 CPU 上这样做",
  ],
  ["Yes: kvm_intel is loaded", "能：kvm_intel 已经加载"],
  ["Yes: kvm_intel loads", "能：kvm_intel 能加载"],
  ["Yes: kvm_intel is loaded on the host", "能：主机上已加载 kvm_intel"],
  ["Linux shows no `vmx` in what is most likely its guest", "很可能是其客户机的系统里，Linux 没有显示 `vmx`"],
  [
    "Yes: it is not loaded, and nothing that was read would keep it from loading",
    "能：它没有加载；读到的内容里没有什么会妨碍它加载",
  ],
  [
    "Yes: KVM offers guests VMX: kvm_intel.nested was not read, and is on by default from Linux {a} on. A guest gets it where its CPU model has vmx (-cpu host, host-passthrough)",
    "有：KVM 向客户机提供 VMX：没有读取 kvm_intel.nested，从 Linux {a} 起它默认是打开的。客户机的 CPU 型号带 vmx 时（-cpu host、host-passthrough）就能用",
  ],
  [
    "Yes: KVM offers guests VMX. A guest gets it where its CPU model has vmx (-cpu host, host-passthrough)",
    "有：KVM 向客户机提供 VMX。客户机的 CPU 型号带 vmx 时（-cpu host、host-passthrough）就能用",
  ],
  [
    "No: there is no IA32_FEAT_CTL, without which Linux does not use VT-x",
    "没有：没有 IA32_FEAT_CTL，Linux 就不使用 VT-x",
  ],
  ["{a} passes VMX incompletely", "{a}没有把 VMX 完整地传下来"],
  ["{a} passes no VT-x, or not all of it", "{a}没有把 VT-x 传下来，或者没有完整地传下来"],
  ["{a} does not pass VT-x or AMD-V to it", "{a}没有把 VT-x 或 AMD-V 传给它"],
  ["{a} does not pass VT-x to it", "{a}没有把 VT-x 传给它"],
  ["{a} does not pass VT-x", "{a}没有把 VT-x 传下来"],
  ["{a} does not switch it on", "{a}没有把它打开"],
  [
    "No: Linux shows no `vmx`. CPUs of this model have VT-x and this is not a virtual machine, so the firmware most likely has it off",
    "没有：Linux 没有显示 `vmx`。这个型号的 CPU 有 VT-x，而且这不是虚拟机，所以很可能是固件关闭了它",
  ],
  [
    "No: Linux does not find VT-x switched on. Either the firmware has it off, or the CPU (or a hypervisor below) does not show it",
    "没有：Linux 没有发现 VT-x 打开。要么固件关闭了它，要么 CPU（或下层的 hypervisor）没有显示它",
  ],
  [
    "No: Linux does not find VT-x switched on. Either the firmware has it off, or the CPU does not show it",
    "没有：Linux 没有发现 VT-x 打开。要么固件关闭了它，要么 CPU 没有显示它",
  ],
  [
    "No: Linux does not find VT-x switched on. CPUs of this model have it, so the firmware has it off, or a hypervisor below does not show it",
    "没有：Linux 没有发现 VT-x 打开。这个型号的 CPU 有 VT-x，所以是固件关闭了它，或者下层的 hypervisor 没有显示它",
  ],
  [
    "No: KVM found the CPU's virtualization switched off by the firmware: VT-x in IA32_FEAT_CTL on an Intel CPU, SVM in VM_CR on an AMD CPU",
    "没有：KVM 发现固件关闭了 CPU 的虚拟化：Intel CPU 上是 IA32_FEAT_CTL 里的 VT-x，AMD CPU 上是 VM_CR 里的 SVM",
  ],
  ["The message is the same for both", "两种情况的消息相同"],
  [
    "No: the CPU shows VT-x, and Linux found it switched off in IA32_FEAT_CTL",
    "没有：CPU 显示有 VT-x，而 Linux 发现它在 IA32_FEAT_CTL 里是关闭的",
  ],
  [
    "The firmware has it off; in a virtual machine, the hypervisor below passes it incompletely",
    "是固件关闭了它；若是虚拟机，则是下层的 hypervisor 没有完整地传下来",
  ],
  ["The firmware has it off", "是固件关闭了它"],
  [
    "No: Linux shows no `vmx`, although IA32_FEAT_CTL (0x3a) reads {=v}, locked with VMX on: so CPUID shows Linux no VMX",
    "没有：Linux 没有显示 `vmx`，而 IA32_FEAT_CTL (0x3a) 是 {v}，已锁定并打开 VMX：所以 CPUID 没有向 Linux 显示 VMX",
  ],
  ["{a} does not pass VT-x in CPUID", "{a}没有在 CPUID 里传递 VT-x"],
  [
    "A hypervisor below hides it, or clearcpuid= on the kernel command line does",
    "下层的 hypervisor 隐藏了它，或者内核命令行的 clearcpuid= 隐藏了它",
  ],
  [
    "The CPU shows vmx, so the hypervisor below passes VT-x incompletely",
    "CPU 显示 vmx，所以是下层的 hypervisor 没有完整地传递 VT-x",
  ],
  ["This is a virtual machine: {a}", "这是虚拟机：{a}"],
  [
    "No: the firmware locked VT-x off: IA32_FEAT_CTL (0x3a) = {=v} has the lock (bit 0) at 1 and VMX outside SMX (bit 2) at 0",
    "没有：固件把 VT-x 锁定为关闭：IA32_FEAT_CTL (0x3a) = {v}，锁定位（第 0 位）为 1，SMX 之外的 VMX（第 2 位）为 0",
  ],
  [
    "No: the firmware locked VT-x off: IA32_FEAT_CTL (0x3a) has the lock (bit 0) at 1 and VMX outside SMX (bit 2) at 0",
    "没有：固件把 VT-x 锁定为关闭：IA32_FEAT_CTL (0x3a) 的锁定位（第 0 位）为 1，SMX 之外的 VMX（第 2 位）为 0",
  ],
  [
    "No: the firmware locked VT-x off: IA32_FEAT_CTL (0x3a) = {=v} has the lock (bit 0) at 1 and VMX inside SMX (bit 1) at 0",
    "没有：固件把 VT-x 锁定为关闭：IA32_FEAT_CTL (0x3a) = {v}，锁定位（第 0 位）为 1，SMX 之内的 VMX（第 1 位）为 0",
  ],
  [
    "No: the firmware locked VT-x off: IA32_FEAT_CTL (0x3a) has the lock (bit 0) at 1 and VMX inside SMX (bit 1) at 0",
    "没有：固件把 VT-x 锁定为关闭：IA32_FEAT_CTL (0x3a) 的锁定位（第 0 位）为 1，SMX 之内的 VMX（第 1 位）为 0",
  ],
  ["Booted through tboot, Linux looks at that bit", "由 tboot 引导时，Linux 看的是这一位"],
  [
    "No: IA32_FEAT_CTL (0x3a) = {=v} is locked with VMX off, in a virtual machine: {a}",
    "没有：这是虚拟机，IA32_FEAT_CTL (0x3a) = {v} 已锁定且 VMX 关闭：{a}",
  ],
  [
    "No: IA32_FEAT_CTL (0x3a) is locked with VMX off, in a virtual machine: {a}",
    "没有：这是虚拟机，IA32_FEAT_CTL (0x3a) 已锁定且 VMX 关闭：{a}",
  ],
  ["No: CPUID shows no VMX, and this is a virtual machine", "没有：CPUID 没有显示 VMX，而这是虚拟机"],
  ["No: Linux shows no `vmx`, and this is a virtual machine", "没有：Linux 没有显示 `vmx`，而这是虚拟机"],
  [
    "No: Linux shows neither `vmx` nor `svm`, and this is a virtual machine",
    "没有：Linux 既没有显示 `vmx`，也没有显示 `svm`，而这是虚拟机",
  ],
  ["No: Linux shows neither `vmx` nor `svm`", "没有：Linux 既没有显示 `vmx`，也没有显示 `svm`"],
  [
    "The firmware has virtualization off (VT-x of Intel, SVM Mode of AMD), or the CPU, or a hypervisor below, does not show it",
    "固件关闭了虚拟化（Intel 的 VT-x，AMD 的 SVM Mode），或者 CPU 或下层的 hypervisor 没有显示它",
  ],
  [
    "The firmware has virtualization off (VT-x of Intel, SVM Mode of AMD), or the CPU has none",
    "固件关闭了虚拟化（Intel 的 VT-x，AMD 的 SVM Mode），或者 CPU 没有它",
  ],
  [
    "The CPU has neither VT-x nor AMD-V, or a hypervisor hides it",
    "CPU 既没有 VT-x 也没有 AMD-V，或者被 hypervisor 隐藏了",
  ],
  ["The CPU has neither VT-x nor AMD-V", "CPU 既没有 VT-x 也没有 AMD-V"],
  ["No: CPUID shows no VMX", "没有：CPUID 没有显示 VMX"],
  ["No: Linux shows no `vmx`", "没有：Linux 没有显示 `vmx`"],
  ["The CPU has no VT-x", "CPU 没有 VT-x"],
  ["The CPU has no VT-x, or a hypervisor hides it", "CPU 没有 VT-x，或者被 hypervisor 隐藏了"],
  [
    "No: KVM found no virtualization in CPUID: no VT-x on an Intel CPU, no SVM on an AMD CPU; the message is the same for both",
    "没有：KVM 在 CPUID 里没有发现虚拟化：Intel CPU 上没有 VT-x，AMD CPU 上没有 SVM；两种情况的消息相同",
  ],
  ["The CPU has none, or a hypervisor hides it", "CPU 没有，或者被 hypervisor 隐藏了"],
  [
    "Bit 1 (inside SMX) alone is on: that is for a measured launch only",
    "只有第 1 位（SMX 之内）打开：它只供度量启动使用",
  ],
  [
    "No: the kernel refuses kvm_intel with EIO. VT-x was found and is on, and the CPU, or the hypervisor below, lacks something that KVM requires",
    "不能：内核以 EIO 拒绝加载 kvm_intel。VT-x 存在而且是打开的，但 CPU 或下层的 hypervisor 缺少 KVM 必需的东西",
  ],
  [
    "No: the kernel refuses kvm_intel (-EOPNOTSUPP), and the CPU shows vmx: so the firmware has VT-x off in IA32_FEAT_CTL. Older kernels show the flag all the same",
    "不能：内核拒绝加载 kvm_intel（-EOPNOTSUPP），而 CPU 显示 vmx：因此是固件在 IA32_FEAT_CTL 中关闭了 VT-x。较旧的内核仍会显示这个标志",
  ],
  [
    "No: the kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x that is on, because the hypervisor below does not pass it",
    "不能：内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到打开的 VT-x，因为下层的 hypervisor 没有传递它",
  ],
  [
    "No: the kernel refuses kvm_intel (-EOPNOTSUPP), although the CPU shows vmx: nearly always the firmware has VT-x off (IA32_FEAT_CTL); rarely, NX is off",
    "不能：内核拒绝加载 kvm_intel（-EOPNOTSUPP），尽管 CPU 显示 vmx：几乎总是固件关闭了 VT-x（IA32_FEAT_CTL）；少数情况下是 NX 关闭",
  ],
  [
    "No: the kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x. IA32_FEAT_CTL (0x3a) is not locked, so it is not the firmware that has it off: the CPU has none, or the hypervisor below a virtual machine does not pass it; rarely, NX is off",
    "不能：内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到 VT-x。IA32_FEAT_CTL（0x3a）没有锁定，所以不是固件关闭的：CPU 没有它，或者虚拟机下层的 hypervisor 没有传递它；少数情况下是 NX 关闭",
  ],
  [
    "No: the kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x that is on. Either the firmware has it off (IA32_FEAT_CTL), or the CPU has none (AMD's module is kvm_amd), or the hypervisor below a virtual machine does not pass it; rarely, NX is off",
    "不能：内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到打开的 VT-x。或者是固件关闭了它（IA32_FEAT_CTL），或者是 CPU 没有它（AMD 的模块是 kvm_amd），或者是虚拟机下层的 hypervisor 没有传递它；少数情况下是 NX 关闭",
  ],
  ["No: the kernel refuses kvm_intel (-{=e}). {a}", "不能：内核拒绝加载 kvm_intel（-{e}）。{a}"],
  ["No: the kernel refuses kvm_intel. {a}", "不能：内核拒绝加载 kvm_intel。{a}"],
  [
    "The kernel refuses kvm_intel (-EOPNOTSUPP), and the CPU shows vmx: so the firmware has VT-x off in IA32_FEAT_CTL. Older kernels show the flag all the same",
    "内核拒绝加载 kvm_intel（-EOPNOTSUPP），而 CPU 显示 vmx：因此是固件在 IA32_FEAT_CTL 中关闭了 VT-x。较旧的内核仍会显示这个标志",
  ],
  [
    "The kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x that is on, because the hypervisor below does not pass it",
    "内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到打开的 VT-x，因为下层的 hypervisor 没有传递它",
  ],
  [
    "The kernel refuses kvm_intel (-EOPNOTSUPP), although the CPU shows vmx: nearly always the firmware has VT-x off (IA32_FEAT_CTL); rarely, NX is off",
    "内核拒绝加载 kvm_intel（-EOPNOTSUPP），尽管 CPU 显示 vmx：几乎总是固件关闭了 VT-x（IA32_FEAT_CTL）；少数情况下是 NX 关闭",
  ],
  [
    "The kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x. IA32_FEAT_CTL (0x3a) is not locked, so it is not the firmware that has it off: the CPU has none, or the hypervisor below a virtual machine does not pass it; rarely, NX is off",
    "内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到 VT-x。IA32_FEAT_CTL（0x3a）没有锁定，所以不是固件关闭的：CPU 没有它，或者虚拟机下层的 hypervisor 没有传递它；少数情况下是 NX 关闭",
  ],
  [
    "The kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x that is on. Either the firmware has it off (IA32_FEAT_CTL), or the CPU has none (AMD's module is kvm_amd), or the hypervisor below a virtual machine does not pass it; rarely, NX is off",
    "内核拒绝加载 kvm_intel（-EOPNOTSUPP）：它没有找到打开的 VT-x。或者是固件关闭了它（IA32_FEAT_CTL），或者是 CPU 没有它（AMD 的模块是 kvm_amd），或者是虚拟机下层的 hypervisor 没有传递它；少数情况下是 NX 关闭",
  ],
  ["The kernel refuses kvm_intel (-{=e}). {a}", "内核拒绝加载 kvm_intel（-{e}）。{a}"],
  ["The kernel refuses kvm_intel. {a}", "内核拒绝加载 kvm_intel。{a}"],
  [
    "Most often that is a module parameter with a value that the kernel does not accept",
    "最常见的原因是某个模块参数的值不被内核接受",
  ],
  ["A module parameter has a number that is too large", "某个模块参数的数值太大"],
  ["There was no memory for it", "内存不足"],
  ["The CPUs differ", "各 CPU 不一致"],
  ["It found no VT-x that is on", "它没有找到打开的 VT-x"],
  ["Possible causes: {a}", "可能的原因：{a}"],
  ["({=n}) {a}", "（{n}）{a}"],
  ["and {=n} more", "另有 {n} 项"],
  [
    "the CPU, or the hypervisor below, lacks a control that KVM requires",
    "CPU 或下层的 hypervisor 缺少 KVM 必需的控制",
  ],
  [
    "the CPU, or the hypervisor below, does not allow {=l}, which KVM requires",
    "CPU 或下层的 hypervisor 不允许 {l}，而 KVM 必须有它",
  ],
  [
    "The CPU, or the hypervisor below, lacks a control that KVM requires",
    "CPU 或下层的 hypervisor 缺少 KVM 必需的控制",
  ],
  [
    "The CPU, or the hypervisor below, does not allow {=l}, which KVM requires",
    "CPU 或下层的 hypervisor 不允许 {l}，而 KVM 必须有它",
  ],
  [
    "No: {=p} is {=v} on this machine, as the kernel command line or modprobe.d asks for (nested={=w}), so guests get no VMX",
    "没有：这台机器上 {p} 是 {v}，由内核命令行或 modprobe.d 指定（nested={w}），所以客户机得不到 VMX",
  ],
  [
    "No: kvm_intel.nested is off, as the kernel command line or modprobe.d asks for (nested={=w}), so guests get no VMX",
    "没有：kvm_intel.nested 关闭，由内核命令行或 modprobe.d 指定（nested={w}），所以客户机得不到 VMX",
  ],
  ["Take it out where it is set, or it comes back at the next start", "在设置它的地方删掉它，否则下次启动又会生效"],
  ["No: {=p} is {=v} on this machine, so guests get no VMX", "没有：这台机器上 {p} 是 {v}，所以客户机得不到 VMX"],
  ["No: kvm_intel.nested is off, so guests get no VMX", "没有：kvm_intel.nested 关闭，所以客户机得不到 VMX"],
  [
    "Not known: IA32_FEAT_CTL (0x3a) is not locked, so the firmware leaves it to the operating system to switch VT-x on, as Linux does; {a}",
    "未知：IA32_FEAT_CTL (0x3a) 没有锁定，固件把打开 VT-x 留给操作系统，Linux 会打开它；{a}",
  ],
  [
    "Not known: this is a virtual machine, and whether {a} passes VT-x to it was not read",
    "未知：这是虚拟机，没有读取{a}是否把 VT-x 传给它",
  ],
  [
    "Not known: the CPU has VT-x, and whether the firmware has it on was not read",
    "未知：CPU 有 VT-x，但没有读取固件是否打开了它",
  ],
  [
    "Not known: neither CPUID nor IA32_FEAT_CTL (0x3a) says that VT-x is on",
    "未知：CPUID 和 IA32_FEAT_CTL (0x3a) 都没有表明 VT-x 已打开",
  ],
  [
    "Not known: kvm_intel is not loaded, nor is kvm_amd, and the reason was not read",
    "未知：kvm_intel 和 kvm_amd 都没有加载，原因没有读取",
  ],
  ["Not known: kvm_intel is not loaded, and the reason was not read", "未知：kvm_intel 没有加载，原因没有读取"],
  ["Not known: kvm_intel.nested was not read", "未知：没有读取 kvm_intel.nested"],
  [
    "Not known: VT-x is on; whether the CPU has every control that KVM requires was not read, and on a CPU with VT-x it nearly always does",
    "VT-x 是打开的；没有读取 CPU 是否具备 KVM 必需的全部控制，有 VT-x 的 CPU 几乎总是具备",
  ],
  [
    "Not known: VT-x is on, and kvm_intel is not loaded; whether the CPU has every control that KVM requires was not read, and on a CPU with VT-x it nearly always does",
    "VT-x 是打开的，而 kvm_intel 没有加载；没有读取 CPU 是否具备 KVM 必需的全部控制，有 VT-x 的 CPU 几乎总是具备",
  ],
  ["So neither kvm_intel nor kvm_amd loads", "所以 kvm_intel 和 kvm_amd 都不能加载"],
  ["So kvm_intel does not load", "所以 kvm_intel 不能加载"],
  ["whether CPUID shows VMX was not read", "没有读取 CPUID 是否显示 VMX"],
  ["the CPU has VT-x", "CPU 有 VT-x"],
  ["The hypervisor below ({!o})", "下层的 hypervisor（{o}）"],
  ["The hypervisor below", "下层的 hypervisor "],
  ["the hypervisor below ({!o})", "下层的 hypervisor（{o}）"],
  ["the hypervisor below", "下层的 hypervisor "],
  [
    "No: kvm_amd is loaded, so this is an AMD CPU. It has SVM instead of VMX, and KVM uses that; vmxlens is about VMX",
    "没有：已加载的是 kvm_amd，所以这是 AMD CPU。它有 SVM 而没有 VMX，KVM 用的是 SVM；vmxlens 只涉及 VMX",
  ],
  ["No: this is an AMD CPU ({!n}) in a virtual machine", "没有：这是虚拟机里的 AMD CPU（{n}）"],
  ["No: this is an AMD CPU in a virtual machine", "没有：这是虚拟机里的 AMD CPU"],
  [
    "It has SVM instead of VMX, its module is kvm_amd, and the hypervisor below ({!n}) has to pass it",
    "它有的是 SVM 而不是 VMX，其模块是 kvm_amd，下层的 hypervisor（{n}）必须把它传下来",
  ],
  [
    "It has SVM instead of VMX, its module is kvm_amd, and the hypervisor below has to pass it",
    "它有的是 SVM 而不是 VMX，其模块是 kvm_amd，下层的 hypervisor必须把它传下来",
  ],
  [
    "See whether the flag is there; where it is not, let the hypervisor below pass AMD-V (nested virtualization), with the machine off",
    "看看有没有这个标志；没有的话，在关机状态下让下层的 hypervisor把 AMD-V 传下来（嵌套虚拟化）",
  ],
  ["No: this is an AMD CPU ({!n})", "没有：这是 AMD CPU（{n}）"],
  ["No: this is an AMD CPU", "没有：这是 AMD CPU"],
  [
    "It has SVM instead of VMX, and shows it; its module is kvm_amd, and vmxlens is about VMX",
    "它有 SVM 而没有 VMX，并且显示了 SVM；对应的模块是 kvm_amd，vmxlens 只涉及 VMX",
  ],
  [
    "It has SVM instead of VMX, and shows it; its module is kvm_amd, which is not loaded",
    "它有 SVM 而没有 VMX，并且显示了 SVM；对应的模块是 kvm_amd，它没有加载",
  ],
  [
    "AMD's CPUs have SVM instead of VMX, and the module for it is kvm_amd; vmxlens is about VMX",
    "AMD 的 CPU 有 SVM 而没有 VMX，对应的模块是 kvm_amd；vmxlens 只涉及 VMX",
  ],
  [
    "It has SVM instead of VMX, and its module, kvm_amd, is loaded: KVM works here; vmxlens is about VMX",
    "它有 SVM 而没有 VMX，对应的模块 kvm_amd 已加载：KVM 在这里可用；vmxlens 只涉及 VMX",
  ],
  ["No: this is an ARM machine ({~m})", "没有：这是 ARM 机器（{m}）"],
  ["No: this is a POWER machine ({~m})", "没有：这是 POWER 机器（{m}）"],
  ["No: this is an IBM Z machine ({~m})", "没有：这是 IBM Z 机器（{m}）"],
  ["No: this is a RISC-V machine ({~m})", "没有：这是 RISC-V 机器（{m}）"],
  ["No: this is a machine of {~m}", "没有：这台机器的架构是 {m}"],
  [
    "VMX and kvm_intel exist on x86 only; this architecture has a KVM of its own, and vmxlens is about VMX",
    "VMX 和 kvm_intel 只存在于 x86；这个架构有自己的 KVM，而 vmxlens 只涉及 VMX",
  ],
];

/** What to do. */
/** Messages of a kernel that decide the answer, see `message-answer.ts`. */
const MESSAGES: readonly Phrase[] = [
  [
    "The machine was booted through tboot, and the firmware locked IA32_FEAT_CTL with bit 1 (VMX inside SMX) at 0: in a measured launch only that bit counts",
    "机器是通过 tboot 启动的，而固件把 IA32_FEAT_CTL 锁定为第 1 位（SMX 之内的 VMX）为 0：在度量启动中只有这一位起作用",
  ],
  [
    "Boot without tboot, or enable TXT and VT-x together in the firmware setup",
    "不通过 tboot 启动，或者在固件设置里同时打开 TXT 和 VT-x",
  ],
  [
    "Read IA32_FEAT_CTL of every CPU: bit 0 is the lock, bit 2 VMX outside SMX, bit 1 VMX inside SMX; 0x5 and 0x7 are good, 0x1 is locked off",
    "读取每个 CPU 的 IA32_FEAT_CTL：第 0 位是锁，第 2 位是 SMX 之外的 VMX，第 1 位是 SMX 之内的 VMX；0x5 和 0x7 正常，0x1 表示锁定为关闭",
  ],
  [
    "Boot took VMX away from the CPUs: IA32_FEAT_CTL has it off, the VMCS size in IA32_VMX_BASIC is impossible, or memory for the VMXON regions was short",
    "启动时内核从各 CPU 去掉了 VMX：IA32_FEAT_CTL 关闭了它，或者 IA32_VMX_BASIC 中的 VMCS 大小不可能成立，或者 VMXON 区域的内存不足",
  ],
  ["Look for the boot message that says why", "查找说明原因的启动消息"],
];

const STEPS: readonly Phrase[] = [
  [
    "With the machine off (Parallels Desktop Pro, on a Mac with an Intel CPU), switch nested virtualization on",
    "关闭虚拟机后打开嵌套虚拟化（Parallels Desktop Pro，Intel CPU 的 Mac）",
  ],
  [
    "Choose a size that supports nested virtualization (Dv3, Ev3 and later with an Intel CPU), and the security type Standard: Trusted Launch can switch it off",
    "选择支持嵌套虚拟化的规格（Intel CPU 的 Dv3、Ev3 及之后的系列），安全类型选“标准”：受信任启动可能会关闭它",
  ],
  [
    "Choose a bare-metal instance (ebm types): others do not pass VT-x",
    "选择裸金属实例（ebm 规格）：其他实例不传递 VT-x",
  ],
  [
    "Docker Desktop runs containers in a machine of its own. On Windows that is WSL2, which has /dev/kvm with nested virtualization on; pass it in. On macOS there is none; on Linux use Docker Engine, which has the host's",
    "Docker Desktop 在它自己的虚拟机里运行容器。在 Windows 上那是 WSL2，打开嵌套虚拟化后它有 /dev/kvm，把它传入容器即可。在 macOS 上没有；在 Linux 上请用 Docker Engine，它用的是宿主机的设备",
  ],
  [
    "See whether the machine shows vmx; where it does not, only another kind of machine (dedicated or bare metal) has it, or plain emulation does",
    "看看机器是否显示 vmx；如果没有，只能换一种机器（独享或裸金属），或者用纯软件模拟",
  ],
  [
    "Its runners are virtual machines or containers of the service: take a kind of runner that it documents with KVM, or one of your own on a machine that has KVM",
    "它的 runner 是该服务的虚拟机或容器：请选用其文档中写明带 KVM 的 runner，或在有 KVM 的机器上自建 runner",
  ],
  [
    "On the cluster, with the machine off, let it have the host's CPU",
    "在集群上，先关闭这台机器，再让它使用宿主机的 CPU",
  ],
  [
    "The machine is emulated, and QEMU's emulation has no VMX: run it with KVM, on a host with VT-x",
    "这台机器是模拟的，而 QEMU 的模拟没有 VMX：请在有 VT-x 的宿主机上用 KVM 运行它",
  ],
  ["Its containers have KVM where the task asks for it", "任务中要求时，它的容器才有 KVM"],
  [
    "No setting of a codespace passes it. See what this one got (svm is AMD's); with neither, use another machine",
    "codespace 没有任何设置能把它传进来。看看这台得到了什么（svm 是 AMD 的）；两者都没有时，换一台机器",
  ],
  [
    "Hosted Linux runners have /dev/kvm, for root alone until a rule opens it; where it is missing, the runner is self-hosted or of a kind without nested virtualization",
    "托管的 Linux runner 有 /dev/kvm，在用规则开放之前只有 root 可用；没有它时，runner 是自托管的，或者是不带嵌套虚拟化的一类",
  ],
  ["See whether it is on", "看看它是否打开"],
  [
    "Read both: vmx must be among the flags, and IA32_FEAT_CTL must read 5 or 7 (1: the firmware locked it off)",
    "两者都读：flags 里要有 vmx，IA32_FEAT_CTL 要读出 5 或 7（1 表示固件锁定为关闭）",
  ],
  [
    "Read IA32_FEAT_CTL: 1 is locked off by the firmware; 5 or 7 is on, and then the CPU or a hypervisor below hides VT-x",
    "读取 IA32_FEAT_CTL：1 表示固件锁定为关闭；5 或 7 表示打开，那么是 CPU 或下层的 hypervisor 隐藏了 VT-x",
  ],
  [
    "Where it reads 1, enable VT-x in the firmware setup (Intel Virtualization Technology, VMX), save, and switch the machine off and on: a restart does not release the lock",
    "读出 1 时，在固件设置里打开 VT-x（Intel Virtualization Technology、VMX），保存，然后断电再开机：重启不会解除锁定",
  ],
  [
    "Enable VT-x in the firmware setup (Intel Virtualization Technology, VMX), save, and switch the machine off and on: a restart does not release the lock",
    "在固件设置里打开 VT-x（Intel Virtualization Technology、VMX），保存，然后断电再开机：重启不会解除锁定",
  ],
  [
    "Switch Intel TXT (Trusted Execution) off in the firmware setup, leave VT-x on, and switch the machine off and on",
    "在固件设置里关闭 Intel TXT（Trusted Execution），保持 VT-x 打开，然后断电再开机",
  ],
  [
    "Enable it in the firmware setup (Intel Virtualization Technology, VT-x; on an AMD CPU, SVM Mode), save, and switch the machine off and on: a restart does not release the lock",
    "在固件设置里打开它（Intel Virtualization Technology、VT-x；AMD CPU 上是 SVM Mode），保存，然后断电再开机：重启不会解除锁定",
  ],
  [
    "If it is not a virtual machine, enable it in the firmware setup (Intel Virtualization Technology, VT-x; on an AMD CPU, SVM Mode), save, and switch the machine off and on: a restart does not release the lock",
    "如果不是虚拟机，在固件设置里打开它（Intel Virtualization Technology、VT-x；AMD CPU 上是 SVM Mode），保存，然后断电再开机：重启不会解除锁定",
  ],
  ["Load it, and read what the kernel says", "加载它，看内核怎么说"],
  ["See whose CPU it is, and whether this is a virtual machine", "看看是哪家的 CPU，以及这是不是虚拟机"],
  ["The kernel log has the reason", "原因在内核日志里"],
  ["See which one the kernel names, and where it is set", "看看内核点名的是哪个参数，以及它是在哪里设置的"],
  [
    "A missing control leaves nothing in the kernel's log; the registers say which it is",
    "缺少控制时内核日志里什么也没有；要看寄存器才知道缺的是哪一个",
  ],
  ["Look at AMD's module instead", "应当看 AMD 的模块"],
  [
    "See all that sets the module's parameters, and load it again; no virtual machine may run",
    "查看所有设置该模块参数的地方，然后重新加载它；此时不能有虚拟机在运行",
  ],
  ["Reload the module with it; no virtual machine may run", "带上它重新加载模块；此时不能有虚拟机在运行"],
  [
    "On the host, switch nested on and give the guest a CPU with vmx; then shut it down and start it",
    "在宿主机上打开 nested，并给客户机一个带 vmx 的 CPU；然后关掉客户机再启动",
  ],
  ["In the .vmx file of the powered-off machine, let it have VT-x", "虚拟机关机后，在它的 .vmx 文件里允许 VT-x"],
  [
    "On the Windows host, with the machine off, expose it (Azure: choose a size that supports nested virtualization)",
    "在 Windows 宿主机上、虚拟机关机时，把它暴露给虚拟机（Azure：选择支持嵌套虚拟化的规格）",
  ],
  ["On the host, with the machine off, switch nested VT-x on", "在宿主机上、虚拟机关机时，打开嵌套 VT-x"],
  [
    "Create the instance again with nested virtualization on, on a machine type with an Intel CPU (E2 types cannot)",
    "重新创建实例：打开嵌套虚拟化，并选择 Intel CPU 的机器类型（E2 类型不行）",
  ],
  [
    "Choose a .metal instance type, or an Intel type of the 8th generation (C8i, M8i, R8i), launched with nested virtualization, which is off unless asked for",
    "选择 .metal 实例类型，或第 8 代 Intel 类型（C8i、M8i、R8i）并在启动实例时打开嵌套虚拟化（默认关闭）",
  ],
  [
    "In a virtual machine the hypervisor below decides: let it pass VT-x (nested virtualization), with the machine off. Which one it is",
    "在虚拟机里由下层的 hypervisor 决定：让它在虚拟机关机时传下 VT-x（嵌套虚拟化）。查看是哪一种",
  ],
  ["Read what the kernel says about KVM", "看内核关于 KVM 怎么说"],
];

/** What an answer rests on. */
const EVIDENCE: readonly Phrase[] = [
  ["CPU: unnamed, signature {=s}", "CPU：没有名字，signature {s}"],
  ["CPU: unnamed", "CPU：没有名字"],
  ["CPU: {!h}, signature {=s}", "CPU：{h}，signature {s}"],
  ["CPU: {!h}", "CPU：{h}"],
  ["`vmx` is among the flags", "flags 里有 `vmx`"],
  ["`vmx` is not among the flags", "flags 里没有 `vmx`"],
  ["Linux shows `vmx`", "Linux 显示有 `vmx`"],
  ["Linux does not show `vmx`", "Linux 没有显示 `vmx`"],
  ["IA32_FEAT_CTL (0x3a): {a}, which follows from the rest", "IA32_FEAT_CTL (0x3a)：{a}（由其余内容推出）"],
  ["IA32_FEAT_CTL (0x3a) is absent", "IA32_FEAT_CTL (0x3a) 不存在"],
  ["VMX outside SMX {a}", "SMX 之外的 VMX {a}"],
  ["inside SMX {a}", "SMX 之内 {a}"],
  ["known in part", "只知道一部分"],
  [
    "the `vmx flags` line of /proc/cpuinfo, {=n} names: what the CPU allows, whatever KVM makes of it",
    "/proc/cpuinfo 的 `vmx flags` 行，{n} 个名字：CPU 允许的，与 KVM 如何使用无关",
  ],
  ["the kernel refused kvm_intel with {=e}", "内核以 {e} 拒绝了 kvm_intel"],
  ["lsmod: kvm_intel is loaded", "lsmod：kvm_intel 已加载"],
  ["lsmod: kvm_intel is not loaded", "lsmod：kvm_intel 没有加载"],
  ["it is not a virtual machine", "不是虚拟机"],
  ["it is a virtual machine ({!o})", "是虚拟机（{o}）"],
  ["it is a virtual machine", "是虚拟机"],
];

/** Where what was read contradicts itself. */
const CONTRADICTIONS: readonly Phrase[] = [
  ["{~r} of the CPU", "CPU 的 {r}"],
  ["{~r} of CPU {=n}", "CPU {n} 的 {r}"],
  ["the kernel release", "内核版本"],
  ["the vmx flags line", "vmx flags 行"],
  ["what the flags line says about VMX", "flags 行关于 VMX 的内容"],
  ["flag vmx or svm", "vmx 或 svm 标志"],
  ["module {=m}", "模块 {m}"],
  [
    "line {=n}: {a} is {!x} here and {!y} in line {=m}; it stays unknown",
    "第 {n} 行：{a} 在此处是 {x}，在第 {m} 行是 {y}；保持未知",
  ],
  [
    "line {=n}: {a} is {!x} here and {!y} in line {=m}; bit {=b} stays unknown",
    "第 {n} 行：{a} 在此处是 {x}，在第 {m} 行是 {y}；第 {b} 位保持未知",
  ],
  [
    "line {=n}: {a} is {!x} here and {!y} in line {=m}; bits {=b} stay unknown",
    "第 {n} 行：{a} 在此处是 {x}，在第 {m} 行是 {y}；{b} 位保持未知",
  ],
  [
    "these cannot both be true of one machine, and neither is used: {!m}",
    "一台机器上这两者不可能同时成立，因此两者都不采用：{m}",
  ],
  [
    "these cannot all be true of one machine, and none is used: {!m}",
    "一台机器上这些不可能同时成立，因此都不采用：{m}",
  ],
  ["this cannot be true of a machine like this, and is not used: {!m}", "这样的机器上这不可能成立，因此不采用：{m}"],
];

/** The answers without their first word, as verdicts on whether KVM loads quote them. */
const QUOTED: readonly Phrase[] = ANSWERS.flatMap(([english, chinese]): Phrase[] => {
  const rest = english.replace(/^(?:Yes|No|Not known): /, "");
  return rest === english ? [] : [[rest, chinese.replace(/^(?:有|能|没有|不能|未知)：/, "")]];
});

export const QUESTION_PHRASES_ZH: readonly Phrase[] = [
  ...CONTRADICTIONS,
  ...ANSWERS,
  ...QUOTED,
  ...MESSAGES,
  ...STEPS,
  ...EVIDENCE,
];
