import { answer, type TextVerdict } from "../../../answers/answer.js";

/** Memory that QEMU emulates for each access: qemu-project/qemu 1705 and 3075 (GitLab), docs/system/devices/cxl.rst. */
const CXL = /\bcxl[- ](?:type3|list|create-region)\b|\bCXL (?:DRAM|memory|Type ?3)\b/i;
const ILLEGAL = /\billegal instruction\b|\binvalid opcode\b|\bSIGILL\b/i;
const OF_QEMU = /\bQEMU\b/i;

/** Programs of a guest that end where their code or data is in CXL memory. */
export function codeInCxl(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (!CXL.test(text) || !ILLEGAL.test(text) || !OF_QEMU.test(text)) return undefined;
  return answer(
    "QEMU's CXL memory is emulated like a device: each access leaves the guest, and KVM has to emulate the instruction that made it. It cannot run code from there, and it knows hardly any vector instruction (SSE, AVX); the program gets an invalid opcode. The host's CPU needs no CXL for that, and neither its CPU nor VT-x lacks anything.",
    [
      {
        text: "Keep programs out of that memory (leave it as a DAX device, and read and write data only), or emulate the CPU, too.",
        commands: ["daxctl reconfigure-device --mode=devdax dax0.0", "-accel tcg"],
      },
    ],
  );
}
