/** How many characters were taken off at the beginning of each line, kept only where the number changes. */
export interface ColumnShifts {
  readonly add: (line: number, shift: number) => void;
  readonly at: (line: number) => number;
}

const MAX_SHIFTS = 100_000;

/** Notes no shift yet: every column is what a reader said. */
export function columnShifts(): ColumnShifts {
  const lines: number[] = [];
  const shifts: number[] = [];
  return {
    add(line, shift) {
      if ((shifts.at(-1) ?? 0) === shift || lines.length >= MAX_SHIFTS) return;
      lines.push(line);
      shifts.push(shift);
    },
    at(line) {
      let [low, high] = [0, lines.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((lines[middle] as number) <= line) low = middle + 1;
        else high = middle;
      }
      return shifts[low - 1] ?? 0;
    },
  };
}
