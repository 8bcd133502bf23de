/*
 * Chinese for statements about a machine and its kernel: the leaves of conditions, what a machine could not show, and how a
 * kernel's name is understood; `translate.ts` says what a hole is.
 */

type Phrase = readonly [english: string, chinese: string];

const CONDITIONS: readonly Phrase[] = [
  [
    "the vendor is one whose kernel code looks at IA32_FEAT_CTL (GenuineIntel, CentaurHauls, Shanghai)",
    "厂商的内核代码会看 IA32_FEAT_CTL（GenuineIntel、CentaurHauls、Shanghai）",
  ],
  [
    "the vendor is not one whose kernel code looks at IA32_FEAT_CTL (GenuineIntel, CentaurHauls, Shanghai)",
    "厂商的内核代码不看 IA32_FEAT_CTL（GenuineIntel、CentaurHauls、Shanghai 之外）",
  ],
  ["the vendor is GenuineIntel", "厂商是 GenuineIntel"],
  ["the vendor is not GenuineIntel", "厂商不是 GenuineIntel"],
  ["the machine was booted through tboot", "机器经 tboot 启动"],
  ["the machine was not booted through tboot", "机器不经 tboot 启动"],
  ["the host has an architectural PMU", "主机有架构 PMU"],
  ["the host has no architectural PMU", "主机没有架构 PMU"],
  ["interrupt remapping can post interrupts", "中断重映射能投递 posted interrupt"],
  ["interrupt remapping cannot post interrupts", "中断重映射不能投递 posted interrupt"],
  [
    "the machine runs on a Hyper-V that recommends the enlightened VMCS",
    "机器运行在推荐使用 enlightened VMCS 的 Hyper-V 上",
  ],
  [
    "the machine does not run on a Hyper-V that recommends the enlightened VMCS",
    "机器不是运行在推荐使用 enlightened VMCS 的 Hyper-V 上",
  ],
  ["perf offers a mediated PMU", "perf 提供 mediated PMU"],
  ["perf offers no mediated PMU", "perf 不提供 mediated PMU"],
  ["VMX is usable on every CPU", "所有 CPU 上 VMX 都可用"],
  ["VMX is not usable on every CPU", "并非所有 CPU 上 VMX 都可用"],
  ["the TDX module is present", "有 TDX 模块"],
  ["the TDX module is not present", "没有 TDX 模块"],
  ["the model has the IA32_PERF_GLOBAL_CTRL erratum", "这个型号有 IA32_PERF_GLOBAL_CTRL 的勘误"],
  ["the model does not have the IA32_PERF_GLOBAL_CTRL erratum", "这个型号没有 IA32_PERF_GLOBAL_CTRL 的勘误"],
  ["the signature is on KVM's list of broken preemption timers", "signature 在 KVM 的抢占定时器故障名单上"],
  ["the signature is not on KVM's list of broken preemption timers", "signature 不在 KVM 的抢占定时器故障名单上"],
  ["the kernel wants VMX", "内核要用 VMX"],
  ["the kernel does not want VMX", "内核不用 VMX"],
  ["the kernel wants SGX for guests", "内核要给客户机提供 SGX"],
  ["the kernel does not want SGX for guests", "内核不给客户机提供 SGX"],
  ["the SGX driver is wanted", "内核要用 SGX 驱动"],
  ["the SGX driver is not wanted", "内核不用 SGX 驱动"],
  ["the kernel writes IA32_FEAT_CTL", "内核会写 IA32_FEAT_CTL"],
  ["the kernel does not write IA32_FEAT_CTL", "内核不写 IA32_FEAT_CTL"],
  ["CPUID.12H says SGX1", "CPUID.12H 表明有 SGX1"],
  ["CPUID.12H does not say SGX1", "CPUID.12H 没有表明 SGX1"],
  ["CPUID has {~f}", "CPUID 有 {f}"],
  ["CPUID does not have {~f}", "CPUID 没有 {f}"],
  ["an entry/exit pair is inconsistent", "有一对 entry/exit 控制不一致"],
  ["no entry/exit pair is inconsistent", "没有不一致的 entry/exit 控制对"],
  ["{=f} is set", "{f} 为 1"],
  ["{=f} is not set", "{f} 为 0"],
  ["{=f} runs", "{f} 会执行"],
  ["{=f} does not run", "{f} 不会执行"],
  ["bits {=n} of {=w} is not 0", "{w} 的 {n} 位不为 0"],
  ["bits {=n} of {=w} is 0", "{w} 的 {n} 位为 0"],
  ["bits {=n} of {=w} are at most {=m}", "{w} 的 {n} 位不大于 {m}"],
  ["bits {=n} of {=w} are more than {=m}", "{w} 的 {n} 位大于 {m}"],
  ["bits {=n} of {=w} are not {=m}", "{w} 的 {n} 位不是 {m}"],
  ["bits {=n} of {=w} are {=m}", "{w} 的 {n} 位是 {m}"],
  ["{=w} is not 0", "{w} 不为 0"],
  ["{=w} is 0", "{w} 为 0"],
  ["{=r} can be read", "{r} 可以读取"],
  ["the VMX-preemption timer runs faster than its limit", "VMX 抢占定时器快于其上限"],
  ["the VMX-preemption timer runs within its limit", "VMX 抢占定时器不超过其上限"],
  ["the VMX-preemption timer runs faster than the limit of CPUID leaf 15H", "VMX 抢占定时器快于 CPUID 叶 15H 的上限"],
  ["the VMX-preemption timer runs within the limit of CPUID leaf 15H", "VMX 抢占定时器不超过 CPUID 叶 15H 的上限"],
  ["the TSC frequency, or the ratio in CPUID.15H", "TSC 频率，或 CPUID.15H 里的比值"],
  ["whether {a}", "是否{a}"],
  ["not known: {a}", "未知：{a}"],
];

