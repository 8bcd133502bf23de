/*
 * A host with KVM and one guest, with a known truth: whether the guest has VMX (SVM), and why not. Facts: Linux,
 * arch/x86/kvm/vmx/vmx.c and svm.c (nested and its default), QEMU, target/i386/cpu.c (models, warnings of mark_unavailable_features),
 * libvirt, src/cpu/cpu_x86.c and docs/formatdomain, and the programs' own sources for what they print.
 */

export interface Nested {
  readonly vendor: "intel" | "amd";
  readonly kernel: string;
  /** As /sys/module shows it. */
  readonly nested: boolean;
  /** What modprobe.d asks for, which counts when the module is loaded the next time. */
  readonly option: "on" | "off" | undefined;
  readonly stack: "libvirt" | "qemu" | "proxmox";
  readonly cpu: "host" | "host-model" | "named" | "named, with it" | "host, without it";
  readonly accel: "kvm" | "tcg";
  /** The guest runs since before the host and its configuration were as they are now. */
  readonly stale: boolean;
  /** The flag is in the guest. */
  readonly sees: boolean;
  /** The guest's module is loaded. */
  readonly loaded: boolean;
}

const KERNELS = [
  { name: "4.19.0-26-amd64", byDefault: false },
  { name: "6.8.0-45-generic", byDefault: true },
] as const;
const CPUS: readonly Nested["cpu"][] = ["host", "host-model", "named", "named, with it", "host, without it"];

const gives = ({ cpu, accel, nested }: Pick<Nested, "cpu" | "accel" | "nested">): boolean =>
  accel === "kvm" && nested && (cpu === "host" || cpu === "host-model" || cpu === "named, with it");

export const NESTED: readonly Nested[] = (["intel", "amd"] as const).flatMap((vendor) =>
  KERNELS.flatMap(({ name: kernel, byDefault }) =>
    [true, false].flatMap((nested) =>
      (["on", "off", undefined] as const).flatMap((option) =>
        (["libvirt", "qemu", "proxmox"] as const).flatMap((stack) =>
          CPUS.flatMap((cpu) =>
            (["kvm", "tcg"] as const).flatMap((accel) => {
              // What is loaded differs from what is asked for until it is loaded anew, and only then.
              const asked = option === undefined ? (vendor === "amd" ? true : byDefault) : option === "on";
              if (asked !== nested && option !== "on") return [];
              // QEMU emulates SVM.
              if (
                accel === "tcg" &&
                (vendor === "amd" || cpu === "host" || cpu === "host-model" || cpu === "host, without it")
              )
                return [];
              if (stack === "proxmox" && cpu === "host-model") return [];
              const gets = gives({ cpu, accel, nested });
              return (gets ? [false, true] : [false]).flatMap((stale) =>
                (gets && !stale ? [true, false] : [false]).map(
                  (loaded): Nested => ({
                    vendor,
                    kernel,
                    nested,
                    option,
                    stack,
                    cpu,
                    accel,
                    stale,
                    sees: gets && !stale,
                    loaded,
                  }),
                ),
              );
            }),
          ),
        ),
      ),
    ),
  ),
);

const isIntel = ({ vendor }: Nested): boolean => vendor === "intel";
const moduleOf = (one: Nested): string => (isIntel(one) ? "kvm_intel" : "kvm_amd");
const flagOf = (one: Nested): string => (isIntel(one) ? "vmx" : "svm");
const nestedText = (one: Nested): string => (isIntel(one) ? (one.nested ? "Y" : "N") : one.nested ? "1" : "0");
const modelOf = (one: Nested): string => (isIntel(one) ? "Skylake-Client-IBRS" : "EPYC-Rome");

function xmlCpu(one: Nested): string {
  const feature = (policy: string) => `\n    <feature policy='${policy}' name='${flagOf(one)}'/>`;
  const model = `<cpu mode='custom' match='exact' check='partial'>\n    <model fallback='allow'>${modelOf(one)}</model>`;
  switch (one.cpu) {
    case "host":
      return "<cpu mode='host-passthrough' check='none' migratable='on'/>";
    case "host-model":
      return "<cpu mode='host-model' check='partial'/>";
    case "named":
      return `${model}\n  </cpu>`;
    case "named, with it":
      return `${model}${feature("require")}\n  </cpu>`;
    case "host, without it":
      return `<cpu mode='host-passthrough' check='none'>${feature("disable")}\n  </cpu>`;
  }
}

