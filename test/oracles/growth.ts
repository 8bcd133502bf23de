/**
 * Text eight times as long may cost this many times the work: eight for being linear, the rest for caches, garbage and what
 * else runs in this process. Quadratic work would be 64 times as much.
 */
export const MOST_GROWTH = 30;

/** Below this many microseconds, a run is too short to be measured. */
const MEASURABLE = 2000;

/**
 * How many times the CPU time grows from `size` to eight times `size`. A busy machine does not count, and a growth that looks
 * too large is measured again, so that one pause does not count either.
 */
export function growth(work: (size: number) => unknown, size: number): number {
  let [small, large] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let attempt = 0; attempt < 4; attempt++) {
    small = Math.min(small, cpuTime(work, size));
    large = Math.min(large, cpuTime(work, 8 * size));
    if (large < MOST_GROWTH * Math.max(small, MEASURABLE)) break;
  }
  return large / Math.max(small, MEASURABLE);
}

function cpuTime(work: (size: number) => unknown, size: number): number {
  const before = process.cpuUsage();
  work(size);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
