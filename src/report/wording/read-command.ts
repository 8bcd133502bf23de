import { hexIndex } from "../../registers/registers.js";

/** A command that prints registers with their numbers: `rdmsr` itself prints the values alone. */
export function readCommand(indices: readonly number[]): string {
  const names = indices.map(hexIndex).join(" ");
  if (indices.length === 1) return `sudo modprobe msr; sudo rdmsr -a ${names}`;
  return `sudo modprobe msr; for r in ${names}; do echo "$r: $(sudo rdmsr $r)"; done`;
}
