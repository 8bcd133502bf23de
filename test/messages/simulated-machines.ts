/*
 * Machines with a known truth, and what ordinary commands print on them. Facts: Linux, arch/x86/kvm/x86.c, vmx.c and svm.c (the
 * lines of a refused module, per release), arch/x86/kernel/cpu/feat_ctl.c (the flag goes with IA32_FEAT_CTL from 5.6 on), and
 * the programs' own sources for what they print.
 */

type Outer = "none" | "vmware" | "oracle" | "kvm" | "microsoft";

/** What keeps people from using KVM, or that nothing does. */
export type Truth = "works" | "rights" | "module" | "no module" | "firmware" | "outer" | "CPU";

export interface Machine {
  readonly vendor: "intel" | "amd";
  readonly kernel: string;
  readonly outer: Outer;
  /** The CPU has VT-x or SVM, or the hypervisor below passes it. */
  readonly has: boolean;
  readonly off: boolean;
  readonly module: "loaded" | "absent" | "not built";
  readonly access: boolean;
  /** `vmx` or `svm` is among the flags. */
  readonly flag: boolean;
  readonly truth: Truth;
}

/** Each with what decides which lines it prints. */
const KERNELS = [
  { name: "5.4.0-150-generic", clearsFlag: false, printer: "kvm" },
  { name: "5.15.0-91-generic", clearsFlag: true, printer: "kvm" },
  { name: "6.1.0-18-amd64", clearsFlag: true, printer: "kvm, quoted" },
  { name: "6.8.0-45-generic", clearsFlag: true, printer: "module" },
] as const;
const OUTERS: readonly Outer[] = ["none", "vmware", "oracle", "kvm", "microsoft"];

export const MACHINES: readonly Machine[] = KERNELS.flatMap(({ name: kernel, clearsFlag }) =>
  (["intel", "amd"] as const).flatMap((vendor) =>
    OUTERS.flatMap((outer) =>
      [true, false].flatMap((has) =>
        (outer === "none" && has ? [false, true] : [false]).flatMap((off) =>
          (["loaded", "absent", "not built"] as const).flatMap((module) =>
            [true, false].flatMap((access): Machine[] => {
              const loads = has && !off;
              if (module === "loaded" && !loads) return [];
              const flag = has && !(off && vendor === "intel" && clearsFlag);
              const truth = truthOf({ loads, module, access, has, outer });
              return [{ vendor, kernel, outer, has, off, module, access, flag, truth }];
            }),
          ),
        ),
      ),
    ),
  ),
);

function truthOf({
  loads,
  module,
  access,
  has,
  outer,
}: Pick<Machine, "module" | "access" | "has" | "outer"> & { readonly loads: boolean }): Truth {
  if (!loads) return has ? "firmware" : outer === "none" ? "CPU" : "outer";
  if (module === "loaded") return access ? "works" : "rights";
  return module === "absent" ? "module" : "no module";
}

const isLoaded = ({ module }: Machine): boolean => module === "loaded";
const isIntel = ({ vendor }: Machine): boolean => vendor === "intel";
const moduleOf = (machine: Machine): string => (isIntel(machine) ? "kvm_intel" : "kvm_amd");
const printerOf = ({ kernel }: Machine) => KERNELS.find(({ name }) => name === kernel)?.printer;
/** The kernel refuses the module where there is one. */
const isRefused = ({ has, off, module }: Machine): boolean => module === "absent" && (!has || off);

const VENDORS: { readonly [O in Exclude<Outer, "none">]: readonly [lscpu: string, product: string] } = {
  vmware: ["VMware", "VMware Virtual Platform"],
  oracle: ["KVM", "VirtualBox"],
  kvm: ["KVM", "Standard PC (Q35 + ICH9, 2009)"],
  microsoft: ["Microsoft", "Virtual Machine"],
};

function nameOf(machine: Machine): string {
  const full = machine.has || machine.outer !== "none";
  if (isIntel(machine))
    return full ? "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz" : "Intel(R) Pentium(R) Dual  CPU  E2180  @ 2.00GHz";
  return full ? "AMD Ryzen 5 3600 6-Core Processor" : "AMD Sempron(tm) Processor 3200+";
}

