/** Linux has no larger CPU number than 8191; anything longer in a text is not a CPU number. */
export const MAX_CPU = 8191;

/** `[0, 1, 2, 3, 8]` as `0-3,8`. The numbers must ascend. */
export function formatCpuRanges(cpus: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < cpus.length; ) {
    let end = i;
    while (cpus[end + 1] === (cpus[end] as number) + 1) end++;
    parts.push(end === i ? `${cpus[i]}` : `${cpus[i]}-${cpus[end]}`);
    i = end + 1;
  }
  return parts.join(",");
}

/** The CPU numbers of `0-3,8`, ascending; `undefined` when the text is not such a list or names a CPU above 8191. */
export function parseCpuRanges(text: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first || last > MAX_CPU) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}
