/*
 * Places that Linux runs in, with a known truth, and what ordinary commands print there. Facts: systemd, src/basic/virt.c (the names
 * of systemd-detect-virt); cpu-checker (kvm-ok); the clouds' own names for their machines in DMI; Linux, Documentation/virt/kvm/arm;
 * Microsoft's kernel for WSL2 (KVM built in); what busybox, kmod and msr-tools print in a container.
 */

/** What keeps people from using KVM there, or that nothing does. */
export type PlaceTruth =
  | "works"
  | "rights"
  | "not passed"
  | "module"
  | "no KVM in the kernel"
  | "another kernel runs"
  | "firmware"
  | "outer"
  | "CPU";

type Kvm = "module" | "built in" | "none";

/** A kind of machine, with what it calls itself. */
interface Kind {
  readonly name: string;
  /** Whose customers reach no firmware and no host. */
  readonly cloud?: string;
  /** What is below, in the words of an answer; undefined on the bare machine. */
  readonly below?: RegExp;
  readonly detect: string;
  readonly lscpu?: string;
  readonly product?: string;
  readonly vendors: readonly ("intel" | "amd" | "arm")[];
  readonly has: readonly boolean[];
  readonly kernels: readonly (readonly [release: string, kvm: Kvm])[];
  /** What Linux runs in there is always a container. */
  readonly container?: true;
}

const GENERIC = ["6.8.0-45-generic", "module"] as const;
const ARM_GENERIC = ["6.8.0-45-generic", "built in"] as const;
const X86 = ["intel", "amd"] as const;