const MACHINE: readonly Phrase[] = [
  [
    "VT-x of this machine cannot be read (see the end). This is an example, {a}",
    "无法读取这台机器的 VT-x（见末尾）。下面是示例：{a}",
  ],
  [
    "VT-x of this machine cannot be read: {a} ({~c}). This is an example, {b}",
    "无法读取这台机器的 VT-x：{a}（{c}）。下面是示例：{b}",
  ],
  [
    "VT-x of this machine cannot be read: {a}. This is an example, {b}",
    "无法读取这台机器的 VT-x：{a}。下面是示例：{b}",
  ],
  ["the atlas' CPU with its signature", "atlas 里与它 signature 相同的 CPU"],
  ["a CPU of the atlas", "atlas 里的一个 CPU"],
  ["Other examples: {~c}. A file with MSR values is a HOST, too", "其他示例：{c}。含有 MSR 值的文件也可以作为 HOST"],
  ["a CPU with VMX", "有 VMX 的 CPU"],
  ["VMX MSRs of CPU {=n}", "CPU {n} 的 VMX MSR"],
  ["VMX MSRs", "VMX MSR"],
  ["parameters of kvm_intel", "kvm_intel 的参数"],
  ["this is an AMD CPU, which has SVM instead of VMX", "这是 AMD CPU，有 SVM 而没有 VMX"],
  [
    "VMX needs a CPU of Intel, Centaur or Zhaoxin, and this one is {~v}",
    "VMX 需要 Intel、Centaur 或 Zhaoxin 的 CPU，而这个 CPU 是 {v}",
  ],
  ["it does not run Linux, which is what gives access to MSRs", "它运行的不是 Linux，而访问 MSR 要靠 Linux"],
  ["it cannot be read", "无法读取"],
  [
    "/proc/cpuinfo names no CPU vendor, so this is another architecture",
    "/proc/cpuinfo 里没有 CPU 厂商，所以这是别的架构",
  ],
  [
    "/dev/cpu/0/cpuid cannot be read; /proc/cpuinfo shows what Linux kept of it, and the rest stays unknown",
    "无法读取 /dev/cpu/0/cpuid；/proc/cpuinfo 显示的是 Linux 保留的部分，其余保持未知",
  ],
  ["the module is not loaded", "模块没有加载"],
  ["the CPU is offline", "该 CPU 处于离线状态"],
  ["only root may read /dev/cpu/N/msr", "只有 root 可以读取 /dev/cpu/N/msr"],
  ["reading /dev/cpu/N/msr needs the capability CAP_SYS_RAWIO", "读取 /dev/cpu/N/msr 需要 CAP_SYS_RAWIO 权能"],
  ["reading /dev/cpu/N/msr fails with {=e}", "读取 /dev/cpu/N/msr 失败：{e}"],
  ["there is no /dev/cpu/N/msr for it", "它没有对应的 /dev/cpu/N/msr"],
  ["there is no /dev/cpu/N/msr: the msr module is not loaded", "没有 /dev/cpu/N/msr：msr 模块没有加载"],
  [
    "the msr module is loaded and /dev/cpu/N/msr is not there: a container, or /dev is not devtmpfs",
    "msr 模块已加载，却没有 /dev/cpu/N/msr：这是容器，或者 /dev 不是 devtmpfs",
  ],
  [
    "this container has no /dev/cpu/N/msr; the host must have the msr module and pass the devices on",
    "这个容器里没有 /dev/cpu/N/msr；宿主机要加载 msr 模块并把这些设备传进来",
  ],
  [
    "this is a virtual machine, and its hypervisor hides VMX from it; on a KVM host, nested must be on",
    "这是虚拟机，它的 hypervisor 隐藏了 VMX；在 KVM 宿主机上必须打开 nested",
  ],
  [
    "no vmx among the flags of /proc/cpuinfo: the firmware disabled it, or the CPU does not have it",
    "/proc/cpuinfo 的 flags 里没有 vmx：固件关闭了它，或者 CPU 没有它",
  ],
  ["{a} (sudo {~c})", "{a}（sudo {c}）"],
  ["{a} ({=v} to {=w}, {=n})", "{a}（{v} 到 {w}, {n}）"],
  ["{a} ({=v} to {=w})", "{a}（{v} 到 {w}）"],
  ["{a} ({=n})", "{a}（{n}）"],
];