function optionCpu(one: Nested): string | undefined {
  switch (one.cpu) {
    case "host":
      return "host";
    case "host-model":
      return undefined;
    case "named":
      return modelOf(one);
    case "named, with it":
      return `${modelOf(one)},+${flagOf(one)}`;
    case "host, without it":
      return `host,-${flagOf(one)}`;
  }
}

/** What the configuration of the guest looks like. */
function configured(one: Nested): string | undefined {
  if (one.stack === "libvirt")
    return `$ virsh dumpxml vm1\n<domain type='${one.accel === "kvm" ? "kvm" : "qemu"}' id='3'>\n  <name>vm1</name>\n  <memory unit='KiB'>8388608</memory>\n  <os>\n    <type arch='x86_64' machine='pc-q35-6.2'>hvm</type>\n  </os>\n  ${xmlCpu(one)}\n  <on_crash>destroy</on_crash>\n</domain>`;
  const cpu = optionCpu(one);
  if (cpu === undefined) return undefined;
  if (one.stack === "qemu")
    return `$ qemu-system-x86_64 -accel ${one.accel} -m 4G -cpu ${cpu} -smp 4 -drive file=disk.qcow2,if=virtio`;
  const named = one.cpu === "named" ? "x86-64-v2-AES" : undefined;
  const line =
    one.cpu === "host"
      ? "cpu: host"
      : named === undefined
        ? `cpu: ${cpu.split(",")[0]}\nargs: -cpu ${cpu}`
        : `cpu: ${named}`;
  return `$ qm config 100\nboot: order=scsi0\ncores: 4\n${line}${one.accel === "tcg" ? "\nkvm: 0" : ""}\nmemory: 8192\nname: vm1\nostype: l26\nscsihw: virtio-scsi-single`;
}

type Output = (one: Nested) => string | undefined;

/** What a command shows on the host; undefined where people would not show it. */
export const OF_HOST: { readonly [name: string]: Output } = {
  uname: ({ kernel }) => `$ uname -r\n${kernel}`,
  nested: (one) => `$ cat /sys/module/${moduleOf(one)}/parameters/nested\n${nestedText(one)}`,
  option: (one) =>
    one.option === undefined
      ? undefined
      : `$ cat /etc/modprobe.d/kvm.conf\noptions ${moduleOf(one)} nested=${one.option === "on" ? 1 : 0}`,
  "guest's CPU": configured,
  count: () => "$ egrep -c '(vmx|svm)' /proc/cpuinfo\n8",
  virtual: (one) => `$ lscpu | grep -i virtual\nVirtualization:      ${isIntel(one) ? "VT-x" : "AMD-V"}`,
  lsmod: (one) =>
    `$ lsmod | grep kvm\n${moduleOf(one)}             372736  4\nkvm                  1028096  1 ${moduleOf(one)}\nirqbypass              16384  1 kvm`,
  kvmOk: () => "$ kvm-ok\nINFO: /dev/kvm exists\nKVM acceleration can be used",
  warning: (one) => {
    if (one.cpu !== "named, with it" || one.stack !== "qemu" || (one.accel === "kvm" && one.nested)) return undefined;
    const said =
      one.accel === "tcg"
        ? ["TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]"]
        : isIntel(one)
          ? [
              "host doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]",
              "host doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]",
              "host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]",
            ]
          : ["host doesn't support requested feature: CPUID.80000001H:ECX.svm [bit 2]"];
    return `${configured(one)}\n${said.map((line) => `qemu-system-x86_64: warning: ${line}`).join("\n")}`;
  },
  // Of svm, an Intel host says the same.
  lacks: (one) =>
    isIntel(one) && one.cpu === "named, with it" && one.stack === "libvirt" && !one.nested && one.accel === "kvm"
      ? `$ virsh start vm1\nerror: Failed to start domain 'vm1'\nerror: the CPU is incompatible with host CPU: Host CPU does not provide required features: ${flagOf(one)}`
      : undefined,
  offers: (one) =>
    one.nested
      ? `$ virsh domcapabilities | grep ${flagOf(one)}\n      <feature policy='require' name='${flagOf(one)}'/>`
      : undefined,
};

const LACKING = "No such file or directory";