const KINDS: readonly Kind[] = [
  { name: "a desktop", detect: "none", product: "OptiPlex 7060", vendors: X86, has: [true], kernels: [GENERIC] },
  {
    name: "EC2, Nitro",
    cloud: "Amazon EC2",
    below: /EC2|Amazon|AWS|hypervisor below|virtual machine/,
    detect: "amazon",
    lscpu: "KVM",
    product: "t3.medium",
    vendors: ["intel"],
    has: [false],
    kernels: [
      ["6.8.0-1016-aws", "module"],
      ["6.1.94-99.176.amzn2023.x86_64", "module"],
    ],
  },
  {
    name: "EC2, Xen",
    cloud: "Amazon EC2",
    below: /EC2|Amazon|AWS|Xen|hypervisor below|virtual machine/,
    detect: "xen",
    lscpu: "Xen",
    product: "HVM domU",
    vendors: ["intel"],
    has: [false],
    kernels: [["6.8.0-1016-aws", "module"]],
  },
  {
    name: "EC2, metal",
    cloud: "Amazon EC2",
    detect: "none",
    product: "c5.metal",
    vendors: ["intel"],
    has: [true],
    kernels: [["6.8.0-1016-aws", "module"]],
  },
  {
    name: "EC2, Graviton",
    cloud: "Amazon EC2",
    below: /./,
    detect: "amazon",
    product: "t4g.medium",
    vendors: ["arm"],
    has: [false],
    kernels: [
      ["6.8.0-1016-aws", "built in"],
      ["6.1.94-99.176.amzn2023.aarch64", "built in"],
    ],
  },
  {
    name: "GCE",
    cloud: "Google Compute Engine",
    below: /Google|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    product: "Google Compute Engine",
    vendors: ["intel"],
    has: [true, false],
    kernels: [["6.8.0-1015-gcp", "module"]],
  },
  {
    name: "Azure",
    cloud: "Azure",
    below: /Azure|Hyper-V|Microsoft|hypervisor below|virtual machine/,
    detect: "microsoft",
    lscpu: "Microsoft",
    product: "Virtual Machine",
    vendors: X86,
    has: [true, false],
    kernels: [["6.8.0-1015-azure", "module"]],
  },
  {
    name: "DigitalOcean",
    cloud: "DigitalOcean",
    below: /DigitalOcean|KVM|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    product: "Droplet",
    vendors: ["intel"],
    has: [true, false],
    kernels: [GENERIC],
  },
  {
    name: "Hetzner Cloud",
    cloud: "Hetzner Cloud",
    below: /Hetzner|KVM|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    product: "vServer",
    vendors: ["amd"],
    has: [false],
    kernels: [GENERIC, ["6.1.0-18-cloud-amd64", "none"]],
  },
  {
    name: "Oracle Cloud",
    cloud: "Oracle Cloud",
    below: /Oracle|KVM|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    product: "Standard PC (i440FX + PIIX, 1996)",
    vendors: X86,
    has: [false],
    kernels: [["6.8.0-1013-oracle", "module"]],
  },
  {
    name: "Oracle Cloud, Ampere",
    cloud: "Oracle Cloud",
    below: /./,
    detect: "qemu",
    product: "KVM Virtual Machine",
    vendors: ["arm"],
    has: [false],
    kernels: [["6.8.0-1013-oracle", "built in"]],
  },
  {
    name: "OpenStack",
    below: /OpenStack|KVM|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    product: "OpenStack Nova",
    vendors: ["intel"],
    has: [true, false],
    kernels: [GENERIC, ["5.15.0-1050-kvm", "none"]],
  },
  {
    name: "VMware",
    below: /VMware|hypervisor below|virtual machine/,
    detect: "vmware",
    lscpu: "VMware",
    product: "VMware Virtual Platform",
    vendors: ["intel"],
    has: [true, false],
    kernels: [GENERIC, ["6.6.58-0-virt", "none"]],
  },
  {
    name: "Firecracker",
    below: /KVM|Firecracker|hypervisor below|virtual machine/,
    detect: "kvm",
    lscpu: "KVM",
    vendors: ["intel"],
    has: [false],
    kernels: [["5.10.186", "none"]],
  },
  {
    name: "WSL2 that passes it",
    below: /WSL|Windows|virtual machine/,
    detect: "wsl",
    lscpu: "Microsoft",
    vendors: X86,
    has: [true],
    kernels: [["5.15.153.1-microsoft-standard-WSL2", "built in"]],
  },
  {
    name: "WSL2 that passes none",
    below: /WSL|Windows|virtual machine/,
    detect: "wsl",
    lscpu: "Microsoft",
    vendors: X86,
    has: [false],
    kernels: [["5.15.153.1-microsoft-standard-WSL2", "built in"]],
  },
  {
    name: "Docker Desktop, x86",
    below: /Docker Desktop|virtual machine|container|hypervisor below/,
    detect: "docker",
    lscpu: "KVM",
    vendors: ["intel"],
    has: [false],
    kernels: [["6.6.12-linuxkit", "none"]],
    container: true,
  },
  {
    name: "Docker Desktop, Apple silicon",
    below: /./,
    detect: "docker",
    vendors: ["arm"],
    has: [false],
    kernels: [["6.6.12-linuxkit", "none"]],
    container: true,
  },
  {
    name: "Raspberry Pi",
    detect: "none",
    vendors: ["arm"],
    has: [true],
    kernels: [["6.6.51+rpt-rpi-v8", "built in"]],
  },
  {
    name: "QEMU without KVM",
    below: /QEMU|hypervisor below|virtual machine/,
    detect: "qemu",
    product: "Standard PC (Q35 + ICH9, 2009)",
    vendors: ["intel"],
    has: [false],
    kernels: [GENERIC],
  },
  { name: "an old desktop", detect: "none", product: "OptiPlex 320", vendors: X86, has: [false], kernels: [GENERIC] },
  {
    name: "a desktop with a kernel of its own",
    detect: "none",
    product: "MS-7C37",
    vendors: X86,
    has: [true],
    kernels: [["5.10.186", "module"]],
  },
  { name: "Ampere", detect: "none", product: "Mt. Jade", vendors: ["arm"], has: [true], kernels: [ARM_GENERIC] },
  {
    name: "Lima on Apple silicon",
    below: /./,
    detect: "apple",
    product: "Apple Virtualization Generic Platform",
    vendors: ["arm"],
    has: [false],
    kernels: [ARM_GENERIC],
  },
];

