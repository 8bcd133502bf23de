/** Architectures without VMX, as they appear in the name of a kernel and after `uname -a` or a package. */
export const ARCHITECTURES: readonly {
  readonly name: string;
  /** As `uname -m` prints the usual one of them. */
  readonly arch: string;
  readonly suffix: RegExp;
  readonly machine: RegExp;
}[] = [
  {
    name: "ARM",
    arch: "aarch64",
    suffix:
      /[-_.+](?:arm64|aarch64|arm(?:hf|el|mp|v\d)?\w{0,12}|rpi|raspi\w{0,12}|snapdragon|bluefield|xilinx\w{0,12}|tegra|qcom|rockchip\w{0,12}|sunxi\w{0,12}|meson\w{0,12})(?:$|[-_.+])|-v[678]l?(?:-16k)?\+?$/,
    machine: /(?:^Linux .*\s|[_.])(?:aarch64|arm64|armhf|armel|armv[5-8]\w{0,2})(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
  {
    name: "POWER",
    arch: "ppc64le",
    suffix: /[-_.+](?:ppc\w{0,12}|powerpc\w{0,12})(?:$|[-_.+])/,
    machine: /(?:^Linux .*\s|[_.])ppc64(?:le|el)?(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
  {
    name: "IBM Z",
    arch: "s390x",
    suffix: /[-_.+]s390x?(?:$|[-_.+])/,
    machine: /(?:^Linux .*\s|[_.])s390x(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
  {
    name: "RISC-V",
    arch: "riscv64",
    suffix: /[-_.+]riscv(?:64)?(?:$|[-_.+])/,
    machine: /(?:^Linux .*\s|[_.])riscv64(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
  {
    name: "LoongArch",
    arch: "loongarch64",
    suffix: /[-_.+](?:loong\w{0,12})(?:$|[-_.+])/,
    machine: /(?:^Linux .*\s|[_.])loong(?:arch)?64(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
  {
    name: "MIPS",
    arch: "mips64",
    suffix: /[-_.+](?:mips\w{0,12}|octeon|malta)(?:$|[-_.+])/,
    machine: /(?:^Linux .*\s|[_.])mips\w{0,6}(?: GNU\/Linux)?(?:\.rpm|\.deb)?$/,
  },
];

/** The architecture that a kernel's release names, where it is none of x86. */
export function archOfKernel(release: string): string | undefined {
  const suffix = /^\d{1,3}(?:\.\d{1,4}){1,2}(.*)$/.exec(release)?.[1];
  return suffix === undefined ? undefined : ARCHITECTURES.find((one) => one.suffix.test(suffix))?.arch;
}