/** What a command shows in the guest. */
export const OF_GUEST: { readonly [name: string]: Output } = {
  count: ({ sees }) => `$ egrep -c '(vmx|svm)' /proc/cpuinfo\n${sees ? 4 : 0}`,
  "count of one": (one) => `$ grep -c ${flagOf(one)} /proc/cpuinfo\n${one.sees ? 4 : 0}`,
  lscpu: (one) =>
    `$ lscpu | grep -iE 'virt|hyper|vendor'\nVendor ID:           ${isIntel(one) ? "GenuineIntel" : "AuthenticAMD"}\n${one.sees ? `Virtualization:      ${isIntel(one) ? "VT-x" : "AMD-V"}\n` : ""}${one.accel === "kvm" ? "Hypervisor vendor:   KVM\nVirtualization type: full" : ""}`.trimEnd(),
  flags: (one) =>
    `$ grep -m1 flags /proc/cpuinfo\nflags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx rdtscp lm constant_tsc rep_good nopl cpuid pni pclmulqdq ${one.sees && isIntel(one) ? "vmx " : ""}ssse3 cx16 sse4_1 sse4_2 x2apic popcnt aes xsave avx hypervisor lahf_lm ${one.sees && !isIntel(one) ? "svm " : ""}arat`,
  kvmOk: (one) =>
    one.loaded
      ? "$ kvm-ok\nINFO: /dev/kvm exists\nKVM acceleration can be used"
      : one.sees
        ? `$ kvm-ok\nINFO: /dev/kvm does not exist\nHINT:   sudo modprobe ${moduleOf(one)}\nINFO: Your CPU supports KVM extensions\nKVM acceleration can be used`
        : "$ kvm-ok\nINFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used",
  modprobe: (one) =>
    one.sees
      ? undefined
      : `$ sudo modprobe ${moduleOf(one)}\nmodprobe: ERROR: could not insert '${moduleOf(one)}': Operation not supported`,
  dmesg: (one) =>
    one.sees
      ? undefined
      : `$ sudo dmesg | grep -i kvm\n[    0.000000] Hypervisor detected: KVM\n[    0.000000] kvm-clock: Using msrs 4b564d01 and 4b564d00\n[    3.141592] ${moduleOf(one)}: ${isIntel(one) ? "VMX" : "SVM"} not supported by CPU 0`,
  qemu: (one) =>
    one.loaded
      ? undefined
      : `$ qemu-system-x86_64 -enable-kvm -m 2G disk.img\nCould not access KVM kernel module: ${LACKING}\nqemu-system-x86_64: failed to initialize kvm: ${LACKING}`,
  device: (one) =>
    `$ ls -l /dev/kvm\n${one.loaded ? "crw-rw---- 1 root kvm 10, 232 Nov 12 10:02 /dev/kvm" : `ls: cannot access '/dev/kvm': ${LACKING}`}`,
  detect: ({ accel }) => `$ systemd-detect-virt\n${accel === "kvm" ? "kvm" : "qemu"}`,
  validate: (one) =>
    `$ virt-host-validate qemu\n  QEMU: Checking for hardware virtualization                                 : ${one.sees ? "PASS" : "FAIL (Only emulated CPUs are available, performance will be significantly limited)"}${one.sees ? `\n  QEMU: Checking if device /dev/kvm exists                                   : ${one.loaded ? "PASS" : "FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded & the BIOS has enabled virtualization)"}` : ""}`,
  libvirt: (one) =>
    one.loaded
      ? undefined
      : "$ virsh start inner\nerror: Failed to start domain 'inner'\nerror: unsupported configuration: Domain requires KVM, but it is not available. Check that virtualization is enabled in the host BIOS, and host configuration is setup to load the kvm modules.",
};

const prompted = (prompt: string) => (output: string) => output.replace(/^\$ /gm, prompt);
const headed = (heading: string) => (output: string) => `${heading}\n${output}`;
const plain = (output: string) => output;

/** How people tell the two apart, or do not. */
export const SHAPES = {
  prompts: [prompted("root@pve:~# "), prompted("joe@vm1:~$ ")],
  "other prompts": [prompted("joe@tower:~$ "), prompted("joe@ubuntu:~$ ")],
  headings: [headed("On the host:"), headed("In the guest:")],
  words: [headed("Host:"), headed("VM:")],
  none: [plain, plain],
} as const;