export interface Place extends Omit<Kind, "vendors" | "has" | "kernels" | "container"> {
  readonly vendor: "intel" | "amd" | "arm";
  readonly kernel: string;
  readonly kvm: Kvm;
  /** The modules of the kernel that runs are there: it was not replaced since it was started. */
  readonly files: boolean;
  /** The CPU's virtualization is there, or is passed on by what is below. */
  readonly has: boolean;
  readonly off: boolean;
  readonly loaded: boolean;
  /** Commands are typed in one. */
  readonly container?: "docker" | "lxc";
  /** The container was given the device. */
  readonly given: boolean;
  readonly access: boolean;
  readonly truth: PlaceTruth;
}

export const PLACES: readonly Place[] = KINDS.flatMap(({ vendors, has: hasIt, kernels, container: always, ...kind }) =>
  vendors.flatMap((vendor) =>
    hasIt.flatMap((has) =>
      kernels.flatMap(([kernel, kvm]) => {
        const own = has && kind.below === undefined && kind.cloud === undefined && vendor !== "arm";
        return (own ? [false, true] : [false]).flatMap((off) =>
          states(kvm, has && !off).flatMap(({ loaded, files }) =>
            (always ? (["docker"] as const) : ([undefined, "docker", "lxc"] as const)).flatMap((container) =>
              (container === undefined || !loaded ? [false] : [true, false]).flatMap((given) =>
                (loaded && (container === undefined || given) ? [true, false] : [false]).map((access): Place => {
                  const place = { ...kind, vendor, has, kernel, kvm, off, loaded, files, given, access };
                  const inside = container === undefined ? {} : { container };
                  return { ...place, ...inside, truth: truthOf({ ...place, ...inside }) };
                }),
              ),
            ),
          ),
        );
      }),
    ),
  ),
);

function states(kvm: Kvm, works: boolean): readonly Pick<Place, "loaded" | "files">[] {
  if (kvm !== "module") return [{ loaded: kvm === "built in" && works, files: true }];
  const not = [
    { loaded: false, files: true },
    { loaded: false, files: false },
  ];
  return works ? [{ loaded: true, files: true }, ...not] : not;
}

function truthOf(place: Omit<Place, "truth">): PlaceTruth {
  if (!place.has) return place.below === undefined ? "CPU" : "outer";
  if (place.off) return "firmware";
  if (place.kvm === "none") return "no KVM in the kernel";
  if (!place.loaded) return place.files ? "module" : "another kernel runs";
  if (place.container !== undefined && !place.given) return "not passed";
  return place.access ? "works" : "rights";
}

const isArm = ({ vendor }: Place): boolean => vendor === "arm";
const archOf = (place: Place): string => (isArm(place) ? "aarch64" : "x86_64");
const moduleOf = ({ vendor }: Place): string => (vendor === "amd" ? "kvm_amd" : "kvm_intel");
/** The kernels here clear vmx (from 5.6 on) and svm (from 6.7 on) where the firmware has it off. */
const hasFlag = ({ vendor, has, off }: Place): boolean => vendor !== "arm" && has && !off;
/** Seen where the command is typed. */
const seesDevice = ({ loaded, container, given }: Place): boolean => loaded && (container === undefined || given);

const sudo = ({ container }: Place): string => (container === "docker" ? "" : "sudo ");
const prompt = ({ container }: Place): string => (container === "docker" ? "root@4f1c2a9be07d:/# " : "$ ");
const shell = (place: Place, command: string, output: string): string => `${prompt(place)}${command}\n${output}`;

const MODELS = {
  intel: "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
  amd: "AMD EPYC 7763 64-Core Processor",
  arm: "Neoverse-N1",
} as const;