const KERNELS: readonly Phrase[] = [
  ["{=k} (what the host runs)", "{k}（主机正在运行的）"],
  ["{=k} (behaves like {=b}) (what the host runs)", "{k}（行为同 {b}）（主机正在运行的）"],
  ["{=t} → {a} (asked for; {b})", "{t} → {a}（用户指定；{b}）"],
  ["{=t} → {a} (what the host runs; {b})", "{t} → {a}（主机正在运行的；{b}）"],
  ["{=t} → {a} (asked for)", "{t} → {a}（用户指定）"],
  ["{=t} → {a} (what the host runs)", "{t} → {a}（主机正在运行的）"],
  ["{a} (asked for; {b})", "{a}（用户指定；{b}）"],
  ["{a} (what the host runs; {b})", "{a}（主机正在运行的；{b}）"],
  ["Linux {=v} to {=w}", "Linux {v} 到 {w}"],
  ["{=k} as of {=v}", "{k}（以 {v} 为准）"],
  [
    "{=k} (no kernel is named; these fit what the machine shows; choose another with --kernel)",
    "{k}（没有指定内核；这些与机器显示的内容相符；可用 --kernel 另选）",
  ],
  ["Linux {=a} or {=b}", "Linux {a} 或 {b}"],
  ["{=a} or {=b}", "{a} 或 {b}"],
  ["{~v} takes code from newer releases into {=s}", "{v} 会把更新版本的代码移植到 {s}"],
  [
    "{=v} is newer than every kernel that is modelled: every answer is as of {=k}",
    "{v} 比所有已建模的内核都新：所有答案以 {k} 为准",
  ],
  ["{=v} is not modelled; it lies between {=x} and {=y}", "{v} 没有建模，介于 {x} 与 {y} 之间"],
  ["{=v} is not modelled; it lies beside {~l}", "{v} 没有建模；它旁边的是 {l}"],
  ["which stable release of {=s} it is does not follow from its name", "从名字看不出它是 {s} 的哪个稳定版"],
  [
    "who built it is not known: it can have code from newer releases than {=s}",
    "不知道是谁编译的：它可能含有比 {s} 更新的代码",
  ],
  ["a candidate for {=s}: what is new in {=t} need not be in it", "{s} 的候选版：{t} 的新内容不一定都在其中"],
  [
    "the machine shows something else than {a} would: {!m}; {~c} says why",
    "机器显示的与 {a} 应有的不同：{m}；{c} 会说明原因",
  ],
  ["every kernel that it can be", "它可能是的任何一个内核"],
  ["{~v} has had kernels of several series", "{v} 用过多个系列的内核"],
  ["ruled out by the host itself: {!l}", "被主机自身的内容排除：{l}"],
  [
    "what the host reports fits none of these kernels; nearest is {=k}, but for {!l}",
    "主机报告的内容与这些内核都不符；最接近的是 {k}，除了 {l}",
  ],
  ["{=k} has no parameter {~p} in this configuration and ignores it", "{k} 在此配置下没有参数 {p}，会忽略它"],
  ["{a} (under {=k})", "{a}（在 {k} 下）"],
  ...notAppliedPhrases(),
  ["set on the host, by its /sys/module: {=p}", "按主机的 /sys/module，已设置：{p}"],
  ["as the host's /sys/module shows it: {=p}", "如主机的 /sys/module 所示：{p}"],
  [
    "where the registers do not decide what KVM offers guests, the values in the text are used",
    "凡是寄存器不能决定 KVM 向客户机提供什么的地方，采用文本里的值",
  ],
];