function flagsOf(machine: Machine): string {
  const { flag, outer } = machine;
  const [intel, amd] = [isIntel(machine), !isIntel(machine)];
  return [
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx",
    ...(amd ? ["mmxext fxsr_opt"] : []),
    "rdtscp lm constant_tsc rep_good nopl cpuid pni",
    ...(intel && flag ? ["vmx"] : []),
    "ssse3 cx16 sse4_1 sse4_2 popcnt aes xsave avx",
    ...(outer === "none" ? [] : ["hypervisor"]),
    "lahf_lm",
    ...(amd ? ["cmp_legacy"] : []),
    ...(amd && flag ? ["svm"] : []),
    ...(amd ? ["cr8_legacy abm sse4a"] : []),
    "arat",
  ].join(" ");
}

function refusal(machine: Machine): string {
  const module = moduleOf(machine);
  const printer = printerOf(machine);
  if (printer === "module") {
    if (!machine.has) return `${module}: ${isIntel(machine) ? "VMX" : "SVM"} not supported by CPU 0`;
    return isIntel(machine)
      ? "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0"
      : "kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR on CPU 0";
  }
  if (printer === "kvm") return machine.has ? "kvm: disabled by bios" : "kvm: no hardware support";
  return machine.has ? `kvm: support for '${module}' disabled by bios` : `kvm: no hardware support for '${module}'`;
}

const NO_DEVICE = "No such file or directory";

