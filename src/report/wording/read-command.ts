import { hexIndex } from "../../registers/registers.js";

/** What reads registers in a way that readers of the output can tell them apart: `rdmsr` itself prints values without names. */
export function readCommand(indices: readonly number[]): string {
  const names = indices.map(hexIndex).join(" ");
  if (indices.length === 1) return `sudo modprobe msr; sudo rdmsr -a ${names}`;
  return `sudo modprobe msr; for r in ${names}; do echo "$r: $(sudo rdmsr $r)"; done`;
}
