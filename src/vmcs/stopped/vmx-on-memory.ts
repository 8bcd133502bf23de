/*
 * VMX instructions by their code bytes, besides those that the opcode alone names.
 */

/** With 6 in the middle bits of the byte behind them, and an operand in memory: others are RDPID and RDRAND. */
const VMX_MEMORY = [
  ["VMPTRLD", [0x0f, 0xc7]],
  ["VMXON", [0xf3, 0x0f, 0xc7]],
  ["VMCLEAR", [0x66, 0x0f, 0xc7]],
] as const;
const isSixInMemory = (byte = 0): boolean => (byte & 0x38) === 0x30 && byte < 0xc0;

/** The VMX instruction with an operand in memory at the beginning of code bytes, of those that have a prefix or share an opcode. */
export function vmxOnMemory(code: readonly number[]): string | undefined {
  return VMX_MEMORY.find(
    ([, opcode]) => opcode.every((byte, at) => code[at] === byte) && isSixInMemory(code[opcode.length]),
  )?.[0];
}