/** What a command shows; undefined where people would not show it, or where the machine does not have it. */
export const OUTPUTS: { readonly [name: string]: (machine: Machine) => string | undefined } = {
  uname: ({ kernel }) => `$ uname -r\n${kernel}`,
  cpuinfo: (machine) =>
    `$ cat /proc/cpuinfo\nprocessor\t: 0\nvendor_id\t: ${isIntel(machine) ? "GenuineIntel" : "AuthenticAMD"}\nmodel name\t: ${nameOf(machine)}\nflags\t\t: ${flagsOf(machine)}`,
  flags: (machine) => `$ grep -m1 flags /proc/cpuinfo\nflags\t\t: ${flagsOf(machine)}`,
  lscpu: (machine) =>
    `$ lscpu | grep -E 'Vendor|Virtual|Hyper'\nVendor ID:           ${isIntel(machine) ? "GenuineIntel" : "AuthenticAMD"}\n${virtualLines(machine)}`,
  virtual: (machine) => `$ lscpu | grep -i virtual\n${virtualLines(machine)}`,
  count: (machine) => `$ egrep -c '(vmx|svm)' /proc/cpuinfo\n${machine.flag ? 8 : 0}`,
  lsmod: (machine) =>
    isLoaded(machine)
      ? `$ lsmod | grep kvm\n${moduleOf(machine)}             286720  0\nkvm                   663552  1 ${moduleOf(machine)}\nirqbypass              16384  1 kvm`
      : machine.module === "absent"
        ? "$ lsmod | grep kvm\nkvm                   663552  0\nirqbypass              16384  1 kvm"
        : undefined,
  modprobe: (machine) =>
    isRefused(machine)
      ? `$ sudo modprobe ${moduleOf(machine)}\nmodprobe: ERROR: could not insert '${moduleOf(machine)}': Operation not supported`
      : machine.module === "not built"
        ? `$ sudo modprobe ${moduleOf(machine)}\nmodprobe: FATAL: Module ${moduleOf(machine)} not found in directory /lib/modules/${machine.kernel}`
        : undefined,
  dmesg: (machine) => (isRefused(machine) ? `$ dmesg | grep -i kvm\n[    3.141592] ${refusal(machine)}` : undefined),
  boot: ({ vendor, outer, off, flag }) =>
    vendor === "intel" && outer === "none" && off && !flag
      ? "$ dmesg | grep -i vmx\n[    0.041839] x86/cpu: VMX (outside TXT) disabled by BIOS"
      : undefined,
  modulesLoad: (machine) =>
    isRefused(machine)
      ? `$ journalctl -b -u systemd-modules-load\nsystemd-modules-load[312]: Failed to insert module '${moduleOf(machine)}': Operation not supported`
      : undefined,
  cpuid: (machine) => {
    if (isIntel(machine))
      return `$ cpuid -1 -l 1 | grep -i vmx\n      VMX: virtual machine extensions         = ${machine.has}`;
    // Without SVM, a CPU of Intel prints the same.
    return machine.has
      ? "$ cpuid -1 -l 0x80000001 | grep -i svm\n      SVM: secure virtual machine             = true"
      : undefined;
  },
  device: (machine) =>
    `$ ls -l /dev/kvm\n${isLoaded(machine) ? "crw-rw---- 1 root kvm 10, 232 Nov 12 10:02 /dev/kvm" : `ls: cannot access '/dev/kvm': ${NO_DEVICE}`}`,
  kvmOk: (machine) => {
    const { flag, off } = machine;
    if (!flag) return "$ kvm-ok\nINFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used";
    if (isLoaded(machine)) return "$ kvm-ok\nINFO: /dev/kvm exists\nKVM acceleration can be used";
    const hint = `INFO: /dev/kvm does not exist\nHINT:   sudo modprobe ${moduleOf(machine)}\nINFO: Your CPU supports KVM extensions`;
    return off && isIntel(machine)
      ? `$ sudo kvm-ok\n${hint}\nINFO: KVM (vmx) is disabled by your BIOS\nHINT: Enter your BIOS setup and enable Virtualization Technology (VT),\n      and then hard poweroff/poweron your system\nKVM acceleration can NOT be used`
      : `$ kvm-ok\n${hint}\nKVM acceleration can be used`;
  },
  validate: (machine) => {
    const flag = machine.flag
      ? "PASS"
      : "FAIL (Only emulated CPUs are available, performance will be significantly limited)";
    const exists = isLoaded(machine)
      ? "PASS"
      : "FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded & the BIOS has enabled virtualization)";
    return `$ virt-host-validate qemu\n  QEMU: Checking for hardware virtualization                                 : ${flag}${machine.flag ? `\n  QEMU: Checking if device /dev/kvm exists                                   : ${exists}` : ""}`;
  },
  lock: (machine) =>
    isIntel(machine) && machine.outer === "none" && machine.has
      ? `$ sudo rdmsr -a 0x3a\n${machine.off ? "1\n1" : "5\n5"}`
      : undefined,
  qemu: (machine) =>
    isLoaded(machine) && machine.access
      ? undefined
      : `Could not access KVM kernel module: ${isLoaded(machine) ? "Permission denied" : NO_DEVICE}\nqemu-system-x86_64: failed to initialize kvm: ${isLoaded(machine) ? "Permission denied" : NO_DEVICE}`,
  detect: ({ outer }) => `$ systemd-detect-virt\n${outer}`,
  product: ({ outer }) =>
    `$ sudo dmidecode -s system-product-name\n${outer === "none" ? "OptiPlex 7060" : VENDORS[outer][1]}`,
  libvirt: (machine) =>
    isLoaded(machine)
      ? undefined
      : "error: unsupported configuration: Domain requires KVM, but it is not available. Check that virtualization is enabled in the host BIOS, and host configuration is setup to load the kvm modules.",
  virtManager: (machine) =>
    isLoaded(machine)
      ? undefined
      : "Warning: KVM is not available. This may mean the KVM package is not installed, or the KVM kernel modules are not loaded. Your virtual machines may perform poorly.",
  android: (machine) =>
    isLoaded(machine)
      ? undefined
      : "CPU acceleration status: /dev/kvm is not found: VT disabled in BIOS or KVM kernel module not loaded",
};

function virtualLines({ flag, vendor, outer }: Machine): string {
  return [
    ...(flag ? [`Virtualization:      ${vendor === "intel" ? "VT-x" : "AMD-V"}`] : []),
    ...(outer === "none" ? [] : [`Hypervisor vendor:   ${VENDORS[outer][0]}`, "Virtualization type: full"]),
  ].join("\n");
}
