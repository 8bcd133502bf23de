/** The secondary control without which an instruction raises #UD in a guest, though CPUID shows it. */
export const ENABLED_BY: { readonly [insn: string]: number | undefined } = {
  INVPCID: 12,
  RDTSCP: 3,
  RDPID: 3,
  XSAVES: 20,
  XRSTORS: 20,
  TPAUSE: 26,
  UMWAIT: 26,
  UMONITOR: 26,
  PCONFIG: 27,
};