function modelOf({ name, vendor }: Place): string {
  if (name === "a desktop")
    return vendor === "intel" ? "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz" : "AMD Ryzen 5 3600 6-Core Processor";
  return name === "Raspberry Pi" ? "Cortex-A72" : MODELS[vendor];
}

/** What a command shows; undefined where people would not show it, or where the place does not have it. */
export const PLACE_OUTPUTS: { readonly [name: string]: (place: Place) => string | undefined } = {
  uname: (place) =>
    shell(
      place,
      "uname -a",
      `Linux ${place.container === "docker" ? "4f1c2a9be07d" : "box"} ${place.kernel} #45 SMP Fri Aug 30 12:02:04 UTC 2024 ${archOf(place)} GNU/Linux`,
    ),
  machine: (place) => shell(place, "uname -m", archOf(place)),
  version: (place) =>
    shell(
      place,
      "cat /proc/version",
      `Linux version ${place.kernel} (build@host) (gcc 12.3.0) #45 SMP Fri Aug 30 12:02:04 UTC 2024`,
    ),
  lscpu: (place) =>
    shell(
      place,
      "lscpu",
      [
        `Architecture:            ${archOf(place)}`,
        `Vendor ID:               ${place.vendor === "intel" ? "GenuineIntel" : place.vendor === "amd" ? "AuthenticAMD" : "ARM"}`,
        `  Model name:            ${modelOf(place)}`,
        ...(hasFlag(place) ? [`Virtualization:          ${place.vendor === "intel" ? "VT-x" : "AMD-V"}`] : []),
        ...(place.lscpu === undefined
          ? []
          : [`Hypervisor vendor:       ${place.lscpu}`, "Virtualization type:     full"]),
      ].join("\n"),
    ),
  count: (place) => shell(place, "egrep -c '(vmx|svm)' /proc/cpuinfo", hasFlag(place) ? "4" : "0"),
  detect: (place) =>
    shell(place, "systemd-detect-virt", place.container === undefined ? place.detect : place.container),
  product: (place) =>
    place.product === undefined || place.container !== undefined
      ? undefined
      : shell(place, "sudo dmidecode -s system-product-name", place.product),
  lsmod: (place) =>
    isArm(place)
      ? shell(place, "lsmod | grep kvm", "")
      : place.kvm !== "module"
        ? shell(place, "lsmod | grep kvm", "")
        : place.loaded
          ? shell(
              place,
              "lsmod | grep kvm",
              `${moduleOf(place)}             475136  0\nkvm                  1409024  1 ${moduleOf(place)}\nirqbypass              12288  1 kvm`,
            )
          : shell(place, "lsmod | grep kvm", ""),
  modprobe: (place) => {
    const module = moduleOf(place);
    const command = `${sudo(place)}modprobe ${module}`;
    if (place.container !== undefined || place.kvm !== "module" || isArm(place) || !place.files)
      return shell(
        place,
        command,
        `modprobe: FATAL: Module ${module} not found in directory /lib/modules/${place.kernel}`,
      );
    return place.has && !place.off
      ? undefined
      : shell(place, command, `modprobe: ERROR: could not insert '${module}': Operation not supported`);
  },
  dmesg: (place) => {
    if (place.container === "docker")
      return shell(place, "dmesg | grep -i kvm", "dmesg: read kernel buffer failed: Operation not permitted");
    if (isArm(place))
      return shell(
        place,
        "sudo dmesg | grep -i kvm",
        place.has
          ? "[    0.216113] kvm [1]: VHE mode initialized successfully"
          : "[    0.081211] kvm [1]: HYP mode not available",
      );
    if (place.kvm !== "module" || !place.files || (place.has && !place.off)) return undefined;
    return shell(
      place,
      "sudo dmesg | grep -i kvm",
      place.vendor === "amd"
        ? "[    4.114200] kvm_amd: SVM not supported by CPU 2"
        : place.has
          ? "[    4.114200] kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 2"
          : "[    4.114200] kvm_intel: VMX not supported by CPU 2",
    );
  },
  rdmsr: (place) => {
    if (isArm(place)) return undefined;
    const command = `${sudo(place)}rdmsr -a 0x3a`;
    // Without the module msr it is the same on the machine itself.
    if (place.container !== undefined || !place.files)
      return shell(place, command, "rdmsr: open: No such file or directory");
    if (place.vendor === "amd" || place.below !== undefined || !place.has) return undefined;
    return shell(place, command, place.off ? "1\n1" : "5\n5");
  },
  device: (place) =>
    shell(
      place,
      "ls -l /dev/kvm",
      seesDevice(place)
        ? "crw-rw---- 1 root kvm 10, 232 Nov 12 10:02 /dev/kvm"
        : "ls: cannot access '/dev/kvm': No such file or directory",
    ),
  kvmOk: (place) => {
    if (seesDevice(place)) return shell(place, "kvm-ok", "INFO: /dev/kvm exists\nKVM acceleration can be used");
    if (!hasFlag(place))
      return shell(place, "kvm-ok", "INFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used");
    return shell(
      place,
      "kvm-ok",
      `INFO: /dev/kvm does not exist\nHINT:   sudo modprobe ${moduleOf(place)}\nINFO: Your CPU supports KVM extensions\nKVM acceleration can be used`,
    );
  },
  qemu: (place) => {
    if (place.truth === "works") return undefined;
    const why = !seesDevice(place)
      ? "No such file or directory"
      : place.container === "lxc"
        ? "Operation not permitted"
        : "Permission denied";
    return `Could not access KVM kernel module: ${why}\nqemu-system-${archOf(place)}: failed to initialize kvm: ${why}`;
  },
  docker: (place) =>
    place.container === undefined && !place.loaded
      ? shell(
          place,
          "docker run -it --device /dev/kvm ubuntu",
          'docker: Error response from daemon: error gathering device information while adding custom device "/dev/kvm": no such file or directory.',
        )
      : undefined,
  android: (place) => {
    if (isArm(place) || place.truth === "works") return undefined;
    // It asks CPUID, which shows what the CPU has where the firmware has it off, too.
    const says = !place.has
      ? "6\nKVM requires a CPU that supports vmx or svm"
      : seesDevice(place)
        ? "9\nThis user doesn't have permissions to use KVM (/dev/kvm)."
        : "8\n/dev/kvm is not found: VT disabled in BIOS or KVM kernel module not loaded";
    return shell(place, "emulator -accel-check", `accel:\n${says}\naccel`);
  },
  nested: (place) =>
    place.loaded && !isArm(place)
      ? shell(place, `cat /sys/module/${moduleOf(place)}/parameters/nested`, place.vendor === "intel" ? "Y" : "1")
      : undefined,
  validate: (place) =>
    place.container !== undefined || isArm(place)
      ? undefined
      : shell(
          place,
          "virt-host-validate qemu",
          `  QEMU: Checking for hardware virtualization                                 : ${hasFlag(place) ? "PASS" : "FAIL (Only emulated CPUs are available, performance will be significantly limited)"}${hasFlag(place) ? `\n  QEMU: Checking if device /dev/kvm exists                                   : ${place.loaded ? "PASS" : "FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded & the BIOS has enabled virtualization)"}` : ""}`,
        ),
  proxmox: (place) =>
    place.container === undefined && !place.loaded
      ? "TASK ERROR: KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS."
      : undefined,
  kubevirt: (place) =>
    place.container === undefined && !place.loaded
      ? "$ kubectl describe pod virt-launcher-vm1-x7k2p\n  Warning  FailedScheduling  12s  default-scheduler  0/1 nodes are available: 1 Insufficient devices.kubevirt.io/kvm."
      : undefined,
};