/** What the kernel's own code did. */
const MODULES: readonly Phrase[] = [
  [
    "by the code of {~f} (Linux {~k}) itself: whether it loads, the `vmx flags` line, KVM's controls, parameters and what L1 gets; the rest, and reasons, are of the tables of {~t}, which agree with it in all of that",
    "能否加载、`vmx flags` 行、KVM 的控制、参数以及 L1 得到的，由 {f}（Linux {k}）自身的代码得出；其余内容和原因取自 {t} 的表，这些表与它完全一致",
  ],
  [
    "by the code of {~f} (Linux {~k}) itself: whether it loads, the `vmx flags` line, KVM's controls, parameters and what L1 gets; the rest, and reasons, are of the tables of {~t}, which differ from it in {=n} results",
    "能否加载、`vmx flags` 行、KVM 的控制、参数以及 L1 得到的，由 {f}（Linux {k}）自身的代码得出；其余内容和原因取自 {t} 的表，这些表与它有 {n} 个结果不同",
  ],
  [
    "by the code of {~f} (Linux {~k}) itself: whether it loads, KVM's controls, parameters and what L1 gets; the rest, and reasons, are of the tables of {~t}, which agree with it in all of that",
    "能否加载、KVM 的控制、参数以及 L1 得到的，由 {f}（Linux {k}）自身的代码得出；其余内容和原因取自 {t} 的表，这些表与它完全一致",
  ],
  [
    "by the code of {~f} (Linux {~k}) itself: whether it loads, KVM's controls, parameters and what L1 gets; the rest, and reasons, are of the tables of {~t}, which differ from it in {=n} results",
    "能否加载、KVM 的控制、参数以及 L1 得到的，由 {f}（Linux {k}）自身的代码得出；其余内容和原因取自 {t} 的表，这些表与它有 {n} 个结果不同",
  ],
  ["Boot, by the kernel's image", "启动（执行内核映像的代码）"],
  ["Loading, by the modules", "加载（执行模块的代码）"],
  ["In the module itself", "在模块自身里"],
  ["The module keeps no bit of it: other layers decide", "模块里没有它的位：由其他层决定"],
  ["no rule changes it", "没有规则改变它"],
  ["not found: the bit comes from more than one place", "没有找到：这一位来自不止一处"],
  ["{!i}, the read of MSR {=m}", "{i}，读取 MSR {m}"],
  ["{!i}, not taken", "{i}，未跳转"],
  ["{!i}, taken", "{i}，跳转"],
  ["{!i}, both ways", "{i}，两条路都走"],
  ["in {~f} (perhaps)", "在 {f} 里（可能）"],
  ["in {~f}", "在 {f} 里"],
];

export const STATEMENT_PHRASES_ZH: readonly Phrase[] = [...MODULES, ...KERNELS, ...CONDITIONS, ...MACHINE];

/** What `NotApplied` says, with and without the lines, in a note and behind an answer. */
function notAppliedPhrases(): Phrase[] {
  const endings: readonly Phrase[] = [
    ["KVM changes it, and {~c} says why", "KVM 会改变它，{c} 会说明原因"],
    [
      "KVM changed it, or {=m} has to be loaded again for it, or something else overrides it",
      "KVM 改变了它，或者须重新加载 {m} 才会生效，或者有别的设置覆盖了它",
    ],
    [
      "{=m} has to be loaded again for it, or something else overrides it",
      "须重新加载 {m} 才会生效，或者有别的设置覆盖了它",
    ],
  ];
  return ["", "But "].flatMap((but) =>
    endings.flatMap(([english, chinese]): Phrase[] => {
      const start = but === "" ? "" : "但是，";
      return [
        [
          `${but}{=p} is asked for (line {=n}), and /sys/module shows {=s} (line {=l}): ${english}`,
          `${start}第 {n} 行要求 {p}，而 /sys/module 显示 {s}（第 {l} 行）：${chinese}`,
        ],
        [
          `${but}{=p} is asked for, and /sys/module shows {=s}: ${english}`,
          `${start}要求的是 {p}，而 /sys/module 显示 {s}：${chinese}`,
        ],
      ];
    }),
  );
}
